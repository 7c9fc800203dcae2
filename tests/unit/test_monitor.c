/* The monitor: what it counts and tells. */
#include "tests/unit/monitor_help.h"

/* ---- tests ---- */

static void nothing_yet(void **state)
{
    (void)state;
    monitor_listening(monitor, "127.0.0.1:1080");
    pass(1500);
    cJSON *j = read_all();
    assert_about(number(j, "schema"), 1);
    assert_string_equal(text(j, "program"), "tunnel-gateway");
    assert_string_equal(text(j, "role"), "source");
    assert_string_equal(text(j, "version"), "9.9");
    assert_int_equal(strlen(text(j, "instance")), 32);
    assert_about(number(j, "time"), 1700000001.5);
    assert_about(number(j, "uptime"), 1.5);
    assert_string_equal(text(j, "listen.0"), "127.0.0.1:1080");
    assert_int_equal(cJSON_GetArraySize(at(j, "streams")), 0);
    assert_true(cJSON_IsNumber(at(j, "totals.open"))); /* also when it is 0 */
    assert_null(at(j, "readonly"));
    assert_about(number(j, "events.last"), 0);
    cJSON_Delete(j);
}

static void counts_and_rates(void **state)
{
    struct monitor_tunnel_state up = {.link = MONITOR_UP, .round_trip_us = 23456, .text = ""};
    struct monitor_tunnel *t = add_tunnel("plant7", &up);
    struct flow f;
    (void)state;
    monitor_services(t, (struct monitor_service_info[]){{"SSH1", "ssh1.plant7.tunnel", NULL}}, 1);
    start(&f, "127.0.0.1:5000");
    pass(61);
    serve(&f, t, "SSH1");
    f.counters.down = 1000;
    f.counters.up = 10;
    f.counters.answered = true;
    f.counters.first_byte_ms = 40;
    pass(939);
    monitor_tick(monitor);
    f.counters.down = 1600;
    cJSON *j = read_all(); /* between two ticks: bytes are up to date, rates of the last second */
    assert_about(number(j, "streams.0.bytes_down"), 1600);
    assert_about(number(j, "services.0.bytes_down"), 1600);
    assert_about(number(j, "totals.bytes_down"), 1600);
    assert_about(number(j, "totals.bytes_up"), 10);
    assert_about(number(j, "streams.0.rate_down"), 1000);
    assert_about(number(j, "services.0.rate_down"), 1000);
    assert_about(number(j, "totals.rate_down"), 1000);
    assert_about(number(j, "streams.0.mean_down"), 333);
    assert_about(number(j, "services.0.open"), 1);
    assert_about(number(j, "services.0.served"), 1);
    assert_about(number(j, "services.0.first_byte"), 0.04);
    assert_string_equal(text(j, "services.0.state"), "ready");
    assert_string_equal(text(j, "services.0.host"), "ssh1.plant7.tunnel");
    assert_string_equal(text(j, "streams.0.tunnel"), "plant7");
    assert_string_equal(text(j, "streams.0.state"), "open");
    assert_about(number(j, "streams.0.started"), 0.061);
    assert_about(number(j, "tunnels.0.round_trip"), 0.023456);
    cJSON_Delete(j);
    second();
    j = read_all();
    assert_about(number(j, "totals.rate_down"), 600);
    assert_about(number(j, "streams.0.peak_down"), 1000);
    assert_about(number(j, "history.seconds.last"), 2);
    assert_about(number(j, "history.seconds.down.0"), 1000);
    assert_about(number(j, "history.seconds.down.1"), 600);
    cJSON_Delete(j);
    up.link = MONITOR_DOWN;
    up.why = ERR_TIMEOUT;
    up.text = "nothing came";
    up.retry_ms = clock_ms + 5000;
    j = read_all();
    assert_string_equal(text(j, "services.0.state"), "offline");
    assert_string_equal(text(j, "tunnels.0.state"), "down");
    assert_string_equal(text(j, "tunnels.0.text"), "nothing came");
    assert_about(number(j, "tunnels.0.retry_in"), 5);
    cJSON_Delete(j);
}

/* What passed between the last look and the end is not lost, and nothing is counted twice. */
static void the_last_bytes_count(void **state)
{
    struct monitor_tunnel_state up = {.link = MONITOR_UP, .text = ""};
    struct monitor_tunnel *t = add_tunnel("", &up);
    struct flow f, g;
    (void)state;
    start(&f, "a");
    start(&g, "b");
    serve(&f, t, "SSH1");
    serve(&g, t, "SSH1");
    f.counters.down = g.counters.down = 100;
    second();
    monitor_stream_ended(
        f.stream, &(struct monitor_end){.why = ERR_PEER_RESET,
                                        .last = &(struct monitor_counters){.down = 107, .up = 3}});
    second();
    second();
    cJSON *j = read_all();
    assert_about(number(j, "totals.bytes_down"), 207);
    assert_about(number(j, "totals.bytes_up"), 3);
    assert_about(number(j, "totals.open"), 1);
    assert_about(number(j, "totals.max"), 2);
    assert_about(number(j, "services.0.bytes_down"), 207);
    assert_about(number(j, "totals.failed"), 0); /* a service says goodbye in that way */
    assert_string_equal(text(j, "streams.0.client"), "b");
    assert_string_equal(text(j, "streams.1.state"), "closed");
    assert_string_equal(text(j, "streams.1.reason"), "peer-reset");
    assert_about(number(j, "streams.1.closed_for"), 2);
    assert_about(number(j, "streams.1.bytes_down"), 107);
    cJSON_Delete(j);
    for (int i = 0; i < 4; i++)
        second();
    j = read_all();
    assert_int_equal(cJSON_GetArraySize(at(j, "streams")), 1);
    cJSON_Delete(j);
}

static void refused_and_failed(void **state)
{
    struct monitor_tunnel_state up = {.link = MONITOR_UP, .text = ""};
    struct monitor_tunnel *t = add_tunnel("", &up);
    struct flow f;
    (void)state;
    monitor_services(t, (struct monitor_service_info[]){{"SSH1", NULL, NULL}}, 1);
    start(&f, "a"); /* no such service: never opened */
    finish(&f, ERR_NO_SERVICE);
    start(&f, "b"); /* opened, and the device refused */
    monitor_stream_opened(f.stream, t, "SSH1");
    finish(&f, ERR_REFUSED);
    start(&f, "c"); /* served, then the hub was lost */
    serve(&f, t, "SSH1");
    finish(&f, ERR_LINK_LOST);
    monitor_refused(monitor, &(struct monitor_refusal){
                                 .client = "d", .via = "http", .asked = "x.org", .why = ERR_AUTH});
    monitor_refused(
        monitor,
        &(struct monitor_refusal){
            .client = "e", .via = "http", .asked = "x.org", .why = ERR_AUTH, .untold = true});
    monitor_refused_more(monitor, "http", ERR_AUTH, 1, "x.org");
    cJSON *j = read_all();
    assert_about(number(j, "totals.open"), 0);
    assert_about(number(j, "totals.refused"), 4);
    assert_about(number(j, "totals.refusals.auth"), 2);
    assert_about(number(j, "totals.refusals.no-service"), 1);
    assert_about(number(j, "totals.served"), 1);
    assert_about(number(j, "totals.failed"), 1);
    assert_about(number(j, "totals.errors.link-lost"), 1);
    assert_about(number(j, "services.0.refused"), 1);
    assert_about(number(j, "services.0.refusals.refused"), 1);
    static const char *const events[] = {"refuse", "open",   "refuse", "open",
                                         "close",  "refuse", "refuse"};
    assert_int_equal(cJSON_GetArraySize(at(j, "events.list")), 7);
    for (int i = 0; i < 7; i++) {
        char path[40];
        snprintf(path, sizeof path, "events.list.%d.event", i);
        assert_string_equal(text(j, path), events[i]);
    }
    assert_string_equal(text(j, "events.list.0.reason"), "no-service");
    assert_string_equal(text(j, "events.list.0.text"), "no such service");
    assert_about(number(j, "events.list.6.count"), 1);
    cJSON_Delete(j);
}

static void look_at_ends(void *ctx, struct monitor_hub_end out[MONITOR_SIDES])
{
    memcpy(out, ctx, MONITOR_SIDES * sizeof *out);
}

/* Of a hub's tunnel, whose ends come and go. */
static void ends_of_a_hubs_tunnel(void **state)
{
    struct monitor_hub_end ends[MONITOR_SIDES] = {[MONITOR_SOURCE] = {.here = true, .bytes = 5}};
    struct monitor_hub_tunnel_info info = {.id = "36bbe34e",
                                           .thing = "plant7",
                                           .ends = {[MONITOR_SOURCE] = "10.0.0.1:5"},
                                           .look = look_at_ends,
                                           .ctx = ends};
    (void)state;
    struct monitor_hub_tunnel *t = monitor_hub_tunnel_began(monitor, &info);
    cJSON *j = read_all();
    assert_string_equal(text(j, "streams.0.state"), "half");
    assert_null(at(j, "streams.0.target"));
    cJSON_Delete(j);
    ends[MONITOR_DESTINATION] = (struct monitor_hub_end){.here = true, .bytes = 3};
    monitor_hub_tunnel_address(t, MONITOR_DESTINATION, "10.0.0.2:6");
    monitor_hub_tunnel_met(t);
    j = read_all();
    assert_string_equal(text(j, "streams.0.state"), "open");
    assert_string_equal(text(j, "streams.0.asked"), "36bbe34e");
    assert_string_equal(text(j, "streams.0.service"), "plant7");
    assert_string_equal(text(j, "streams.0.client"), "10.0.0.1:5");
    assert_string_equal(text(j, "streams.0.target"), "10.0.0.2:6");
    assert_about(number(j, "streams.0.bytes_up"), 5);
    assert_about(number(j, "streams.0.bytes_down"), 3);
    assert_int_equal(cJSON_GetArraySize(at(j, "services")), 0);
    cJSON_Delete(j);
    monitor_hub_tunnel_address(t, MONITOR_SOURCE, "");
    ends[MONITOR_SOURCE].here = ends[MONITOR_DESTINATION].here = false;
    j = read_all();
    assert_string_equal(text(j, "streams.0.state"), "draining");
    assert_null(at(j, "streams.0.client"));
    assert_string_equal(text(j, "streams.0.target"), "10.0.0.2:6");
    cJSON_Delete(j);
    monitor_hub_tunnel_ended(t, ERR_TUNNEL_CLOSED, "gone", true);

    t = monitor_hub_tunnel_began(monitor, &info); /* its other end does not come */
    monitor_hub_tunnel_ended(t, ERR_RESET, NULL, true);
    j = read_all();
    assert_about(number(j, "totals.open"), 0);
    assert_about(number(j, "totals.served"), 1);
    assert_about(number(j, "totals.failed"), 0);
    assert_about(number(j, "totals.refused"), 0);
    assert_about(number(j, "totals.bytes_up"), 10);
    assert_string_equal(text(j, "events.list.0.event"), "open");
    assert_string_equal(text(j, "events.list.0.service"), "plant7");
    assert_string_equal(text(j, "events.list.1.event"), "close");
    assert_string_equal(text(j, "events.list.1.reason"), "tunnel-closed");
    assert_string_equal(text(j, "events.list.1.text"), "gone");
    assert_string_equal(text(j, "events.list.2.event"), "open");
    assert_string_equal(text(j, "events.list.3.event"), "close");
    assert_string_equal(text(j, "events.list.3.reason"), "reset");
    cJSON_Delete(j);
}

/* What was not told one by one is told in one event, and counted once. */
static void more_of_the_same(void **state)
{
    struct monitor_refusal r = {
        .client = "10.0.0.1:5", .why = ERR_FORBIDDEN, .text = "bad token", .untold = true};
    (void)state;
    for (int i = 0; i < 3; i++)
        monitor_refused(monitor, &r);
    r = (struct monitor_refusal){
        .client = "10.0.0.1", .why = ERR_FORBIDDEN, .text = "bad token", .more = 3};
    monitor_refused(monitor, &r);
    cJSON *j = read_all();
    assert_about(number(j, "totals.refusals.forbidden"), 3);
    assert_int_equal(cJSON_GetArraySize(at(j, "events.list")), 1);
    assert_string_equal(text(j, "events.list.0.client"), "10.0.0.1");
    assert_string_equal(text(j, "events.list.0.text"), "bad token");
    assert_about(number(j, "events.list.0.count"), 3);
    cJSON_Delete(j);
}

static bool has_line(const struct buf *b, const char *line)
{
    char *all = malloc(b->size + 1), *found;
    assert_non_null(all);
    memcpy(all, b->data, b->size);
    all[b->size] = '\0';
    found = strstr(all, line);
    bool whole =
        found != NULL && (found == all || found[-1] == '\n') && found[strlen(line)] == '\n';
    free(all);
    return whole;
}

static void prometheus(void **state)
{
    struct monitor_tunnel_state up = {
        .link = MONITOR_UP, .round_trip_us = 2000, .connections = 3, .text = ""};
    struct monitor_tunnel *t = add_tunnel("p", &up);
    struct buf out = {.limit = 65536};
    struct flow first, f;
    (void)state;
    start(&first, "a");
    serve(&first, t, "S");
    first.counters.down = 9;
    start(&f, "b");
    finish(&f, ERR_FORBIDDEN);
    start(&f, "c");
    monitor_stream_opened(f.stream, t, "S");
    finish(&f, ERR_REFUSED);
    report_metrics(monitor, &out);
    static const char *const lines[] = {
        "tunnel_streams_open{tunnel=\"p\",service=\"S\"} 1",
        "tunnel_streams_served_total{tunnel=\"p\",service=\"S\"} 1",
        "tunnel_streams_refused_total{tunnel=\"p\",service=\"S\",reason=\"refused\"} 1",
        "tunnel_streams_refused_total{reason=\"forbidden\"} 1",
        "tunnel_bytes_total{tunnel=\"p\",service=\"S\",direction=\"down\"} 9",
        "tunnel_hub_connected{tunnel=\"p\"} 1",
        "tunnel_hub_connections_total{tunnel=\"p\"} 3",
        "tunnel_hub_round_trip_seconds{tunnel=\"p\"} 0.002",
        "tunnel_start_time_seconds 1700000000",
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        if (!has_line(&out, lines[i]))
            fail_msg("no line \"%s\" in:\n%.*s", lines[i], (int)out.size, (const char *)out.data);
    buf_free(&out);
}

static void histogram(void **state)
{
    struct monitor_tunnel_state up = {.link = MONITOR_UP, .text = ""};
    struct monitor_tunnel *t = add_tunnel("", &up);
    struct buf out = {.limit = 65536};
    static const uint64_t times[] = {0, 30, 30, 20000};
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct flow f;
        start(&f, "a");
        serve(&f, t, "S");
        f.counters.answered = true;
        f.counters.first_byte_ms = times[i];
        finish(&f, ERR_CLIENT_CLOSED);
    }
    report_metrics(monitor, &out);
    static const char *const lines[] = {
        "tunnel_first_byte_seconds_bucket{tunnel=\"\",service=\"S\",le=\"0.005\"} 1",
        "tunnel_first_byte_seconds_bucket{tunnel=\"\",service=\"S\",le=\"0.05\"} 3",
        "tunnel_first_byte_seconds_bucket{tunnel=\"\",service=\"S\",le=\"10\"} 3",
        "tunnel_first_byte_seconds_bucket{tunnel=\"\",service=\"S\",le=\"+Inf\"} 4",
        "tunnel_first_byte_seconds_sum{tunnel=\"\",service=\"S\"} 20.06",
        "tunnel_first_byte_seconds_count{tunnel=\"\",service=\"S\"} 4",
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        if (!has_line(&out, lines[i]))
            fail_msg("no line \"%s\" in:\n%.*s", lines[i], (int)out.size, (const char *)out.data);
    buf_free(&out);
}

/* A program that is not watched needs no branches. */
static void nobody_watches(void **state)
{
    (void)state;
    monitor_tick(NULL);
    monitor_listening(NULL, "x");
    assert_null(monitor_tunnel_add(NULL, &(struct monitor_tunnel_info){.name = ""}));
    monitor_services(NULL, NULL, 0);
    monitor_tunnel_event(NULL, MONITOR_UP, ERR_OK, "");
    monitor_tunnel_remove(NULL);
    assert_null(monitor_stream_began(NULL, &(struct monitor_stream_info){.client = ""}));
    monitor_stream_opened(NULL, NULL, "");
    monitor_stream_answered(NULL);
    monitor_stream_ended(NULL, &(struct monitor_end){.why = ERR_OK});
    assert_null(monitor_hub_tunnel_began(NULL, &(struct monitor_hub_tunnel_info){.id = ""}));
    monitor_hub_tunnel_address(NULL, MONITOR_SOURCE, "");
    monitor_hub_tunnel_met(NULL);
    monitor_hub_tunnel_ended(NULL, ERR_OK, NULL, true);
    monitor_refused(NULL, &(struct monitor_refusal){.why = ERR_OK});
    monitor_refused_more(NULL, "", ERR_OK, 1, "");
    monitor_free(NULL);
}

/* A hub's store fails, works again, and is not told of any more a minute later. */
static void the_store(void **state)
{
    (void)state;
    monitor_store(monitor, "redis", false, "nothing has changed");
    cJSON *j = read_all();
    assert_null(cJSON_GetObjectItem(j, "store"));
    cJSON_Delete(j);
    monitor_store(monitor, "redis", true, "it is away");
    pass(4000);
    monitor_store(monitor, "redis", true, "it is away");
    j = read_all();
    assert_string_equal(text(j, "store.name"), "redis");
    assert_string_equal(text(j, "store.state"), "failing");
    assert_string_equal(text(j, "store.text"), "it is away");
    assert_about(number(j, "store.state_for"), 4);
    assert_about(number(j, "store.since"), (double)wall_ms / 1000 - 4);
    assert_string_equal(text(j, "events.list.0.event"), "store-failing");
    assert_int_equal(cJSON_GetArraySize(at(j, "events.list")), 1);
    cJSON_Delete(j);
    monitor_store(monitor, "redis", false, "it is back");
    pass(MONITOR_STORE_MS - 1);
    j = read_all();
    assert_string_equal(text(j, "store.state"), "works");
    assert_string_equal(text(j, "events.list.1.event"), "store-works");
    assert_about(number(j, "events.list.1.age"), 4);
    cJSON_Delete(j);
    pass(1);
    j = read_all();
    assert_null(cJSON_GetObjectItem(j, "store"));
    cJSON_Delete(j);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(nothing_yet),
        TEST(counts_and_rates),
        TEST(the_last_bytes_count),
        TEST(refused_and_failed),
        TEST(ends_of_a_hubs_tunnel),
        TEST(more_of_the_same),
        TEST(prometheus),
        TEST(histogram),
        TEST(the_store),
        TEST(nobody_watches),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
