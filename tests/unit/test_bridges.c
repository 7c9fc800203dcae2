/* Bridges as the main thread knows them: who may come, until when, and what is counted. */
#include "gateway/hub/bridge/bridges.h"
#include "gateway/hub/relay/worker_stats.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define DAY_MS 86400000

static unsigned ended;
static enum bridge_outcome outcome;
static char words[128];
static uint64_t day_limit;

static void on_ended(void *owner, const struct bridge *b)
{
    (void)owner;
    ended++;
    outcome = b->outcome;
    snprintf(words, sizeof words, "%s", b->text);
}

static uint64_t limit_of(void *owner, const char *policy)
{
    (void)owner;
    return strcmp(policy, "free") == 0 ? 0 : day_limit;
}

static struct bridges *begin(void)
{
    struct bridges *all = bridges_new(
        &(struct bridges_options){.hub = "hub.test", .day_limit = limit_of, .ended = on_ended});
    assert_non_null(all);
    ended = 0;
    day_limit = 0;
    return all;
}

static void end(struct bridges *all)
{
    bridges_end_all(all, BRIDGE_SHUTDOWN, NULL);
    bridges_free(all);
}

static struct bridge *make(struct bridges *all, const char *device, const char *policy)
{
    enum err why;
    const struct bridge_spec spec = {.device = device, .stream = "ssh", .policy = policy};
    struct bridge *b = bridge_new(all, &spec, 1000, &why);
    assert_non_null(b);
    assert_int_equal(why, ERR_OK);
    return b;
}

static struct bridge *claim(struct bridges *all, const char *path, const char *token, uint64_t now,
                            enum bridge_side *side)
{
    return bridges_claim(all, span_of(path), span_of(token), now, side);
}

/* A bridge's path and tokens, as its clients keep them. */
struct letter {
    char path[1024], token[BRIDGE_SIDES][BRIDGE_TOKEN_SIZE];
};

static struct letter letter_of(const struct bridge *b)
{
    struct letter l;
    snprintf(l.path, sizeof l.path, "%s", b->path);
    memcpy(l.token, b->token, sizeof l.token);
    return l;
}

static void tokens_are_used_once_each_on_its_side(void **state)
{
    (void)state;
    struct bridges *all = begin();
    struct bridge *b = make(all, "d1", "p");
    struct letter l = letter_of(b);
    enum bridge_side side;
    for (int i = 0; i < BRIDGE_SIDES; i++) {
        assert_int_equal(strlen(l.token[i]), 43);
        assert_int_equal(strspn(l.token[i], "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                            "0123456789-_"),
                         43);
    }
    assert_string_not_equal(l.token[0], l.token[1]);
    assert_null(claim(all, l.path, "", 1001, &side));
    assert_null(claim(all, l.path, "x", 1001, &side));
    assert_null(claim(all, "/bridges/hub.test/d1/ssh/x", l.token[0], 1001, &side));
    assert_int_equal(bridges_counts(all).waiting, 1);
    assert_ptr_equal(claim(all, l.path, l.token[BRIDGE_DEVICE], 1001, &side), b);
    assert_int_equal(side, BRIDGE_DEVICE);
    assert_null(claim(all, l.path, l.token[BRIDGE_DEVICE], 1001, &side));
    assert_null(claim(all, l.path, "", 1001, &side)); /* a used token is not an empty one */
    assert_int_equal(b->met_at, 0);
    assert_ptr_equal(claim(all, l.path, l.token[BRIDGE_SERVICE], 1002, &side), b);
    assert_int_equal(side, BRIDGE_SERVICE);
    assert_int_equal(b->met_at, 1002);
    struct bridges_counts c = bridges_counts(all);
    assert_true(c.waiting == 0 && c.open == 1 && c.made == 1);
    bridges_tick(all, 1000000, 0); /* who has met may stay */
    assert_int_equal(ended, 0);
    bridge_end(b, BRIDGE_CLOSED, "done");
    bridge_end(b, BRIDGE_BROKEN, "again");
    assert_int_equal(ended, 1);
    assert_string_equal(words, "done");
    assert_ptr_equal(bridges_find(all, b->serial), b); /* until its claims are back */
    bridge_returned(b);
    bridge_returned(b);
    c = bridges_counts(all);
    assert_true(c.open == 0 && c.outcomes[BRIDGE_CLOSED] == 1);
    end(all);
}

static void paths_are_encoded_and_bounded(void **state)
{
    (void)state;
    struct bridges *all = begin();
    enum err why;
    char longest[400];
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    struct bridge_spec spec = {
        .device = "d", .azure_id = "dev/mod #1", .stream = "a/b", .policy = ""};
    struct bridge *b = bridge_new(all, &spec, 0, &why);
    assert_int_equal(strncmp(b->path, "/bridges/hub.test/dev%2fmod%20%231/a%2fb/", 41), 0);
    assert_int_equal(strlen(b->path), 41 + 32);
    char other[200];
    enum bridge_side side;
    snprintf(other, sizeof other, "/bridges/HUB/dev%%2Fmod%%20%%231/a%%2Fb/%s", b->path + 41);
    assert_ptr_equal(claim(all, other, letter_of(b).token[0], 1, &side), b);
    bridge_end(b, BRIDGE_CLOSED, NULL);
    bridge_returned(b);
    assert_null(claim(all, "/bridges/x", "", 1, &side));
    assert_null(claim(all, "", "", 1, &side));
    spec.azure_id = spec.stream = longest;
    assert_non_null(bridge_new(all, &spec, 0, &why));
    longest[0] = longest[1] = longest[2] = '/';
    memset(longest, '/', 100);
    assert_null(bridge_new(all, &spec, 0, &why));
    assert_int_equal(why, ERR_TOO_LARGE);
    assert_int_equal(bridges_counts(all).made, 2);
    end(all);
}

static void who_is_late_finds_nothing(void **state)
{
    (void)state;
    struct bridges *all = begin();
    struct bridge *b = make(all, "d1", "p");
    struct letter l = letter_of(b);
    enum bridge_side side;
    assert_ptr_equal(claim(all, l.path, l.token[0], 1000, &side), b);
    bridges_tick(all, 1000 + BRIDGE_WAIT_MS - 1, 0);
    assert_int_equal(ended, 0);
    assert_null(claim(all, l.path, l.token[1], 1000 + BRIDGE_WAIT_MS, &side));
    bridges_tick(all, 1000 + BRIDGE_WAIT_MS, 0);
    assert_int_equal(ended, 1);
    assert_int_equal(outcome, BRIDGE_LATE);
    assert_int_equal(bridges_counts(all).waiting, 0);
    bridge_returned(b);
    end(all);
}

static void an_inner_end_is_there_already(void **state)
{
    (void)state;
    struct bridges *all = begin();
    enum err why;
    enum bridge_side side;
    const struct bridge_spec spec = {.device = "d",
                                     .stream = "ssh",
                                     .policy = "p",
                                     .inner = {.end = 7, .worker = 3, .side = BRIDGE_DEVICE}};
    struct bridge *b = bridge_new(all, &spec, 5, &why);
    struct letter l = letter_of(b);
    assert_string_equal(l.token[BRIDGE_DEVICE], "");
    assert_int_equal(b->worker, 3);
    assert_null(claim(all, l.path, "", 6, &side));
    assert_ptr_equal(claim(all, l.path, l.token[BRIDGE_SERVICE], 6, &side), b);
    assert_int_equal(b->met_at, 6);
    bridge_end(b, BRIDGE_REFUSED, NULL);
    bridge_returned(b);
    end(all);
}

static void a_device_loses_its_own(void **state)
{
    (void)state;
    struct bridges *all = begin();
    for (int i = 0; i < 100; i++)
        make(all, i % 2 == 0 ? "d1" : "d2", "p");
    bridges_cut_device(all, "d1", "device d1 was disabled");
    assert_int_equal(ended, 50);
    assert_int_equal(outcome, BRIDGE_CUT);
    assert_string_equal(words, "device d1 was disabled");
    assert_int_equal(bridges_of_policy(all, "p"), 50);
    end(all);
    assert_int_equal(ended, 100);
}

static void a_days_bytes_are_a_policys(void **state)
{
    (void)state;
    struct bridges *all = begin();
    day_limit = 1000;
    struct bridge *a = make(all, "d1", "p"), *b = make(all, "d2", "p"),
                  *c = make(all, "d3", "free");
    stat_add(&a->traffic.received[BRIDGE_DEVICE], 600);
    stat_add(&c->traffic.received[BRIDGE_DEVICE], 6000);
    bridges_tick(all, 1000, 5 * (int64_t)DAY_MS);
    assert_int_equal(ended, 0);
    /* The first tick may have found another day than that of the start. */
    assert_int_equal(bridges_day_bytes(all, "nobody"), 0);
    stat_add(&a->traffic.received[BRIDGE_SERVICE], 500);
    bridges_tick(all, 1000, 5 * (int64_t)DAY_MS + 1000);
    assert_int_equal(bridges_day_bytes(all, "p"), 500);
    bridge_end(a, BRIDGE_CLOSED, NULL); /* what has ended counts */
    stat_add(&b->traffic.received[BRIDGE_SERVICE], 499);
    bridges_tick(all, 1000, 5 * (int64_t)DAY_MS + 2000);
    assert_int_equal(ended, 1);
    stat_add(&b->traffic.received[BRIDGE_SERVICE], 1);
    bridges_tick(all, 1000, 5 * (int64_t)DAY_MS + 3000);
    assert_int_equal(ended, 2);
    assert_int_equal(outcome, BRIDGE_VOLUME);
    assert_int_equal(bridges_of_policy(all, "p"), 0);
    assert_int_equal(bridges_day_bytes(all, "p"), 1000);
    b = make(all, "d2", "p"); /* the caller asks first; what is made in spite of that goes */
    bridges_tick(all, 1000, 5 * (int64_t)DAY_MS + 4000);
    assert_int_equal(ended, 3);
    bridges_tick(all, 1000, 6 * (int64_t)DAY_MS);
    assert_int_equal(bridges_day_bytes(all, "p"), 0);
    b = make(all, "d2", "p");
    bridges_tick(all, 1000, 6 * (int64_t)DAY_MS + 1000);
    assert_int_equal(ended, 3);
    struct bridges_counts counts = bridges_counts(all);
    assert_int_equal(counts.bytes[BRIDGE_SERVICE], 1000);
    assert_int_equal(counts.bytes[BRIDGE_DEVICE], 6600);
    end(all);
}

static void there_are_not_more_than_the_cap(void **state)
{
    (void)state;
    struct bridges *all = begin();
    enum err why;
    const struct bridge_spec spec = {.device = "d", .stream = "s", .policy = ""};
    for (int i = 0; i < BRIDGES_MAX; i++)
        assert_non_null(bridge_new(all, &spec, 0, &why));
    assert_null(bridge_new(all, &spec, 0, &why));
    assert_int_equal(why, ERR_LIMIT);
    end(all);
    assert_int_equal(ended, BRIDGES_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens_are_used_once_each_on_its_side),
        cmocka_unit_test(paths_are_encoded_and_bounded),
        cmocka_unit_test(who_is_late_finds_nothing),
        cmocka_unit_test(an_inner_end_is_there_already),
        cmocka_unit_test(a_device_loses_its_own),
        cmocka_unit_test(a_days_bytes_are_a_policys),
        cmocka_unit_test(there_are_not_more_than_the_cap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
