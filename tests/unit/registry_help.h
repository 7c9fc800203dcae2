/* The hub's tunnels: what is seen of them, how they are changed, how they end. */
#ifndef TESTS_UNIT_REGISTRY_HELP_H
#define TESTS_UNIT_REGISTRY_HELP_H

#include "tests/support/registry.h"

extern struct loop *loop;
extern struct registry *registry;
extern struct registry_options options;

/* ---- time ---- */

extern int64_t clock_ms;

/* ---- events ---- */

extern int n_ended, n_rotated[SIDE_COUNT];
extern char ended_id[64], ended_why[64];
extern const struct registry_events events;
extern struct registry_subscriber subscriber;

/* ---- from the beginning to the end ---- */

void open_registry(void);
void close_registry(void);
void reopen(void);

int setup(void **state);
int teardown(void **state);

/* ---- asking ---- */

struct answer {
    int calls;
    enum err why;
    char id[64]; /* "" without tunnel */
};

void on_done(void *ctx, enum err why, const struct tunnel_record *t);
enum err wait_for(struct answer *a);
struct tunnel_record make_record(const char *key_id);

/* New ones; their text is good until the next but 63, which nobody looks at here. */
const char *const *new_tokens(void);
void ask_open(struct answer *a, const char *key_id, size_t max_open);

/* Opens one; its id is good until the next but three. */
const char *open_tunnel(void);
enum err close_tunnel(const char *id, bool remove);
enum err rotate(const char *id, const char *source, const char *destination);
const struct tunnel_record *get(const char *id);
size_t count_all(void);

/* ---- changing ---- */

enum err tag(const char *id, const struct tags *add, const struct texts *remove);
void fat_tags(struct tags *t, int n);

/* ---- many ---- */

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

#endif
