#include "tests/unit/monitor_help.h"

/* ---- a program to be watched ---- */

struct monitor *monitor;

uint64_t clock_ms;

int64_t wall_ms;

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

void pass(uint64_t ms)
{
    clock_ms += ms;
    wall_ms += (int64_t)ms;
}

void second(void)
{
    pass(1000);
    monitor_tick(monitor);
}

int begin(void **state)
{
    (void)state;
    clock_ms = 5000;
    wall_ms = 1700000000000;
    monitor = monitor_new(&(struct monitor_options){
        .program = "tunnel-gateway", .role = "source", .version = "9.9", .now = now, .wall = wall});
    assert_non_null(monitor);
    return 0;
}

int end(void **state)
{
    (void)state;
    monitor_free(monitor);
    return 0;
}

/* ---- a program to be watched ---- */

static void look_at_tunnel(void *ctx, struct monitor_tunnel_state *out)
{
    *out = *(const struct monitor_tunnel_state *)ctx;
}

struct monitor_tunnel *add_tunnel(const char *name, struct monitor_tunnel_state *state)
{
    struct monitor_tunnel *t = monitor_tunnel_add(
        monitor, &(struct monitor_tunnel_info){
                     .name = name, .hub = "wss://hub:443", .look = look_at_tunnel, .ctx = state});
    assert_non_null(t);
    return t;
}

void look_at_flow(void *ctx, struct monitor_counters *out)
{
    *out = ((const struct flow *)ctx)->counters;
}

static void close_flow(void *ctx)
{
    ((struct flow *)ctx)->closed = true;
}

void start(struct flow *f, const char *client)
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

void serve(struct flow *f, struct monitor_tunnel *t, const char *service)
{
    monitor_stream_opened(f->stream, t, service);
    monitor_stream_answered(f->stream);
    f->counters.state = MONITOR_STREAM_OPEN;
}

void finish(struct flow *f, enum err why)
{
    monitor_stream_ended(f->stream, &(struct monitor_end){.why = why});
}

/* ---- reading it ---- */

cJSON *read_with(const struct snapshot_query *wanted)
{
    struct json_writer w = {.bytes.limit = 16 << 20};
    report_snapshot(monitor, wanted, &w);
    assert_false(w.failed);
    cJSON *j = cJSON_ParseWithLength((const char *)w.bytes.data, w.bytes.size);
    assert_non_null(j);
    buf_free(&w.bytes);
    return j;
}

cJSON *read_all(void)
{
    return read_with(&(struct snapshot_query){0});
}

const cJSON *at(const cJSON *j, const char *path)
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

double number(const cJSON *j, const char *path)
{
    const cJSON *item = at(j, path);
    if (item == NULL)
        return 0;
    assert_true(cJSON_IsNumber(item));
    return item->valuedouble;
}

const char *text(const cJSON *j, const char *path)
{
    const cJSON *item = at(j, path);
    if (item == NULL)
        return "";
    assert_true(cJSON_IsString(item));
    return item->valuestring;
}

void assert_about(double is, double should)
{
    double off = is - should;
    if (off < -0.0005 || off > 0.0005)
        fail_msg("%f is not %f", is, should);
}
