/* Native connections (share/doc/native.md): how they begin, what comes for them, how they end. */
#include "core/base/log.h"
#include "core/tunnel/internal.h"

#include <stdio.h>
#include <string.h>

#define MAX_OWED 65536 /* connections that only wait for their answer to leave */

/* What CONNECTION_OPENED says, by its number on the wire. */
static const enum err classes[] = {
    ERR_OK,      ERR_REFUSED,    ERR_UNREACHABLE, ERR_TIMEOUT,
    ERR_RESOLVE, ERR_NO_SERVICE, ERR_FORBIDDEN,   ERR_LIMIT,
};
#define N_CLASSES (sizeof classes / sizeof *classes)
#define CLASS_OTHER 15 /* it failed, and none of these says how */

static uint32_t class_of(enum err why)
{
    for (uint32_t i = 0; i < N_CLASSES; i++)
        if (classes[i] == why)
            return i;
    return CLASS_OTHER;
}

static enum err error_of(uint32_t number)
{
    return number < N_CLASSES ? classes[number] : ERR_PEER_RESET;
}

/* ---- life ---- */

void native_create(struct conn *c)
{
    struct flow *f = &c->flow;
    c->native = true;
    c->key.service = NULL;
    c->stream = 0;
    f->limit = f->granted = f->window = FLOW_INITIAL;
    f->lap_at = time_now(&c->session->time);
    c->session->windows += f->window;
}

void native_retire(struct conn *c)
{
    struct session *s = c->session;
    struct flow *f = &c->flow;
    s->windows -= f->window;
    f->window = 0;
    queue_free(&f->kept, &s->out);
    list_remove(&f->kin);
    list_remove(&f->listing);
    list_remove(&f->hushed);
    list_remove(&f->starved);
    flow_feed_starved(s);
}

enum err native_end(const struct conn *c)
{
    bool client = c->flow.we_ended == (c->session->role == SESSION_SOURCE);
    return client ? ERR_CLIENT_CLOSED : ERR_SERVICE_CLOSED;
}

bool native_said_all(const struct conn *c)
{
    return c->native && !c->flow.fin_ever && flow_all_sent(c) && c->tap.whole != NULL &&
           c->tap.whole(c->tap.ctx);
}

void native_fill(const struct conn *c, struct frame *f)
{
    const struct flow *w = &c->flow;
    switch (f->type) {
    case FRAME_CONNECTION_START:
        f->service = span_of(c->id);
        break;
    case FRAME_CONNECTION_OPENED:
        f->error = class_of(c->refusal);
        break;
    case FRAME_CREDIT:
        f->received = w->told;
        f->window = (uint32_t)(w->granted - w->told);
        f->fin = w->shut;
        break;
    case FRAME_RESUME:
        f->epoch = c->session->epoch;
        f->received = w->received;
        f->fin = w->fin_received;
        break;
    default:
        break;
    }
}

/* ---- both directions end by themselves ---- */

/* It is over once each side has all of the other's bytes, and knows it. */
void native_delivered(struct conn *c)
{
    struct flow *f = &c->flow;
    bool shut = f->fin_received && !f->shut && c->local != NULL && conn_all_delivered(c) &&
                (c->unwritable || stream_ready(c->local));
    session_unstall(c->session); /* there may be room in the budget */
    if (shut) {
        f->shut = true;
        if (!c->unwritable)
            stream_shutdown(c->local);
    }
    flow_credit(c, shut);
    if (shut && f->fin_acked)
        conn_finish(c, native_end(c), false, CONN_NOW);
}

void native_local_ended(struct conn *c)
{
    c->flow.we_ended = !c->flow.fin_received;
    stall_unread(c);
    native_sent(c);
}

void native_sent(struct conn *c)
{
    if (!c->local_ended || c->flow.fin_sent || !flow_all_sent(c))
        return;
    c->flow.fin_sent = c->flow.fin_ever = true;
    c->fin_owed = true;
    conn_owe(c);
}

/* ---- what comes ---- */

static struct conn *find(struct session *s, uint32_t id)
{
    struct conn_key key = {NULL, id};
    return map_get(&s->by_id, &key, sizeof key);
}

/* A connection that there is, by its id; ids that were never begun are a violation, those of
 * connections that are over are late. The reset of one whose start was lost is no violation. */
static struct conn *known(struct session *s, const struct frame *f)
{
    if (f->connection == 0 ||
        (f->connection > s->last_native && f->type != FRAME_CONNECTION_RESET)) {
        session_broken(s, ERR_PROTOCOL, "a message for a connection that never was");
        return NULL;
    }
    return find(s, f->connection);
}

static void refuse(struct session *s, struct conn *c, enum err why)
{
    if (s->n_leaving > MAX_OWED) {
        session_broken(s, ERR_LIMIT, "too many connections were refused at once");
        return;
    }
    log_debug("%s: a connection for service \"%s\" refused: %s", s->name, c->id, err_text(why));
    c->refusal = why;
    conn_finish(c, why, true, CONN_NOW);
}

static void on_start(struct session *s, const struct frame *f)
{
    if (s->role == SESSION_SOURCE) {
        session_broken(s, ERR_PROTOCOL, "the destination tried to open a connection");
        return;
    }
    if (f->connection <= s->last_native) {
        session_broken(s, ERR_PROTOCOL, "a connection id was used again");
        return;
    }
    if (!s->open)
        return; /* nothing can be opened before SERVICE_IDS */
    s->last_native = f->connection;
    struct service *service = session_find_service(s, f->service, 0);
    struct conn *c = conn_create(s, service != NULL ? service : s->services, f->connection);
    if (c == NULL) {
        session_broken(s, ERR_NO_MEMORY, "no memory for a connection");
        return;
    }
    native_create(c);
    if (service == NULL)
        refuse(s, c, ERR_NO_SERVICE);
    else if (service->live >= s->max_connections)
        refuse(s, c, ERR_LIMIT);
    else if (!conn_register(c))
        refuse(s, c, ERR_NO_MEMORY);
    else
        s->events->incoming(s->owner, c);
}

static void on_opened(struct session *s, struct conn *c, const struct frame *f)
{
    if (s->role == SESSION_DESTINATION) {
        session_broken(s, ERR_PROTOCOL, "the source answered an opening");
    } else if (f->error != 0) {
        conn_finish(c, error_of(f->error), false, CONN_NOW);
    } else if (c->answered) {
        c->flow.opened = true;
    } else {
        c->flow.opened = c->answered = true;
        if (c->events->answer != NULL)
            c->events->answer(c->owner, c, ERR_OK);
    }
}

static void on_fin(struct session *s, struct conn *c)
{
    if (c->flow.fin_received) {
        session_broken(s, ERR_PROTOCOL, "a second FIN");
        return;
    }
    c->flow.fin_received = true;
    if (c->unwritable)
        native_delivered(c);
    else
        conn_flush(c);
}

static void on_credit(struct session *s, struct conn *c, const struct frame *f)
{
    const char *wrong = flow_credited(c, f);
    if (wrong != NULL)
        session_broken(s, ERR_PROTOCOL, wrong);
    else if (c->flow.shut && c->flow.fin_acked)
        conn_finish(c, native_end(c), false, CONN_NOW);
    else
        flow_go_on(c);
}

bool native_resumed(struct session *s, const struct frame *f)
{
    struct conn *c = find(s, f->connection);
    if (s->role == SESSION_SOURCE && f->connection > s->last_native)
        return false;
    if (c == NULL)
        return true; /* we did not list it: it ends there, or is started again */
    struct flow *w = &c->flow;
    uint64_t end = w->acked + w->kept.size;
    if (!w->listed || f->received < w->acked || f->received > end || f->received > w->limit ||
        (f->fin && (!w->fin_ever || f->received != end)))
        return false;
    w->listed = false;
    w->sent = f->received;
    w->fin_sent = f->fin;
    return true;
}

/* Behind the client's FIN it only says that the client wants no more. */
static void on_reset(struct session *s, struct conn *c)
{
    bool said_all = s->role == SESSION_DESTINATION && c->flow.fin_received;
    conn_finish(c, said_all ? ERR_CLIENT_CLOSED : ERR_PEER_RESET, false, CONN_FLUSH);
}

static void on_echo(struct session *s, const struct frame *f)
{
    if (f->payload_size != sizeof s->echo) {
        session_broken(s, ERR_PROTOCOL, "an echo of a wrong size");
    } else if (f->type == FRAME_ECHO) {
        memcpy(s->reply, f->payload, sizeof s->reply);
        s->reply_owed = true;
        session_pump(s);
    } else if (s->echoed_at != 0 && memcmp(f->payload, s->echo, sizeof s->echo) == 0) {
        flow_measured(s, (s->time.now_ns(s->time.ctx) - s->echoed_at) / 1000);
        s->echoed_at = 0;
    }
}

static void on_connection_frame(struct session *s, const struct frame *f)
{
    struct conn *c = known(s, f);
    if (c == NULL)
        return;
    switch (f->type) {
    case FRAME_CONNECTION_OPENED:
        on_opened(s, c, f);
        break;
    case FRAME_CONNECTION_FIN:
        on_fin(s, c);
        break;
    case FRAME_CREDIT:
        on_credit(s, c, f);
        break;
    default:
        on_reset(s, c);
        break;
    }
}

/* What was said before the far end knew of this transport is about another one. */
static bool is_stale(const struct session *s)
{
    return !s->peer.native || !s->synced;
}

void native_frame(struct session *s, const struct frame *f)
{
    if (f->type == FRAME_PEER)
        peer_take(s, f);
    else if (f->type == FRAME_RESUME)
        peer_resume(s, f);
    else if (is_stale(s))
        return;
    else if (f->type == FRAME_CONNECTION_START)
        on_start(s, f);
    else if (f->type == FRAME_ECHO || f->type == FRAME_ECHO_REPLY)
        on_echo(s, f);
    else
        on_connection_frame(s, f);
}

struct conn *native_data(struct session *s, const struct frame *f)
{
    struct conn *c = is_stale(s) ? NULL : known(s, f);
    if (c == NULL || f->payload_size == 0)
        return NULL;
    if (c->flow.fin_received) {
        session_broken(s, ERR_PROTOCOL, "data behind a FIN");
        return NULL;
    }
    if (f->payload_size - c->part > c->flow.granted - c->flow.received) {
        session_broken(s, ERR_PROTOCOL, "data beyond the window");
        return NULL;
    }
    return c;
}
