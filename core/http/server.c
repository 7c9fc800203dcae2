#include "core/http/server_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_HEAD 16384
#define MAX_BODY 65536
#define REQUEST_MS 10000
#define IDLE_MS 30000
#define LEAVING_MS 2000 /* milliseconds for the last answer to arrive */
#define PIECE 32768     /* bytes of an answer in one write, which every kind of stream takes */
#define LINES_ROOM 512  /* bytes for header lines that the owner does not give */

/* ---- the end ---- */

void conn_rest(struct http_conn *c)
{
    timer_stop(c->timer);
    stream_read_on(c->stream, false);
}

void conn_over(struct http_conn *c, const char *why)
{
    if (c->state == CONN_OVER)
        return;
    c->state = CONN_OVER;
    conn_rest(c);
    c->events->closed(c->owner, why);
}

static void on_ending(void *owner)
{
    struct http_conn *c = owner;
    c->events->closed(c->owner, c->why);
}

/* As conn_over, for calls of the owner's, in which no event may come. */
static void over_soon(struct http_conn *c, const char *why)
{
    c->state = CONN_OVER;
    conn_rest(c);
    c->why = why;
    loop_defer(c->loop, &c->ending);
}

static void forget_request(struct http_conn *c)
{
    http_reader_free(c->reader);
    c->reader = NULL;
    buf_wipe(&c->body);
    c->left = 0;
    c->bad = false;
}

static void conn_free(struct http_conn *c)
{
    forget_request(c);
    buf_wipe(&c->out);
    timer_free(c->timer);
    loop_cancel(&c->ending);
    free(c);
}

void http_conn_free(struct http_conn *c)
{
    if (c == NULL)
        return;
    stream_close(c->stream); /* first, since it may still be sending `out` */
    conn_free(c);
}

void http_conn_watch(struct http_conn *c)
{
    if (c->state == CONN_ASKED)
        stream_read_on(c->stream, true);
}

struct stream *http_conn_take(struct http_conn *c)
{
    struct stream *s = c->stream;
    stream_read_on(s, false);
    conn_free(c);
    return s;
}

/* ---- writing ---- */

/* An answer is written: the end of the connection or the next request follows. */
static void written(struct http_conn *c)
{
    buf_wipe(&c->out);
    if (c->state == CONN_LAST) {
        c->state = CONN_LEAVING;
        timer_start(c->timer, LEAVING_MS);
        stream_shutdown(c->stream);
    } else if (c->state == CONN_ANSWERING) {
        c->state = CONN_IDLE;
        timer_start(c->timer, c->o.idle_ms);
    } else {
        return;
    }
    stream_read_on(c->stream, true);
}

static void write_on(struct http_conn *c)
{
    while (c->out.size > 0 && stream_ready(c->stream)) {
        size_t n = c->out.size < PIECE ? c->out.size : PIECE;
        if (!stream_write(c->stream, c->out.data, n)) {
            c->pending = n;
            return;
        }
        buf_take(&c->out, n);
    }
    if (c->out.size == 0 && stream_ready(c->stream))
        written(c);
}

static void on_writable(void *owner)
{
    struct http_conn *c = owner;
    if (c->state == CONN_OVER)
        return;
    buf_take(&c->out, c->pending);
    c->pending = 0;
    if (c->state != CONN_ANSWERING && c->state != CONN_LAST)
        return; /* a 100 was written */
    timer_start(c->timer, c->o.request_ms);
    write_on(c);
}

static void on_failed(void *owner, enum err why)
{
    conn_over(owner, err_text(why));
}

/* ---- answers ---- */

static size_t length(const char *text)
{
    return text != NULL ? strlen(text) : 0;
}

/* Writes the answer's bytes, or a 500 in place of an answer that is too large. False: no memory. */
static bool compose(struct http_conn *c, const struct http_response *a, bool *keep)
{
    static const struct http_response too_large = {.status = 500,
                                                   .type = "text/plain; charset=utf-8",
                                                   .body = {"The answer is too large.\n", 25}};
    const struct http_head *head = conn_head(c);
    c->out.limit = c->o.max_answer + LINES_ROOM;
    if (length(a->type) + length(a->headers) + a->body.n > c->o.max_answer) {
        *keep = false;
        a = &too_large;
    }
    struct http_response r = *a;
    r.close = !*keep;
    r.to_head = head != NULL && span_is(head->method, "HEAD");
    r.to_old = head != NULL && head->minor == 0;
    return http_response_write(&r, &c->out);
}

void http_conn_answer(struct http_conn *c, const struct http_response *a)
{
    const struct http_head *head = conn_head(c);
    if (c->state != CONN_ASKED)
        return;
    bool keep = head != NULL && head->keep_alive && !a->close && !c->bad && c->left == 0;
    if (!compose(c, a, &keep)) {
        over_soon(c, err_text(ERR_NO_MEMORY));
        return;
    }
    forget_request(c);
    c->state = keep ? CONN_ANSWERING : CONN_LAST;
    timer_start(c->timer, c->o.request_ms);
    stream_read_on(c->stream, !keep);
    write_on(c);
}

void http_conn_refuse(struct http_conn *c, int status, const char *text)
{
    char body[400];
    int n = snprintf(body, sizeof body, "%.*s\n", (int)sizeof body - 2, text);
    struct http_response a = {.status = status,
                              .type = "text/plain; charset=utf-8",
                              .body = {body, (size_t)n},
                              .close = true};
    http_conn_answer(c, &a);
}

/* ---- the beginning ---- */

static const struct stream_events stream_events = {
    .readable = conn_readable, .writable = on_writable, .failed = on_failed};

static struct http_conn_options with_defaults(const struct http_conn_options *o)
{
    return (struct http_conn_options){
        .max_head = o->max_head != 0 ? o->max_head : MAX_HEAD,
        .max_body = o->max_body != 0 ? o->max_body : MAX_BODY,
        .max_answer = o->max_answer != 0 ? o->max_answer : HTTP_ANSWER_MAX,
        .request_ms = o->request_ms != 0 ? o->request_ms : REQUEST_MS,
        .idle_ms = o->idle_ms != 0 ? o->idle_ms : IDLE_MS,
    };
}

struct http_conn *http_conn_new(struct loop *loop, struct stream *s,
                                const struct http_conn_options *options,
                                const struct http_conn_events *events, void *owner)
{
    struct http_conn *c = calloc(1, sizeof *c);
    struct timer *timer = c != NULL ? timer_new(loop, conn_timeout, c) : NULL;
    if (timer == NULL) {
        free(c);
        stream_close(s);
        return NULL;
    }
    *c = (struct http_conn){.loop = loop,
                            .stream = s,
                            .o = with_defaults(options),
                            .events = events,
                            .owner = owner,
                            .state = CONN_HEAD,
                            .timer = timer};
    c->body.limit = c->o.max_body;
    deferred_init(&c->ending, on_ending, c);
    stream_set_owner(s, &stream_events, c);
    timer_start(c->timer, c->o.request_ms);
    stream_read_on(s, true);
    return c;
}

const char *http_conn_name(const struct http_conn *c)
{
    return c->stream->name;
}
