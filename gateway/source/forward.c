#include "gateway/source/forward.h"

#include "core/net/addresses.h"
#include "core/net/socket.h"
#include "gateway/common/telemetry.h"
#include "gateway/source/forward_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* bytes that a client may send before it has its answer: a native window */
#define EARLY_MAX 262144

/* ---- the end ---- */

static void release(struct forward *p)
{
    list_remove(&p->node);
    p->set->n--;
    p->set->patient -= p->patient;
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

/* Drops the connection; its `ended` finds p->conn NULL and does nothing. */
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
    else /* A FIN would say that this was all. */
        lingering_close_reset(p->set->lingering_closes, p->stream);
    release(p);
}

static const char *text_of(enum err why)
{
    if (why == ERR_NEEDS_TARGET)
        return "it leads to several hosts: name one in front, as in 10-0-7-20--502.service";
    if (why == ERR_NO_TARGETS)
        return "no host can be named in front of it: it leads to one already";
    if (why == ERR_PEER_RESET)
        return "refused: no agent is connected, or the service does not listen (the agent's log "
               "tells)";
    if (why == ERR_NO_SERVICE)
        return "no such service: nothing is mapped to it on the device";
    if (why == ERR_DEVICE_OFFLINE)
        return "the device is not connected; is tunnel-agent running there?";
    return err_text(why);
}

static void refuse_service(struct forward *p, enum err why, const char *what)
{
    char text[FORWARD_TEXT], safe[140];
    str_escape(span_of(p->service), safe, sizeof safe);
    snprintf(text, sizeof text, "%.100s%s%.88s", safe, safe[0] != '\0' ? ": " : "", what);
    refuse(p, why, text);
}

void forward_refuse_service(struct forward *p, enum err why)
{
    char text[FORWARD_TEXT];
    if (why == ERR_FORBIDDEN && p->target[0] != '\0') {
        snprintf(text, sizeof text, "the device does not let it lead to %.48s", p->target);
        refuse_service(p, why, text);
    } else {
        refuse_service(p, why, text_of(why));
    }
}

void forward_drop(struct forward *p, enum err why)
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
        return; /* forget_conn dropped it */
    p->conn_over = true;
    if (p->state == FORWARD_OPENING) {
        forward_refuse_service(p, stats->why);
    } else if (p->state == FORWARD_ANSWERING) {
        forward_drop(p, stats->why); /* A part of the answer may be out and cannot be taken back. */
    } else {
        access_log_ended(&p->who,
                         &(struct access_log_end){.service = p->service,
                                                  .target = p->target,
                                                  .ms = loop_now(p->set->loop) - stats->started_ms,
                                                  .up = stats->up,
                                                  .down = stats->down,
                                                  .why = stats->why});
        release(p);
    }
}

/* ---- opening ---- */

static void attach(struct forward *p)
{
    struct stream *s = p->stream;
    p->state = FORWARD_ATTACHED;
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
    p->state = FORWARD_ANSWERING;
    if (!p->format->answer(ERR_OK, "", &p->out)) {
        forward_drop(p, ERR_NO_MEMORY);
        return;
    }
    if (p->out.size == 0 || stream_write(p->stream, p->out.data, p->out.size))
        attach(p);
}

static void on_answer(void *owner, struct conn *c, enum err why)
{
    struct forward *p = owner;
    (void)c;
    if (why == ERR_OK && p->state == FORWARD_OPENING)
        answer(p); /* After a refusal `ended` comes next. */
}

static const struct conn_events conn_events = {.answer = on_answer, .ended = on_ended};

/* Sends the early bytes up, and waits for a sign of the far end. */
static void opened(struct forward *p, uint64_t grace_ms)
{
    p->state = FORWARD_OPENING;
    conn_tap(p->conn, &p->tap);
    if (p->early.size > 0 && !conn_early(p->conn, p->early.data, p->early.size)) {
        forward_refuse_service(p, ERR_NO_MEMORY);
        return;
    }
    buf_free(&p->early);
    bool native = conn_native(p->conn) && p->format->patient;
    if (native) {
        timer_start(p->timer, FORWARD_ANSWER_MS);
        /* A tap must see all that goes up, so its client waits. */
        stream_read_on(p->stream, p->tap.up == NULL);
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
                                       .http = p->http,
                                       .port = p->port};
    *target = (struct forward_target){.service = ""};
    snprintf(text, FORWARD_TEXT, "%s", err_text(ERR_HUB_DOWN));
    return p->resolve(p->owner, &q, target, text);
}

/* Lets p wait for what may take longer than a tunnel that comes back. False: too many do. */
static bool be_patient(struct forward *p, uint64_t wait_ms)
{
    struct forwards *set = p->set;
    if (p->patient || wait_ms == 0)
        return true;
    if (set->max_patient != 0 && set->patient >= set->max_patient)
        return false;
    p->patient = true;
    set->patient++;
    timer_start(p->timer, wait_ms);
    return true;
}

/* Tells the device whom the client means, and who the client is if it is known by an address. */
static void open_conn(struct forward *p, const struct forward_target *target, enum err *why)
{
    struct opening o = {.port = target->host[0] != '\0' ? target->port : 0};
    union address unused;
    snprintf(o.target, sizeof o.target, "%s", target->host);
    if (!p->set->hide_clients && address_parse(p->who.name, &unused))
        snprintf(o.client, sizeof o.client, "%s", p->who.name);
    if (!p->set->hide_clients && target->named)
        snprintf(o.asked, sizeof o.asked, "%s", p->who.asked);
    if (o.target[0] != '\0')
        snprintf(p->target, sizeof p->target,
                 strchr(o.target, ':') != NULL ? "[%.60s]:%u" : "%.60s:%u", o.target, o.port);
    p->conn = conn_open(target->session, p->service, &o, &conn_events, p, why);
}

void forward_look(struct forward *p)
{
    char text[FORWARD_TEXT];
    struct forward_target target;
    enum err why = ask(p, &target, text);
    if (why != ERR_OK && target.awaited) {
        if (!be_patient(p, target.wait_ms))
            refuse(p, ERR_LIMIT, "too many clients wait for devices: try again in a moment");
        return;
    }
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
    open_conn(p, &target, &why);
    if (p->conn == NULL) {
        if (why == ERR_NO_TARGETS)
            refuse_service(p, why, "the program on the device cannot be told which host is meant");
        else
            forward_refuse_service(p, why);
        return;
    }
    access_log_opened(&p->who, target.watched, p->service, p->target);
    opened(p, target.grace_ms);
}

static void on_time(void *owner)
{
    struct forward *p = owner;
    char text[FORWARD_TEXT];
    struct forward_target target;
    enum err why = p->state == FORWARD_WAITING ? ask(p, &target, text) : ERR_OK;
    /* What it waited for is over, and something that takes longer has begun in its place. */
    bool goes_on = why != ERR_OK && target.awaited && target.wait_ms != 0 && !p->patient;
    if (why != ERR_OK && !goes_on)
        refuse(p, why, text);
    else if (p->state == FORWARD_WAITING)
        forward_look(p);
    else if (p->state == FORWARD_OPENING && conn_native(p->conn))
        forward_refuse_service(p, ERR_TIMEOUT);
    else if (p->state == FORWARD_OPENING)
        answer(p);
}

/* ---- the client's stream, until it is attached ---- */

/* Passes early bytes on. The stream's end or an error is left for the connection to see. */
static void on_readable(void *owner)
{
    struct forward *p = owner;
    uint8_t *bytes;
    long n = 0;
    size_t room =
        p->state == FORWARD_OPENING && p->sent_early < EARLY_MAX ? conn_early_room(p->conn) : 0;
    if (room > 0)
        n = stream_peek(p->stream, 1, &bytes);
    if (n <= 0) {
        stream_read_on(p->stream, false);
        return;
    }
    n = (size_t)n < room ? n : (long)room;
    if (!conn_early(p->conn, bytes, (size_t)n)) {
        forward_refuse_service(p, ERR_NO_MEMORY);
        return;
    }
    p->sent_early += (size_t)n;
    stream_consume(p->stream, (size_t)n);
}

static void on_writable(void *owner)
{
    struct forward *p = owner;
    if (p->state == FORWARD_ANSWERING)
        attach(p);
}

static void on_failed(void *owner, enum err why)
{
    forward_drop(owner, why);
}

/* ---- for who watches ---- */

static void show(void *ctx, struct monitor_counters *out)
{
    const struct forward *p = ctx;
    if (p->conn != NULL)
        telemetry_conn(p->conn, out);
    if (p->state != FORWARD_ATTACHED)
        out->state = MONITOR_STREAM_CONNECTING;
}

static void close_it(void *ctx)
{
    struct forward *p = ctx;
    if (p->state == FORWARD_ATTACHED)
        conn_abort(p->conn, ERR_OPERATOR);
    else if (p->state == FORWARD_ANSWERING)
        forward_drop(p, ERR_OPERATOR);
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
                          .port = o->question.port,
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
                                                       .user = p->hint,
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
    forward_look(p);
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
