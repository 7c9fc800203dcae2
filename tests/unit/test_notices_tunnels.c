/* Tunnels that give notice by themselves: opened, rotated, and on demand without a destination. */
#include "tests/unit/notices_help.h"

static struct answer opened;
static const char *opened_token; /* its destination's */

/* Opens one for plant7; returns its id. */
static const char *open_one(int64_t idle_ms)
{
    struct tunnel_record r = make_record("key1");
    static char id[64];
    r.idle_ms = idle_ms;
    opened = (struct answer){0};
    const char *const *tokens = new_tokens();
    opened_token = tokens[SIDE_DESTINATION];
    registry_open(registry, &r, tokens, 0, on_done, &opened);
    assert_int_equal(wait_for(&opened), ERR_OK);
    snprintf(id, sizeof id, "%s", opened.id);
    return id;
}

/* An end of that tunnel, with that token, has come or has gone. */
static void on_admitted(void *ctx, struct admission a)
{
    *(int *)ctx = a.tunnel != NULL ? 1 : -1;
}

static void connect_destination(const char *id, const char *token)
{
    int admitted = 0;
    registry_admit(registry,
                   &(struct admission_request){.side = SIDE_DESTINATION, .token = span_of(token)},
                   on_admitted, &admitted);
    UNTIL(loop, admitted != 0);
    assert_int_equal(admitted, 1);
    registry_connected(registry, span_of(id), SIDE_DESTINATION, true);
}

static void opened_while_there(void **state)
{
    struct wire w = {0};
    (void)state;
    arrive("plant7", &w, 10);
    const char *id = open_one(0);
    assert_int_equal(w.delivered, 1);
    assert_string_equal(w.at[0].tunnel, id);
    assert_string_equal(w.at[0].why, "a line");
    assert_int_equal(w.at[0].answer_ms, 0); /* nobody waits */
    connect_destination(id, w.at[0].token); /* it is the tunnel's own */
    expect_waiting(0, 1);
    assert_int_equal(answer("plant7", &w, w.at[0].id, true), NOTICE_TAKEN);
    expect_waiting(0, 0);
}

static void opened_for_one_that_comes_later(void **state)
{
    struct wire w = {0};
    (void)state;
    open_one(0);
    expect_waiting(0, 1);
    pass(NOTICE_KEEP_MS - 1);
    arrive("plant7", &w, 10);
    assert_int_equal(w.delivered, 1);
    leave("plant7", &w);
    pass(30);
    expect_waiting(0, 0);
    assert_int_equal(notices_counts(notices).expired, 1);
    arrive("plant7", &w, 10);
    assert_int_equal(w.delivered, 1);
}

static void what_is_kept_is_over_when_somebody_has_connected(void **state)
{
    struct wire w = {0};
    (void)state;
    const char *id = open_one(0);
    expect_waiting(0, 1);
    notices_connected(notices, id);
    expect_waiting(0, 0);
    arrive("plant7", &w, 10);
    assert_int_equal(w.delivered, 0);
}

/* A key may not have all that a device serves at a time, but others may have what is left. */
static void no_key_has_a_device_for_itself(void **state)
{
    struct wire w = {0};
    struct heard more = {0}, other = {0}, again = {0};
    char last[64] = "";
    (void)state;
    arrive("plant7", &w, 10);
    for (int i = 0; i < NOTICE_TUNNELS_PER_KEY; i++)
        snprintf(last, sizeof last, "%s", open_one(60000));
    ask_as(&again, "key1", "plant7", last, 30000); /* it is one of those */
    assert_int_equal(again.calls, 0);
    const char *id = open_one(60000);
    ask_as(&more, "key1", "plant7", id, 30000);
    assert_int_equal(more.calls, 1);
    assert_int_equal(more.result, NOTICE_CROWDED);
    ask_as(&other, "key2", "plant7", "another", 30000);
    assert_int_equal(other.calls, 0);
}

static void not_for_things_that_are_no_devices(void **state)
{
    (void)state;
    unknown_device = "plant7";
    open_one(0);
    expect_waiting(0, 0);
}

static void rotated(void **state)
{
    struct wire w = {0};
    (void)state;
    arrive("plant7", &w, 10);
    const char *id = open_one(0);
    assert_int_equal(rotate(id, "new-source", NULL), ERR_OK);
    assert_int_equal(w.delivered, 1);
    assert_int_equal(rotate(id, NULL, "new-destination"), ERR_OK);
    assert_int_equal(w.delivered, 2);
    assert_string_equal(w.at[1].token, "new-destination");
    assert_string_equal(w.last_withdrawn, w.at[0].id);
    expect_waiting(0, 1);
}

/* A node could not be told of the old token, which is back when the new one is here already. */
static void given_back_too_late(void **state)
{
    struct wire w = {0};
    struct texts services = {0};
    (void)state;
    const char *id = open_one(0);
    assert_int_equal(rotate(id, NULL, "new-destination"), ERR_OK);
    struct notice old = {.device = "plant7",
                         .tunnel = id,
                         .token = "old-destination",
                         .services = &services,
                         .service = "",
                         .opened_by = "",
                         .why = "",
                         .timeout_ms = NOTICE_KEEP_MS};
    notices_give_back(notices, &old);
    expect_waiting(0, 1);
    old.tunnel = "another";
    notices_give_back(notices, &old);
    expect_waiting(0, 2);
    arrive("plant7", &w, 10);
    assert_int_equal(w.delivered, 2);
    assert_string_equal(w.at[0].token, "new-destination");
    assert_string_equal(w.at[1].token, "old-destination");
}

/* Who waits for a device goes on waiting when the token is replaced meanwhile. */
static void rotated_while_somebody_waits(void **state)
{
    struct wire w = {0};
    struct heard h = {0};
    (void)state;
    arrive("plant7", &w, 10);
    const char *id = open_one(60000);
    ask(&h, "plant7", id, 30000);
    assert_int_equal(rotate(id, NULL, "new-destination"), ERR_OK);
    assert_int_equal(w.delivered, 2);
    assert_string_equal(w.at[1].token, "new-destination");
    assert_int_equal(answer("plant7", &w, w.at[0].id, true), NOTICE_LATE);
    assert_int_equal(answer("plant7", &w, w.at[1].id, true), NOTICE_TAKEN);
    assert_int_equal(h.calls, 1);
    assert_int_equal(h.result, NOTICE_ACCEPTED);
}

static void a_tunnel_that_ends(void **state)
{
    struct wire w = {0};
    struct heard h = {0};
    (void)state;
    arrive("plant7", &w, 10);
    const char *id = open_one(60000);
    assert_int_equal(w.delivered, 0); /* who opens it on demand asks */
    ask(&h, "plant7", id, 30000);
    assert_int_equal(close_tunnel(id, true), ERR_OK);
    assert_int_equal(h.calls, 1);
    assert_int_equal(h.result, NOTICE_ENDED);
    assert_int_equal(w.withdrawn, 1);
    id = open_one(0);
    assert_int_equal(close_tunnel(id, false), ERR_OK);
    assert_int_equal(w.withdrawn, 2);
    expect_waiting(0, 0);
}

/* ---- a device that comes back ---- */

static const char *answered_on_demand(struct wire *w)
{
    struct heard h = {0};
    const char *id = open_one(600000);
    ask(&h, "plant7", id, 30000);
    int last = w->delivered - 1;
    assert_int_equal(answer("plant7", w, w->at[last].id, true), NOTICE_TAKEN);
    return id;
}

/* Runs the loop until the link has got so many notices. */
static void until_delivered(const struct wire *w, int n)
{
    UNTIL(loop, w->delivered >= n);
    assert_int_equal(w->delivered, n);
}

static void an_agent_that_was_restarted(void **state)
{
    struct wire before = {0}, after = {0};
    (void)state;
    arrive("plant7", &before, 100);
    const char *id = answered_on_demand(&before);
    rotate(id, NULL, "its-token"); /* the id's own token is not known here */
    connect_destination(id, "its-token");
    pass(60000);
    leave("plant7", &before);
    registry_connected(registry, span_of(id), SIDE_DESTINATION, false);
    pass(100); /* as fast as a service manager is */
    arrive("plant7", &after, 0);
    until_delivered(&after, 1);
    assert_string_equal(after.at[0].tunnel, id);
    connect_destination(id, after.at[0].token);
}

/* The hub has not noticed that the tunnel's end and the link are gone. */
static void a_device_whose_power_was_cut(void **state)
{
    struct wire before = {0}, after = {0};
    (void)state;
    arrive("plant7", &before, 100);
    const char *id = answered_on_demand(&before);
    rotate(id, NULL, "its-token");
    answer("plant7", &before, before.at[before.delivered - 1].id, true);
    connect_destination(id, "its-token");
    pass(30000);
    arrive("plant7", &after, 130); /* only the link was lost */
    pass(1000);
    assert_int_equal(after.delivered, 0);
    arrive("plant7", &after, 5);
    until_delivered(&after, 1);
    assert_string_equal(after.at[0].tunnel, id);
    arrive("plant7", &before, UINT64_MAX); /* whatever it says */
}

/* It comes back to its tunnel by itself, with its streams; a new token would end them. */
static void an_agent_that_lost_its_links_only(void **state)
{
    struct wire before = {0}, after = {0}, third = {0};
    (void)state;
    arrive("plant7", &before, 100);
    const char *id = answered_on_demand(&before);
    rotate(id, NULL, "its-token");
    answer("plant7", &before, before.at[before.delivered - 1].id, true);
    connect_destination(id, "its-token");
    pass(60000);
    leave("plant7", &before);
    registry_connected(registry, span_of(id), SIDE_DESTINATION, false);
    pass(10000);
    arrive("plant7", &after, 170);
    pass(15000);
    registry_connected(registry, span_of(id), SIDE_DESTINATION, true);
    pass(60000);
    assert_int_equal(after.delivered, 0);
    /* Another time it does not come back: it gets a new token after all. */
    registry_connected(registry, span_of(id), SIDE_DESTINATION, false);
    pass(100);
    arrive("plant7", &third, 250);
    pass(15000);
    assert_int_equal(third.delivered, 0);
    pass(10000);
    until_delivered(&third, 1);
    assert_string_equal(third.at[0].tunnel, id);
}

/* ---- an agent that names its tunnels ---- */

/* It is believed, however long it has run: neither is a tunnel that it has taken from it, nor does
 * it wait for one that it has lost. */
static void named_or_not(void **state)
{
    struct wire before = {0}, after = {0}, third = {0};
    (void)state;
    arrive_with("plant7", &before, NULL);
    const char *id = answered_on_demand(&before);
    connect_destination(id, opened_token);
    leave("plant7", &before);
    registry_connected(registry, span_of(id), SIDE_DESTINATION, false);
    pass(100);
    arrive_with("plant7", &after, id); /* it runs for less than a second */
    pass(15000);
    registry_connected(registry, span_of(id), SIDE_DESTINATION, true);
    pass(60000);
    assert_int_equal(after.delivered, 0);
    /* The hub has not noticed that the end is gone. */
    arrive_with("plant7", &third, NULL);
    until_delivered(&third, 1);
    assert_string_equal(third.at[0].tunnel, id);
    connect_destination(id, third.at[0].token);
}

/* It has a tunnel, and does not come back to it: that is given a new token in the end. */
static void named_and_not_back(void **state)
{
    struct wire before = {0}, after = {0};
    (void)state;
    arrive_with("plant7", &before, NULL);
    const char *id = answered_on_demand(&before);
    connect_destination(id, opened_token);
    leave("plant7", &before);
    registry_connected(registry, span_of(id), SIDE_DESTINATION, false);
    arrive_with("plant7", &after, id);
    pass(15000);
    assert_int_equal(after.delivered, 0);
    pass(10000);
    until_delivered(&after, 1);
}

/* Between the notice and its answer. */
static void restarted_with_the_token(void **state)
{
    struct wire before = {0}, after = {0};
    struct heard h = {0};
    (void)state;
    arrive_with("plant7", &before, NULL);
    const char *id = open_one(600000);
    notice_token = opened_token;
    ask(&h, "plant7", id, 30000);
    connect_destination(id, before.at[0].token); /* it is used up */
    leave("plant7", &before);
    pass(1000);
    arrive_with("plant7", &after, NULL);
    until_delivered(&after, 1);
    assert_string_equal(after.at[0].tunnel, id);
    assert_string_not_equal(after.at[0].token, before.at[0].token);
    assert_int_equal(answer("plant7", &after, before.at[0].id, true), NOTICE_LATE);
    assert_int_equal(answer("plant7", &after, after.at[0].id, true), NOTICE_TAKEN);
    assert_int_equal(h.calls, 1);
    assert_int_equal(h.result, NOTICE_ACCEPTED);
    connect_destination(id, after.at[0].token);
}

/* The first link is replaced, not lost; the token was not used. */
static void restarted_before_the_token_was_used(void **state)
{
    struct wire before = {0}, after = {0};
    struct heard h = {0};
    (void)state;
    arrive_with("plant7", &before, NULL);
    const char *id = open_one(600000);
    notice_token = opened_token;
    ask(&h, "plant7", id, 30000);
    arrive_with("plant7", &after, NULL);
    until_delivered(&after, 1);
    assert_string_equal(after.at[0].id, before.at[0].id);
    assert_string_equal(after.at[0].token, before.at[0].token);
    assert_int_equal(answer("plant7", &after, after.at[0].id, true), NOTICE_TAKEN);
    assert_int_equal(h.result, NOTICE_ACCEPTED);
}

/* It took the token, and lost its link before the answer: the same answer will do. */
static void back_with_the_tunnel(void **state)
{
    struct wire before = {0}, after = {0};
    struct heard h = {0};
    (void)state;
    arrive_with("plant7", &before, NULL);
    const char *id = open_one(600000);
    notice_token = opened_token;
    ask(&h, "plant7", id, 30000);
    connect_destination(id, before.at[0].token);
    leave("plant7", &before);
    pass(1000);
    arrive_with("plant7", &after, id);
    assert_int_equal(after.delivered, 1);
    assert_string_equal(after.at[0].id, before.at[0].id);
    assert_int_equal(answer("plant7", &after, after.at[0].id, true), NOTICE_TAKEN);
    assert_int_equal(h.result, NOTICE_ACCEPTED);
    pass(60000);
    assert_int_equal(after.delivered, 1);
}

/* A notice that nobody waits for, of a token that was replaced. */
static void restarted_with_a_kept_notice(void **state)
{
    struct wire before = {0}, after = {0};
    (void)state;
    arrive_with("plant7", &before, NULL);
    const char *id = answered_on_demand(&before);
    assert_int_equal(rotate(id, NULL, "its-token"), ERR_OK);
    expect_waiting(0, 1);
    connect_destination(id, "its-token");
    leave("plant7", &before);
    arrive_with("plant7", &after, NULL);
    until_delivered(&after, 1);
    connect_destination(id, after.at[0].token);
    assert_int_equal(answer("plant7", &after, after.at[0].id, true), NOTICE_TAKEN);
    expect_waiting(0, 0);
}

/* Who names what is not its own, or what is not there, gets nothing by it. */
static void tunnels_of_others(void **state)
{
    struct wire own = {0}, other = {0};
    (void)state;
    const char *id = open_one(600000);
    arrive_with("plant8", &other, id);
    arrive_with("plant7", &own, "no-such-tunnel");
    until_delivered(&own, 1);
    assert_string_equal(own.at[0].tunnel, id);
    assert_int_equal(other.delivered, 0);
}

static void never_reached(void **state)
{
    struct wire w = {0};
    (void)state;
    const char *id = open_one(600000);
    assert_int_equal(rotate(id, "new-source", NULL), ERR_OK);
    arrive("plant7", &w, 100000);
    until_delivered(&w, 1);
    assert_string_equal(w.at[0].tunnel, id);
}

static void ended_tunnels_are_forgotten(void **state)
{
    struct wire w = {0};
    (void)state;
    const char *id = open_one(600000);
    assert_int_equal(close_tunnel(id, false), ERR_OK);
    arrive("plant7", &w, 1);
    pass(60000);
    assert_int_equal(w.delivered, 0);
}

/* After a restart of the hub the tunnels are those in the store. */
static void read_at_the_start(void **state)
{
    struct wire w = {0};
    (void)state;
    const char *id = open_one(600000);
    notices_begin();
    arrive("plant7", &w, 1);
    until_delivered(&w, 1);
    assert_string_equal(w.at[0].tunnel, id);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        NOTICES_TEST(opened_while_there),
        NOTICES_TEST(no_key_has_a_device_for_itself),
        NOTICES_TEST(opened_for_one_that_comes_later),
        NOTICES_TEST(what_is_kept_is_over_when_somebody_has_connected),
        NOTICES_TEST(not_for_things_that_are_no_devices),
        NOTICES_TEST(rotated),
        NOTICES_TEST(given_back_too_late),
        NOTICES_TEST(rotated_while_somebody_waits),
        NOTICES_TEST(a_tunnel_that_ends),
        NOTICES_TEST(an_agent_that_was_restarted),
        NOTICES_TEST(a_device_whose_power_was_cut),
        NOTICES_TEST(an_agent_that_lost_its_links_only),
        NOTICES_TEST(named_or_not),
        NOTICES_TEST(named_and_not_back),
        NOTICES_TEST(restarted_with_the_token),
        NOTICES_TEST(restarted_before_the_token_was_used),
        NOTICES_TEST(back_with_the_tunnel),
        NOTICES_TEST(restarted_with_a_kept_notice),
        NOTICES_TEST(tunnels_of_others),
        NOTICES_TEST(never_reached),
        NOTICES_TEST(ended_tunnels_are_forgotten),
        NOTICES_TEST(read_at_the_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
