#include "gateway/source/forward.h"

#include "core/base/list.h"
#include "core/net/tcp.h"
#include "gateway/common/telemetry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EARLY_MAX 262144 /* what a client may send before it has its answer: a native window */

struct passages {
    struct loop *loop;
    struct access *access;
    struct partings *partings;
    struct list all;
    size_t n;
};

enum state {
    WAITING,   /* for the tunnel */
    OPENING,   /* for the far end's answer, or its first sign, or the grace time */
    ANSWERING, /* the success is being written */
    ATTACHED   /* the stream is the connection's */
};

struct passage {
    struct list node;
    struct passages *set;
    enum state state;
    struct stream *stream; /* until attached */
    struct timer *timer;   /* until attached */
    struct conn *conn;     /* from OPENING on */
    bool conn_over;        /* it has ended, and is only looked at */
    const struct front *front;
    struct access_client who;
    char *hint;
    char *service;
    bool literal, quiet, http;
    passage_resolve *resolve;
    void *owner;
    struct buf early, out;
    struct conn_tap tap;
    void (*tap_free)(void *ctx);
    uint64_t patience_ms;
    size_t sent_early; /* behind the start, while the answer is awaited */
};

/* ---- the set ---- */

struct passages *passages_new(struct loop *loop, struct monitor *monitor)
{
    struct passages *p = calloc(1, sizeof *p);
    if (p == NULL)
        return NULL;
    p->loop = loop;
    list_init(&p->all);
    p->access = access_new(loop, monitor);
    p->partings = partings_new(loop);
    if (p->access == NULL || p->partings == NULL) {
        passages_free(p);
        return NULL;
    }
    return p;
}

size_t passages_count(const struct passages *p)
{
    return p->n;
}

struct access *passages_access(struct passages *p)
{
    return p->access;
}

struct partings *passages_partings(struct passages *p)
{
    return p->partings;
}

/* ---- the end ---- */

static void release(struct passage *p)
{
    list_remove(&p->node);
    p->set->n--;
    timer_free(p->timer);
    if (p->tap_free != NULL)
        p->tap_free(p->tap.ctx);
    buf_free(&p->early);
    buf_free(&p->out);
    access_forget(&p->who);
    free(p->hint);
    free(p->service);
    free(p);
}

/* Drops the connection without its `ended` reaching us. */
static void forget_conn(struct passage *p, enum err why)
{
    struct conn *c = p->conn;
    p->conn = NULL;
    if (c != NULL && !p->conn_over)
        conn_abort(c, why);
}

static void refuse(struct passage *p, enum err why, const char *text)
{
    struct buf words = {.limit = 8192};
    access_refuse(&p->who, why, text);
    forget_conn(p, why);
    if (!p->front->answer(why, text, &words))
        buf_free(&words);
    if (words.size > 0)
        parting_start(p->set->partings, p->stream, &words);
    else /* an end would say that this was all */
        parting_cut(p->set->partings, p->stream);
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

static void refuse_service(struct passage *p, enum err why)
{
    char text[PASSAGE_TEXT], safe[140];
    const char *what = text_of(why);
    str_escape(span_of(p->service), safe, sizeof safe);
    snprintf(text, sizeof text, "%.100s%s%.88s", safe, safe[0] != '\0' ? ": " : "", what);
    refuse(p, why, text);
}

/* The client went away before it was attached. */
static void drop(struct passage *p, enum err why)
{
    access_refuse(&p->who, why, NULL);
    forget_conn(p, why);
    stream_reset_on_close(p->stream, true);
    stream_close(p->stream);
    release(p);
}

static void on_ended(void *owner, struct conn *c, const struct conn_stats *stats)
{
    struct passage *p = owner;
    (void)c;
    if (p->conn == NULL)
        return; /* forget_conn */
    p->conn_over = true;
    if (p->state == OPENING) {
        refuse_service(p, stats->why);
    } else if (p->state == ANSWERING) {
        drop(p, stats->why); /* half an answer is out: it cannot be taken back */
    } else {
        access_ended(&p->who, &(struct access_end){.service = p->service,
                                                   .ms = loop_now(p->set->loop) - stats->started_ms,
                                                   .up = stats->up,
                                                   .down = stats->down,
                                                   .why = stats->why});
        release(p);
    }
}

void passages_free(struct passages *set)
{
    if (set == NULL)
        return;
    while (!list_empty(&set->all)) {
        struct passage *p = list_entry(set->all.next, struct passage, node);
        if (p->state == ATTACHED)
            conn_abort(p->conn, ERR_SHUTDOWN);
        else
            drop(p, ERR_SHUTDOWN);
    }
    partings_free(set->partings);
    access_free(set->access);
    free(set);
}

/* ---- opening ---- */

static void attach(struct passage *p)
{
    struct stream *s = p->stream;
    p->state = ATTACHED;
    access_answered(&p->who);
    p->stream = NULL;
    timer_free(p->timer);
    p->timer = NULL;
    buf_free(&p->out);
    conn_attach(p->conn, s);
}

static void answer(struct passage *p)
{
    timer_stop(p->timer);
    stream_read_on(p->stream, false);
    p->state = ANSWERING;
    if (!p->front->answer(ERR_OK, "", &p->out)) {
        drop(p, ERR_NO_MEMORY);
        return;
    }
    if (p->out.size == 0 || stream_write(p->stream, p->out.data, p->out.size))
        attach(p);
}

static void on_answer(void *owner, struct conn *c, enum err why)
{
    struct passage *p = owner;
    (void)c;
    if (why == ERR_OK && p->state == OPENING)
        answer(p); /* a refusal's `ended` comes next */
}

static const struct conn_events conn_events = {.answer = on_answer, .ended = on_ended};

/* The bytes that go up first and the watcher, then the wait for a sign. */
static void opened(struct passage *p, uint64_t grace_ms)
{
    p->state = OPENING;
    conn_tap(p->conn, &p->tap);
    if (p->early.size > 0 && !conn_early(p->conn, p->early.data, p->early.size)) {
        refuse_service(p, ERR_NO_MEMORY);
        return;
    }
    buf_free(&p->early);
    bool native = conn_native(p->conn) && p->front->patient;
    if (native) {
        timer_start(p->timer, PASSAGE_ANSWER_MS);
        stream_read_on(p->stream, p->tap.up == NULL); /* a tap counts what goes up */
    } else if (!p->front->patient || (grace_ms == 0 && p->patience_ms == 0))
        answer(p);
    else
        timer_start(p->timer, p->patience_ms != 0 ? p->patience_ms : grace_ms);
}

static enum err ask(struct passage *p, struct passage_target *target, char text[PASSAGE_TEXT])
{
    const struct passage_question q = {.host = span_of(p->who.asked),
                                       .literal = p->literal,
                                       .hint = p->hint,
                                       .quiet = p->quiet,
                                       .http = p->http};
    *target = (struct passage_target){.service = ""};
    snprintf(text, PASSAGE_TEXT, "%s", err_text(ERR_HUB_DOWN));
    return p->resolve(p->owner, &q, target, text);
}

static void look(struct passage *p)
{
    char text[PASSAGE_TEXT];
    struct passage_target target;
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
    access_opened(&p->who, target.watched, p->service);
    opened(p, target.grace_ms);
}

static void on_time(void *owner)
{
    struct passage *p = owner;
    char text[PASSAGE_TEXT];
    struct passage_target target;
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

void passages_wake(struct passages *set)
{
    /* A passage that ends may take others along (a lost link): start over after each. */
    struct list todo;
    list_init(&todo);
    list_each(node, &set->all) if (list_entry(node, struct passage, node)->state == WAITING)
        list_append(&todo, node);
    while (!list_empty(&todo)) {
        struct passage *p = list_entry(todo.next, struct passage, node);
        list_append(&set->all, &p->node);
        look(p);
    }
}

void passages_give_up(struct passages *set, const struct session *s)
{
    struct list todo;
    list_init(&todo);
    list_each(node, &set->all)
    {
        const struct passage *p = list_entry(node, struct passage, node);
        if (p->state == OPENING && conn_session(p->conn) == s)
            list_append(&todo, node);
    }
    while (!list_empty(&todo)) {
        struct passage *p = list_entry(todo.next, struct passage, node);
        list_append(&set->all, &p->node);
        refuse_service(p, ERR_DEVICE_OFFLINE);
    }
}

/* ---- the client's stream, until it is attached ---- */

/* Its end, or an error, is seen again by the connection. */
static void on_readable(void *owner)
{
    struct passage *p = owner;
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
    struct passage *p = owner;
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
    const struct passage *p = ctx;
    if (p->conn != NULL)
        telemetry_conn(p->conn, out);
    if (p->state != ATTACHED)
        out->state = MONITOR_STREAM_CONNECTING;
}

static void close_it(void *ctx)
{
    struct passage *p = ctx;
    if (p->state == ATTACHED)
        conn_abort(p->conn, ERR_OPERATOR);
    else if (p->state == ANSWERING)
        drop(p, ERR_OPERATOR);
    else
        refuse(p, ERR_OPERATOR, err_text(ERR_OPERATOR));
}

void passage_start(struct passages *set, struct stream *stream, const struct passage_options *o)
{
    static const struct stream_events events = {
        .readable = on_readable, .writable = on_writable, .failed = on_failed};
    struct passage *p = calloc(1, sizeof *p);
    struct buf none = {.limit = 1};
    if (p == NULL)
        goto fail_passage;
    *p = (struct passage){.set = set,
                          .stream = stream,
                          .front = o->front,
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
        !access_began(set->access,
                      &(struct access_options){.stream = stream,
                                               .protocol = o->front->protocol,
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
    timer_start(p->timer, PASSAGE_WAIT_MS);
    look(p);
    return;

fail_parts:
    timer_free(p->timer);
    free(p->hint);
    free(p);
fail_passage:
    if (o->tap_free != NULL)
        o->tap_free(o->tap.ctx);
    parting_start(set->partings, stream, &none);
}
