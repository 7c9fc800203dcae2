/* core/net/lookup: names, each on a thread of its own, with a resolver that answers when the test
 * lets it. */
#include "core/net/lookup.h"

#include "tests/support/net.h"

struct ask {
    struct lookup *lookup;
    int done;
    enum err why;
    struct addresses found;
};

static void on_found(void *owner, const struct addresses *found, enum err why)
{
    struct ask *a = owner;
    assert_non_null(a->lookup); /* lookup_start has returned */
    a->lookup = NULL;
    a->done++;
    a->why = why;
    a->found = *found;
    assert_int_equal(found->n > 0, why == ERR_OK);
}

static void ask(struct ask *a, struct lookup_options o)
{
    *a = (struct ask){.done = 0};
    a->lookup = lookup_start(loop, &o, on_found, a);
    assert_non_null(a->lookup);
    assert_int_equal(a->done, 0);
}

static void ask_guest(struct ask *a, int number)
{
    char name[40];
    snprintf(name, sizeof name, "n%d.unknown.test", number);
    ask(a, (struct lookup_options){.host = name, .untrusted = true});
}

static int load(const int *n)
{
    return __atomic_load_n(n, __ATOMIC_SEQ_CST);
}

static uv_sem_t gate;
static int opened, begun_before, resolved_before;

static int gate_begin(void **state)
{
    uv_sem_init(&gate, 0);
    resolver_gate = &gate;
    opened = 0;
    begun_before = load(&names_begun);
    resolved_before = load(&names_resolved);
    return loop_begin(state);
}

static int begun(void)
{
    return load(&names_begun) - begun_before;
}

/* Lets n threads go on. */
static void let_go(int n)
{
    opened += n;
    for (int i = 0; i < n; i++)
        uv_sem_post(&gate);
}

/* Every thread has to have ended before the loop can. */
static int gate_end(void **state)
{
    while (load(&names_resolved) - resolved_before < begun()) {
        let_go(1);
        UNTIL(load(&names_resolved) - resolved_before >= opened ||
              load(&names_resolved) - resolved_before >= begun());
    }
    UNTIL(*loop_resolver(loop) == NULL);
    resolver_gate = NULL;
    int result = loop_end(state);
    uv_sem_destroy(&gate);
    return result;
}

static void tells_all_addresses_in_their_order(void **state)
{
    struct ask a;
    (void)state;
    let_go(1);
    ask(&a, (struct lookup_options){.host = "mixed.test"});
    UNTIL(a.done == 1);
    assert_int_equal(a.why, ERR_OK);
    assert_int_equal(a.found.n, 4);
    assert_int_equal(a.found.at[0].any.sa_family, AF_INET6);
    assert_int_equal(a.found.at[3].v4.sin_addr.s_addr, htonl(0x7f000002));
}

static void tells_names_that_are_not_there(void **state)
{
    struct ask a;
    (void)state;
    let_go(2);
    ask(&a, (struct lookup_options){.host = "no-such-host.invalid"});
    UNTIL(a.done == 1);
    assert_int_equal(a.why, ERR_RESOLVE);
    ask(&a, (struct lookup_options){.host = "no-server.invalid"});
    UNTIL(a.done == 1);
    assert_int_equal(a.why, ERR_RESOLVE);
}

/* All who want the same name wait for the same answer; who comes later asks anew. */
static void one_name_is_looked_up_once(void **state)
{
    enum { N = 20 };
    struct ask asks[N];
    (void)state;
    for (int i = 0; i < N; i++)
        ask(&asks[i], (struct lookup_options){.host = i % 2 != 0 ? "two.test" : "TWO.test",
                                              .untrusted = i % 3 == 0});
    UNTIL(begun() > 0);
    lookup_cancel(asks[3].lookup);
    pass(5);
    assert_int_equal(begun(), 1);
    let_go(1);
    for (int i = 0; i < N; i++)
        UNTIL(i == 3 || asks[i].done == 1);
    assert_int_equal(asks[3].done, 0);
    assert_int_equal(begun(), 1);
    ask(&asks[0], (struct lookup_options){.host = "two.test"});
    UNTIL(begun() == 2);
    let_go(1);
    UNTIL(asks[0].done == 1);
}

/* However many names strangers ask for that nobody answers, a name of our own is looked up at once,
 * and the strangers' threads are not without limit. */
static void silent_names_hold_up_no_others(void **state)
{
    enum { N = LOOKUP_UNTRUSTED + 8 };
    struct ask guests[N], own, late;
    (void)state;
    for (int i = 0; i < N; i++)
        ask_guest(&guests[i], i);
    UNTIL(begun() == LOOKUP_UNTRUSTED);
    ask(&own, (struct lookup_options){.host = "prompt.test"});
    UNTIL(own.done == 1);
    assert_int_equal(own.why, ERR_OK);
    assert_int_equal(begun(), LOOKUP_UNTRUSTED + 1);
    /* One that waits becomes ours, and needs to wait no longer. */
    ask(&late, (struct lookup_options){.host = "n36.unknown.test"});
    UNTIL(begun() == LOOKUP_UNTRUSTED + 2);
    lookup_cancel(guests[N - 1].lookup); /* still waiting: never begun */
    let_go(1);
    UNTIL(begun() == LOOKUP_UNTRUSTED + 3 || late.done == 1);
    let_go(LOOKUP_UNTRUSTED + 8);
    for (int i = 0; i < N - 1; i++)
        UNTIL(guests[i].done == 1);
    UNTIL(late.done == 1);
    assert_int_equal(guests[N - 1].done, 0);
    assert_int_equal(begun(), N); /* N - 1 guests, and ours */
}

static void nobody_waits_for_ever(void **state)
{
    struct ask a, b;
    (void)state;
    ask(&a, (struct lookup_options){.host = "two.test", .limit_ms = 10});
    ask(&b, (struct lookup_options){.host = "two.test"});
    UNTIL(a.done == 1);
    assert_int_equal(a.why, ERR_RESOLVE);
    assert_int_equal(b.done, 0);
    let_go(1);
    UNTIL(b.done == 1);
    assert_int_equal(b.why, ERR_OK);
    assert_int_equal(a.done, 1);
}

static void cancels_at_any_time(void **state)
{
    enum { N = LOOKUP_UNTRUSTED + 4 };
    struct ask asks[N];
    (void)state;
    for (int i = 0; i < N; i++)
        ask_guest(&asks[i], i);
    UNTIL(begun() == LOOKUP_UNTRUSTED);
    for (int i = N - 1; i >= 0; i--)
        lookup_cancel(asks[i].lookup);
    let_go(LOOKUP_UNTRUSTED);
    UNTIL(*loop_resolver(loop) == NULL);
    assert_int_equal(begun(), LOOKUP_UNTRUSTED);
    for (int i = 0; i < N; i++)
        assert_int_equal(asks[i].done, 0);
}

static struct ask inner, *other;

static void on_found_asks_again(void *owner, const struct addresses *found, enum err why)
{
    (void)owner, (void)found, (void)why;
    if (other->lookup != NULL)
        lookup_cancel(other->lookup);
    other->lookup = NULL;
    ask(&inner, (struct lookup_options){.host = "two.test"});
}

/* What is asked from inside is a new question; and others may be cancelled there. */
static void done_may_ask_and_cancel(void **state)
{
    struct ask second;
    other = &second;
    (void)state;
    assert_non_null(lookup_start(loop, &(struct lookup_options){.host = "two.test"},
                                 on_found_asks_again, NULL));
    ask(&second, (struct lookup_options){.host = "two.test"});
    let_go(1);
    UNTIL(begun() == 2);
    let_go(1);
    UNTIL(inner.done == 1);
    assert_int_equal(second.done, 0);
}

#define GATE_TEST(f) cmocka_unit_test_setup_teardown(f, gate_begin, gate_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        GATE_TEST(tells_all_addresses_in_their_order),
        GATE_TEST(tells_names_that_are_not_there),
        GATE_TEST(one_name_is_looked_up_once),
        GATE_TEST(silent_names_hold_up_no_others),
        GATE_TEST(nobody_waits_for_ever),
        GATE_TEST(cancels_at_any_time),
        GATE_TEST(done_may_ask_and_cancel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
