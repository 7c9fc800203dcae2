/* Streams and a hub's tunnels, as rows of a report. */
#include "core/control/report_internal.h"

static void put_counters(const struct monitor_counters *c, struct json_writer *w)
{
    if (c->stream_id != 0)
        json_number(w, "stream_id", c->stream_id);
    report_put_number(w, "connection_id", c->connection_id);
    report_put_number(w, "bytes_down", c->down);
    report_put_number(w, "bytes_up", c->up);
    report_put_number(w, "frames_down", c->frames_down);
    report_put_number(w, "frames_up", c->frames_up);
    report_put_number(w, "queued_down", c->queued_down);
    report_put_number(w, "queued_up", c->queued_up);
    report_put_number(w, "queue_limit", c->queue_limit);
    report_put_number(w, "pauses_down", c->pauses_down);
    report_put_number(w, "pauses_up", c->pauses_up);
    report_put_time(w, "paused_down", c->paused_down_ms);
    report_put_time(w, "paused_up", c->paused_up_ms);
    report_put_number(w, "window_down", c->window_down);
    report_put_number(w, "window_up", c->window_up);
    report_put_text(w, "bound_down", c->bound_down);
    report_put_text(w, "bound_up", c->bound_up);
    report_put_number(w, "resumed", c->resumed);
    report_put_flag(w, "ended_down", c->ended_down);
    report_put_flag(w, "ended_up", c->ended_up);
    if (c->answered)
        json_time(w, "first_byte", (int64_t)c->first_byte_ms);
}

static void put_rates(const struct monitor_row *r, struct json_writer *w)
{
    uint64_t down, up;
    monitor_row_mean(r, &down, &up);
    report_put_number(w, "rate_down", r->rate_down);
    report_put_number(w, "rate_up", r->rate_up);
    report_put_number(w, "mean_down", down);
    report_put_number(w, "mean_up", up);
    report_put_number(w, "peak_down", r->peak_down);
    report_put_number(w, "peak_up", r->peak_up);
}

static void put_since(struct json_writer *w, const char *name, const struct monitor_row *r,
                      uint64_t ms)
{
    if (ms != 0)
        report_put_time(w, name, ms - r->accepted_ms);
}

static void put_end(enum err why, uint64_t ago_ms, int64_t wall_ms, struct json_writer *w)
{
    json_time(w, "closed_for", (int64_t)ago_ms);
    json_time(w, "closed_at", wall_ms);
    report_put_reason(w, why);
}

static int64_t closed_wall(const struct monitor_row *r, uint64_t now)
{
    const struct monitor *m = r->monitor;
    return m->o.wall(m->o.clock) - (int64_t)(now - r->closed_ms);
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
    report_put_time(w, "idle", monitor_row_idle(r, now));
    if (closed)
        put_end(r->why, now - r->closed_ms, closed_wall(r, now), w);
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

static void put_trend(const struct monitor_row *r, struct json_writer *w)
{
    uint64_t cells[TREND_CELLS];
    monitor_row_trend(r, cells);
    json_open(w, "trend", '[');
    for (size_t i = 0; i < TREND_CELLS; i++)
        json_number(w, NULL, (int64_t)cells[i]);
    json_close(w, ']');
}

/* Who and what it is; at a hub schema 1 tells it in a stream's members. */
static void put_who(const char *const texts[FILTER_TEXTS], const struct peer *p,
                    struct json_writer *w)
{
    report_put_text(w, "client", texts[FILTER_CLIENT]);
    if (p->pid != 0)
        json_number(w, "pid", p->pid);
    report_put_text(w, "process", texts[FILTER_PROCESS]);
    if (p->uid_known && p->pid != 0)
        json_number(w, "uid", (int64_t)p->uid);
    report_put_text(w, "user", texts[FILTER_USER]);
    report_put_text(w, "via", texts[FILTER_VIA]);
    report_put_text(w, "asked", texts[FILTER_ASKED]);
    report_put_text(w, "service", texts[FILTER_SERVICE]);
    report_put_text(w, "tunnel", texts[FILTER_TUNNEL]);
    report_put_text(w, "target", texts[FILTER_TARGET]);
}

void report_row(const struct monitor_row *r, uint64_t now, bool detail, bool trend,
                struct json_writer *w)
{
    const char *texts[FILTER_TEXTS];
    r->kind->texts(r, texts);
    json_open(w, NULL, '{');
    json_number(w, "id", (int64_t)r->id);
    put_who(texts, r->kind->peer(r), w);
    report_put_text(w, "state", monitor_state_name(r->counters.state));
    put_times(r, now, w);
    put_counters(&r->counters, w);
    put_rates(r, w);
    if (detail)
        put_row_history(&r->history, w);
    if (trend && r->counters.state != MONITOR_STREAM_CLOSED)
        put_trend(r, w);
    json_close(w, '}');
}

void report_kept_row(const struct kept_row *k, uint64_t now, struct json_writer *w)
{
    const struct peer p = {.pid = k->pid, .uid_known = k->uid_known, .uid = k->uid};
    json_open(w, NULL, '{');
    json_number(w, "id", (int64_t)k->id);
    put_who(k->texts, &p, w);
    report_put_text(w, "state", monitor_state_name(MONITOR_STREAM_CLOSED));
    json_time(w, "opened", k->wall_ms);
    json_time(w, "age", (int64_t)k->age_ms);
    report_put_time(w, "idle", k->idle_ms);
    report_put_time(w, "answered", k->answered_ms);
    put_end(k->why, now - k->closed_ms, k->closed_wall_ms, w);
    report_put_number(w, "bytes_down", k->down);
    report_put_number(w, "bytes_up", k->up);
    report_put_number(w, "peak_down", k->peak_down);
    report_put_number(w, "peak_up", k->peak_up);
    if (k->got_byte)
        json_time(w, "first_byte", (int64_t)k->first_byte_ms);
    json_close(w, '}');
}

/* The bytes of that moment, if they are known. */
static void put_counted(const struct row_then *t, struct json_writer *w)
{
    report_put_flag(w, "counted", t->counted);
    report_put_number(w, "bytes_down", t->down);
    report_put_number(w, "bytes_up", t->up);
    report_put_number(w, "rate_down", t->rate_down);
    report_put_number(w, "rate_up", t->rate_up);
    report_put_number(w, "mean_down", t->rate_down);
    report_put_number(w, "mean_up", t->rate_up);
}

void report_row_then(const struct page_row *p, struct json_writer *w)
{
    const struct monitor_row *r = p->row;
    const struct kept_row *k = p->kept;
    const struct peer of_kept = {.pid = k != NULL ? k->pid : 0,
                                 .uid_known = k != NULL && k->uid_known,
                                 .uid = k != NULL ? k->uid : 0};
    json_open(w, NULL, '{');
    json_number(w, "id", (int64_t)p->facts.id);
    put_who(p->facts.texts, r != NULL ? r->kind->peer(r) : &of_kept, w);
    report_put_text(w, "state", monitor_state_name(p->then.state));
    json_time(w, "opened", r != NULL ? r->wall_ms : k->wall_ms);
    json_time(w, "age", (int64_t)p->then.age_ms);
    if (p->then.state == MONITOR_STREAM_CLOSED)
        report_put_reason(w, k->why);
    put_counted(&p->then, w);
    json_close(w, '}');
}
