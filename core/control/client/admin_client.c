#include "core/control/client/admin_client.h"

#include "core/http/http.h"
#include "core/net/tcp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEAD_MAX 16384

struct admin_client {
    struct loop *loop;
    char *path;
    struct admin_client_events events;
    void *owner;
    uint64_t patience_ms;
    struct timer *timer;
    struct deferred later; /* a loss that was found while asking */
    struct dial *dial;
    struct stream *stream; /* also between requests */
    bool kept;             /* it has carried a request before */
    /* lines; and admin_client_free came meanwhile: its memory is freed after them */
    bool telling, gone;
    /* The request at hand. */
    bool busy, follow;
    bool heard; /* something of an answer has come */
    struct buf request;
    struct http_reader *reader;
    struct http_body *body;
    struct buf content; /* of the body: all of it, or the line that has begun */
    bool overfull;
};

/* ---- ends ---- */

static void drop(struct admin_client *w)
{
    if (w->stream != NULL)
        stream_close(w->stream);
    if (w->dial != NULL)
        dial_cancel(w->dial);
    w->stream = NULL;
    w->dial = NULL;
    w->kept = false;
    loop_cancel(&w->later);
}

static void forget_answer(struct admin_client *w)
{
    http_reader_free(w->reader);
    http_body_free(w->body);
    w->reader = NULL;
    w->body = NULL;
    buf_free(&w->content);
    w->overfull = false;
}

static void dial(struct admin_client *w);

/* The last act of every event that gets here: the owner may free w. A connection that was kept may
 * have been closed just when it was used again: that is no loss yet. */
static void lose(struct admin_client *w, enum err why, const char *text)
{
    bool again = w->busy && w->kept && !w->heard;
    drop(w);
    forget_answer(w);
    timer_stop(w->timer);
    if (again) {
        dial(w);
        return;
    }
    w->busy = false;
    w->events.lost(w->owner, why, text);
}

static const struct {
    enum err why;
    const char *text;
} dial_texts[] = {
    {ERR_NOT_FOUND, "there is no such socket"},
    {ERR_REFUSED, "nobody listens there"},
    {ERR_PERMISSION, "permission denied"},
    {ERR_USAGE, "the path is too long for a socket"},
};

static void lose_dial(struct admin_client *w, enum err why)
{
    for (size_t i = 0; i < sizeof dial_texts / sizeof *dial_texts; i++)
        if (dial_texts[i].why == why) {
            lose(w, why, dial_texts[i].text);
            return;
        }
    lose(w, why, err_text(why));
}

static void on_late(void *owner)
{
    struct admin_client *w = owner;
    char text[80];
    w->heard = true; /* not again: that would only take as long */
    snprintf(text, sizeof text, "no answer within %u s", (unsigned)(w->patience_ms / 1000));
    lose(w, ERR_TIMEOUT, text);
}

/* ---- answers ---- */

static void deliver(struct admin_client *w)
{
    struct buf body = w->content;
    int status = http_reader_head(w->reader)->status;
    w->content = (struct buf){.limit = body.limit};
    forget_answer(w);
    timer_stop(w->timer);
    w->busy = false;
    w->events.answer(w->owner, status, (struct span){(char *)body.data, body.size});
    buf_free(&body);
}

/* False: w is gone. */
static bool deliver_lines(struct admin_client *w)
{
    const uint8_t *end;
    w->telling = true;
    while (w->body != NULL && w->content.size > 0 &&
           (end = memchr(w->content.data, '\n', w->content.size)) != NULL) {
        /* Its own memory: the owner may ask for something else, which ends this answer. */
        size_t n = (size_t)(end - w->content.data);
        char *line = span_dup((struct span){(char *)w->content.data, n});
        buf_take(&w->content, n + 1);
        if (n > 0 && line != NULL && w->events.line != NULL)
            w->events.line(w->owner, (struct span){line, line[n - 1] == '\r' ? n - 1 : n});
        free(line);
    }
    w->telling = false;
    if (!w->gone)
        return true;
    free(w);
    return false;
}

static void keep(void *owner, const uint8_t *p, size_t n)
{
    struct admin_client *w = owner;
    w->overfull = !buf_append(&w->content, p, n) || w->overfull;
}

/* Takes some of it; what is wrong with it, or NULL. */
static const char *take(struct admin_client *w, const uint8_t *p, size_t n, size_t *used)
{
    long took = w->body == NULL ? http_reader_feed(w->reader, p, n) : http_body_feed(w->body, p, n);
    *used = took > 0 ? (size_t)took : 0;
    if (took < 0)
        return "its answer is not HTTP";
    if (w->overfull || (w->follow && w->content.size > n + ADMIN_CLIENT_LINE_MAX))
        return "its answer is too large";
    const struct http_head *head = http_reader_head(w->reader);
    if (head == NULL || w->body != NULL)
        return NULL;
    if (head->status < 200) { /* 100 Continue and the like: not yet it */
        http_reader_free(w->reader);
        w->reader = http_reader_new(false, HEAD_MAX);
        return w->reader != NULL ? NULL : err_text(ERR_NO_MEMORY);
    }
    w->body = http_body_new(head, false);
    if (w->body == NULL)
        return err_text(ERR_NO_MEMORY);
    http_body_tell(w->body, keep, w);
    w->follow = w->follow && head->status == 200;
    /* Lines are taken out after each read, which may bring many. */
    w->content.limit = w->follow ? ADMIN_CLIENT_LINE_MAX + LOOP_BLOCK : ADMIN_CLIENT_ANSWER_MAX;
    return NULL;
}

static void complete(struct admin_client *w)
{
    if (w->follow) {
        lose(w, ERR_EOF, "it ended the events");
        return;
    }
    if (http_reader_head(w->reader)->keep_alive && stream_ready(w->stream))
        w->kept = true;
    else
        drop(w);
    deliver(w);
}

static void at_end(struct admin_client *w, enum err why)
{
    const struct http_head *head = w->body != NULL ? http_reader_head(w->reader) : NULL;
    if (head != NULL && why == ERR_EOF && !w->follow && !head->chunked &&
        head->content_length < 0) {
        drop(w);
        deliver(w); /* it has no other end than this one */
    } else if (why == ERR_EOF) {
        lose(w, why,
             head != NULL && !w->follow ? "it hung up in the middle of an answer" : "it hung up");
    } else {
        lose(w, why, err_text(why));
    }
}

/* False: w is gone, or waits for nothing more. */
static bool take_all(struct admin_client *w, const uint8_t *p, size_t n)
{
    size_t used;
    w->heard = true;
    const char *wrong = w->busy ? take(w, p, n, &used) : "it spoke without being asked";
    if (wrong != NULL) {
        lose(w, ERR_PROTOCOL, wrong);
        return false;
    }
    stream_consume(w->stream, used);
    if (w->body != NULL && w->follow) {
        timer_stop(w->timer); /* events may be far between */
        if (!deliver_lines(w))
            return false;
    } else {
        timer_start(w->timer, w->patience_ms);
    }
    if (w->body == NULL || !http_body_done(w->body))
        return w->stream != NULL;
    complete(w);
    return false;
}

static void on_readable(void *owner)
{
    struct admin_client *w = owner;
    uint8_t *p;
    long n;
    while ((n = stream_peek(w->stream, 1, &p)) > 0)
        if (!take_all(w, p, (size_t)n))
            return;
    if (n < 0)
        at_end(w, (enum err) - n);
}

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

/* ---- requests ---- */

static void send_request(struct admin_client *w)
{
    w->reader = http_reader_new(false, HEAD_MAX);
    if (w->reader == NULL) {
        loop_defer(w->loop, &w->later);
        return;
    }
    stream_write(w->stream, w->request.data, w->request.size);
}

static void on_dialled(void *owner, struct stream *s, enum err why)
{
    struct admin_client *w = owner;
    w->dial = NULL;
    if (s == NULL) {
        lose_dial(w, why);
        return;
    }
    w->stream = s;
    stream_set_owner(s, &stream_events, w);
    stream_read_on(s, true); /* for good: an end is to be seen when it comes */
    send_request(w);
}

static void dial(struct admin_client *w)
{
    struct dial_options o = {.host = w->path, .timeout_ms = w->patience_ms};
    w->dial = dial_start(w->loop, &o, on_dialled, w);
    timer_start(w->timer, w->patience_ms);
    if (w->dial == NULL)
        loop_defer(w->loop, &w->later);
}

static void on_later(void *owner)
{
    struct admin_client *w = owner;
    w->heard = true;
    lose(w, ERR_NO_MEMORY, err_text(ERR_NO_MEMORY));
}

static bool ask(struct admin_client *w, const char *method, const char *target, bool follow)
{
    if (w->busy)
        return false;
    w->busy = true;
    w->follow = follow;
    w->heard = false;
    if (w->stream != NULL && !stream_ready(w->stream)) /* the last request is still being read */
        drop(w);
    buf_free(&w->request);
    if (!buf_printf(&w->request, "%s %s HTTP/1.1\r\nHost: localhost\r\n\r\n", method, target)) {
        loop_defer(w->loop, &w->later);
    } else if (w->stream == NULL) {
        dial(w);
    } else {
        timer_start(w->timer, w->patience_ms);
        send_request(w);
    }
    return true;
}

bool admin_client_ask(struct admin_client *w, const char *method, const char *target)
{
    return ask(w, method, target, false);
}

bool admin_client_follow(struct admin_client *w, const char *target)
{
    return ask(w, "GET", target, true);
}

bool admin_client_busy(const struct admin_client *w)
{
    return w->busy;
}

void admin_client_close(struct admin_client *w)
{
    drop(w);
    forget_answer(w);
    timer_stop(w->timer);
    w->busy = false;
}

void admin_client_timeout(struct admin_client *w, uint64_t ms)
{
    w->patience_ms = ms;
}

struct admin_client *admin_client_new(struct loop *loop, const char *path,
                                      const struct admin_client_events *events, void *owner)
{
    struct admin_client *w = calloc(1, sizeof *w);
    if (w == NULL)
        return NULL;
    *w = (struct admin_client){.loop = loop,
                               .events = *events,
                               .owner = owner,
                               .patience_ms = ADMIN_CLIENT_TIMEOUT_MS,
                               .request.limit = ADMIN_CLIENT_REQUEST_MAX};
    deferred_init(&w->later, on_later, w);
    w->path = strdup(path);
    w->timer = timer_new(loop, on_late, w);
    if (w->path != NULL && w->timer != NULL)
        return w;
    admin_client_free(w);
    return NULL;
}

void admin_client_free(struct admin_client *w)
{
    if (w == NULL)
        return;
    drop(w);
    forget_answer(w);
    timer_free(w->timer);
    buf_free(&w->request);
    free(w->path);
    w->gone = true;
    if (!w->telling)
        free(w);
}
