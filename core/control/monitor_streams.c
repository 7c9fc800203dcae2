/* A monitor's streams. */
#include "core/control/monitor_internal.h"

#include "core/base/str.h"

#include <stdlib.h>
#include <string.h>

const uint64_t monitor_first_byte_bounds[FIRST_BYTE_BUCKETS] = {5,   10,   25,   50,   100,  250,
                                                                500, 1000, 2500, 5000, 10000};

/* The counters that a stream counts in; the second one is NULL while it has no service. */
static void counters_of(const struct monitor_stream *s, struct stream_counters *out[2])
{
    out[0] = &s->monitor->total;
    out[1] = s->service != NULL ? &s->service->counters : NULL;
}

const char *monitor_state_name(enum monitor_state s)
{
    static const char *const names[] = {"connecting", "open", "half", "draining", "closed"};
    return names[s];
}

/* Whether a stream that ends so was in good order. In V1 to V3 the far end has one way to end a
 * connection, a reset; after an answer that is how a service says goodbye. */
static bool is_orderly(enum err why)
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

static void count_first_byte(struct monitor_stream *s)
{
    uint64_t ms = s->counters.first_byte_ms;
    size_t i = 0;
    if (!s->counters.answered || s->first_byte_counted || s->service == NULL)
        return;
    s->first_byte_counted = true;
    while (i < FIRST_BYTE_BUCKETS && ms > monitor_first_byte_bounds[i])
        i++;
    s->service->first_bytes[i]++;
    s->service->first_byte_ms += ms;
}

static void take_counters(struct monitor_stream *s, const struct monitor_counters *now)
{
    struct stream_counters *t[2];
    uint64_t down = now->down - s->counters.down, up = now->up - s->counters.up;
    counters_of(s, t);
    for (size_t i = 0; i < 2 && t[i] != NULL; i++) {
        t[i]->down += down;
        t[i]->up += up;
        t[i]->second_down += down;
        t[i]->second_up += up;
    }
    s->counters = *now;
    count_first_byte(s);
}

void monitor_absorb(struct monitor_stream *s)
{
    struct monitor_counters now = {.state = MONITOR_STREAM_CONNECTING};
    s->look(s->ctx, &now);
    take_counters(s, &now);
}

static uint32_t sample(uint64_t bytes)
{
    return bytes < UINT32_MAX ? (uint32_t)bytes : UINT32_MAX;
}

void monitor_stream_tick(struct monitor_stream *s, uint64_t elapsed)
{
    struct stream_history *h = &s->history;
    s->rate_down = (s->counters.down - s->tick_down) * 1000 / elapsed;
    s->rate_up = (s->counters.up - s->tick_up) * 1000 / elapsed;
    s->tick_down = s->counters.down;
    s->tick_up = s->counters.up;
    if (s->rate_down > s->peak_down)
        s->peak_down = s->rate_down;
    if (s->rate_up > s->peak_up)
        s->peak_up = s->rate_up;
    size_t at = ++h->last % STREAM_SECONDS;
    h->down[at] = sample(s->rate_down);
    h->up[at] = sample(s->rate_up);
}

void monitor_stream_mean(const struct monitor_stream *s, uint64_t *down, uint64_t *up)
{
    const struct stream_history *h = &s->history;
    uint64_t n = h->last < MEAN_SECONDS ? h->last : MEAN_SECONDS;
    *down = *up = 0;
    for (uint64_t i = 0; i < n; i++) {
        *down += h->down[(h->last - i) % STREAM_SECONDS];
        *up += h->up[(h->last - i) % STREAM_SECONDS];
    }
    *down /= MEAN_SECONDS;
    *up /= MEAN_SECONDS;
}

/* ---- life ---- */

void monitor_stream_free(struct monitor_stream *s)
{
    list_remove(&s->node);
    if (s->service != NULL)
        s->service->referred--;
    if (s->tunnel != NULL)
        s->tunnel->referred--;
    free(s->client);
    free(s->asked);
    free(s->target);
    free(s->label);
    free(s);
}

struct monitor_stream *monitor_stream_began(struct monitor *m,
                                            const struct monitor_stream_info *info)
{
    struct monitor_stream *s = m != NULL ? calloc(1, sizeof *s) : NULL;
    if (s == NULL)
        return NULL;
    uint64_t now = monitor_now(m);
    *s = (struct monitor_stream){.monitor = m,
                                 .id = ++m->last_stream,
                                 .client = str_copy(info->client),
                                 .asked = str_copy(info->asked),
                                 .target = str_copy(info->target),
                                 .label = str_copy(info->label),
                                 .via = info->via,
                                 .look = info->look,
                                 .close = info->close,
                                 .ctx = info->ctx,
                                 .accepted_ms = info->accepted_ms != 0 ? info->accepted_ms : now,
                                 .requested_ms = now};
    s->wall_ms = m->o.wall(m->o.clock) - (int64_t)(now - s->accepted_ms);
    if (info->peer != NULL)
        s->peer = *info->peer;
    list_init(&s->node);
    list_append(&m->streams, &s->node);
    if (++m->total.open > m->total.max)
        m->total.max = m->total.open;
    return s;
}

const char *monitor_stream_service(const struct monitor_stream *s)
{
    return s->service != NULL ? s->service->id : s->label;
}

static struct logged_event describe(const struct monitor_stream *s, const char *event)
{
    return (struct logged_event){.event = event,
                                 .wall_ms = s->monitor->o.wall(s->monitor->o.clock),
                                 .stream = s->id,
                                 .client = s->client,
                                 .via = s->via,
                                 .asked = s->asked,
                                 .service = monitor_stream_service(s),
                                 .tunnel = s->tunnel != NULL ? s->tunnel->name : NULL};
}

void monitor_stream_opened(struct monitor_stream *s, struct monitor_tunnel *tunnel,
                           const char *service)
{
    if (s == NULL)
        return;
    s->opened_ms = monitor_now(s->monitor);
    s->tunnel = tunnel;
    s->service = tunnel != NULL ? monitor_service_get(tunnel, service) : NULL;
    if (tunnel != NULL)
        tunnel->referred++;
    if (s->service != NULL)
        s->service->referred++;
    if (s->service != NULL && ++s->service->counters.open > s->service->counters.max)
        s->service->counters.max = s->service->counters.open;
    struct logged_event e = describe(s, "open");
    event_log_add(&s->monitor->event_log, &e);
}

void monitor_stream_answered(struct monitor_stream *s)
{
    struct stream_counters *t[2];
    if (s == NULL || s->answered)
        return;
    s->answered = true;
    s->answered_ms = monitor_now(s->monitor);
    counters_of(s, t);
    for (size_t i = 0; i < 2 && t[i] != NULL; i++)
        t[i]->served++;
}

/* Without memory nothing is known rather than what was. */
static void replace(char **text, const char *by)
{
    free(*text);
    *text = strdup(by);
}

void monitor_stream_target(struct monitor_stream *s, const char *target)
{
    if (s != NULL)
        replace(&s->target, target);
}

void monitor_stream_client(struct monitor_stream *s, const char *client)
{
    if (s != NULL)
        replace(&s->client, client);
}

static void count_end(const struct monitor_stream *s, const struct monitor_end *end)
{
    struct stream_counters *t[2];
    counters_of(s, t);
    for (size_t i = 0; i < 2 && t[i] != NULL; i++) {
        t[i]->open--;
        if (end->orderly)
            continue;
        if (!s->answered) {
            t[i]->refused++;
            t[i]->refusals[end->why]++;
        } else if (!is_orderly(end->why)) {
            t[i]->failed++;
            t[i]->errors[end->why]++;
        }
    }
}

static void tell_end(const struct monitor_stream *s, const struct monitor_end *end)
{
    bool refused = !s->answered && !end->orderly;
    struct logged_event e = describe(s, refused ? "refuse" : "close");
    if (refused && end->untold)
        return;
    e.why = end->why;
    e.text = end->text != NULL ? end->text : err_text(end->why);
    e.age_ms = s->closed_ms - s->accepted_ms;
    e.down = s->counters.down;
    e.up = s->counters.up;
    event_log_add(&s->monitor->event_log, &e);
}

void monitor_stream_ended(struct monitor_stream *s, const struct monitor_end *end)
{
    if (s == NULL)
        return;
    struct monitor *m = s->monitor;
    if (end->last != NULL)
        take_counters(s, end->last);
    else
        monitor_absorb(s);
    s->counters.state = MONITOR_STREAM_CLOSED;
    s->counters.queued_down = s->counters.queued_up = 0;
    s->counters.bound_down = s->counters.bound_up = NULL;
    s->rate_down = s->rate_up = 0;
    s->closed_ms = monitor_now(m);
    s->why = end->why;
    s->look = NULL;
    s->close = NULL;
    count_end(s, end);
    tell_end(s, end);
    list_append(&m->closed, &s->node);
    m->n_closed++;
    if (m->n_closed <= MONITOR_CLOSED_MAX)
        return;
    m->n_closed--;
    monitor_stream_free(list_entry(m->closed.next, struct monitor_stream, node));
}

static struct monitor_stream *find(const struct list *streams, uint64_t id)
{
    list_each(node, streams)
    {
        struct monitor_stream *s = list_entry(node, struct monitor_stream, node);
        if (s->id == id)
            return s;
    }
    return NULL;
}

struct monitor_stream *monitor_stream_find(struct monitor *m, uint64_t id)
{
    struct monitor_stream *s = find(&m->streams, id);
    return s != NULL ? s : find(&m->closed, id);
}
