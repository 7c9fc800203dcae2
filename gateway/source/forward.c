#include "gateway/source/forward.h"

#include "core/base/list.h"
#include "core/net/socket.h"
#include "gateway/common/telemetry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EARLY_MAX 262144 /* what a client may send before it has its answer: a native window */

struct forwards {
    struct loop *loop;
    struct access_log *access_log;
    struct lingering_closes *lingering_closes;
    struct list all;
    size_t n;
};

enum state {
    WAITING,   /* for the tunnel */
    OPENING,   /* for the far end's answer, or its first sign, or the grace time */
    ANSWERING, /* the success is being written */
    ATTACHED   /* the stream is the connection's */
};

struct forward {
    struct list node;
    struct forwards *set;
    enum state state;
    struct stream *stream; /* until attached */
    struct timer *timer;   /* until attached */
    struct conn *conn;     /* from OPENING on */
    bool conn_over;        /* it has ended, and is only looked at */
    const struct reply_format *format;
    struct access_log_entry who;
    char *hint;
    char *service;
    bool literal, quiet, http;
    forward_resolve *resolve;
    void *owner;
    struct buf early, out;
    struct conn_tap tap;
    void (*tap_free)(void *ctx);
    uint64_t patience_ms;
    size_t sent_early; /* behind the start, while the answer is awaited */
};

/* ---- the set ---- */

struct forwards *forwards_new(struct loop *loop, struct monitor *monitor)
{
    struct forwards *p = calloc(1, sizeof *p);
    if (p == NULL)
        return NULL;
    p->loop = loop;
    list_init(&p->all);
    p->access_log = access_log_new(loop, monitor);
    p->lingering_closes = lingering_closes_new(loop);
    if (p->access_log == NULL || p->lingering_closes == NULL) {
        forwards_free(p);
        return NULL;
    }
    return p;
}

size_t forwards_count(const struct forwards *p)
{
    return p->n;
}

struct access_log *forwards_access_log(struct forwards *p)
{
    return p->access_log;
}

struct lingering_closes *forwards_lingering(struct forwards *p)
{
    return p->lingering_closes;
}

/* ---- the end ---- */

static void release(struct forward *p)
{
    list_remove(&p->node);
    p->set->n--;
    timer_free(p->timer);
    if (p->tap_free != NULL)
        p->tap_free(p->tap.ctx);
    buf_free(&p->early);
    buf_free(&p->out);
    access_log_forget(&p->who);
    free(p->hint);
    free(p->service);
    free(p);
}

/* Drops the connection without its `ended` reaching us. */
static void forget_conn(struct forward *p, enum err why)
{
    struct conn *c = p->conn;
    p->conn = NULL;
    if (c != NULL && !p->conn_over)
        conn_abort(c, why);
}

static void refuse(struct forward *p, enum err why, const char *text)
{
    struct buf words = {.limit = 8192};
    access_log_refuse(&p->who, why, text);
    forget_conn(p, why);
    if (!p->format->answer(why, text, &words))
        buf_free(&words);
    if (words.size > 0)
        lingering_close_start(p->set->lingering_closes, p->stream, &words);
    else /* an end would say that this was all */
        lingering_close_reset(p->set->lingering_closes, p->stream);
    release(p);
}

static const char *text_of(enum err why)
{
    if (why == ERR_PEER_RESET)
        return "refused: no agent is connected, or the service does not listen (the agent's log "
               "tells)";
    if (why == ERR_NO_SERVICE)
        return "no such service: nothing is mapped to it on the device";
    if (why == ERR_DEVICE_OFFLINE)
        return "the device is not connected; is tunnel-agent running there?";
    return err_text(why);
}

static void refuse_service(struct forward *p, enum err why)
{
    char text[FORWARD_TEXT], safe[140];
    const char *what = text_of(why);
    str_escape(span_of(p->service), safe, sizeof safe);
    snprintf(text, sizeof text, "%.100s%s%.88s", safe, safe[0] != '\0' ? ": " : "", what);
    refuse(p, why, text);
}

/* The client went away before it was attached. */
static void drop(struct forward *p, enum err why)
{
    access_log_refuse(&p->who, why, NULL);
    forget_conn(p, why);
    stream_reset_on_close(p->stream, true);
    stream_close(p->stream);
    release(p);
}

static void on_ended(void *owner, struct conn *c, const struct conn_stats *stats)
{
    struct forward *p = owner;
    (void)c;
    if (p->conn == NULL)
        return; /* forget_conn */
    p->conn_over = true;
    if (p->state == OPENING) {
        refuse_service(p, stats->why);
    } else if (p->state == ANSWERING) {
        drop(p, stats->why); /* half an answer is out: it cannot be taken back */
    } else {
        access_log_ended(&p->who,
                         &(struct access_log_end){.service = p->service,
                                                  .ms = loop_now(p->set->loop) - stats->started_ms,
                                                  .up = stats->up,
                                                  .down = stats->down,
                                                  .why = stats->why});
        release(p);
    }
}

void forwards_free(struct forwards *set)
{
    if (set == NULL)
        return;
    while (!list_empty(&set->all)) {
        struct forward *p = list_entry(set->all.next, struct forward, node);
        if (p->state == ATTACHED)
            conn_abort(p->conn, ERR_SHUTDOWN);
        else
            drop(p, ERR_SHUTDOWN);
    }
    lingering_closes_free(set->lingering_closes);
    access_log_free(set->access_log);
    free(set);
}

/* ---- opening ---- */

static void attach(struct forward *p)
{
    struct stream *s = p->stream;
    p->state = ATTACHED;
    access_log_answered(&p->who);
    p->stream = NULL;
    timer_free(p->timer);
    p->timer = NULL;
    buf_free(&p->out);
    conn_attach(p->conn, s);
}

static void answer(struct forward *p)
{
    timer_stop(p->timer);
    stream_read_on(p->stream, false);
    p->state = ANSWERING;
    if (!p->format->answer(ERR_OK, "", &p->out)) {
        drop(p, ERR_NO_MEMORY);
        return;
    }
    if (p->out.size == 0 || stream_write(p->stream, p->out.data, p->out.size))
        attach(p);
}

static void on_answer(void *owner, struct conn *c, enum err why)
{
    struct forward *p = owner;
    (void)c;
    if (why == ERR_OK && p->state == OPENING)
        answer(p); /* a refusal's `ended` comes next */
}

static const struct conn_events conn_events = {.answer = on_answer, .ended = on_ended};

/* The bytes that go up first and the watcher, then the wait for a sign. */
static void opened(struct forward *p, uint64_t grace_ms)
{
    p->state = OPENING;
    conn_tap(p->conn, &p->tap);
    if (p->early.size > 0 && !conn_early(p->conn, p->early.data, p->early.size)) {
        refuse_service(p, ERR_NO_MEMORY);
        return;
    }
    buf_free(&p->early);
    bool native = conn_native(p->conn) && p->format->patient;
    if (native) {
        timer_start(p->timer, FORWARD_ANSWER_MS);
        stream_read_on(p->stream, p->tap.up == NULL); /* a tap counts what goes up */
    } else if (!p->format->patient || (grace_ms == 0 && p->patience_ms == 0))
        answer(p);
    else
        timer_start(p->timer, p->patience_ms != 0 ? p->patience_ms : grace_ms);
}

static enum err ask(struct forward *p, struct forward_target *target, char text[FORWARD_TEXT])
{
    const struct forward_question q = {.host = span_of(p->who.asked),
                                       .literal = p->literal,
                                       .hint = p->hint,
                                       .quiet = p->quiet,
                                       .http = p->http};
    *target = (struct forward_target){.service = ""};
    snprintf(text, FORWARD_TEXT, "%s", err_text(ERR_HUB_DOWN));
    return p->resolve(p->owner, &q, target, text);
}

static void look(struct forward *p)
{
    char text[FORWARD_TEXT];
    struct forward_target target;
    enum err why = ask(p, &target, text);
    if (why == ERR_HUB_DOWN || (why == ERR_DEVICE_OFFLINE && target.awaited))
        return;
    if (why != ERR_OK) {
        refuse(p, why, text);
        return;
    }
    p->service = span_dup(span_of(target.service));
    if (p->service == NULL) {
        refuse(p, ERR_NO_MEMORY, err_text(ERR_NO_MEMORY));
        return;
    }
    timer_stop(p->timer);
    p->conn = conn_open(target.session, p->service, &conn_events, p, &why);
    if (p->conn == NULL) {
        refuse_service(p, why);
        return;
    }
    access_log_opened(&p->who, target.watched, p->service);
    opened(p, target.grace_ms);
}

static void on_time(void *owner)
{
    struct forward *p = owner;
    char text[FORWARD_TEXT];
    struct forward_target target;
    enum err why = p->state == WAITING ? ask(p, &target, text) : ERR_OK;
    if (why != ERR_OK)
        refuse(p, why, text);
    else if (p->state == WAITING)
        look(p);
    else if (p->state == OPENING && conn_native(p->conn))
        refuse_service(p, ERR_TIMEOUT);
    else if (p->state == OPENING)
        answer(p);
}

void forwards_wake(struct forwards *set)
{
    /* A forward that ends may take others along (a lost link): start over after each. */
    struct list todo;
    list_init(&todo);
    list_each(node, &set->all) if (list_entry(node, struct forward, node)->state == WAITING)
        list_append(&todo, node);
    while (!list_empty(&todo)) {
        struct forward *p = list_entry(todo.next, struct forward, node);
        list_append(&set->all, &p->node);
        look(p);
    }
}

void forwards_give_up(struct forwards *set, const struct session *s)
{
    struct list todo;
    list_init(&todo);
    list_each(node, &set->all)
    {
        const struct forward *p = list_entry(node, struct forward, node);
        if (p->state == OPENING && conn_session(p->conn) == s)
            list_append(&todo, node);
    }
    while (!list_empty(&todo)) {
        struct forward *p = list_entry(todo.next, struct forward, node);
        list_append(&set->all, &p->node);
        refuse_service(p, ERR_DEVICE_OFFLINE);
    }
}

/* ---- the client's stream, until it is attached ---- */

/* Its end, or an error, is seen again by the connection. */
static void on_readable(void *owner)
{
    struct forward *p = owner;
    uint8_t *bytes;
    long n = 0;
    size_t room = p->state == OPENING && p->sent_early < EARLY_MAX ? conn_early_room(p->conn) : 0;
    if (room > 0)
        n = stream_peek(p->stream, 1, &bytes);
    if (n <= 0) {
        stream_read_on(p->stream, false);
        return;
    }
    n = (size_t)n < room ? n : (long)room;
    if (!conn_early(p->conn, bytes, (size_t)n)) {
        refuse_service(p, ERR_NO_MEMORY);
        return;
    }
    p->sent_early += (size_t)n;
    stream_consume(p->stream, (size_t)n);
}

static void on_writable(void *owner)
{
    struct forward *p = owner;
    if (p->state == ANSWERING)
        attach(p);
}

static void on_failed(void *owner, enum err why)
{
    drop(owner, why);
}

/* ---- for who watches ---- */

static void show(void *ctx, struct monitor_counters *out)
{
    const struct forward *p = ctx;
    if (p->conn != NULL)
        telemetry_conn(p->conn, out);
    if (p->state != ATTACHED)
        out->state = MONITOR_STREAM_CONNECTING;
}

static void close_it(void *ctx)
{
    struct forward *p = ctx;
    if (p->state == ATTACHED)
        conn_abort(p->conn, ERR_OPERATOR);
    else if (p->state == ANSWERING)
        drop(p, ERR_OPERATOR);
    else
        refuse(p, ERR_OPERATOR, err_text(ERR_OPERATOR));
}

void forward_start(struct forwards *set, struct stream *stream, const struct forward_options *o)
{
    static const struct stream_events events = {
        .readable = on_readable, .writable = on_writable, .failed = on_failed};
    struct forward *p = calloc(1, sizeof *p);
    struct buf none = {.limit = 1};
    if (p == NULL)
        goto fail_forward;
    *p = (struct forward){.set = set,
                          .stream = stream,
                          .format = o->format,
                          .literal = o->question.literal,
                          .quiet = o->question.quiet,
                          .http = o->question.http,
                          .resolve = o->resolve,
                          .owner = o->owner,
                          .out = {.limit = 8192},
                          .tap = o->tap,
                          .patience_ms = o->patience_ms};
    p->hint = o->question.hint != NULL ? span_dup(span_of(o->question.hint)) : NULL;
    p->timer = timer_new(set->loop, on_time, p);
    if (p->timer == NULL || (o->question.hint != NULL && p->hint == NULL) ||
        !access_log_began(set->access_log,
                          &(struct access_log_options){.stream = stream,
                                                       .protocol = o->format->protocol,
                                                       .asked = o->question.host,
                                                       .accepted_ms = o->accepted_ms,
                                                       .look = show,
                                                       .close = close_it,
                                                       .ctx = p},
                          &p->who))
        goto fail_parts;
    p->tap_free = o->tap_free;
    if (o->early != NULL) {
        p->early = *o->early;
        *o->early = (struct buf){.limit = o->early->limit};
    }
    list_init(&p->node);
    list_append(&set->all, &p->node);
    set->n++;
    stream_set_owner(stream, &events, p);
    stream_read_on(stream, false);
    timer_start(p->timer, FORWARD_WAIT_MS);
    look(p);
    return;

fail_parts:
    timer_free(p->timer);
    free(p->hint);
    free(p);
fail_forward:
    if (o->tap_free != NULL)
        o->tap_free(o->tap.ctx);
    lingering_close_start(set->lingering_closes, stream, &none);
}
