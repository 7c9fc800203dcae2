#include "core/control/event_stream_internal.h"

#include "core/base/buf.h"
#include "core/control/monitor_internal.h"
#include "core/control/report.h"
#include "core/http/response.h"

#include <stdlib.h>
#include <string.h>

#define LINE_BYTES 8192
#define PIECE 32768 /* bytes in one write, which every kind of stream takes */

static const struct http_response head = {
    .status = 200, .type = "application/x-ndjson", .endless = true, .close = true};

struct event_streams {
    struct loop *loop;
    struct monitor *monitor;
    struct list readers;
    size_t n_readers;
    struct json_writer line; /* the event at hand */
};

struct reader {
    struct list node;
    struct event_streams *events;
    struct stream *stream;
    struct buf held, sending; /* sending: the bytes that the stream writes while it is not ready */
    uint64_t dropped;
};

/* ---- readers ---- */

static void leave(struct reader *r)
{
    list_remove(&r->node);
    r->events->n_readers--;
    stream_close(r->stream);
    buf_free(&r->held);
    buf_free(&r->sending);
    free(r);
}

/* Writes how many events were dropped, as the next line. */
static void tell_dropped(struct reader *r)
{
    const struct monitor *m = r->events->monitor;
    struct json_writer w = {.bytes.limit = LINE_BYTES};
    const struct logged_event e = {
        .event = "dropped", .wall_ms = m->o.wall(m->o.clock), .count = r->dropped};
    report_event(&e, &w);
    if (!w.failed && buf_append(&w.bytes, "\n", 1) &&
        buf_append(&r->held, w.bytes.data, w.bytes.size))
        r->dropped = 0;
    buf_free(&w.bytes);
}

/* The buffers are swapped, since the bytes of a pending write must not move. */
static void write_on(struct reader *r)
{
    while (stream_ready(r->stream) && (r->sending.size > 0 || r->held.size > 0)) {
        if (r->sending.size == 0) {
            struct buf full = r->held;
            r->held = r->sending;
            r->sending = full;
            if (r->dropped > 0)
                tell_dropped(r);
        }
        size_t n = r->sending.size < PIECE ? r->sending.size : PIECE;
        if (!stream_write(r->stream, r->sending.data, n))
            return;
        buf_take(&r->sending, n);
    }
}

static void on_writable(void *owner)
{
    struct reader *r = owner;
    size_t n = r->sending.size < PIECE ? r->sending.size : PIECE;
    buf_take(&r->sending, n);
    write_on(r);
}

/* A reader sends nothing more: bytes that come are thrown away, and the end of its input is its
 * end. */
static void on_readable(void *owner)
{
    struct reader *r = owner;
    uint8_t lost[1024];
    if (stream_pull(r->stream, lost, sizeof lost) < 0)
        leave(r);
}

static void on_failed(void *owner, enum err why)
{
    (void)why;
    leave(owner);
}

void event_streams_join(struct event_streams *e, struct stream *s)
{
    static const struct stream_events stream_events = {
        .readable = on_readable, .writable = on_writable, .failed = on_failed};
    struct reader *r = e->n_readers < EVENTS_MAX_READERS ? calloc(1, sizeof *r) : NULL;
    if (r == NULL) {
        stream_close(s);
        return;
    }
    r->events = e;
    r->stream = s;
    r->held.limit = r->sending.limit = EVENTS_HELD;
    list_init(&r->node);
    list_append(&e->readers, &r->node);
    e->n_readers++;
    stream_set_owner(s, &stream_events, r);
    stream_read_on(s, true);
    if (!http_response_write(&head, &r->held))
        leave(r);
    else
        write_on(r);
}

/* ---- events ---- */

static void offer(struct reader *r, const struct buf *line)
{
    if (r->dropped == 0 && buf_append(&r->held, line->data, line->size)) {
        write_on(r);
        return;
    }
    r->dropped++;
    r->events->monitor->events_dropped++;
}

static void on_event(void *owner, const struct logged_event *event)
{
    struct event_streams *e = owner;
    if (list_empty(&e->readers))
        return;
    buf_take(&e->line.bytes, e->line.bytes.size);
    e->line.more = e->line.failed = false;
    report_event(event, &e->line);
    if (e->line.failed || !buf_append(&e->line.bytes, "\n", 1))
        return;
    list_each(node, &e->readers) offer(list_entry(node, struct reader, node), &e->line.bytes);
}

/* ---- life ---- */

struct event_streams *event_streams_new(struct loop *loop, struct monitor *m)
{
    struct event_streams *e = calloc(1, sizeof *e);
    if (e == NULL)
        return NULL;
    *e = (struct event_streams){
        .loop = loop, .monitor = m, .line = {.bytes = {.limit = LINE_BYTES}}};
    list_init(&e->readers);
    m->event_log.listener = on_event;
    m->event_log.owner = e;
    return e;
}

void event_streams_free(struct event_streams *e)
{
    if (e == NULL)
        return;
    e->monitor->event_log.listener = NULL;
    while (!list_empty(&e->readers))
        leave(list_entry(e->readers.next, struct reader, node));
    buf_free(&e->line.bytes);
    free(e);
}
