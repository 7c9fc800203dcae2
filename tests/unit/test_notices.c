/* Notices that a call waits for: what becomes of them, and what a device can do with them. */
#include "tests/unit/notices_help.h"

static void expect(const struct heard *h, enum notice_result result)
{
    assert_int_equal(h->calls, 1);
    assert_string_equal(notice_result_name(h->result), notice_result_name(result));
}

static void accepted(void **state)
{
    struct wire w = {0};
    struct heard h = {0};
    (void)state;
    assert_true(arrive("pump-07", &w, 10));
    ask(&h, "pump-07", "t1", 30000);
    assert_int_equal(h.calls, 0);
    assert_int_equal(w.delivered, 1);
    assert_string_equal(w.at[0].tunnel, "t1");
    assert_string_equal(w.at[0].token, "token-of-it");
    assert_string_equal(w.at[0].service, "SSH1");
    assert_string_equal(w.at[0].why, "a look");
    assert_int_equal(w.at[0].answer_ms, 30000);
    pass(250);
    assert_int_equal(answer("pump-07", &w, w.at[0].id, true), NOTICE_TAKEN);
    expect(&h, NOTICE_ACCEPTED);
    assert_int_equal(h.took_ms, 250);
    assert_int_equal(w.withdrawn, 0);
    assert_int_equal(notices_counts(notices).accept_ms, 250);
    expect_waiting(0, 0);
    pass(60000);
    expect(&h, NOTICE_ACCEPTED);
    assert_int_equal(happened, 2); /* delivered, answered */
}

static void rejected_in_its_own_words(void **state)
{
    struct wire w = {0};
    struct heard h = {0};
    (void)state;
    arrive("pump-07", &w, 10);
    ask(&h, "pump-07", "t1", 30000);
    assert_int_equal(answer("pump-07", &w, w.at[0].id, false), NOTICE_TAKEN);
    expect(&h, NOTICE_REJECTED);
    assert_int_equal(h.code, DEVICE_CODE_MAINTENANCE);
    assert_string_equal(h.words, "not today");
}

static void away(void **state)
{
    struct wire w = {0};
    struct heard never = {0}, left = {0};
    (void)state;
    ask(&never, "pump-07", "t1", 30000);
    expect(&never, NOTICE_AWAY);
    assert_int_equal(never.since, 0);
    arrive("pump-07", &w, 10);
    pass(5000);
    leave("pump-07", &w);
    int64_t since = clock_ms;
    pass(5000);
    ask(&left, "pump-07", "t2", 30000);
    expect(&left, NOTICE_AWAY);
    assert_int_equal(left.since, since);
    assert_int_equal(w.delivered, 0);
    expect_waiting(0, 0);
}

static void silent_and_then_late(void **state)
{
    struct wire w = {0};
    struct heard h = {0};
    (void)state;
    arrive("pump-07", &w, 10);
    ask(&h, "pump-07", "t1", 30000);
    pass(29999);
    assert_int_equal(h.calls, 0);
    pass(30);
    expect(&h, NOTICE_SILENT);
    assert_int_equal(w.withdrawn, 1);
    assert_string_equal(w.last_withdrawn, w.at[0].id);
    assert_int_equal(answer("pump-07", &w, w.at[0].id, true), NOTICE_LATE);
    expect(&h, NOTICE_SILENT);
    assert_int_equal(notices_counts(notices).late, 1);
}

static void an_answer_counts_once(void **state)
{
    struct wire w = {0};
    struct heard h = {0};
    (void)state;
    arrive("pump-07", &w, 10);
    ask(&h, "pump-07", "t1", 30000);
    assert_int_equal(answer("pump-07", &w, w.at[0].id, false), NOTICE_TAKEN);
    assert_int_equal(answer("pump-07", &w, w.at[0].id, true), NOTICE_LATE);
    expect(&h, NOTICE_REJECTED);
}

static void nobody_answers_for_another(void **state)
{
    struct wire a = {0}, b = {0};
    struct heard h = {0};
    (void)state;
    arrive("pump-07", &a, 10);
    arrive("pump-08", &b, 10);
    ask(&h, "pump-07", "t1", 30000);
    assert_int_equal(answer("pump-08", &b, a.at[0].id, true), NOTICE_NOT_YOURS);
    assert_int_equal(answer("pump-07", &b, a.at[0].id, true), NOTICE_NOT_YOURS);
    assert_int_equal(answer("pump-09", &b, a.at[0].id, true), NOTICE_NOT_YOURS);
    assert_int_equal(answer("pump-07", NULL, a.at[0].id, true), NOTICE_NOT_YOURS);
    assert_int_equal(answer("pump-08", &b, "made up", true), NOTICE_LATE);
    assert_int_equal(h.calls, 0);
    assert_int_equal(notices_counts(notices).not_yours, 4);
    assert_int_equal(answer("pump-07", &a, a.at[0].id, true), NOTICE_TAKEN);
    expect(&h, NOTICE_ACCEPTED);
}

static void gone_in_the_middle(void **state)
{
    struct wire w = {0};
    struct heard h = {0};
    (void)state;
    arrive("pump-07", &w, 10);
    ask(&h, "pump-07", "t1", 30000);
    leave("pump-07", &w);
    int64_t since = clock_ms;
    pass(NOTICE_GONE_MS - 1);
    assert_int_equal(h.calls, 0);
    pass(30);
    expect(&h, NOTICE_AWAY);
    assert_int_equal(h.since, since);
    assert_int_equal(w.withdrawn, 0); /* nobody is there to be told */
}

static void gone_and_back(void **state)
{
    struct wire before = {0}, after = {0};
    struct heard h = {0};
    (void)state;
    arrive("pump-07", &before, 10);
    ask(&h, "pump-07", "t1", 30000);
    leave("pump-07", &before);
    pass(3000);
    arrive("pump-07", &after, 13);
    assert_int_equal(after.delivered, 1);
    assert_int_equal(after.at[0].answer_ms, 27000);
    pass(10000);
    assert_int_equal(h.calls, 0);
    assert_int_equal(answer("pump-07", &before, after.at[0].id, true), NOTICE_NOT_YOURS);
    assert_int_equal(answer("pump-07", &after, after.at[0].id, true), NOTICE_TAKEN);
    expect(&h, NOTICE_ACCEPTED);
}

static void replaced_by_a_newer_link(void **state)
{
    struct wire before = {0}, after = {0};
    struct heard h = {0};
    (void)state;
    arrive("pump-07", &before, 10);
    ask(&h, "pump-07", "t1", 30000);
    arrive("pump-07", &after, 1);
    assert_int_equal(notices_present(notices), 1);
    leave("pump-07", &before); /* comes late, and is not the device's any more */
    assert_true(notices_presence(notices, "pump-07")->present);
    assert_int_equal(answer("pump-07", &after, after.at[0].id, true), NOTICE_TAKEN);
    expect(&h, NOTICE_ACCEPTED);
}

static void a_link_that_takes_nothing(void **state)
{
    struct wire w = {.full = true};
    struct heard h = {0};
    (void)state;
    arrive("pump-07", &w, 10);
    ask(&h, "pump-07", "t1", 30000);
    assert_int_equal(h.calls, 0);
    pass(NOTICE_GONE_MS + 30);
    expect(&h, NOTICE_AWAY);
}

static void two_at_once(void **state)
{
    struct wire w = {0};
    struct heard a = {0}, b = {0};
    (void)state;
    arrive("pump-07", &w, 10);
    ask(&a, "pump-07", "t1", 30000);
    ask(&b, "pump-07", "t2", 10000);
    assert_int_equal(w.delivered, 2);
    assert_string_not_equal(w.at[0].id, w.at[1].id);
    assert_int_equal(answer("pump-07", &w, w.at[0].id, true), NOTICE_TAKEN);
    expect(&a, NOTICE_ACCEPTED);
    assert_int_equal(b.calls, 0);
    pass(10030);
    expect(&b, NOTICE_SILENT);
}

static void bounded(void **state)
{
    struct wire w = {0};
    struct heard h[NOTICES_PER_DEVICE + 1] = {{0}};
    char id[16];
    (void)state;
    arrive("pump-07", &w, 10);
    for (int i = 0; i <= NOTICES_PER_DEVICE; i++) {
        snprintf(id, sizeof id, "t%d", i);
        ask(&h[i], "pump-07", id, 30000);
    }
    expect(&h[NOTICES_PER_DEVICE], NOTICE_FULL);
    expect_waiting(NOTICES_PER_DEVICE, 0);
    assert_int_equal(answer("pump-07", &w, w.at[0].id, true), NOTICE_TAKEN);
    h[0] = (struct heard){0};
    ask(&h[0], "pump-07", "again", 30000);
    assert_int_equal(h[0].calls, 0);
    pass(30030);
    for (int i = 0; i < NOTICES_PER_DEVICE; i++)
        expect(&h[i], NOTICE_SILENT);
}

/* Who asks for all that a device may have waiting has to share it with those who come later. */
static void nobody_keeps_others_out(void **state)
{
    enum { EACH = NOTICES_PER_DEVICE / 2 };
    struct wire w = {0};
    struct heard greedy[NOTICES_PER_DEVICE + 1] = {{0}}, other[EACH + 1] = {{0}};
    char id[16];
    (void)state;
    arrive("pump-07", &w, 10);
    for (int i = 0; i < NOTICES_PER_DEVICE; i++) {
        snprintf(id, sizeof id, "t%d", i);
        ask_as(&greedy[i], "greedy", "pump-07", id, 30000);
    }
    for (int i = 0; i <= EACH; i++) {
        snprintf(id, sizeof id, "other%d", i);
        ask_as(&other[i], "other", "pump-07", id, 30000);
    }
    for (int i = 0; i < EACH; i++) {
        assert_int_equal(greedy[i].calls, 0);
        assert_int_equal(other[i].calls, 0);
        expect(&greedy[EACH + i], NOTICE_FULL);
    }
    expect(&other[EACH], NOTICE_FULL);
    assert_int_equal(w.withdrawn, EACH);
    ask_as(&greedy[NOTICES_PER_DEVICE], "greedy", "pump-07", "more", 30000);
    expect(&greedy[NOTICES_PER_DEVICE], NOTICE_FULL);
    expect_waiting(NOTICES_PER_DEVICE, 0);
}

static void a_device_that_is_disabled(void **state)
{
    struct wire w = {0};
    struct heard h = {0};
    (void)state;
    arrive("pump-07", &w, 10);
    ask(&h, "pump-07", "t1", 30000);
    notices_dropped(notices, "pump-07", false);
    expect(&h, NOTICE_AWAY);
    assert_false(notices_presence(notices, "pump-07")->present);
    assert_int_equal(notices_present(notices), 0);
    notices_dropped(notices, "pump-07", true);
    assert_null(notices_presence(notices, "pump-07"));
    notices_dropped(notices, "nobody", true);
}

static void presence(void **state)
{
    struct wire w = {0}, other = {0};
    struct texts services = {0};
    (void)state;
    assert_null(notices_presence(notices, "pump-07"));
    arrive("pump-07", &w, 10);
    int64_t came = clock_ms;
    const struct device_presence *p = notices_presence(notices, "pump-07");
    assert_true(p->present && p->accepting);
    assert_string_equal(p->carrier->name, "wire");
    assert_string_equal(p->address, "192.0.2.7:4000");
    assert_string_equal(p->services.items[0], "SSH1");
    pass(1000);
    assert_true(texts_add(&services, span_of("HTTP1")));
    struct device_told s = {.version = "1.1", .services = &services, .uptime_s = 11};
    notices_told(notices, "pump-07", &other, &s);
    assert_string_equal(notices_presence(notices, "pump-07")->version, "1.0");
    notices_told(notices, "pump-07", &w, &s);
    texts_free(&services);
    p = notices_presence(notices, "pump-07");
    assert_string_equal(p->version, "1.1");
    assert_int_equal(p->services.n, 1);
    assert_string_equal(p->services.items[0], "HTTP1");
    assert_string_equal(p->address, "192.0.2.7:4000");
    assert_false(p->accepting);
    assert_int_equal(p->since, came);
    assert_int_equal(p->told, came + 1000);
}

/* Each answer asks again, as a caller may. */
struct again {
    int left;
    struct wire wire;
};

static void on_again(void *ctx, const struct notice_answer *a)
{
    struct again *g = ctx;
    struct texts none = {0};
    (void)a;
    if (g->left-- > 0)
        notices_ask(notices,
                    &(struct notice){.device = "pump-07",
                                     .tunnel = "t1",
                                     .token = "x",
                                     .services = &none,
                                     .timeout_ms = 1000},
                    on_again, g);
}

static void asking_from_an_answer(void **state)
{
    struct again g = {.left = 4};
    (void)state;
    arrive("pump-07", &g.wire, 10);
    on_again(&g, NULL);
    pass(10000);
    assert_int_equal(g.left, -1);
    assert_int_equal(g.wire.delivered, 4);
    expect_waiting(0, 0);
}

static void the_end(void **state)
{
    struct wire w = {0};
    struct heard h = {0};
    (void)state;
    arrive("pump-07", &w, 10);
    ask(&h, "pump-07", "t1", 30000);
    notices_free(notices);
    notices = NULL;
    expect(&h, NOTICE_ENDED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        NOTICES_TEST(accepted),
        NOTICES_TEST(rejected_in_its_own_words),
        NOTICES_TEST(away),
        NOTICES_TEST(silent_and_then_late),
        NOTICES_TEST(an_answer_counts_once),
        NOTICES_TEST(nobody_answers_for_another),
        NOTICES_TEST(gone_in_the_middle),
        NOTICES_TEST(gone_and_back),
        NOTICES_TEST(replaced_by_a_newer_link),
        NOTICES_TEST(a_link_that_takes_nothing),
        NOTICES_TEST(two_at_once),
        NOTICES_TEST(bounded),
        NOTICES_TEST(nobody_keeps_others_out),
        NOTICES_TEST(a_device_that_is_disabled),
        NOTICES_TEST(presence),
        NOTICES_TEST(asking_from_an_answer),
        NOTICES_TEST(the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
