/* All devices of a cluster, for those who watch one node (device_registry_watch). */
#include "tests/unit/devices_shared_help.h"

#define MANY 1200 /* more than two steps */

static size_t reads; /* records that Redis was asked for by a list */

static void note_command(const char *command)
{
    reads += strcmp(command, "ZRANGEBYLEX") == 0;
}

/* A fleet as node 0 shows it. */
struct seen {
    size_t n, at_b;
    char names[MANY + 1][16];
};
static struct seen seen;

static void see(void *to, const struct device_record *d)
{
    struct seen *s = to;
    assert_true(s->n < sizeof s->names / sizeof *s->names);
    assert_null(d->sealed);
    snprintf(s->names[s->n++], sizeof *s->names, "%s", d->name);
    s->at_b += d->node != NULL && strcmp(d->node, "b") == 0;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

static size_t look(void)
{
    seen.n = seen.at_b = 0;
    device_registry_each(node[0].devices, see, &seen);
    qsort(seen.names, seen.n, sizeof *seen.names, by_name);
    for (size_t i = 1; i < seen.n; i++)
        assert_string_not_equal(seen.names[i - 1], seen.names[i]);
    return seen.n;
}

static bool has(const char *name)
{
    look();
    return bsearch(name, seen.names, seen.n, sizeof *seen.names, by_name) != NULL;
}

static size_t at_b(void)
{
    look();
    return seen.at_b;
}

static struct device_reading watch(void)
{
    device_registry_watch(node[0].devices);
    return device_registry_reading(node[0].devices);
}

static void link_at(int n, const char *name, bool linked)
{
    device_registry_linked(node[n].devices, span_of(name), linked);
    settle();
}

/* Few at a time: Redis has two seconds for each answer, also on a busy machine. */
static void enrol_many(void)
{
    enum { AT_ONCE = 50 };
    static struct answer all[AT_ONCE];
    char name[16];
    at_node(1);
    for (int from = 0; from < MANY; from += AT_ONCE) {
        for (int i = 0; i < AT_ONCE; i++) {
            snprintf(name, sizeof name, "d%04d", from + i);
            ask_enrol(&all[i], name, 0, NULL);
        }
        for (int i = 0; i < AT_ONCE; i++) {
            UNTIL(loop, all[i].calls > 0);
            assert_int_equal(all[i].result, ENROL_NEW);
            answer_clear(&all[i]);
        }
    }
    settle();
}

/* Not before somebody looks; bit by bit, and then all of them at any time, also while they are read
 * again. */
static void test_all(void **state)
{
    (void)state;
    enrol_many();
    link_at(1, "d0007", true);
    assert_int_equal(look(), 0);
    redis_faults.before = note_command;
    assert_false(watch().whole);
    UNTIL(loop, look() > 0);
    assert_true(look() < MANY);
    UNTIL(loop, watch().whole);
    assert_int_equal(look(), MANY);
    assert_int_equal(at_b(), 1);
    uint64_t age, now = watch().age_ms;
    do {
        age = now;
        assert_int_equal(look(), MANY);
        UNTIL(loop, (now = watch().age_ms) != age);
    } while (now > age);
    assert_int_equal(remove_device("d0500"), ERR_OK);
    UNTIL(loop, watch().whole && !has("d0500"));
    assert_int_equal(look(), MANY - 1);
    redis_faults.before = NULL;
}

/* Nobody looks any more: nothing is kept, and nothing is read. */
static void test_nobody(void **state)
{
    (void)state;
    at_node(1);
    enrol("pump", 0, NULL);
    UNTIL(loop, watch().whole);
    assert_int_equal(look(), 1);
    redis_faults.before = note_command;
    UNTIL(loop, !device_registry_reading(node[0].devices).whole);
    assert_int_equal(look(), 0);
    reads = 0;
    uint64_t until = loop_now(loop) + 1000;
    UNTIL(loop, loop_now(loop) > until);
    assert_int_equal(reads, 0);
    redis_faults.before = NULL;
    UNTIL(loop, watch().whole); /* and somebody looks again */
    assert_int_equal(look(), 1);
}

/* A device is where it is, not where it was read. */
static void test_where(void **state)
{
    (void)state;
    enrol("pump", 0, NULL);
    link_at(0, "pump", true);
    at_node(1);
    enrol("valve", 0, NULL);
    link_at(1, "valve", true);
    UNTIL(loop, watch().whole);
    assert_int_equal(look(), 2);
    assert_int_equal(at_b(), 1);
    node[1].nodes->info.state = NODE_DEAD; /* seen at once */
    assert_int_equal(at_b(), 0);
    node[1].nodes->info.state = NODE_UP;
    assert_int_equal(at_b(), 1);
    link_at(0, "pump", false); /* remembered here, as one that is away */
    hints_get_lost = true;
    link_at(1, "pump", true);
    UNTIL(loop, watch().whole && at_b() == 2);
    assert_int_equal(look(), 2);
}

/* What was read stays, and tells its age. */
static void test_without_redis(void **state)
{
    (void)state;
    at_node(1);
    enrol("pump", 0, NULL);
    UNTIL(loop, watch().whole);
    redis_faults.away = true;
    UNTIL(loop, watch().age_ms > 4000);
    assert_int_equal(look(), 1);
    assert_true(watch().whole);
    redis_faults.away = false;
    UNTIL(loop, watch().age_ms < 1000);
    assert_int_equal(look(), 1);
}

static void test_end_while_reading(void **state)
{
    (void)state;
    at_node(1);
    enrol("pump", 0, NULL);
    watch();
    at_node(0);
    close_devices();
    open_devices();
}

/* A reader that looks once and again within half a second at most: nobody else does. */
static int short_setup(void **state)
{
    watch_ms = 500;
    return setup(state);
}

static int short_teardown(void **state)
{
    watch_ms = 0;
    return teardown(state);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(test_all),
        cmocka_unit_test_setup_teardown(test_nobody, short_setup, short_teardown),
        TEST(test_where),
        TEST(test_without_redis),
        TEST(test_end_while_reading),
    };
    devices_backend = &shared_backend;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    stop_servers();
    return failed;
}
