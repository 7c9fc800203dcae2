#include "core/control/report.h"

#include "core/control/monitor_internal.h"

#include <string.h>
#include <unistd.h>

/* ---- members without a value are left out ---- */

static void put_text(struct json_writer *w, const char *name, const char *text)
{
    if (text != NULL && text[0] != '\0')
        json_text(w, name, span_of(text));
}

static void put_number(struct json_writer *w, const char *name, uint64_t n)
{
    if (n > 0)
        json_number(w, name, n < INT64_MAX ? (int64_t)n : INT64_MAX);
}

static void put_time(struct json_writer *w, const char *name, uint64_t ms)
{
    if (ms > 0)
        json_time(w, name, (int64_t)ms);
}

static void put_flag(struct json_writer *w, const char *name, bool flag)
{
    if (flag)
        json_flag(w, name, true);
}

static void put_reason(struct json_writer *w, enum err why)
{
    if (why != ERR_OK)
        json_text(w, "reason", span_of(err_name(why)));
}

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

static void put_device(const struct monitor *m, struct json_writer *w)
{
    struct monitor_device_state now = {0};
    m->device_look(m->device_ctx, &now);
    json_open(w, "device", '{');
    put_text(w, "name", m->device);
    put_text(w, "state",
             now.present           ? "present"
             : now.pending         ? "pending"
             : now.refusal != NULL ? "refused"
                                   : "away");
    if (now.refusal != NULL)
        put_text(w, "text", now.refusal);
    put_flag(w, "accepting", now.accepting);
    put_number(w, "tunnels", now.tunnels);
    json_close(w, '}');
}

static void put_program(struct monitor *m, bool readonly, struct json_writer *w)
{
    char host[256] = "";
    uint64_t now = monitor_now(m);
    if (gethostname(host, sizeof host - 1) != 0)
        host[0] = '\0';
    json_number(w, "schema", 1);
    put_text(w, "program", m->o.program);
    put_text(w, "role", m->o.role);
    put_text(w, "version", m->o.version);
    put_text(w, "instance", m->instance);
    put_text(w, "host", host);
    json_number(w, "pid", getpid());
    json_time(w, "time", m->o.wall(m->o.clock));
    json_time(w, "clock", (int64_t)now);
    json_time(w, "uptime", (int64_t)(now - m->started_ms));
    put_flag(w, "readonly", readonly || strcmp(m->o.role, "hub") == 0);
    if (m->device != NULL)
        put_device(m, w);
    if (m->open_tunnels != NULL)
        put_always(w, "open_tunnels", m->open_tunnels(m->open_tunnels_ctx));
    if (m->certificate_ends_ms > 0)
        json_time(w, "certificate_ends", m->certificate_ends_ms);
    json_open(w, "listen", '[');
    for (size_t i = 0; i < m->n_listen; i++)
        json_text(w, NULL, span_of(m->listen[i]));
    json_close(w, ']');
    json_open(w, "totals", '{');
    put_stream_counters(w, &m->total, put_always);
    json_close(w, '}');
}

static void put_memory(const struct monitor_memory *m, struct json_writer *w)
{
    put_number(w, "memory_held", m->held);
    put_number(w, "memory_kept", m->kept);
    put_number(w, "memory_limit", m->limit);
    put_number(w, "memory_full", m->full);
    put_number(w, "memory_dropped", m->dropped);
    put_flag(w, "memory_short", m->is_short);
}

static void put_tunnel(struct monitor_tunnel *t, uint64_t now, struct json_writer *w)
{
    struct monitor_tunnel_state s;
    monitor_tunnel_look(t, &s);
    json_open(w, NULL, '{');
    put_text(w, "name", t->name);
    put_text(w, "hub", t->hub);
    put_text(w, "state", monitor_link_name(s.link));
    put_time(w, "state_for", s.since_ms < now ? now - s.since_ms : 0);
    if (s.link == MONITOR_DOWN && s.retry_ms > now)
        put_time(w, "retry_in", s.retry_ms - now);
    put_reason(w, s.link == MONITOR_UP ? ERR_OK : s.why);
    put_text(w, "text", s.link == MONITOR_UP ? NULL : s.text);
    if (s.round_trip_us > 0)
        json_micro(w, "round_trip", (int64_t)s.round_trip_us);
    if (t->round_trip_max_us > 0)
        json_micro(w, "round_trip_max", (int64_t)t->round_trip_max_us);
    put_text(w, "far_end", s.far_end);
    if (s.far_round_trip_us > 0)
        json_micro(w, "far_round_trip", (int64_t)s.far_round_trip_us);
    put_number(w, "connections", s.connections);
    if (s.expires_ms > 0)
        put_time(w, "expires_in", s.expires_ms > now ? s.expires_ms - now : 0);
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

static const char *service_state(const struct monitor_service *s, enum monitor_link link)
{
    if (!s->present)
        return "offline";
    return link == MONITOR_UP          ? "ready"
           : link == MONITOR_NO_DEVICE ? monitor_link_name(link)
                                       : "offline";
}

static void put_service(const struct monitor_tunnel *t, const struct monitor_service *s,
                        enum monitor_link link, struct json_writer *w)
{
    json_open(w, NULL, '{');
    put_text(w, "id", s->id);
    put_text(w, "tunnel", t->name);
    put_text(w, "host", s->host);
    put_text(w, "target", s->target);
    put_text(w, "state", service_state(s, link));
    put_stream_counters(w, &s->counters, put_number);
    put_time(w, "first_byte", mean_first_byte(s));
    json_close(w, '}');
}

static void put_services(struct monitor_tunnel *t, struct json_writer *w)
{
    struct monitor_tunnel_state state;
    monitor_tunnel_look(t, &state);
    list_each(node, &t->services)
    {
        const struct monitor_service *s = list_entry(node, struct monitor_service, node);
        if (s->present || s->counters.open > 0)
            put_service(t, s, state.link, w);
    }
}

/* ---- streams, and a hub's tunnels ---- */

static void put_counters(const struct monitor_counters *c, struct json_writer *w)
{
    if (c->stream_id != 0)
        json_number(w, "stream_id", c->stream_id);
    put_number(w, "connection_id", c->connection_id);
    put_number(w, "bytes_down", c->down);
    put_number(w, "bytes_up", c->up);
    put_number(w, "frames_down", c->frames_down);
    put_number(w, "frames_up", c->frames_up);
    put_number(w, "queued_down", c->queued_down);
    put_number(w, "queued_up", c->queued_up);
    put_number(w, "queue_limit", c->queue_limit);
    put_number(w, "pauses_down", c->pauses_down);
    put_number(w, "pauses_up", c->pauses_up);
    put_time(w, "paused_down", c->paused_down_ms);
    put_time(w, "paused_up", c->paused_up_ms);
    put_number(w, "window_down", c->window_down);
    put_number(w, "window_up", c->window_up);
    put_text(w, "bound_down", c->bound_down);
    put_text(w, "bound_up", c->bound_up);
    put_number(w, "resumed", c->resumed);
    put_flag(w, "ended_down", c->ended_down);
    put_flag(w, "ended_up", c->ended_up);
    if (c->answered)
        json_time(w, "first_byte", (int64_t)c->first_byte_ms);
}

static void put_rates(const struct monitor_row *r, struct json_writer *w)
{
    uint64_t down, up;
    monitor_row_mean(r, &down, &up);
    put_number(w, "rate_down", r->rate_down);
    put_number(w, "rate_up", r->rate_up);
    put_number(w, "mean_down", down);
    put_number(w, "mean_up", up);
    put_number(w, "peak_down", r->peak_down);
    put_number(w, "peak_up", r->peak_up);
}

static void put_peer(const struct peer *p, struct json_writer *w)
{
    if (p->pid == 0)
        return;
    char name[PEER_NAME + 1] = "";
    memcpy(name, p->name, strnlen(p->name, PEER_NAME));
    json_number(w, "pid", p->pid);
    put_text(w, "process", name);
    if (p->uid_known)
        json_number(w, "uid", (int64_t)p->uid);
}

static void put_since(struct json_writer *w, const char *name, const struct monitor_row *r,
                      uint64_t ms)
{
    if (ms != 0)
        put_time(w, name, ms - r->accepted_ms);
}

static void put_times(const struct monitor_row *r, uint64_t now, struct json_writer *w)
{
    const struct monitor_stream *s = monitor_row_stream(r);
    bool closed = r->counters.state == MONITOR_STREAM_CLOSED;
    json_time(w, "opened", r->wall_ms);
    json_time(w, "age", (int64_t)((closed ? r->closed_ms : now) - r->accepted_ms));
    if (s != NULL) {
        put_since(w, "requested", r, s->requested_ms);
        put_since(w, "started", r, s->opened_ms);
    }
    put_since(w, "answered", r, r->answered_ms);
    if (!closed)
        return;
    json_time(w, "closed_for", (int64_t)(now - r->closed_ms));
    put_reason(w, r->why);
}

static void put_row_history(const struct row_history *h, struct json_writer *w)
{
    const struct {
        const char *name;
        const uint32_t *samples;
    } rows[] = {{"down", h->down}, {"up", h->up}};
    json_open(w, "history", '{');
    for (size_t i = 0; i < 2; i++) {
        json_open(w, rows[i].name, '[');
        uint64_t first = h->last > ROW_SECONDS ? h->last - ROW_SECONDS + 1 : 1;
        for (uint64_t at = first; at <= h->last; at++)
            json_number(w, NULL, rows[i].samples[at % ROW_SECONDS]);
        json_close(w, ']');
    }
    json_close(w, '}');
}

static void put_stream(const struct monitor_stream *s, struct json_writer *w)
{
    put_text(w, "client", s->client);
    put_peer(&s->peer, w);
    put_text(w, "via", s->via);
    put_text(w, "asked", s->asked);
    put_text(w, "service", s->row.service != NULL ? s->row.service->id : NULL);
    put_text(w, "tunnel", s->tunnel != NULL ? s->tunnel->name : NULL);
    put_text(w, "target", s->target);
}

/* Schema 1 tells it in a stream's members. */
static void put_hub_tunnel(const struct monitor_hub_tunnel *t, struct json_writer *w)
{
    put_text(w, "client", t->ends[MONITOR_SOURCE]);
    put_text(w, "asked", t->id);
    put_text(w, "service", t->thing);
    put_text(w, "target", t->ends[MONITOR_DESTINATION]);
}

static void put_row(const struct monitor_row *r, uint64_t now, bool detail, struct json_writer *w)
{
    const struct monitor_stream *s = monitor_row_stream(r);
    json_open(w, NULL, '{');
    json_number(w, "id", (int64_t)r->id);
    if (s != NULL)
        put_stream(s, w);
    else
        put_hub_tunnel(monitor_row_hub_tunnel(r), w);
    put_text(w, "state", monitor_state_name(r->counters.state));
    put_times(r, now, w);
    put_counters(&r->counters, w);
    put_rates(r, w);
    if (detail)
        put_row_history(&r->history, w);
    json_close(w, '}');
}

static void put_rows(const struct list *rows, uint64_t now, uint64_t detail, struct json_writer *w)
{
    list_each(node, rows)
    {
        const struct monitor_row *r = list_entry(node, struct monitor_row, node);
        put_row(r, now, r->id == detail, w);
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
    put_text(w, "event", e->event);
    put_number(w, "number", e->number);
    json_time(w, "time", e->wall_ms);
    put_number(w, "stream", e->stream);
    put_text(w, "client", e->client);
    put_text(w, "via", e->via);
    put_text(w, "asked", e->asked);
    put_text(w, "service", e->service);
    put_text(w, "tunnel", e->tunnel);
    put_reason(w, e->why);
    put_text(w, "text", e->text);
    put_time(w, "age", e->age_ms);
    put_number(w, "bytes_down", e->down);
    put_number(w, "bytes_up", e->up);
    put_number(w, "count", e->count);
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
    uint64_t now = monitor_now(m);
    monitor_absorb_all(m);
    json_open(w, NULL, '{');
    put_program(m, wanted->readonly, w);
    json_open(w, "tunnels", '[');
    list_each(node, &m->tunnels) put_tunnel(list_entry(node, struct monitor_tunnel, node), now, w);
    json_close(w, ']');
    json_open(w, "services", '[');
    list_each(node, &m->tunnels) put_services(list_entry(node, struct monitor_tunnel, node), w);
    json_close(w, ']');
    json_open(w, "streams", '[');
    put_rows(&m->rows, now, wanted->detail, w);
    put_rows(&m->closed, now, wanted->detail, w);
    json_close(w, ']');
    json_open(w, "history", '{');
    put_ring(&m->history.seconds, "seconds", wanted->history, w);
    put_ring(&m->history.tens, "tens", wanted->tens, w);
    json_close(w, '}');
    put_events(&m->event_log, wanted->events, w);
    monitor_devices_write(m, &wanted->devices, w);
    json_close(w, '}');
}
