/* tui/model: snapshots one after the other, the connection lost and found, the pause. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "tui/state/model.h"

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static struct model m;

static int begin(void **state)
{
    (void)state;
    model_init(&m, "/run/x.sock");
    return 0;
}

static int end(void **state)
{
    (void)state;
    model_free(&m);
    return 0;
}

static void take(double now, const char *format, ...)
{
    char json[4000], rest[3900], problem[200];
    struct snapshot s;
    va_list args;
    va_start(args, format);
    vsnprintf(rest, sizeof rest, format, args);
    va_end(args);
    snprintf(json, sizeof json, "{\"schema\":1,\"program\":\"p\",%s}", rest);
    if (snapshot_read(span_of(json), &s, problem, sizeof problem) != ERR_OK)
        fail_msg("%s: %s", json, problem);
    model_take(&m, &s, now);
    assert_null(s.memory);
}

static void asks(uint64_t detail, const char *target)
{
    char text[MODEL_TARGET];
    model_target(&m, &(struct model_wanted){.detail = detail}, text);
    assert_string_equal(text, target);
}

static void asks_for_devices(void)
{
    char text[MODEL_TARGET];
    struct model_wanted w = {
        .devices = {true, 20, 40, "site=7 a&b", .sort = "state", .reverse = true}};
    model_target(&m, &w, text);
    assert_string_equal(text, "/v1/snapshot?history=0&tens=0&events=0&devices=20&devices_from=40"
                              "&devices_sort=-state&devices_filter=site%3d7%20a%26b");
    memset(w.devices.filter, '"', sizeof w.devices.filter - 1);
    model_target(&m, &w, text);
    assert_string_equal(text + strlen(text) - 3, "%22");
}

static void asks_for_pages(void)
{
    char text[MODEL_TARGET];
    struct model_wanted w = {.streams = {true, 20, 40, "a=b", .sort = "rate_down"},
                             .closed = {true, 7, 0, "", .sort = "closed_at", .reverse = true},
                             .find = 1171,
                             .groups = "client",
                             .one_group = true};
    model_target(&m, &w, text);
    assert_string_equal(text, "/v1/snapshot?history=0&tens=0&events=0&limit=20&from=40"
                              "&sort=rate_down&filter=a%3db&trend=1&find=1171&groups=client&group="
                              "&closed=7&closed_from=0&closed_sort=-closed_at");
    /* The longest that can be asked for fits into the request. */
    struct model_page *pages[] = {&w.streams, &w.closed, &w.devices};
    w.devices = w.closed;
    for (size_t i = 0; i < 3; i++)
        memset(pages[i]->filter, '"', sizeof pages[i]->filter - 1);
    memset(w.group, '%', sizeof w.group - 1);
    model_target(&m, &w, text);
    assert_true(strlen(text) < MODEL_TARGET - 1);
}

static void event_is(size_t i, const char *event, const char *text)
{
    assert_true(i < m.n_events);
    assert_string_equal(m.events[i].e.event, event);
    assert_string_equal(m.events[i].e.text, text);
}

static void history_is(const struct model_history *h, size_t n, uint64_t last, uint64_t first_down,
                       uint64_t last_down)
{
    assert_int_equal(h->n, n);
    assert_int_equal(h->last, last);
    assert_int_equal(h->down[0], first_down);
    assert_int_equal(h->down[n - 1], last_down);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(h->up[i], 2 * h->down[i]);
}

/* "seconds":{…}: samples number from .. last, each as large as its number. */
static const char *samples(const char *name, unsigned from, unsigned last)
{
    static char text[16000];
    int n = sprintf(text, "\"%s\":{\"last\":%u,\"down\":[", name, last);
    for (unsigned i = from; i <= last; i++)
        n += sprintf(text + n, "%s%u", i > from ? "," : "", i);
    n += sprintf(text + n, "],\"up\":[");
    for (unsigned i = from; i <= last; i++)
        n += sprintf(text + n, "%s%u", i > from ? "," : "", 2 * i);
    sprintf(text + n, "]}");
    return text;
}

static void take_samples(const char *name, unsigned from, unsigned last)
{
    struct snapshot s;
    char problem[200], json[16100];
    snprintf(json, sizeof json, "{\"schema\":1,\"history\":{%s}}", samples(name, from, last));
    assert_int_equal(snapshot_read(span_of(json), &s, problem, sizeof problem), ERR_OK);
    model_take(&m, &s, 0);
}

static void test_first(void **state)
{
    (void)state;
    assert_int_equal(m.link, MODEL_NEVER);
    assert_string_equal(m.socket, "/run/x.sock");
    asks(0, "/v1/snapshot?history=0&tens=0&events=0");
    asks_for_devices();
    asks_for_pages();
    take(5, "\"streams\":[{\"id\":3},{\"id\":4}]");
    assert_int_equal(m.link, MODEL_LIVE);
    assert_true(m.heard_at == 5);
    assert_int_equal(m.shown.n_streams, 2);
    assert_int_equal(m.n_events, 0);
    assert_ptr_equal(model_stream(&m, 4), &m.shown.streams[1]);
    assert_null(model_stream(&m, 5));
}

static void test_history(void **state)
{
    (void)state;
    take_samples("seconds", 1, 3);
    history_is(&m.seconds, 3, 3, 1, 3);
    asks(9, "/v1/snapshot?history=3&tens=0&events=0&detail=9");
    take_samples("seconds", 4, 5); /* goes on */
    history_is(&m.seconds, 5, 5, 1, 5);
    take_samples("seconds", 2, 6); /* overlaps */
    history_is(&m.seconds, 6, 6, 1, 6);
    take_samples("seconds", 5, 6); /* nothing new */
    history_is(&m.seconds, 6, 6, 1, 6);
    take(0, "\"pid\":1"); /* none */
    history_is(&m.seconds, 6, 6, 1, 6);
    take_samples("seconds", 7, 602);
    history_is(&m.seconds, MODEL_SECONDS, 602, 3, 602);
    take_samples("seconds", 604, 605); /* a gap */
    history_is(&m.seconds, 2, 605, 604, 605);
    take_samples("seconds", 3, 4); /* backwards */
    history_is(&m.seconds, 2, 4, 3, 4);
}

static void test_tens(void **state)
{
    (void)state;
    take_samples("tens", 1, MODEL_TENS);
    take_samples("tens", MODEL_TENS + 1, MODEL_TENS + 2);
    history_is(&m.tens, MODEL_TENS, MODEL_TENS + 2, 3, MODEL_TENS + 2);
    take_samples("tens", 1000, 1400); /* more than is kept, after a gap */
    history_is(&m.tens, MODEL_TENS, 1400, 1041, 1400);
    asks(0, "/v1/snapshot?history=0&tens=1400&events=0");
}

static void test_events(void **state)
{
    (void)state;
    take(0, "\"events\":{\"last\":2,\"list\":[{\"event\":\"open\",\"number\":1},"
            "{\"event\":\"close\",\"number\":2,\"text\":\"t\",\"client\":\"c\"}]}");
    take(0, "\"events\":{\"last\":3,\"list\":[{\"event\":\"close\",\"number\":2},"
            "{\"event\":\"up\",\"number\":3}]}");
    assert_int_equal(m.n_events, 3);
    event_is(0, "open", "");
    event_is(1, "close", "t");
    assert_string_equal(m.events[1].e.client, "c");
    event_is(2, "up", "");
    take(0, "\"events\":{\"last\":7}");
    asks(0, "/v1/snapshot?history=0&tens=0&events=7");
}

static void test_events_are_bounded(void **state)
{
    (void)state;
    for (unsigned i = 1; i <= MODEL_EVENTS + 10; i++)
        take(0, "\"events\":{\"list\":[{\"event\":\"open\",\"number\":%u}]}", i);
    assert_int_equal(m.n_events, MODEL_EVENTS);
    assert_int_equal(m.events[0].e.number, 11);
    assert_int_equal(m.events[MODEL_EVENTS - 1].e.number, MODEL_EVENTS + 10);
}

static void test_single_events(void **state)
{
    (void)state;
    struct snapshot s;
    char problem[200];
    for (int i = 0; i < 2; i++) {
        assert_int_equal(snapshot_read_event(span_of("{\"event\":\"open\",\"number\":5}"), &s,
                                             problem, sizeof problem),
                         ERR_OK);
        model_event(&m, &s.events[0]);
        snapshot_free(&s);
    }
    assert_int_equal(m.n_events, 1);
    assert_int_equal(m.last_event, 5);
}

static void test_lost_and_back(void **state)
{
    (void)state;
    take(10, "\"instance\":\"a\",\"time\":1000,\"events\":{\"last\":7}");
    model_lost(&m, "it hung up", 12, 12.5);
    assert_int_equal(m.link, MODEL_LOST);
    assert_true(m.lost_at == 12 && m.retry_at == 12.5 && m.tries == 1);
    event_is(0, "lost", "it hung up");
    assert_true(m.events[0].e.time == 1002);
    model_lost(&m, "connection refused", 13, 14);
    assert_true(m.lost_at == 12 && m.retry_at == 14 && m.tries == 2);
    assert_string_equal(m.problem, "connection refused");
    assert_int_equal(m.n_events, 1);
    assert_int_equal(m.shown.schema, 1); /* the last picture stays */
    take(18, "\"instance\":\"a\",\"events\":{\"last\":8}");
    event_is(1, "back", "p answers again; nothing was seen for 8 s");
    assert_true(m.link == MODEL_LIVE && m.tries == 0 && m.problem[0] == '\0');
    assert_int_equal(m.n_events, 2);
}

static void test_never_connected(void **state)
{
    (void)state;
    model_lost(&m, "no such file", 1, 2);
    model_lost(&m, "no such file", 2, 3);
    assert_int_equal(m.link, MODEL_NEVER);
    assert_string_equal(m.problem, "no such file");
    assert_int_equal(m.tries, 2);
    assert_int_equal(m.n_events, 0);
    take(3, "\"pid\":1");
    assert_int_equal(m.n_events, 0);
}

static void test_restarted(void **state)
{
    (void)state;
    take(1, "\"instance\":\"a\",\"history\":{\"seconds\":{\"down\":[1,2],\"up\":[2,4]}},"
            "\"events\":{\"list\":[{\"event\":\"open\",\"number\":9}]}");
    model_pause(&m, true);
    model_lost(&m, "it hung up", 2, 3);
    take(4, "\"instance\":\"b\",\"pid\":7,\"events\":{\"list\":[{\"event\":\"up\",\"number\":1}]}");
    assert_false(m.paused);
    assert_int_equal(m.shown.pid, 7);
    assert_int_equal(m.seconds.n, 0);
    assert_int_equal(m.n_events, 4);
    assert_int_equal(m.events[0].e.number, 0);
    event_is(1, "lost", "it hung up");
    event_is(2, "restarted", "p was started anew: counters begin at 0");
    event_is(3, "up", "");
    asks(0, "/v1/snapshot?history=0&tens=0&events=1");
}

#define NODES(a, b)                                                                                \
    "\"nodes\":[{\"node\":\"a\",\"epoch\":1,\"state\":" a "},"                                     \
    "{\"node\":\"b\",\"epoch\":%d,\"state\":" b ",\"bytes\":%d}]"

/* b's epoch and bytes, with the other node up. */
static double rate_of_b(double clock, int epoch, int bytes)
{
    take(clock, "\"clock\":%f," NODES("\"up\"", "\"up\""), clock, epoch, bytes);
    assert_string_equal(m.shown.nodes[1].node, "b");
    return m.shown.nodes[1].rate;
}

static void test_nodes(void **state)
{
    (void)state;
    assert_true(isnan(rate_of_b(10, 2, 1000)));
    assert_true(rate_of_b(12, 2, 1000) == 0);
    assert_true(rate_of_b(14, 2, 5000) == 1000);
    assert_true(rate_of_b(16, 2, 7000) == 1000); /* since 10; from now on since 16, later */
    for (int i = 17; i <= 30; i++)
        rate_of_b(i, 2, 7000);
    assert_true(rate_of_b(31, 2, 7000) == 0);   /* what is long ago counts no more */
    assert_true(isnan(rate_of_b(32, 3, 9000))); /* it has begun anew */
    assert_true(rate_of_b(34, 3, 9100) == 50);
    assert_true(isnan(rate_of_b(35, 3, 50))); /* counts backwards */
    take(36, "\"clock\":36," NODES("\"up\"", "\"draining\""), 3, 50);
    assert_string_equal(m.shown.nodes[0].node, "b");
    take(37, "\"clock\":37," NODES("\"dead\"", "\"draining\""), 3, 60);
    assert_string_equal(m.shown.nodes[0].node, "a");
    assert_string_equal(m.shown.nodes[1].state, "draining");
    take(38, "\"clock\":38,\"streams\":[]"); /* it is in no cluster any more */
    assert_int_equal(m.shown.n_nodes, 0);
}

static void test_pause(void **state)
{
    (void)state;
    take_samples("seconds", 1, 3);
    take(1, "\"pid\":1,\"time\":50,\"events\":{\"list\":[{\"event\":\"open\",\"number\":4}]}");
    model_pause(&m, true);
    assert_true(m.paused_event == 4 && m.paused_clock == 50 && m.paused_second == 3);
    take(2, "\"pid\":2,\"events\":{\"list\":[{\"event\":\"x\",\"number\":5}]}");
    take(3, "\"pid\":3,\"events\":{\"list\":[{\"event\":\"y\",\"number\":6}]}");
    take_samples("seconds", 4, 4);
    assert_int_equal(m.shown.pid, 1);
    assert_int_equal(model_held(&m), 2);
    assert_int_equal(m.seconds.last, 4);
    assert_true(m.paused_second == 3);
    model_pause(&m, true);
    assert_int_equal(m.paused_event, 4);
    take(3, "\"pid\":8");
    model_pause(&m, false);
    assert_int_equal(m.shown.pid, 8);
    assert_int_equal(model_held(&m), 0);
    assert_int_equal(m.newest.schema, 0);
    model_pause(&m, true); /* and off again, with nothing between */
    model_pause(&m, false);
    assert_int_equal(m.shown.pid, 8);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(test_first),
        TEST(test_history),
        TEST(test_tens),
        TEST(test_events),
        TEST(test_events_are_bounded),
        TEST(test_single_events),
        TEST(test_lost_and_back),
        TEST(test_never_connected),
        TEST(test_restarted),
        TEST(test_nodes),
        TEST(test_pause),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
