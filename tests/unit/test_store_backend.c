/* The hub's store on a backend of its own: which calls it makes, in which order, and what of their
 * results it tells to whom. */
#include "gateway/hub/registry/store.h"
#include "tests/support/registry.h"

static struct loop *loop;
static struct store *store;

/* ---- the backend ---- */

static struct {
    int opened, closed;    /* calls */
    bool refuse_open;      /* what open says */
    enum err read, result; /* and the others */
    int64_t applied[16];   /* numbers of tunnels, in order */
    size_t n_applied;
    size_t most; /* changes in one call */
    bool calling, overlapped;
} backend;

static void *backend_open(const char *where, enum err *why, char *text, size_t size)
{
    assert_string_equal(where, folder);
    backend.opened++;
    *why = backend.refuse_open ? ERR_PERMISSION : ERR_OK;
    snprintf(text, size, "may not");
    return backend.refuse_open ? NULL : &backend;
}

static enum err backend_read(void *b, const struct store_reader *to, void *owner, char *text,
                             size_t size)
{
    enum err why = backend.read;
    assert_ptr_equal(b, &backend);
    for (int64_t i = 1; why == ERR_OK && i <= 3; i++) {
        struct tunnel_record r = {.number = i};
        why = to->tunnel(owner, &r);
    }
    snprintf(text, size, "%s", err_text(why));
    return why;
}

static enum err backend_apply(void *b, const struct list *changes, char *text, size_t size)
{
    size_t n = 0;
    assert_ptr_equal(b, &backend);
    backend.overlapped |= backend.calling;
    backend.calling = true;
    list_each(node, changes)
    {
        n++;
        backend.applied[backend.n_applied++] = list_entry(node, struct change, node)->number;
    }
    if (n > backend.most)
        backend.most = n;
    snprintf(text, size, "it does not want to");
    backend.calling = false;
    return backend.result;
}

static void backend_close(void *b)
{
    backend.closed += b != NULL;
}

static const struct store_backend own_backend = {
    .open = backend_open, .read = backend_read, .apply = backend_apply, .close = backend_close};

/* ---- the store ---- */

static int64_t seen[4];
static size_t n_seen;
static enum err each_says;

static enum err each(void *owner, struct tunnel_record *r)
{
    assert_ptr_equal(owner, &seen);
    seen[n_seen++] = r->number;
    return each_says;
}

static bool try_open(enum err *why)
{
    static const struct store_reader reader = {.tunnel = each};
    char text[256];
    n_seen = 0;
    store = store_new(&(struct store_options){.loop = loop,
                                              .backend = &own_backend,
                                              .folder = folder,
                                              .reader = &reader,
                                              .owner = &seen},
                      why, text, sizeof text);
    return store != NULL;
}

static int setup(void **state)
{
    (void)state;
    log_setup(LOG_OFF, false);
    make_folder();
    loop = loop_new();
    memset(&backend, 0, sizeof backend);
    each_says = ERR_OK;
    return loop == NULL;
}

static int teardown(void **state)
{
    (void)state;
    store_free(store);
    store = NULL;
    loop_free(loop);
    remove_folder();
    return 0;
}

struct asked {
    struct change change;
    int calls;
    enum err why;
};

static void on_done(struct change *c, enum err why)
{
    struct asked *a = (struct asked *)c;
    a->calls++;
    a->why = why;
}

static void ask(struct asked *a, int64_t number)
{
    *a = (struct asked){.change = {.kind = CHANGE_CLOSE, .number = number, .done = on_done}};
    store_ask(store, &a->change);
}

/* ---- tests ---- */

static void test_opens_and_reads(void **state)
{
    enum err why;
    (void)state;
    assert_true(try_open(&why));
    assert_int_equal(n_seen, 3);
    assert_int_equal(seen[2], 3);
    store_free(store);
    store = NULL;
    assert_int_equal(backend.opened, 1);
    assert_int_equal(backend.closed, 1);
    assert_int_equal(backend.n_applied, 0);
}

static void test_does_not_open(void **state)
{
    enum err why;
    (void)state;
    backend.refuse_open = true;
    assert_false(try_open(&why));
    assert_int_equal(why, ERR_PERMISSION);
    assert_int_equal(backend.closed, 0);
    backend.refuse_open = false;
    backend.read = ERR_PROTOCOL;
    assert_false(try_open(&why));
    assert_int_equal(why, ERR_PROTOCOL);
    assert_int_equal(n_seen, 0);
    backend.read = ERR_OK;
    each_says = ERR_NO_MEMORY;
    assert_false(try_open(&why));
    assert_int_equal(why, ERR_NO_MEMORY);
    assert_int_equal(n_seen, 1);
    assert_int_equal(backend.closed, 2);
}

/* What comes in one turn of the loop, and while a call runs, goes together and in order. */
static void test_applies_in_order(void **state)
{
    struct asked all[6];
    enum err why;
    (void)state;
    assert_true(try_open(&why));
    for (int i = 0; i < 6; i++)
        ask(&all[i], i + 1);
    UNTIL(loop, all[5].calls > 0);
    assert_int_equal(backend.most, 6);
    for (int i = 0; i < 6; i++) {
        assert_int_equal(all[i].calls, 1);
        assert_int_equal(all[i].why, ERR_OK);
        assert_int_equal(backend.applied[i], i + 1);
    }
    assert_false(backend.overlapped);
    assert_int_equal(store_commits(store), 1);
}

static void test_fails(void **state)
{
    struct asked a, b;
    enum err why;
    (void)state;
    assert_true(try_open(&why));
    backend.result = ERR_BUSY;
    ask(&a, 1);
    UNTIL(loop, a.calls > 0);
    assert_int_equal(a.why, ERR_BUSY);
    assert_false(store_healthy(store));
    backend.result = ERR_OK;
    UNTIL(loop, store_healthy(store)); /* an empty call, without anybody asking */
    ask(&b, 2);
    store_free(store); /* waits for it */
    store = NULL;
    assert_int_equal(b.calls, 1);
    assert_int_equal(b.why, ERR_OK);
    assert_int_equal(backend.closed, 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_opens_and_reads),
        TEST(test_does_not_open),
        TEST(test_applies_in_order),
        TEST(test_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
