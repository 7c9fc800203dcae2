/* Shared registries of several nodes on one real Redis, whose answers can be lost on the way. */
#ifndef TESTS_UNIT_SHARED_HELP_H
#define TESTS_UNIT_SHARED_HELP_H

#include "gateway/hub/registry/registry_ops.h"
#include "gateway/hub/registry/shared/shared_internal.h"
#include "tests/support/redis.h"
#include "tests/unit/nodes_double.h"
#include "tests/unit/redis_faults.h"

#include <stdlib.h>
#include <string.h>

#define NAME_SIZE 64
#define ONE_CLIENT "11111111111111111111111111111111"
#define OTHER_CLIENT "22222222222222222222222222222222"

extern struct loop *loop;
extern struct redis_test server;
extern struct redis *clients[DOUBLES]; /* of each node its own */
extern struct shared_registry_options shared_options;

/* One node: what it was told. */
struct told {
    struct registry *registry;
    struct registry_subscriber subscriber;
    char heard[64]; /* o(pened), e(nded), s(ource) and d(estination) rotated, m(oved), h(int) */
    char last[NAME_SIZE]; /* token or reason of the last one */
    char id[NAME_SIZE];
};
extern struct told nodes[DOUBLES];

/* The same tests of one registry alone run on the local kind: TEST_LOCAL is set, node 0 is one.
 * With TEST_SHARDS, Redis is a Redis Cluster of three shards, of which `server` is the first. */
extern bool local_kind;

/* ---- from the beginning to the end ---- */

int shared_group_setup(void **state);
int shared_group_teardown(void **state);
int shared_setup(void **state);
int shared_teardown(void **state);
void node_open(int n);
void node_close(int n);

/* ---- waiting ---- */

#define UNTIL_TRUE(condition)                                                                      \
    do {                                                                                           \
        uint64_t until_end = uv_hrtime() + 90000000000;                                            \
        while (!(condition)) {                                                                     \
            if (uv_hrtime() > until_end)                                                           \
                fail_msg("never came: %s", #condition);                                            \
            turn();                                                                                \
        }                                                                                          \
    } while (0)
void turn(void);       /* one turn of the loop, which waits for a moment at most */
void settle_all(void); /* until no job is on its way at any node */

/* ---- asking ---- */

struct reply {
    int calls;
    enum err why;
    bool there;
    char id[NAME_SIZE], thing[NAME_SIZE];
    int64_t number, created, updated, expires, closed;
    bool connected[SIDE_COUNT], used[SIDE_COUNT];
    size_t tags;
};
void on_reply(void *ctx, enum err why, const struct tunnel_record *t);
enum err answered(struct reply *r);

#define BOTH(source, destination)                                                                  \
    ((const char *const[SIDE_COUNT]){[SIDE_SOURCE] = (source), [SIDE_DESTINATION] = (destination)})

struct tunnel_record new_record(const char *thing);
/* Opens one at that node, with tokens "src" and "dst" and the suffix. */
const char *open_at(int n, const char *suffix);
enum err open_with(int n, struct tunnel_record *t, const char *suffix, size_t max, struct reply *r);
struct reply get_at(int n, const char *id);
enum err close_at(int n, const char *id, bool remove);
enum err rotate_at(int n, const char *id, const char *source, const char *destination);

struct entry_try {
    int calls, asked;
    bool admitted;
    int status;
    uint64_t left_ms;
    char text[200], elsewhere[16], known[NAME_SIZE];
    const struct admission *denied;
    int node;
    bool joins; /* it connects when it is admitted */
    enum side side;
};
void knock_at(struct entry_try *e, int n, enum side side, const char *token, const char *client);
void come_to(int n, const struct admission_request *q, struct entry_try *e);
/* Waits: 0: admitted; 1: elsewhere; else the status. */
int outcome(struct entry_try *e);
int enter(int n, enum side side, const char *token, const char *client); /* and connects */

#endif
