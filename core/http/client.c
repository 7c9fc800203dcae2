#include "core/http/client.h"

#include <stdlib.h>
#include <string.h>

struct http_client {
    struct loop *loop;
    struct http_client_options o;
    const struct http_client_events *events;
    void *owner;
    struct timer *timer;
    struct deferred later; /* tells a loss that was found inside a call of the owner's */
    bool connecting;
    struct stream *stream; /* kept between requests, too */
    bool kept;             /* the connection has carried a request before */
    bool spoilt;           /* more than the answer came */
    /* telling: inside the `line` events; gone: http_client_free was called there, and c is freed
     * after them. */
    bool telling, gone;
    /* The request at hand. */
    bool busy, lines, repeatable;
    bool heard; /* part of an answer has come */
    struct buf request;
    struct http_reader *reader;
    struct http_body *body;
    struct buf content; /* the body: all of it, or the line that has begun */
    bool overfull;
};

/* ---- ends ---- */

static void drop(struct http_client *c)
{
    if (c->stream != NULL)
        stream_close(c->stream);
    if (c->connecting)
        c->events->abandon(c->owner);
    c->stream = NULL;
    c->connecting = c->kept = c->spoilt = false;
    loop_cancel(&c->later);
}

static void forget_answer(struct http_client *c)
{
    http_reader_free(c->reader);
    http_body_free(c->body);
    c->reader = NULL;
    c->body = NULL;
    buf_wipe(&c->content);
    c->overfull = false;
}

/* Forgets the request, which is over; the stream holds no more of its bytes. */
static void forget_request(struct http_client *c)
{
    forget_answer(c);
    timer_stop(c->timer);
    buf_wipe(&c->request);
    c->busy = false;
}

static void connect_anew(struct http_client *c)
{
    c->connecting = c->events->connect(c->owner);
    if (!c->connecting)
        loop_defer(c->loop, &c->later);
}

/* Is the last act of every event that calls it: the owner may free c. */
static void lose(struct http_client *c, enum http_loss loss, enum err why, const char *text)
{
    bool again = c->busy && c->repeatable && c->kept && !c->heard;
    drop(c);
    if (again) {
        forget_answer(c);
        if (!c->o.timeout_is_for_all)
            timer_start(c->timer, c->o.timeout_ms);
        connect_anew(c);
        return;
    }
    forget_request(c);
    c->events->lost(c->owner, loss, why, text);
}

static void lose_connection(struct http_client *c, enum err why)
{
    lose(c, HTTP_LOSS_CONNECTION, why, err_text(why));
}

static void on_later(void *owner)
{
    struct http_client *c = owner;
    c->heard = true; /* no second try, which would need memory, too */
    lose_connection(c, ERR_NO_MEMORY);
}

static void on_late(void *owner)
{
    struct http_client *c = owner;
    c->heard = true; /* no second try, which would take as long again */
    lose(c, c->stream != NULL ? HTTP_LOSS_LATE : HTTP_LOSS_DIAL_LATE, ERR_TIMEOUT, "");
}

/* ---- answers ---- */

static void deliver(struct http_client *c)
{
    struct http_reader *reader = c->reader;
    struct buf body = c->content;
    c->reader = NULL;
    c->content = (struct buf){.limit = body.limit};
    forget_request(c);
    c->events->answer(c->owner, http_reader_head(reader), &body);
    buf_wipe(&body);
    http_reader_free(reader);
}

/* False: c is gone. */
static bool deliver_lines(struct http_client *c)
{
    const uint8_t *end;
    c->telling = true;
    while (c->body != NULL && c->content.size > 0 &&
           (end = memchr(c->content.data, '\n', c->content.size)) != NULL) {
        /* The line is copied: the owner may make another request, which ends this answer. */
        size_t size = (size_t)(end - c->content.data);
        size_t n = size > 0 && end[-1] == '\r' ? size - 1 : size;
        char *line = span_dup((struct span){(char *)c->content.data, n});
        buf_take(&c->content, size + 1);
        if (n > 0 && line != NULL && c->events->line != NULL)
            c->events->line(c->owner, (struct span){line, n});
        free(line);
    }
    c->telling = false;
    if (!c->gone)
        return true;
    free(c);
    return false;
}

static void keep(void *owner, const uint8_t *p, size_t n)
{
    struct http_client *c = owner;
    c->overfull = !buf_append(&c->content, p, n) || c->overfull;
}

static enum err head_done(struct http_client *c, const struct http_head *head)
{
    c->body = http_body_new(head, false);
    if (c->body == NULL)
        return ERR_NO_MEMORY;
    http_body_tell(c->body, keep, c);
    c->lines = c->lines && head->status == 200;
    /* Lines are taken out after each read, which may bring many. */
    c->content.limit = c->lines ? c->o.max_line + LOOP_BLOCK : c->o.max_body;
    return ERR_OK;
}

/* Takes some of the n bytes. */
static enum err take(struct http_client *c, const uint8_t *p, size_t n, size_t *used)
{
    long took = c->body == NULL ? http_reader_feed(c->reader, p, n) : http_body_feed(c->body, p, n);
    *used = took > 0 ? (size_t)took : 0;
    if (took < 0)
        return took == -ERR_NO_MEMORY ? ERR_NO_MEMORY : ERR_PROTOCOL;
    if (c->overfull || (c->lines && c->content.size > n + c->o.max_line))
        return ERR_TOO_LARGE;
    const struct http_head *head = http_reader_head(c->reader);
    return head != NULL && c->body == NULL ? head_done(c, head) : ERR_OK;
}

/* more: further bytes follow, which belong to no request. */
static void complete(struct http_client *c, bool more)
{
    if (c->lines) {
        lose(c, HTTP_LOSS_ENDED, ERR_EOF, "");
        return;
    }
    if (http_reader_head(c->reader)->keep_alive && stream_ready(c->stream)) {
        c->kept = true;
        c->spoilt = more;
    } else {
        drop(c);
    }
    deliver(c);
}

static void at_end(struct http_client *c, enum err why)
{
    const struct http_head *head = c->body != NULL ? http_reader_head(c->reader) : NULL;
    if (head != NULL && why == ERR_EOF && !c->lines && !head->chunked && head->content_length < 0) {
        drop(c);
        deliver(c); /* the answer ends with the connection */
    } else {
        lose(c, head != NULL && !c->lines ? HTTP_LOSS_CUT_OFF : HTTP_LOSS_HUNG_UP, why,
             err_text(why));
    }
}

static void misread(struct http_client *c, enum err why)
{
    if (why == ERR_NO_MEMORY)
        lose_connection(c, why);
    else
        lose(c, why == ERR_TOO_LARGE ? HTTP_LOSS_TOO_LARGE : HTTP_LOSS_MALFORMED, why, "");
}

/* False: c is gone, or waits for nothing more. */
static bool take_all(struct http_client *c, const uint8_t *p, size_t n)
{
    size_t used;
    c->heard = true;
    if (!c->busy) {
        lose(c, HTTP_LOSS_UNASKED, ERR_PROTOCOL, "");
        return false;
    }
    enum err why = take(c, p, n, &used);
    stream_consume(c->stream, used);
    if (c->body != NULL && c->lines) {
        timer_stop(c->timer); /* lines may be far between */
        if (!deliver_lines(c) || c->body == NULL)
            return false;
    } else if (!c->o.timeout_is_for_all) {
        timer_start(c->timer, c->o.timeout_ms);
    }
    if (why == ERR_OK && (c->body == NULL || !http_body_done(c->body)))
        return true;
    if (why == ERR_OK)
        complete(c, used < n);
    else
        misread(c, why);
    return false;
}

static void on_readable(void *owner)
{
    struct http_client *c = owner;
    uint8_t *p;
    long n;
    while ((n = stream_peek(c->stream, 1, &p)) > 0)
        if (!take_all(c, p, (size_t)n))
            return;
    if (n < 0)
        at_end(c, (enum err) - n);
}

static void on_writable(void *owner)
{
    (void)owner; /* no need to continue: the request is sent whole, and the answer tells its fate */
}

static void on_failed(void *owner, enum err why)
{
    lose_connection(owner, why);
}

/* ---- requests ---- */

static void send_request(struct http_client *c)
{
    c->reader = http_reader_new(HTTP_ANSWER, c->o.max_head);
    if (c->reader != NULL)
        stream_write(c->stream, c->request.data, c->request.size);
    else
        loop_defer(c->loop, &c->later);
}

void http_client_connected(struct http_client *c, struct stream *s)
{
    static const struct stream_events stream_events = {
        .readable = on_readable, .writable = on_writable, .failed = on_failed};
    c->connecting = false;
    c->stream = s;
    stream_set_owner(s, &stream_events, c);
    stream_read_on(s, true); /* stays on, so that the connection's end is seen at once */
    send_request(c);
}

void http_client_unreached(struct http_client *c, enum err why, const char *text)
{
    c->connecting = false;
    lose(c, HTTP_LOSS_CONNECTION, why, text);
}

bool http_client_ask(struct http_client *c, struct buf *request, unsigned how)
{
    if (c->busy)
        return false;
    c->busy = true;
    c->lines = (how & HTTP_LINES) != 0;
    c->repeatable = (how & HTTP_REPEATABLE) != 0;
    c->heard = false;
    /* A connection that is still being written to is not usable either. */
    if (c->stream != NULL && (c->spoilt || !c->repeatable || !stream_ready(c->stream)))
        drop(c);
    c->request = *request;
    *request = (struct buf){.limit = request->limit};
    timer_start(c->timer, c->o.timeout_ms);
    if (c->request.size == 0)
        loop_defer(c->loop, &c->later);
    else if (c->stream != NULL)
        send_request(c);
    else
        connect_anew(c);
    return true;
}

bool http_client_busy(const struct http_client *c)
{
    return c->busy;
}

void http_client_rest(struct http_client *c)
{
    drop(c);
    forget_request(c);
}

void http_client_timeout(struct http_client *c, uint64_t ms)
{
    c->o.timeout_ms = ms;
}

void http_client_renew(struct http_client *c)
{
    if (c->busy && c->stream != NULL)
        lose(c, HTTP_LOSS_LATE, ERR_TIMEOUT, "");
}

const struct stream *http_client_stream(const struct http_client *c)
{
    return c->stream;
}

struct stream *http_client_take(struct http_client *c)
{
    struct stream *s = c->stream;
    if (s == NULL || c->busy || c->spoilt || !stream_ready(s))
        return NULL;
    c->stream = NULL;
    c->kept = false;
    stream_read_on(s, false);
    return s;
}

/* ---- life ---- */

struct http_client *http_client_new(struct loop *loop, const struct http_client_options *options,
                                    const struct http_client_events *events, void *owner)
{
    struct http_client *c = calloc(1, sizeof *c);
    if (c == NULL)
        return NULL;
    *c = (struct http_client){.loop = loop, .o = *options, .events = events, .owner = owner};
    deferred_init(&c->later, on_later, c);
    c->timer = timer_new(loop, on_late, c);
    if (c->timer != NULL)
        return c;
    free(c);
    return NULL;
}

void http_client_free(struct http_client *c)
{
    if (c == NULL)
        return;
    drop(c);
    forget_request(c);
    timer_free(c->timer);
    c->gone = true;
    if (!c->telling)
        free(c);
}
