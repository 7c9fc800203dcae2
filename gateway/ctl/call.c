#include "gateway/ctl/call.h"

#include "core/http/http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TIMEOUT_MS 30000
#define HEAD_LIMIT 32768

struct caller {
    struct loop *loop;
    struct caller_options options;
    struct timer *timer;
    struct reach *reach;
    struct stream *stream; /* also between calls, when it was kept */
    bool kept;             /* it has carried a call before */
    /* The call at hand. */
    struct buf request;
    struct call_answer *answer;
    struct http_reader *reader;
    struct http_body *body;
    bool heard; /* something of an answer has come */
    bool over;
    enum err why;
    char text[512];
};

/* ---- the end of a call ---- */

static void drop(struct caller *c)
{
    if (c->stream != NULL)
        stream_close(c->stream);
    c->stream = NULL;
    c->kept = false;
}

static void finish(struct caller *c, enum err why, const char *text)
{
    c->over = true;
    c->why = why;
    snprintf(c->text, sizeof c->text, "%s", text);
    if (why != ERR_OK)
        drop(c);
    loop_stop(c->loop);
}

static void complete(struct caller *c, bool keep)
{
    const struct http_head *head = http_reader_head(c->reader);
    if (head->chunked)
        call_unchunk(&c->answer->body);
    if (keep && head->keep_alive && stream_ready(c->stream)) {
        stream_read_on(c->stream, false);
        c->kept = true;
    } else {
        drop(c);
    }
    finish(c, ERR_OK, "");
}

/* ---- the way there ---- */

static void start(struct caller *c);

/* The server may have closed a connection that it had kept, just when we used it again. */
static void lose(struct caller *c, enum err why, const char *text)
{
    bool again = c->kept && !c->heard;
    drop(c);
    if (again)
        start(c);
    else
        finish(c, why, text);
}

static void on_readable(void *owner);

static void on_writable(void *owner)
{
    (void)owner; /* the request is sent whole; the answer is what counts */
}

static void on_failed(void *owner, enum err why)
{
    lose(owner, why, err_text(why));
}

static const struct stream_events stream_events = {
    .readable = on_readable, .writable = on_writable, .failed = on_failed};

static void send_request(struct caller *c)
{
    http_reader_free(c->reader);
    c->reader = http_reader_new(false, HEAD_LIMIT);
    if (c->reader == NULL) {
        finish(c, ERR_NO_MEMORY, err_text(ERR_NO_MEMORY));
        return;
    }
    stream_read_on(c->stream, true);
    stream_write(c->stream, c->request.data, c->request.size);
}

static void on_arrived(void *owner, struct stream *s)
{
    struct caller *c = owner;
    c->reach = NULL;
    c->stream = s;
    stream_set_owner(s, &stream_events, c);
    send_request(c);
}

static void on_unreached(void *owner, const struct reach_failure *f)
{
    struct caller *c = owner;
    c->reach = NULL;
    finish(c, f->why, f->text);
}

static const struct reach_events reach_events = {.arrived = on_arrived, .failed = on_unreached};

static void start(struct caller *c)
{
    c->reach = reach_start(c->loop, &c->options.target, &reach_events, c);
    if (c->reach == NULL)
        finish(c, ERR_NO_MEMORY, err_text(ERR_NO_MEMORY));
}

static void on_late(void *owner)
{
    struct caller *c = owner;
    char text[80];
    bool reached = c->stream != NULL;
    reach_cancel(c->reach);
    c->reach = NULL;
    snprintf(text, sizeof text, reached ? "no answer within %u s" : "no connection within %u s",
             (unsigned)(c->options.timeout_ms / 1000));
    finish(c, ERR_TIMEOUT, text);
}

/* ---- the answer ---- */

static void copy_header(const struct http_head *head, const char *name, char *out, size_t size)
{
    str_escape(http_header(head, name), out, size);
}

/* False: the call is over. */
static bool take_head(struct caller *c)
{
    const struct http_head *head = http_reader_head(c->reader);
    if (head->status < 200 && head->status != 101) { /* 100 Continue and the like: not yet it */
        http_reader_free(c->reader);
        c->reader = http_reader_new(false, HEAD_LIMIT);
    } else {
        c->body = http_body_new(head, false);
        c->answer->status = head->status;
        copy_header(head, "x-amzn-errortype", c->answer->error, sizeof c->answer->error);
        copy_header(head, "content-type", c->answer->type, sizeof c->answer->type);
    }
    if (c->reader != NULL && (c->body != NULL || c->answer->status == 0))
        return true;
    finish(c, ERR_NO_MEMORY, err_text(ERR_NO_MEMORY));
    return false;
}

/* Takes some of it; 0 when the call is over. */
static size_t take(struct caller *c, const uint8_t *p, size_t n)
{
    if (c->body == NULL) {
        long used = http_reader_feed(c->reader, p, n);
        if (used < 0)
            finish(c, ERR_PROTOCOL, "the answer is not HTTP");
        else if (http_reader_head(c->reader) == NULL || take_head(c))
            return (size_t)used;
        return 0;
    }
    long used = http_body_feed(c->body, p, n);
    if (used < 0)
        finish(c, ERR_PROTOCOL, "the answer is not HTTP");
    else if (!buf_append(&c->answer->body, p, (size_t)used))
        finish(c, ERR_TOO_LARGE, "the answer is too large");
    else
        return (size_t)used;
    return 0;
}

static void at_end(struct caller *c, enum err why)
{
    const struct http_head *head = c->body != NULL ? http_reader_head(c->reader) : NULL;
    if (head != NULL && why == ERR_EOF && !head->chunked && head->content_length < 0)
        complete(c, false); /* it has no other end than this one */
    else
        lose(c, why, head != NULL ? "the answer was cut off" : "it hung up without an answer");
}

static void on_readable(void *owner)
{
    struct caller *c = owner;
    uint8_t *p;
    long n;
    while ((n = stream_peek(c->stream, 1, &p)) > 0) {
        c->heard = true;
        size_t used = take(c, p, (size_t)n);
        if (c->over)
            return;
        stream_consume(c->stream, used);
        if (c->body != NULL && http_body_done(c->body)) {
            complete(c, used == (size_t)n);
            return;
        }
    }
    if (n < 0)
        at_end(c, (enum err) - n);
}

/* In place: what is kept is never further on than what is read. */
void call_unchunk(struct buf *b)
{
    uint8_t *p = b->data, *end = b->data + b->size, *to = b->data, *line;
    while (p < end && (line = memchr(p, '\n', (size_t)(end - p))) != NULL) {
        size_t n = strtoul((const char *)p, NULL, 16);
        p = line + 1;
        if (n == 0 || n > (size_t)(end - p))
            break;
        memmove(to, p, n);
        to += n;
        p += n;
        while (p < end && (*p == '\r' || *p == '\n'))
            p++;
    }
    b->size = (size_t)(to - b->data);
}

/* ---- calls ---- */

enum err caller_post(void *carrier, const struct call_request *request, struct call_answer *answer,
                     char *text, size_t size)
{
    struct caller *c = carrier;
    *answer = (struct call_answer){.body.limit = CALL_ANSWER_MAX};
    c->answer = answer;
    c->heard = c->over = false;
    if (!buf_append(&c->request, request->bytes.p, request->bytes.n)) {
        snprintf(text, size, "the request is too large");
        return ERR_TOO_LARGE;
    }
    uv_update_time(loop_uv(c->loop)); /* the loop has slept since the last call */
    timer_start(c->timer, c->options.timeout_ms);
    if (!request->repeatable)
        drop(c);
    if (c->stream != NULL)
        send_request(c);
    else
        start(c);
    while (!c->over)
        loop_run(c->loop);
    timer_stop(c->timer);
    http_reader_free(c->reader);
    http_body_free(c->body);
    c->reader = NULL;
    c->body = NULL;
    buf_wipe(&c->request);
    snprintf(text, size, "%s", c->text);
    return c->why;
}

void caller_rest(struct caller *c)
{
    drop(c);
}

struct caller *caller_new(struct loop *loop, const struct caller_options *o)
{
    struct caller *c = calloc(1, sizeof *c);
    if (c == NULL)
        return NULL;
    *c = (struct caller){.loop = loop, .options = *o, .request.limit = CALL_REQUEST_MAX};
    if (c->options.timeout_ms == 0)
        c->options.timeout_ms = TIMEOUT_MS;
    c->timer = timer_new(loop, on_late, c);
    if (c->timer != NULL)
        return c;
    free(c);
    return NULL;
}

void caller_free(struct caller *c)
{
    if (c == NULL)
        return;
    reach_cancel(c->reach);
    drop(c);
    timer_free(c->timer);
    buf_wipe(&c->request);
    free(c);
}
