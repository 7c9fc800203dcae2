#include "core/control/report.h"

#include "core/control/monitor_internal.h"
#include "core/control/report_internal.h"

#include <string.h>
#include <unistd.h>

/* ---- counts ---- */

static void put_reasons(struct json_writer *w, const char *name, const uint64_t counts[ERR_COUNT])
{
    bool any = false;
    for (size_t i = 0; i < ERR_COUNT; i++) {
        if (counts[i] == 0)
            continue;
        if (!any)
            json_open(w, name, '{');
        any = true;
        json_number(w, err_name((enum err)i), (int64_t)counts[i]);
    }
    if (any)
        json_close(w, '}');
}

static void put_stream_counters(struct json_writer *w, const struct stream_counters *t,
                                void (*put)(struct json_writer *w, const char *name, uint64_t n))
{
    const struct {
        const char *name;
        uint64_t n;
    } rows[] = {
        {"open", t->open},       {"max", t->max},
        {"served", t->served},   {"refused", t->refused},
        {"failed", t->failed},   {"bytes_down", t->down},
        {"bytes_up", t->up},     {"rate_down", t->rate_down},
        {"rate_up", t->rate_up},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        put(w, rows[i].name, rows[i].n);
    put_reasons(w, "errors", t->errors);
    put_reasons(w, "refusals", t->refusals);
}

static void put_always(struct json_writer *w, const char *name, uint64_t n)
{
    json_number(w, name, (int64_t)n);
}

/* ---- parts ---- */

static struct sum_now counters_now(const struct stream_counters *t)
{
    return (struct sum_now){t->served, t->failed, t->down, t->up};
}

static void put_device(const struct monitor *m, struct json_writer *w)
{
    struct monitor_device_state now = {0};
    m->device_look(m->device_ctx, &now);
    json_open(w, "device", '{');
    report_put_text(w, "name", m->device);
    report_put_text(w, "state",
                    now.present           ? "present"
                    : now.pending         ? "pending"
                    : now.refusal != NULL ? "refused"
                                          : "away");
    report_put_text(w, "text", now.refusal);
    report_put_flag(w, "accepting", now.accepting);
    report_put_number(w, "tunnels", now.tunnels);
    json_close(w, '}');
}

static void put_program(struct monitor *m, bool readonly, const struct sums_then *then,
                        struct json_writer *w)
{
    char host[256] = "";
    uint64_t now = monitor_now(m);
    struct sum_now now_in_all = counters_now(&m->total);
    if (gethostname(host, sizeof host - 1) != 0)
        host[0] = '\0';
    json_number(w, "schema", 1);
    report_put_text(w, "program", m->o.program);
    report_put_text(w, "role", m->o.role);
    report_put_text(w, "version", m->o.version);
    report_put_text(w, "instance", m->instance);
    report_put_text(w, "host", host);
    json_number(w, "pid", getpid());
    json_time(w, "time", m->o.wall(m->o.clock));
    json_time(w, "clock", (int64_t)now);
    json_time(w, "uptime", (int64_t)(now - m->started_ms));
    report_put_flag(w, "readonly", readonly || strcmp(m->o.role, "hub") == 0);
    if (m->device != NULL)
        put_device(m, w);
    if (m->open_tunnels != NULL)
        put_always(w, "open_tunnels", m->open_tunnels(m->open_tunnels_ctx));
    if (m->certificate_ends_ms > 0)
        json_time(w, "certificate_ends", m->certificate_ends_ms);
    if (m->write_store != NULL)
        m->write_store(m, w);
    json_open(w, "listen", '[');
    for (size_t i = 0; i < m->n_listen; i++)
        json_text(w, NULL, span_of(m->listen[i]));
    json_close(w, ']');
    json_open(w, "totals", '{');
    put_stream_counters(w, &m->total, put_always);
    if (then != NULL)
        sum_then_write(then, then->all, &now_in_all, w);
    json_close(w, '}');
}

static void put_memory(const struct monitor_memory *m, struct json_writer *w)
{
    report_put_number(w, "memory_held", m->held);
    report_put_number(w, "memory_kept", m->kept);
    report_put_number(w, "memory_limit", m->limit);
    report_put_number(w, "memory_full", m->full);
    report_put_number(w, "memory_dropped", m->dropped);
    report_put_flag(w, "memory_short", m->is_short);
}

static void put_tunnel(struct monitor_tunnel *t, uint64_t now, struct json_writer *w)
{
    struct monitor_tunnel_state s;
    monitor_tunnel_look(t, &s);
    json_open(w, NULL, '{');
    report_put_text(w, "name", t->name);
    report_put_text(w, "hub", t->hub);
    report_put_text(w, "state", monitor_link_name(s.link));
    report_put_time(w, "state_for", s.since_ms < now ? now - s.since_ms : 0);
    if (s.link == MONITOR_DOWN && s.retry_ms > now)
        report_put_time(w, "retry_in", s.retry_ms - now);
    report_put_reason(w, s.link == MONITOR_UP ? ERR_OK : s.why);
    report_put_text(w, "text", s.link == MONITOR_UP ? NULL : s.text);
    if (s.round_trip_us > 0)
        json_micro(w, "round_trip", (int64_t)s.round_trip_us);
    if (t->round_trip_max_us > 0)
        json_micro(w, "round_trip_max", (int64_t)t->round_trip_max_us);
    report_put_text(w, "far_end", s.far_end);
    if (s.far_round_trip_us > 0)
        json_micro(w, "far_round_trip", (int64_t)s.far_round_trip_us);
    report_put_number(w, "connections", s.connections);
    if (s.expires_ms > 0)
        report_put_time(w, "expires_in", s.expires_ms > now ? s.expires_ms - now : 0);
    put_memory(&s.memory, w);
    json_close(w, '}');
}

static uint64_t mean_first_byte(const struct monitor_service *s)
{
    uint64_t n = 0;
    for (size_t i = 0; i <= FIRST_BYTE_BUCKETS; i++)
        n += s->first_bytes[i];
    return n > 0 ? s->first_byte_ms / n : 0;
}

static const struct sum_then *service_then(const struct monitor_tunnel *t,
                                           const struct monitor_service *s,
                                           const struct sums_then *then)
{
    char key[SERVICE_KEY];
    return then != NULL ? sums_then_of(then, sum_then_service(t->name, s->id, key)) : NULL;
}

/* then: NULL unless a moment is asked for, as below. */
static void put_service(const struct monitor_tunnel *t, const struct monitor_service *s,
                        enum monitor_link link, const struct sums_then *then, struct json_writer *w)
{
    json_open(w, NULL, '{');
    report_put_text(w, "id", s->id);
    report_put_text(w, "tunnel", t->name);
    report_put_text(w, "host", s->host);
    report_put_text(w, "target", s->target);
    report_put_text(w, "state", monitor_service_state(s, link));
    put_stream_counters(w, &s->counters, report_put_number);
    report_put_time(w, "first_byte", mean_first_byte(s));
    struct sum_now now = counters_now(&s->counters);
    if (then != NULL)
        sum_then_write(then, service_then(t, s, then), &now, w);
    json_close(w, '}');
}

static void put_services(struct monitor_tunnel *t, const struct sums_then *then,
                         struct json_writer *w)
{
    struct monitor_tunnel_state state;
    monitor_tunnel_look(t, &state);
    list_each(node, &t->services)
    {
        const struct monitor_service *s = list_entry(node, struct monitor_service, node);
        const struct sum_then *was = service_then(t, s, then);
        if (s->present || s->counters.open > 0 || (was != NULL && was->open > 0))
            put_service(t, s, state.link, then, w);
    }
}

/* ---- history and events ---- */

static void put_samples(const struct history_ring *r, const char *name, const uint64_t *samples,
                        uint64_t from, struct json_writer *w)
{
    json_open(w, name, '[');
    for (uint64_t at = from; at <= r->last; at++)
        json_number(w, NULL, (int64_t)samples[at % r->size]);
    json_close(w, ']');
}

static void put_ring(const struct history_ring *r, const char *name, uint64_t known,
                     struct json_writer *w)
{
    uint64_t from = history_from(r, known);
    json_open(w, name, '{');
    json_number(w, "last", (int64_t)r->last);
    put_samples(r, "down", r->down, from, w);
    put_samples(r, "up", r->up, from, w);
    json_close(w, '}');
}

void report_event(const struct logged_event *e, struct json_writer *w)
{
    json_open(w, NULL, '{');
    report_put_text(w, "event", e->event);
    report_put_number(w, "number", e->number);
    json_time(w, "time", e->wall_ms);
    report_put_number(w, "stream", e->stream);
    report_put_text(w, "client", e->client);
    report_put_text(w, "via", e->via);
    report_put_text(w, "asked", e->asked);
    report_put_text(w, "service", e->service);
    report_put_text(w, "tunnel", e->tunnel);
    report_put_reason(w, e->why);
    report_put_text(w, "text", e->text);
    report_put_time(w, "age", e->age_ms);
    report_put_number(w, "bytes_down", e->down);
    report_put_number(w, "bytes_up", e->up);
    report_put_number(w, "count", e->count);
    json_close(w, '}');
}

static void put_events(const struct event_log *j, uint64_t known, struct json_writer *w)
{
    uint64_t oldest = j->last > EVENT_LOG_SIZE ? j->last - EVENT_LOG_SIZE + 1 : 1;
    /* Otherwise the number is from before a restart. */
    uint64_t from = known <= j->last ? known + 1 : 1;
    json_open(w, "events", '{');
    json_number(w, "last", (int64_t)j->last);
    json_open(w, "list", '[');
    for (uint64_t at = from > oldest ? from : oldest; at <= j->last; at++) {
        const struct logged_event *e = event_log_get(j, at);
        if (e != NULL)
            report_event(e, w);
    }
    json_close(w, ']');
    json_close(w, '}');
}

/* ---- all of it ---- */

void report_snapshot(struct monitor *m, const struct snapshot_query *wanted, struct json_writer *w)
{
    uint64_t now = monitor_now(m), at = wanted->streams.wanted ? wanted->streams.at_ms : 0;
    struct sums_then services = {0};
    const struct sums_then *then = at != 0 ? &services : NULL;
    monitor_absorb_all(m);
    if (at != 0)
        sums_then_take(m, at, GROUP_NONE, &services);
    json_open(w, NULL, '{');
    put_program(m, wanted->readonly, then, w);
    json_open(w, "tunnels", '[');
    list_each(node, &m->tunnels) put_tunnel(list_entry(node, struct monitor_tunnel, node), now, w);
    json_close(w, ']');
    json_open(w, "services", '[');
    list_each(node, &m->tunnels)
    {
        put_services(list_entry(node, struct monitor_tunnel, node), then, w);
    }
    json_close(w, ']');
    sums_then_free(&services);
    report_streams(m, wanted, now, w);
    json_open(w, "history", '{');
    put_ring(&m->history.seconds, "seconds", wanted->history, w);
    put_ring(&m->history.tens, "tens", wanted->tens, w);
    json_close(w, '}');
    put_events(&m->event_log, wanted->events, w);
    if (m->write_devices != NULL)
        m->write_devices(m, &wanted->devices, w);
    if (m->write_nodes != NULL)
        m->write_nodes(m, w);
    json_close(w, '}');
}
