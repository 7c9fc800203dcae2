/* The hub's store: what is on the disk, in which order, and what happens when the disk fails. */
#ifndef TESTS_UNIT_STORE_HELP_H
#define TESTS_UNIT_STORE_HELP_H

#include "gateway/hub/registry/database.h"
#include "gateway/hub/registry/schema.h"
#include "gateway/hub/registry/store.h"
#include "tests/support/registry.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>

extern struct loop *loop;
extern struct store *store;

/* ---- what was read ---- */

extern struct tunnel_record records[64];
extern size_t n_records;
struct store *try_open(enum err *why, char *text, size_t size);
void open_store(void);
void close_store(void);
void reopen(void);
void refuses(enum err expected, const char *words);

int setup(void **state);
int teardown(void **state);

/* ---- what is asked for ---- */

struct asked {
    struct change change;
    int calls;
    enum err why;
    int order;
};

extern int order;
void on_done(struct change *c, enum err why);
void ask(struct asked *a, enum change_kind kind, int64_t number, int64_t at);
enum err result(struct asked *a);
struct tunnel_record make_record(int64_t number);
void put(int64_t number);

/* ---- migrations ---- */

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

#endif
