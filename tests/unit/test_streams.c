/* Streams of Azure's service programs, from the request to the answer: with the real notices,
 * registry and bridges, and a desk of bridges that this test plays. */
#include "gateway/hub/streams.h"
#include "tests/unit/devices_help.h"

#include "gateway/hub/api/api.h"

#include <stdlib.h>
#include <string.h>

/* ---- the desk of bridges ---- */

struct bridge_desk {
    struct bridges *bridges;
    void (*wanted)(void *owner, const struct bridge_spec *spec);
    void *owner;
    bool has_source;
    int sources;
    struct inner_source source;
    char tunnel[64], service[129];
    void (*done)(void *ctx, enum err why, struct bridge *b);
    void *ctx;
    int refusals;
    enum err refused;
};
static struct bridge_desk desk;
static uint64_t now_ms;

struct bridges *bridge_desk_bridges(const struct bridge_desk *d)
{
    return d->bridges;
}

struct bridge *bridge_desk_make(struct bridge_desk *d, const struct bridge_spec *spec,
                                enum err *why)
{
    return bridge_new(d->bridges, spec, now_ms, why);
}

bool bridge_desk_has_source(const struct bridge_desk *d, const struct inner_source *s)
{
    (void)s;
    return d->has_source;
}

void bridge_desk_source(struct bridge_desk *d, const struct inner_source *s,
                        void (*done)(void *ctx, enum err why, struct bridge *b), void *ctx)
{
    d->sources++;
    d->source = *s;
    snprintf(d->tunnel, sizeof d->tunnel, "%s", s->tunnel != NULL ? s->tunnel : "");
    snprintf(d->service, sizeof d->service, "%s", s->service);
    d->done = done;
    d->ctx = ctx;
}

void bridge_desk_on_wanted(struct bridge_desk *d,
                           void (*wanted)(void *owner, const struct bridge_spec *spec), void *owner)
{
    d->wanted = wanted;
    d->owner = owner;
}

void bridge_desk_refuse(struct bridge_desk *d, const struct bridge_inner *inner, enum err why)
{
    assert_int_equal(inner->end, 7);
    d->refusals++;
    d->refused = why;
}

static void on_bridge_ended(void *owner, const struct bridge *b)
{
    (void)owner, (void)b;
}

/* ---- the world ---- */

static struct notices *notices;
static struct streams *streams;
static struct accounts *accounts;
static struct limit_book *limits;

static uint64_t clock_of(void *owner)
{
    (void)owner;
    return now_ms;
}

static int64_t wall_of(void *owner)
{
    (void)owner;
    return clock_ms;
}

static const char *base_of(void *owner)
{
    (void)owner;
    return "wss://inner:443";
}

static void token_new(char *out, size_t size)
{
    static int n;
    snprintf(out, size, "token-%d", ++n);
}

static void rules(const char *preset)
{
    char text[200];
    enum err why;
    limits_free(limits);
    limits = limits_read(preset, NULL, &why, text, sizeof text);
    accounts_rules(accounts, limits);
    streams_rules(streams, limits);
}

static int begin(void **state)
{
    int code = setup(state);
    now_ms = 100000;
    desk = (struct bridge_desk){0};
    desk.bridges = bridges_new(&(struct bridges_options){.hub = "hub", .ended = on_bridge_ended});
    notices = notices_new(&(struct notices_options){
        .registry = tunnels, .token_new = token_new, .now = clock_of, .wall = wall_of});
    accounts = accounts_new();
    streams = streams_new(&(struct streams_options){.registry = tunnels,
                                                    .notices = notices,
                                                    .bridges = &desk,
                                                    .accounts = accounts,
                                                    .token_new = token_new,
                                                    .now = clock_of,
                                                    .base = base_of});
    bridge_desk_on_wanted(&desk, streams_wanted, streams);
    rules(NULL);
    enrol("pump", 0, NULL);
    return code;
}

static int end(void **state)
{
    streams_end(streams);
    bridges_end_all(desk.bridges, BRIDGE_SHUTDOWN, NULL);
    notices_free(notices);
    int code = teardown(state);
    streams_free(streams);
    bridges_free(desk.bridges);
    accounts_free(accounts);
    limits_free(limits);
    limits = NULL;
    return code;
}

/* ---- a device ---- */

static struct {
    int notices;
    char id[NOTICE_ID_SIZE], url[1100], token[64], tunnel[64], service[129];
    uint64_t answer_ms;
    bool deaf;
} heard;

static bool deliver(void *link, const struct notice_delivery *d)
{
    (void)link;
    heard.notices++;
    snprintf(heard.id, sizeof heard.id, "%s", d->id);
    snprintf(heard.url, sizeof heard.url, "%s", d->url);
    snprintf(heard.token, sizeof heard.token, "%s", d->token);
    snprintf(heard.tunnel, sizeof heard.tunnel, "%s", d->tunnel);
    snprintf(heard.service, sizeof heard.service, "%s", d->service);
    heard.answer_ms = d->answer_ms;
    return !heard.deaf;
}

static void withdraw(void *link, const char *id)
{
    (void)link, (void)id;
}

static const struct notice_carrier azure = {.name = "mqtt-azure",
                                            .wire = "MQTT (Azure)",
                                            .streams = true,
                                            .answers = true,
                                            .deliver = deliver,
                                            .withdraw = withdraw};
static const struct notice_carrier device_link = {.name = "device-link",
                                                  .wire = "device link",
                                                  .tunnels = true,
                                                  .tells = true,
                                                  .answers = true,
                                                  .deliver = deliver,
                                                  .withdraw = withdraw};
static const struct notice_carrier aws = {.name = "mqtt-aws",
                                          .wire = "MQTT (AWS)",
                                          .tunnels = true,
                                          .deliver = deliver,
                                          .withdraw = withdraw};

static int link_of_pump;

static void come(const struct notice_carrier *carrier, const char *service)
{
    struct texts services = {0};
    if (service != NULL)
        texts_add(&services, span_of(service));
    memset(&heard, 0, sizeof heard);
    assert_true(notices_arrived(
        notices, &(struct device_arrival){
                     .device = "pump",
                     .carrier = carrier,
                     .link = &link_of_pump,
                     .address = "192.0.2.1:5",
                     .status = {.version = "", .services = &services, .accepting = true}}));
    texts_free(&services);
}

static void say(bool accepted, const char *words)
{
    struct notice_reply r = {
        .id = heard.id, .accepted = accepted, .code = DEVICE_CODE_REFUSED, .words = words};
    notices_answered(notices, "pump", &link_of_pump, &r);
}

/* ---- asking ---- */

static struct asked {
    int calls;
    enum stream_result result;
    char words[200], url[1100], token[64];
    uint64_t bridge;
} got;

static void on_answer(void *ctx, const struct stream_answer *a)
{
    struct asked *to = ctx;
    to->calls++;
    to->result = a->result;
    to->bridge = a->bridge;
    snprintf(to->words, sizeof to->words, "%s", a->words);
    snprintf(to->url, sizeof to->url, "%s", a->url != NULL ? a->url : "");
    snprintf(to->token, sizeof to->token, "%s", a->token != NULL ? a->token : "");
}

static void ask_by(const char *policy, struct asked *to, const char *stream, uint64_t connect_ms)
{
    struct stream_spec q = {.device = get("pump"),
                            .stream = stream,
                            .policy = policy,
                            .base = "wss://hub:443",
                            .connect_ms = connect_ms,
                            .response_ms = 20000};
    *to = (struct asked){0};
    streams_ask(streams, &q, on_answer, to);
}

static void ask(const char *stream, uint64_t connect_ms)
{
    ask_by("service", &got, stream, connect_ms);
}

static void is(enum stream_result result)
{
    if (got.calls != 1 || got.result != result)
        fail_msg("%d calls, %s: %s", got.calls, stream_result_name(got.result), got.words);
}

static void pass(uint64_t ms)
{
    now_ms += ms;
    notices_tick(notices);
}

/* ---- Azure's wire ---- */

static void test_azure(void **state)
{
    enum bridge_side side;
    (void)state;
    come(&azure, NULL);
    ask("SSH1", 0);
    assert_int_equal(got.calls, 0);
    assert_int_equal(heard.notices, 1);
    assert_string_equal(heard.service, "SSH1");
    assert_string_equal(heard.tunnel, "");
    assert_int_equal(heard.answer_ms, 20000);
    say(true, "");
    is(STREAM_ACCEPTED);
    assert_string_equal(got.url, heard.url);
    assert_string_not_equal(got.token, heard.token);
    assert_memory_equal(got.url, "wss://hub:443/bridges/hub/pump/SSH1/", 36);
    struct span path = span_of(got.url + strlen("wss://hub:443"));
    struct bridge *b = bridges_claim(desk.bridges, path, span_of(got.token), now_ms, &side);
    assert_int_equal(b->serial, got.bridge);
    assert_int_equal(side, BRIDGE_SERVICE);
    assert_ptr_equal(bridges_claim(desk.bridges, path, span_of(heard.token), now_ms, &side), b);
    assert_int_equal(side, BRIDGE_DEVICE);
    bridge_end(b, BRIDGE_CLOSED, NULL);
    bridge_returned(b);
    bridge_returned(b);
}

static void no_bridge_waits(void)
{
    assert_int_equal(bridges_counts(desk.bridges).waiting, 0);
    assert_int_equal(streams_counts(streams).waiting, 0);
}

static void test_azure_refusals(void **state)
{
    (void)state;
    come(&azure, NULL);
    ask("SSH1", 0);
    say(false, "no, thanks");
    is(STREAM_REJECTED);
    assert_string_equal(got.words, "no, thanks");
    no_bridge_waits();
    ask("SSH1", 0);
    pass(19999);
    assert_int_equal(got.calls, 0);
    pass(1);
    is(STREAM_SILENT);
    no_bridge_waits();
    say(true, ""); /* too late */
    is(STREAM_SILENT);
    ask("SSH1", 0);
    notices_dropped(notices, "pump", false); /* disabled */
    is(STREAM_OFFLINE);
    no_bridge_waits();
}

static void test_waits(void **state)
{
    (void)state;
    ask("SSH1", 0);
    is(STREAM_OFFLINE);
    assert_string_equal(got.words, "");
    ask("SSH1", 30000);
    pass(29999);
    assert_int_equal(got.calls, 0);
    come(&azure, NULL);
    assert_int_equal(heard.notices, 1);
    say(true, "");
    is(STREAM_ACCEPTED);
    notices_left(notices, "pump", &link_of_pump);
    ask("SSH1", 30000);
    pass(30000);
    is(STREAM_OFFLINE);
    /* 60 s for all of it */
    ask("SSH1", 60000);
    pass(50000);
    come(&azure, NULL);
    assert_int_equal(heard.answer_ms, 10000);
    pass(10000);
    is(STREAM_SILENT);
}

static void test_leaves(void **state)
{
    (void)state;
    ask("SSH1", 30000);
    streams_left(streams, &heard); /* nobody */
    assert_int_equal(got.calls, 0);
    streams_left(streams, &got);
    is(STREAM_LEFT);
    streams_left(streams, &got);
    come(&azure, NULL);
    assert_int_equal(heard.notices, 0);
    ask("SSH1", 0);
    streams_left(streams, &got);
    is(STREAM_LEFT);
    no_bridge_waits();
    say(true, "");
    is(STREAM_LEFT);
}

static void test_state(void **state)
{
    (void)state;
    come(&azure, NULL);
    set_state("pump", DEVICE_DISABLED);
    ask("SSH1", 30000);
    is(STREAM_OFFLINE);
    assert_string_equal(got.words, "The device is disabled.");
}

/* ---- limits ---- */

static void test_limits(void **state)
{
    struct asked all[60];
    (void)state;
    rules("azure");
    for (int i = 0; i < 7; i++)
        ask_by("service", &all[i], "SSH1", 60000);
    assert_int_equal(all[5].calls, 0);
    assert_int_equal(all[6].result, STREAM_THROTTLED); /* 5 a second, and one before */
    ask_by("other", &got, "SSH1", 0);
    is(STREAM_OFFLINE); /* each policy has its own */
    for (int i = 6; i < 50; i++) {
        now_ms += 200;
        ask_by("service", &all[i], "SSH1", 60000);
        assert_int_equal(all[i].calls, 0);
    }
    now_ms += 1000;
    ask("SSH1", 0);
    is(STREAM_QUOTA);
    assert_non_null(strstr(got.words, "limit streams"));
    assert_int_equal(streams_counts(streams).waiting, 50);
    come(&azure, NULL); /* all are heard */
    for (int i = 0; i < 50; i++)
        assert_true(i == 6 || all[i].calls == 0);
    pass(60000);
    assert_int_equal(streams_counts(streams).waiting, 0);
    no_bridge_waits();
}

static void test_volume(void **state)
{
    (void)state;
    rules("azure");
    come(&azure, NULL);
    ask("SSH1", 0);
    say(true, "");
    is(STREAM_ACCEPTED);
    struct bridge *b = bridges_find(desk.bridges, got.bridge);
    bridges_tick(desk.bridges, now_ms, clock_ms);
    b->traffic.received[BRIDGE_SERVICE] = 200000000;
    b->traffic.received[BRIDGE_DEVICE] = 100000000;
    bridges_tick(desk.bridges, now_ms, clock_ms);
    now_ms += 1000;
    ask("SSH1", 0);
    is(STREAM_QUOTA);
    assert_non_null(strstr(got.words, "stream-bytes-per-day"));
    bridges_tick(desk.bridges, now_ms, clock_ms + 86400000);
    now_ms += 1000;
    ask("SSH1", 0);
    assert_int_equal(got.calls, 0);
}

/* ---- the tunnel's wire ---- */

static void test_tunnel(void **state)
{
    struct bridge_spec spec = {
        .device = "pump", .stream = "SSH1", .policy = "service", .inner = {.end = 9}};
    enum err why;
    (void)state;
    come(&device_link, "SSH1");
    ask("ssh1", 0); /* as it is spelled in host names */
    UNTIL(loop, heard.notices > 0);
    assert_string_equal(heard.service, "SSH1");
    assert_string_equal(heard.url, "");
    assert_memory_equal(heard.token, "token-", 6);
    say(true, "");
    assert_int_equal(desk.sources, 1);
    assert_string_equal(desk.tunnel, heard.tunnel);
    assert_string_equal(desk.service, "SSH1");
    spec.inner.side = BRIDGE_DEVICE;
    desk.done(desk.ctx, ERR_OK, bridge_desk_make(&desk, &spec, &why));
    is(STREAM_ACCEPTED);
    assert_memory_equal(got.url, "wss://hub:443/bridges/", 22);
    assert_int_equal(registry_open_count(tunnels), 1);
    /* the next one needs no tunnel */
    desk.has_source = true;
    ask("SSH1", 0);
    assert_int_equal(desk.sources, 2);
    assert_string_equal(desk.tunnel, "");
    desk.done(desk.ctx, ERR_LIMIT, NULL);
    is(STREAM_BUSY);
    assert_int_equal(registry_open_count(tunnels), 1);
}

static void test_tunnel_refusals(void **state)
{
    (void)state;
    come(&device_link, "SSH1");
    ask("HTTP1", 0);
    is(STREAM_REJECTED);
    assert_string_equal(got.words, "The device does not serve that.");
    ask("a.b", 0);
    is(STREAM_REJECTED);
    assert_int_equal(heard.notices, 0);
    ask("SSH1", 0);
    UNTIL(loop, heard.notices == 1);
    say(false, "maintenance");
    is(STREAM_REJECTED);
    UNTIL(loop, registry_open_count(tunnels) == 0);
    ask("SSH1", 0);
    UNTIL(loop, heard.notices == 2);
    say(true, "");
    desk.done(desk.ctx, ERR_REJECTED, NULL);
    is(STREAM_FAILED);
    UNTIL(loop, registry_open_count(tunnels) == 0);
    ask("SSH1", 0);
    UNTIL(loop, heard.notices == 3);
    streams_left(streams, &got);
    is(STREAM_LEFT);
    UNTIL(loop, registry_open_count(tunnels) == 0);
    ask("SSH1", 0); /* gone before the tunnel is stored */
    streams_left(streams, &got);
    is(STREAM_LEFT);
    UNTIL(loop, registry_open_count(tunnels) == 1);
    UNTIL(loop, registry_open_count(tunnels) == 0);
    assert_int_equal(heard.notices, 3);
}

/* A device of AWS's wire tells no services, and its coming is its answer. */
static void test_aws(void **state)
{
    (void)state;
    come(&aws, NULL);
    ask("SSH", 0);
    UNTIL(loop, heard.notices > 0);
    assert_string_equal(heard.service, "SSH");
    notices_connected(notices, heard.tunnel);
    assert_int_equal(desk.sources, 1);
    desk.done(desk.ctx, ERR_SHUTDOWN, NULL);
    is(STREAM_BUSY);
}

/* ---- the other way round ---- */

static void want(void)
{
    const struct bridge_spec spec = {.device = "pump",
                                     .azure_id = "edge/pump",
                                     .stream = "SSH1",
                                     .policy = "A",
                                     .inner = {.end = 7, .side = BRIDGE_SERVICE}};
    desk.wanted(desk.owner, &spec);
}

static void test_wanted(void **state)
{
    (void)state;
    want();
    assert_int_equal(desk.refusals, 1);
    assert_int_equal(desk.refused, ERR_DEVICE_OFFLINE);
    come(&azure, NULL);
    want();
    assert_memory_equal(heard.url, "wss://inner:443/bridges/hub/edge", 32);
    say(true, "");
    assert_int_equal(desk.refusals, 1);
    assert_int_equal(bridges_counts(desk.bridges).waiting, 1);
    want();
    say(false, "");
    assert_int_equal(desk.refused, ERR_DEVICE_REJECTED);
    want();
    pass(30000);
    assert_int_equal(desk.refused, ERR_DEVICE_SILENT);
    assert_int_equal(desk.refusals, 3);
    notices_left(notices, "pump", &link_of_pump);
    come(&device_link, "SSH1");
    want();
    assert_int_equal(desk.refused, ERR_DEVICE_OFFLINE);
    assert_int_equal(heard.notices, 0);
}

static void test_end(void **state)
{
    (void)state;
    ask("SSH1", 30000);
    streams_end(streams);
    is(STREAM_BUSY);
    struct asked late;
    ask_by("service", &late, "SSH1", 0);
    assert_int_equal(late.result, STREAM_BUSY);
}

int main(void)
{
#undef TEST
#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(test_azure), TEST(test_azure_refusals), TEST(test_waits),           TEST(test_leaves),
        TEST(test_state), TEST(test_limits),         TEST(test_volume),          TEST(test_tunnel),
        TEST(test_aws),   TEST(test_wanted),         TEST(test_tunnel_refusals), TEST(test_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
