/* The monitor: what it keeps is bounded. */
#include "tests/unit/monitor_help.h"

/* ---- tests ---- */

static void history_is_bounded(void **state)
{
    struct monitor_tunnel_state up = {.link = MONITOR_UP, .text = ""};
    struct monitor_tunnel *t = add_tunnel("", &up);
    struct flow f;
    (void)state;
    start(&f, "a");
    serve(&f, t, "X");
    for (unsigned i = 1; i <= 4000; i++) {
        f.counters.down += i;
        second();
    }
    cJSON *j = read_all();
    assert_int_equal(cJSON_GetArraySize(at(j, "history.seconds.down")), HISTORY_SECONDS);
    assert_int_equal(cJSON_GetArraySize(at(j, "history.tens.up")), HISTORY_TENS);
    assert_about(number(j, "history.seconds.down.599"), 4000);
    assert_about(number(j, "history.seconds.down.0"), 3401);
    assert_about(number(j, "history.tens.down.359"), 39955); /* 3991 + ... + 4000 */
    cJSON_Delete(j);
    j = read_with(&(struct snapshot_query){.history = 3998, .tens = 400, .events = 1, .detail = 1});
    assert_int_equal(cJSON_GetArraySize(at(j, "history.seconds.down")), 2);
    assert_int_equal(cJSON_GetArraySize(at(j, "history.tens.down")), 0);
    assert_int_equal(cJSON_GetArraySize(at(j, "events.list")), 0);
    assert_int_equal(cJSON_GetArraySize(at(j, "streams.0.history.down")), 60);
    assert_about(number(j, "streams.0.history.down.59"), 4000);
    cJSON_Delete(j);
    /* From before a restart: everything is new. */
    j = read_with(&(struct snapshot_query){.history = 9000, .tens = 9000, .events = 9000});
    assert_int_equal(cJSON_GetArraySize(at(j, "history.seconds.down")), HISTORY_SECONDS);
    assert_int_equal(cJSON_GetArraySize(at(j, "events.list")), 1);
    cJSON_Delete(j);
}

/* A machine that slept: the time that passed is what counts, and no sample is made up. */
static void a_late_tick(void **state)
{
    struct monitor_tunnel_state up = {.link = MONITOR_UP, .text = ""};
    struct monitor_tunnel *t = add_tunnel("", &up);
    struct flow f;
    (void)state;
    start(&f, "a");
    serve(&f, t, "X");
    second();
    f.counters.down = 4001;
    pass(4000);
    monitor_tick(monitor);
    monitor_tick(monitor); /* at once: nothing has passed */
    cJSON *j = read_all();
    assert_about(number(j, "totals.rate_down"), 1000);
    assert_about(number(j, "history.seconds.last"), 5);
    double sum = 0;
    for (int i = 0; i < 5; i++) {
        char path[40];
        snprintf(path, sizeof path, "history.seconds.down.%d", i);
        sum += number(j, path);
    }
    assert_about(sum, 4001);
    cJSON_Delete(j);
    wall_ms -= 7200000; /* the wall clock jumps; ages do not */
    j = read_all();
    assert_about(number(j, "streams.0.age"), 5);
    cJSON_Delete(j);
}

static void events_are_bounded(void **state)
{
    struct monitor_tunnel_state up = {.link = MONITOR_UP, .text = ""};
    struct monitor_tunnel *t = add_tunnel("a\x1b[2J", &up);
    (void)state;
    for (int i = 0; i < 1000; i++) {
        char what[40];
        snprintf(what, sizeof what, "number %d", i + 1);
        monitor_tunnel_event(t, MONITOR_DOWN, ERR_TIMEOUT, what);
    }
    cJSON *j = read_all();
    assert_int_equal(cJSON_GetArraySize(at(j, "events.list")), 256);
    assert_about(number(j, "events.last"), 1000);
    assert_about(number(j, "events.list.255.number"), 1000);
    assert_string_equal(text(j, "events.list.255.text"), "number 1000");
    assert_string_equal(text(j, "events.list.255.reason"), "timeout");
    assert_string_equal(text(j, "events.list.255.tunnel"), "a\x1b[2J"); /* escaped on the wire */
    cJSON_Delete(j);
    j = read_with(&(struct snapshot_query){.events = 990});
    assert_int_equal(cJSON_GetArraySize(at(j, "events.list")), 10);
    cJSON_Delete(j);
}

static void closed_ones_are_bounded(void **state)
{
    struct flow f;
    (void)state;
    for (int i = 0; i < 1000; i++) {
        start(&f, "a");
        finish(&f, ERR_TIMEOUT);
    }
    cJSON *j = read_all();
    assert_int_equal(cJSON_GetArraySize(at(j, "streams")), MONITOR_CLOSED_MAX);
    assert_about(number(j, "streams.255.id"), 1000);
    cJSON_Delete(j);
}

/* Services that the tunnel no longer has are not listed, but what they carried stays counted. */
static void services_come_and_go(void **state)
{
    struct monitor_tunnel_state up = {.link = MONITOR_UP, .text = ""};
    struct monitor_tunnel *t = add_tunnel("", &up);
    static const struct monitor_service_info both[] = {{"A", NULL, "127.0.0.1:22"},
                                                       {"B", NULL, NULL}};
    struct flow f;
    (void)state;
    monitor_services(t, both, 2);
    start(&f, "x");
    serve(&f, t, "B");
    f.counters.up = 5;
    monitor_services(t, both, 1);
    cJSON *j = read_all();
    assert_int_equal(cJSON_GetArraySize(at(j, "services")), 2); /* one is still in use */
    assert_string_equal(text(j, "services.0.target"), "127.0.0.1:22");
    assert_string_equal(text(j, "services.1.state"), "offline");
    cJSON_Delete(j);
    finish(&f, ERR_CLIENT_CLOSED);
    j = read_all();
    assert_int_equal(cJSON_GetArraySize(at(j, "services")), 1);
    cJSON_Delete(j);
    monitor_services(t, both, 2);
    monitor_tunnel_remove(t);
    j = read_all();
    assert_about(number(j, "services.1.bytes_up"), 5);
    assert_string_equal(text(j, "tunnels.0.state"), "over");
    cJSON_Delete(j);
}

/* A hub that names other services each time: what was counted there is not kept for ever, nor does
 * it keep others out; a tunnel that is removed goes when its last stream does. */
static void services_and_tunnels_are_let_go(void **state)
{
    struct monitor_tunnel_state up = {.link = MONITOR_UP, .text = ""};
    struct monitor_tunnel *t = add_tunnel("", &up);
    struct buf out = {.limit = 16 << 20};
    struct flow old, refused;
    char id[20];
    (void)state;
    for (int i = 0; i < 2 * MONITOR_SERVICES_MAX; i++) {
        const struct monitor_service_info info = {.id = id};
        snprintf(id, sizeof id, "S%d", i);
        monitor_services(t, &info, 1);
        if (i == 0) {
            start(&old, "x");
            serve(&old, t, id);
            start(&refused, "x");
            monitor_stream_opened(refused.stream, t, id);
        }
    }
    finish(&refused, ERR_REFUSED);
    report_metrics(monitor, &out);
    size_t lines = 0;
    for (const uint8_t *at = out.data; (at = memmem(at, out.size - (size_t)(at - out.data),
                                                    "\ntunnel_streams_open{", 21)) != NULL;
         at++)
        lines++;
    assert_int_equal(lines, MONITOR_ABSENT_MAX + 1); /* the newest, and those before it */
    buf_free(&out);
    cJSON *j = read_all();
    assert_int_equal(cJSON_GetArraySize(at(j, "services")), 2);
    assert_string_equal(text(j, "services.0.id"), "S0"); /* in use */
    assert_string_equal(text(j, "services.1.id"), id);
    cJSON_Delete(j);
    monitor_tunnel_remove(t);
    second();
    finish(&old, ERR_CLIENT_CLOSED);
    j = read_all();
    assert_int_equal(cJSON_GetArraySize(at(j, "tunnels")), 1);
    cJSON_Delete(j);
    for (int i = 0; i < MONITOR_CLOSED_MS / 1000 + 1; i++)
        second();
    j = read_all();
    assert_int_equal(cJSON_GetArraySize(at(j, "tunnels")), 0);
    assert_about(number(j, "totals.refused"), 1);
    cJSON_Delete(j);
    out = (struct buf){.limit = 65536};
    report_metrics(monitor, &out);
    assert_true(buf_append(&out, "", 1));
    assert_null(strstr((const char *)out.data, "tunnel_streams_refused_total{"));
    buf_free(&out);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(history_is_bounded),   TEST(a_late_tick),
        TEST(events_are_bounded),   TEST(closed_ones_are_bounded),
        TEST(services_come_and_go), TEST(services_and_tunnels_are_let_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
