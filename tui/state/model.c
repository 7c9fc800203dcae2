#include "tui/state/model.h"

#include "core/base/encoding.h"
#include "tui/state/nodes.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void model_init(struct model *m, const char *socket)
{
    *m = (struct model){.link = MODEL_NEVER};
    snprintf(m->socket, sizeof m->socket, "%s", socket);
}

void model_free(struct model *m)
{
    snapshot_free(&m->shown);
    snapshot_free(&m->newest);
    snapshot_free(&m->then);
    for (size_t i = 0; i < m->n_events; i++)
        free(m->events[i].memory);
    m->n_events = 0;
}

/* ---- history ---- */

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static void append(uint64_t *all, size_t keep, size_t drop, const uint64_t *more, size_t n)
{
    memmove(all, all + drop, keep * sizeof *all);
    memcpy(all + keep, more, n * sizeof *all);
}

/* Samples that continue the known history are added to it. Samples after a gap, or whose numbers
 * went backwards, replace it. */
static void merge(struct model_history *h, const struct snapshot_samples *s, size_t cap)
{
    if (s->n == 0 || s->last == h->last)
        return;
    size_t fresh = least(s->n, cap);
    if (s->last > h->last)
        fresh = (size_t)(s->last - h->last < fresh ? s->last - h->last : fresh);
    bool continues = s->last > h->last && fresh == s->last - h->last;
    size_t keep = continues ? least(h->n, cap - fresh) : 0;
    append(h->down, keep, h->n - keep, s->down + s->n - fresh, fresh);
    append(h->up, keep, h->n - keep, s->up + s->n - fresh, fresh);
    h->n = keep + fresh;
    h->last = s->last;
}

/* ---- events ---- */

static const char *keep_text(char **to, const char *text)
{
    size_t n = strlen(text) + 1;
    char *copy = memcpy(*to, text, n);
    *to += n;
    return copy;
}

/* Without memory the log lacks a line; nothing else depends on it. */
static void add_event(struct model *m, const struct snapshot_event *e)
{
    struct snapshot_event copy = *e;
    const char **const texts[] = {&copy.event,   &copy.client, &copy.via,    &copy.asked,
                                  &copy.service, &copy.tunnel, &copy.reason, &copy.text};
    size_t size = 0;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        size += strlen(*texts[i]) + 1;
    char *memory = malloc(size), *to = memory;
    if (memory == NULL)
        return;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        *texts[i] = keep_text(&to, *texts[i]);
    if (m->n_events == MODEL_EVENTS) {
        free(m->events[0].memory);
        memmove(m->events, m->events + 1, --m->n_events * sizeof *m->events);
    }
    m->events[m->n_events++] = (struct model_event){.e = copy, .memory = memory};
}

void model_event(struct model *m, const struct snapshot_event *e)
{
    if (e->number != 0 && e->number <= m->last_event)
        return;
    add_event(m, e);
    if (e->number != 0)
        m->last_event = e->number;
    if (strcmp(e->event, "open") == 0 && e->stream > m->newest_stream)
        m->newest_stream = e->stream;
}

static void take_events(struct model *m, const struct snapshot *s)
{
    for (size_t i = 0; i < s->n_events; i++)
        model_event(m, &s->events[i]);
    if (s->last_event > m->last_event)
        m->last_event = s->last_event;
}

static void note(struct model *m, const char *event, double time, const char *format, va_list args)
{
    char text[400];
    vsnprintf(text, sizeof text, format, args);
    add_event(m, &(struct snapshot_event){.event = event,
                                          .time = time,
                                          .client = "",
                                          .via = "",
                                          .asked = "",
                                          .service = "",
                                          .tunnel = "",
                                          .reason = "",
                                          .text = text});
}

void model_note(struct model *m, const char *event, double time, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    note(m, event, time, format, args);
    va_end(args);
}

/* ---- snapshots ---- */

static const struct snapshot *latest(const struct model *m)
{
    return m->newest.schema != 0 ? &m->newest : &m->shown;
}

/* Resets the model for a new instance. The log keeps its events, whose numbers have no meaning any
 * more. */
static void restart(struct model *m, const struct snapshot *s)
{
    model_pause(m, false);
    snapshot_free(&m->shown);
    m->seconds.n = m->tens.n = 0;
    m->seconds.last = m->tens.last = m->last_event = m->newest_stream = 0;
    for (size_t i = 0; i < m->n_events; i++)
        m->events[i].e.number = 0;
    model_note(m, "restarted", s->time, "%s was started anew: counters begin at 0", s->program);
}

static void connected(struct model *m, const struct snapshot *s, double now)
{
    const struct snapshot *before = latest(m);
    if (before->schema != 0 && strcmp(before->instance, s->instance) != 0)
        restart(m, s);
    else if (m->link == MODEL_LOST)
        model_note(m, "back", s->time, "%s answers again; nothing was seen for %.0f s", s->program,
                   now - m->heard_at);
    m->link = MODEL_LIVE;
    m->problem[0] = '\0';
    m->tries = 0;
    m->heard_at = now;
}

/* Each service has the round trip of its tunnel. Services of one tunnel stand together, so the
 * tunnel of the one before is looked at first. */
static void fill_round_trips(struct snapshot *s)
{
    size_t at = 0;
    for (size_t i = 0; i < s->n_services && s->n_tunnels > 0; i++) {
        size_t n = 0;
        while (n < s->n_tunnels && strcmp(s->tunnels[at].name, s->services[i].tunnel) != 0) {
            at = (at + 1) % s->n_tunnels;
            n++;
        }
        if (n < s->n_tunnels)
            s->services[i].round_trip = s->tunnels[at].far_round_trip;
    }
}

static void freeze(struct model *m)
{
    m->paused_event = m->last_event;
    m->paused_clock = m->shown.time;
    m->paused_second = m->seconds.last;
    m->paused_ten = m->tens.last;
}

static void replace(struct snapshot *to, struct snapshot *by)
{
    snapshot_free(to);
    *to = *by;
    *by = (struct snapshot){0};
}

static struct model_streams streams_of(const struct snapshot *s)
{
    return (struct model_streams){.items = s->streams,
                                  .n = s->n_streams,
                                  .page = s->streams_page,
                                  .services = s->services,
                                  .n_services = s->n_services,
                                  .groups = s->groups};
}

static void show_streams(struct model *m, const struct model_streams *of)
{
    m->shown.streams = of->items;
    m->shown.n_streams = of->n;
    m->shown.streams_page = of->page;
    m->shown.services = of->services;
    m->shown.n_services = of->n_services;
    m->shown.groups = of->groups;
}

/* What was at a moment, in the picture of the pause. */
static void show_then(struct model *m, struct snapshot *s)
{
    if (m->then.schema == 0) {
        m->own = streams_of(&m->shown);
        m->own.answered = m->answered;
    }
    replace(&m->then, s);
    struct model_streams then = streams_of(&m->then);
    show_streams(m, &then);
    m->answered = m->asked;
}

void model_present(struct model *m)
{
    if (m->then.schema == 0)
        return;
    show_streams(m, &m->own);
    m->answered = m->own.answered;
    snapshot_free(&m->then);
}

static void take_paused(struct model *m, struct snapshot *s)
{
    if (m->keeping && m->asked.kept) {
        m->keeping = false;
        m->answered = m->asked;
        replace(&m->shown, s);
        freeze(m);
    } else if (s->streams_page.at > 0) {
        show_then(m, s);
    } else {
        m->answered_newest = m->asked;
        replace(&m->newest, s);
    }
}

void model_take(struct model *m, struct snapshot *s, double now)
{
    connected(m, s, now);
    fill_round_trips(s);
    nodes_compare(s, latest(m));
    merge(&m->seconds, &s->seconds, MODEL_SECONDS);
    merge(&m->tens, &s->tens, MODEL_TENS);
    take_events(m, s);
    if (m->paused) {
        take_paused(m, s);
        return;
    }
    m->answered = m->asked;
    replace(&m->shown, s);
}

/* snprintf behind what is there. */
static void append_text(char out[MODEL_TARGET], const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void append_text(char out[MODEL_TARGET], const char *format, ...)
{
    size_t n = strlen(out);
    va_list args;
    va_start(args, format);
    vsnprintf(out + n, MODEL_TARGET - n, format, args);
    va_end(args);
}

/* Asks for a page; prefix: of its parameters but `limit`, which has another name. */
static void append_page(const struct model_page *p, const char *limit, const char *prefix,
                        char out[MODEL_TARGET])
{
    char filter[3 * MODEL_FILTER];
    if (!p->asked)
        return;
    append_text(out, "&%s=%zu&%sfrom=%zu&%ssort=%s%s", limit, p->rows, prefix, p->from, prefix,
                p->reverse ? "-" : "", p->sort);
    if (p->filter[0] == '\0')
        return;
    percent_encode(span_of(p->filter), filter);
    append_text(out, "&%sfilter=%s", prefix, filter);
}

static void append_groups(const struct model_wanted *w, char out[MODEL_TARGET])
{
    char key[3 * MODEL_KEY];
    if (w->groups == NULL)
        return;
    append_text(out, "&groups=%s", w->groups);
    if (!w->one_group)
        return;
    percent_encode(span_of(w->group), key);
    append_text(out, "&group=%s", key);
}

void model_target(struct model *m, const struct model_wanted *w, char out[MODEL_TARGET])
{
    m->asked = *w;
    out[0] = '\0';
    append_text(out, "/v1/snapshot?history=%" PRIu64 "&tens=%" PRIu64 "&events=%" PRIu64,
                m->seconds.last, m->tens.last, m->last_event);
    if (w->detail != 0)
        append_text(out, "&detail=%" PRIu64, w->detail);
    append_page(&w->streams, "limit", "", out);
    if (w->streams.asked && w->at_ms == 0)
        append_text(out, "&trend=1");
    if (w->at_ms != 0)
        append_text(out, "&at=%" PRIu64 "&during=%" PRIu64, w->at_ms, w->during_ms);
    if (w->find != 0)
        append_text(out, "&find=%" PRIu64, w->find);
    append_groups(w, out);
    append_page(&w->closed, "closed", "closed_", out);
    append_page(&w->devices, "devices", "devices_", out);
}

void model_lost(struct model *m, const char *problem, double now, double retry_at)
{
    snprintf(m->problem, sizeof m->problem, "%s", problem);
    m->retry_at = retry_at;
    m->tries++;
    m->keeping = false; /* what comes later is no picture of the pause */
    if (m->link != MODEL_LIVE)
        return;
    m->link = MODEL_LOST;
    m->lost_at = now;
    m->tries = 1;
    model_note(m, "lost", latest(m)->time + (now - m->heard_at), "%s", problem);
}

static bool is_complete(const struct model *m)
{
    const struct snapshot_page *p = &m->shown.streams_page;
    return p->from == 0 && m->shown.n_streams >= p->matching;
}

bool model_has_all(const struct model *m)
{
    const struct snapshot_page *p = &m->shown.streams_page;
    return !p->known || (is_complete(m) && p->filter[0] == '\0' && !m->answered.one_group);
}

void model_pause(struct model *m, bool pause)
{
    if (pause == m->paused)
        return;
    model_present(m);
    m->paused = pause;
    m->keeping = pause && m->link == MODEL_LIVE && !model_has_all(m);
    freeze(m);
    if (pause || m->newest.schema == 0)
        return;
    replace(&m->shown, &m->newest);
    m->answered = m->answered_newest;
}

size_t model_held(const struct model *m)
{
    size_t n = 0;
    for (size_t i = 0; m->paused && i < m->n_events; i++)
        n += m->events[i].e.number > m->paused_event;
    return n;
}

const struct snapshot_stream *model_stream(const struct model *m, uint64_t id)
{
    for (size_t i = 0; i < m->shown.n_streams; i++)
        if (m->shown.streams[i].id == id)
            return &m->shown.streams[i];
    for (size_t i = 0; i < m->shown.closed.n_rows; i++)
        if (m->shown.closed.rows[i].id == id)
            return &m->shown.closed.rows[i];
    return NULL;
}
