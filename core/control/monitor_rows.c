/* What a monitor's streams and a hub's tunnels have in common: numbers, counters, rates, and the
 * list of what has just gone. */
#include "core/control/monitor_internal.h"

const uint64_t monitor_first_byte_bounds[FIRST_BYTE_BUCKETS] = {5,   10,   25,   50,   100,  250,
                                                                500, 1000, 2500, 5000, 10000};

/* The counters that a row counts in; the second one is NULL while it has no service. */
static void counters_of(const struct monitor_row *r, struct stream_counters *out[2])
{
    out[0] = &r->monitor->total;
    out[1] = r->service != NULL ? &r->service->counters : NULL;
}

const char *monitor_state_name(enum monitor_state s)
{
    static const char *const names[] = {"connecting", "open", "half", "draining", "closed"};
    return names[s];
}

/* Whether what ends so was in good order. In V1 to V3 the far end has one way to end a
 * connection, a reset; after an answer that is how a service says goodbye. */
bool monitor_is_orderly(enum err why)
{
    static const enum err orderly[] = {
        ERR_OK,       ERR_EOF,      ERR_CLIENT_CLOSED, ERR_SERVICE_CLOSED, ERR_PEER_RESET,
        ERR_LINGERED, ERR_OPERATOR, ERR_SHUTDOWN,      ERR_CLIENT_RESET,
    };
    for (size_t i = 0; i < sizeof orderly / sizeof *orderly; i++)
        if (orderly[i] == why)
            return true;
    return false;
}

/* ---- counting ---- */

static void count_first_byte(struct monitor_row *r)
{
    uint64_t ms = r->counters.first_byte_ms;
    size_t i = 0;
    if (!r->counters.answered || r->first_byte_counted || r->service == NULL)
        return;
    r->first_byte_counted = true;
    while (i < FIRST_BYTE_BUCKETS && ms > monitor_first_byte_bounds[i])
        i++;
    r->service->first_bytes[i]++;
    r->service->first_byte_ms += ms;
}

static void take_counters(struct monitor_row *r, const struct monitor_counters *now)
{
    struct stream_counters *t[2];
    uint64_t down = now->down - r->counters.down, up = now->up - r->counters.up;
    counters_of(r, t);
    monitor_groups_bytes(r, down, up);
    for (size_t i = 0; i < 2 && t[i] != NULL; i++) {
        t[i]->down += down;
        t[i]->up += up;
        t[i]->second_down += down;
        t[i]->second_up += up;
    }
    r->counters = *now;
    count_first_byte(r);
}

static void absorb(struct monitor_row *r)
{
    struct monitor_counters now = {.state = MONITOR_STREAM_CONNECTING};
    r->kind->look(r, &now);
    take_counters(r, &now);
}

void monitor_absorb_all(struct monitor *m)
{
    list_each(node, &m->rows) absorb(list_entry(node, struct monitor_row, node));
}

static bool has_moved(const struct monitor_row *r)
{
    return r->counters.down != r->tick_down || r->counters.up != r->tick_up;
}

void monitor_row_tick(struct monitor_row *r, uint64_t elapsed)
{
    if (has_moved(r))
        r->moved_ms = monitor_now(r->monitor);
    r->rate_down = (r->counters.down - r->tick_down) * 1000 / elapsed;
    r->rate_up = (r->counters.up - r->tick_up) * 1000 / elapsed;
    r->tick_down = r->counters.down;
    r->tick_up = r->counters.up;
    if (r->rate_down > r->peak_down)
        r->peak_down = r->rate_down;
    if (r->rate_up > r->peak_up)
        r->peak_up = r->rate_up;
    row_history_add(&r->history, r->rate_down, r->rate_up, r->monitor->tens);
}

void monitor_row_mean(const struct monitor_row *r, uint64_t *down, uint64_t *up)
{
    const struct row_history *h = &r->history;
    uint64_t n = h->last < MEAN_SECONDS ? h->last : MEAN_SECONDS;
    *down = *up = 0;
    for (uint64_t i = 0; i < n; i++) {
        *down += h->down[(h->last - i) % ROW_SECONDS];
        *up += h->up[(h->last - i) % ROW_SECONDS];
    }
    *down /= MEAN_SECONDS;
    *up /= MEAN_SECONDS;
}

void monitor_row_trend(const struct monitor_row *r, uint64_t out[TREND_CELLS])
{
    const struct row_history *h = &r->history;
    for (size_t i = 0; i < TREND_CELLS; i++)
        out[i] = 0;
    for (uint64_t ago = 0; ago < ROW_SECONDS && ago < h->last; ago++) {
        size_t at = (size_t)((h->last - ago) % ROW_SECONDS);
        out[TREND_CELLS - 1 - ago * TREND_CELLS / ROW_SECONDS] += (uint64_t)h->down[at] + h->up[at];
    }
}

uint64_t monitor_row_idle(const struct monitor_row *r, uint64_t now)
{
    if (r->counters.state == MONITOR_STREAM_CLOSED)
        now = r->closed_ms;
    return has_moved(r) || now < r->moved_ms ? 0 : now - r->moved_ms;
}

/* ---- life ---- */

void monitor_row_begin(struct monitor_row *r, struct monitor *m, const struct row_kind *kind,
                       uint64_t accepted_ms)
{
    *r = (struct monitor_row){.monitor = m,
                              .kind = kind,
                              .id = ++m->last_row,
                              .accepted_ms = accepted_ms,
                              .moved_ms = accepted_ms};
    r->wall_ms = m->o.wall(m->o.clock) - (int64_t)(monitor_now(m) - accepted_ms);
    list_init(&r->node);
    list_append(&m->rows, &r->node);
    if (++m->total.open > m->total.max)
        m->total.max = m->total.open;
}

void monitor_row_free(struct monitor_row *r)
{
    list_remove(&r->node);
    row_history_free(&r->history);
    r->kind->free(r);
}

struct logged_event monitor_row_event(const struct monitor_row *r, const char *event)
{
    struct logged_event e = {
        .event = event, .wall_ms = r->monitor->o.wall(r->monitor->o.clock), .stream = r->id};
    const char *texts[FILTER_TEXTS];
    r->kind->texts(r, texts);
    e.client = texts[FILTER_CLIENT];
    e.via = texts[FILTER_VIA];
    e.asked = texts[FILTER_ASKED];
    e.service = texts[FILTER_SERVICE];
    e.tunnel = texts[FILTER_TUNNEL];
    return e;
}

void monitor_row_answered(struct monitor_row *r)
{
    struct stream_counters *t[2];
    if (r->answered)
        return;
    r->answered = true;
    r->answered_ms = monitor_now(r->monitor);
    counters_of(r, t);
    for (size_t i = 0; i < 2 && t[i] != NULL; i++)
        t[i]->served++;
    monitor_groups_served(r);
}

static void count_end(struct monitor_row *r, const struct monitor_end *end, bool orderly)
{
    struct stream_counters *t[2];
    bool refused = !orderly && !r->answered;
    bool failed = !orderly && r->answered && !monitor_is_orderly(end->why);
    counters_of(r, t);
    for (size_t i = 0; i < 2 && t[i] != NULL; i++) {
        t[i]->open--;
        t[i]->refused += refused;
        t[i]->refusals[end->why] += refused;
        t[i]->failed += failed;
        t[i]->errors[end->why] += failed;
    }
    monitor_groups_ended(r, refused, failed);
}

static void tell_end(const struct monitor_row *r, const struct monitor_end *end, bool orderly)
{
    bool refused = !r->answered && !orderly;
    if (refused && end->untold)
        return;
    struct logged_event e = monitor_row_event(r, refused ? "refuse" : "close");
    e.why = end->why;
    e.text = end->text != NULL ? end->text : err_text(end->why);
    e.age_ms = r->closed_ms - r->accepted_ms;
    e.down = r->counters.down;
    e.up = r->counters.up;
    event_log_add(&r->monitor->event_log, &e);
}

void monitor_row_end(struct monitor_row *r, const struct monitor_end *end, bool orderly)
{
    struct monitor *m = r->monitor;
    if (end->last != NULL)
        take_counters(r, end->last);
    else
        absorb(r);
    r->counters.state = MONITOR_STREAM_CLOSED;
    r->counters.queued_down = r->counters.queued_up = 0;
    r->counters.bound_down = r->counters.bound_up = NULL;
    r->rate_down = r->rate_up = 0;
    r->closed_ms = monitor_now(m);
    if (has_moved(r))
        r->moved_ms = r->closed_ms;
    r->tick_down = r->counters.down;
    r->tick_up = r->counters.up;
    r->why = end->why;
    count_end(r, end, orderly);
    tell_end(r, end, orderly);
    if (r->answered || orderly || !end->untold)
        monitor_keep(m, r);
    list_append(&m->closed, &r->node);
    m->n_closed++;
    if (m->n_closed <= MONITOR_CLOSED_MAX)
        return;
    m->n_closed--;
    monitor_row_free(list_entry(m->closed.next, struct monitor_row, node));
}

static struct monitor_row *find(const struct list *rows, uint64_t id)
{
    list_each(node, rows)
    {
        struct monitor_row *r = list_entry(node, struct monitor_row, node);
        if (r->id == id)
            return r;
    }
    return NULL;
}

struct monitor_row *monitor_row_find(struct monitor *m, uint64_t id)
{
    struct monitor_row *r = find(&m->rows, id);
    return r != NULL ? r : find(&m->closed, id);
}
