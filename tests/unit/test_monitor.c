/* What a program tells of itself: counts, rates, history, events, and how they are written out. */
#include "core/control/history.h"
#include "core/control/monitor.h"
#include "core/control/report.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- a program to be watched ---- */

static struct monitor *monitor;
static uint64_t clock_ms;
static int64_t wall_ms;

static uint64_t now(void *ctx)
{
    (void)ctx;
    return clock_ms;
}

static int64_t wall(void *ctx)
{
    (void)ctx;
    return wall_ms;
}

static void pass(uint64_t ms)
{
    clock_ms += ms;
    wall_ms += (int64_t)ms;
}

static void second(void)
{
    pass(1000);
    monitor_tick(monitor);
}

static int begin(void **state)
{
    (void)state;
    clock_ms = 5000;
    wall_ms = 1700000000000;
    monitor = monitor_new(&(struct monitor_options){
        .program = "tunnel-gateway", .role = "source", .version = "9.9", .now = now, .wall = wall});
    assert_non_null(monitor);
    return 0;
}

static int end(void **state)
{
    (void)state;
    monitor_free(monitor);
    return 0;
}

static void look_at_tunnel(void *ctx, struct monitor_tunnel_state *out)
{
    *out = *(const struct monitor_tunnel_state *)ctx;
}

static struct monitor_tunnel *add_tunnel(const char *name, struct monitor_tunnel_state *state)
{
    struct monitor_tunnel *t = monitor_tunnel_add(
        monitor, &(struct monitor_tunnel_info){
                     .name = name, .hub = "wss://hub:443", .look = look_at_tunnel, .ctx = state});
    assert_non_null(t);
    return t;
}

/* A stream of the test, whose counters it sets. */
struct flow {
    struct monitor_stream *stream;
    struct monitor_counters counters;
    bool closed;
};

static void look_at_flow(void *ctx, struct monitor_counters *out)
{
    *out = ((const struct flow *)ctx)->counters;
}

static void close_flow(void *ctx)
{
    ((struct flow *)ctx)->closed = true;
}

static void start(struct flow *f, const char *client)
{
    *f = (struct flow){.counters = {.state = MONITOR_STREAM_CONNECTING}};
    f->stream = monitor_stream_began(monitor, &(struct monitor_stream_info){.client = client,
                                                                            .via = "socks5",
                                                                            .asked = "ssh1.tunnel",
                                                                            .look = look_at_flow,
                                                                            .close = close_flow,
                                                                            .ctx = f});
    assert_non_null(f->stream);
}

static void serve(struct flow *f, struct monitor_tunnel *t, const char *service)
{
    monitor_stream_opened(f->stream, t, service);
    monitor_stream_answered(f->stream);
    f->counters.state = MONITOR_STREAM_OPEN;
}

static void finish(struct flow *f, enum err why)
{
    monitor_stream_ended(f->stream, &(struct monitor_end){.why = why});
}

/* ---- reading it ---- */

static cJSON *read_with(const struct snapshot_query *wanted)
{
    struct json_writer w = {.bytes.limit = 16 << 20};
    report_snapshot(monitor, wanted, &w);
    assert_false(w.failed);
    cJSON *j = cJSON_ParseWithLength((const char *)w.bytes.data, w.bytes.size);
    assert_non_null(j);
    buf_free(&w.bytes);
    return j;
}

static cJSON *read_all(void)
{
    return read_with(&(struct snapshot_query){0});
}

/* "streams.0.client" */
static const cJSON *at(const cJSON *j, const char *path)
{
    char part[64];
    while (j != NULL && *path != '\0') {
        size_t n = strcspn(path, ".");
        assert_true(n < sizeof part);
        memcpy(part, path, n);
        part[n] = '\0';
        j = cJSON_IsArray(j) ? cJSON_GetArrayItem(j, atoi(part))
                             : cJSON_GetObjectItemCaseSensitive(j, part);
        path += n + (path[n] == '.');
    }
    return j;
}

static double number(const cJSON *j, const char *path)
{
    const cJSON *item = at(j, path);
    if (item == NULL)
        return 0;
    assert_true(cJSON_IsNumber(item));
    return item->valuedouble;
}

static const char *text(const cJSON *j, const char *path)
{
    const cJSON *item = at(j, path);
    if (item == NULL)
        return "";
    assert_true(cJSON_IsString(item));
    return item->valuestring;
}

static void assert_about(double is, double should)
{
    double off = is - should;
    if (off < -0.0005 || off > 0.0005)
        fail_msg("%f is not %f", is, should);
}

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
        TEST(history_is_bounded),
        TEST(a_late_tick),
        TEST(events_are_bounded),
        TEST(closed_ones_are_bounded),
        TEST(services_come_and_go),
        TEST(services_and_tunnels_are_let_go),
        TEST(prometheus),
        TEST(histogram),
        TEST(nobody_watches),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
