/* Who is on the other side, as a native hub says, and how native connections are taken up again
 * (share/doc/native.md, "Resume"). */
#include "core/base/log.h"
#include "core/tunnel/internal.h"

#include <stdio.h>
#include <string.h>

static void copy_text(char *out, size_t size, struct span text)
{
    snprintf(out, size, "%.*s", (int)text.n, text.p);
}

static void log_peer(const struct session *s)
{
    const struct session_peer *p = &s->peer;
    char device[4 * sizeof p->device];
    log_debug("%s: %s is on the other side%s%s", s->name,
              !p->attached ? "nobody"
              : p->native  ? "a native end"
                           : "an end that is not native",
              p->device[0] != '\0' ? " of device " : "",
              str_escape(span_of(p->device), device, sizeof device));
}

/* ---- without the other end ---- */

void peer_end_all(struct session *s, enum err why, bool tell)
{
    struct list ending;
    list_init(&ending);
    while (!list_empty(&s->natives))
        list_append(&ending, s->natives.next);
    while (!list_empty(&ending))
        conn_finish(list_entry(ending.next, struct conn, flow.kin), why, tell, CONN_FLUSH);
}

enum err peer_absence(const struct session *s)
{
    if (!s->attached || !s->transport.native || s->peer.attached)
        return s->attached ? ERR_PEER_LOST : ERR_LINK_LOST;
    return s->role == SESSION_SOURCE ? ERR_DEVICE_OFFLINE : ERR_PEER_LOST;
}

void peer_out_of_patience(void *owner)
{
    peer_end_all(owner, peer_absence(owner), true);
}

/* Nothing native goes out, and what comes is not believed, until both have said RESUME. What was
 * owed before will be said by that. */
static void unsync(struct session *s)
{
    bool was = s->synced;
    s->synced = s->listing_owed = s->echo_owed = s->reply_owed = false;
    list_each(node, &s->listing) list_remove(node);
    list_each(node, &s->natives)
    {
        struct conn *c = list_entry(node, struct conn, flow.kin);
        list_remove(&c->ring);
        c->part = 0; /* the rest of that frame will not come */
    }
    list_each(node, &s->control)
    {
        struct conn *c = list_entry(node, struct conn, control);
        if (!c->native || c->start_type != 0)
            continue;
        list_remove(&c->control);
        c->opened_owed = c->credit_owed = c->fin_owed = c->reset_owed = false;
        conn_free_if_done(c);
    }
    if (was && !list_empty(&s->natives))
        s->time.timer_start(s->patience, s->resume_ms);
}

/* Nobody is there, or nobody knows; what was measured with it is no news any more. */
static void forget_peer(struct session *s)
{
    uint64_t now = time_now(&s->time);
    s->peer = (struct session_peer){
        .since_ms = now,
        .seen_ms = s->peer.attached ? now : s->peer.seen_ms,
    };
    s->round_trip_us = 0;
    s->echoed_at = 0;
}

void peer_lost(struct session *s)
{
    forget_peer(s);
    unsync(s);
}

/* ---- with it ---- */

/* Connections are with one process; another one knows nothing of them. */
static void meet(struct session *s)
{
    if (strcmp(s->far, s->peer.instance) == 0)
        return;
    peer_end_all(s, ERR_PEER_LOST, false);
    memcpy(s->far, s->peer.instance, sizeof s->far);
    memset(s->trips_us, 0, sizeof s->trips_us);
    s->round_trip_us = 0;
    if (s->role == SESSION_DESTINATION)
        s->last_native = 0;
}

static void list_connections(struct session *s)
{
    s->listing_owed = true;
    list_each(node, &s->natives)
    {
        struct conn *c = list_entry(node, struct conn, flow.kin);
        c->flow.listed = c->start_type == 0; /* else the far end has never heard of it */
        if (c->flow.listed)
            list_append(&s->listing, &c->flow.listing);
    }
}

/* The hub resets the streams of an end that has left, behind the PEER that says so. */
static void orphan_streams(struct session *s)
{
    for (size_t i = 0; s->peer.attached && i < s->n_services; i++)
        s->services[i].orphan = s->services[i].stream;
}

void peer_take(struct session *s, const struct frame *f)
{
    struct session_peer *p = &s->peer;
    unsync(s);
    orphan_streams(s);
    if (!f->attached) {
        uint64_t since = s->open && !p->attached ? p->since_ms : 0;
        forget_peer(s);
        p->since_ms = since != 0 ? since : p->since_ms;
    } else {
        *p = (struct session_peer){.attached = true, .since_ms = time_now(&s->time)};
    }
    copy_text(p->subprotocol, sizeof p->subprotocol, f->subprotocol);
    copy_text(p->instance, sizeof p->instance, f->instance);
    copy_text(p->device, sizeof p->device, f->device); /* also of one that is not there */
    p->native = p->attached && span_is(f->subprotocol, FRAME_NATIVE_PROTOCOL);
    s->epoch = f->epoch;
    log_peer(s);
    if (p->attached)
        meet(s);
    else if (f->left)
        peer_end_all(s, peer_absence(s), false);
    if (p->native)
        list_connections(s);
    if (s->events->peer != NULL)
        s->events->peer(s->owner);
    if (p->attached && session_reachable(s) && s->events->reachable != NULL)
        s->events->reachable(s->owner);
    session_pump(s);
}

/* ---- RESUME ---- */

static void go_on(struct conn *c)
{
    c->stats.resumed += c->start_type == 0;
    if (c->start_type != 0) { /* starts leave in the order of their ids */
        list_remove(&c->control);
        conn_owe(c);
    }
    if (c->local != NULL && c->session->role == SESSION_DESTINATION && c->start_type == 0) {
        c->opened_owed = true; /* it may have been lost */
        conn_owe(c);
    }
    flow_credit(c, c->start_type == 0);
    flow_go_on(c);
}

/* One of our connections that the far end does not have. If its start was lost, it begins anew;
 * else it has ended there, in good order if all that we had to say was said. */
static void unknown(struct conn *c, uint64_t last_begun)
{
    if (c->session->role == SESSION_SOURCE && c->connection > last_begun && !c->flow.opened &&
        c->flow.acked == 0) {
        c->start_type = FRAME_CONNECTION_START;
        c->flow.sent = 0;
        c->flow.fin_sent = false;
        c->flow.listed = false;
        go_on(c);
        return;
    }
    bool clean = c->flow.shut && c->flow.fin_ever;
    conn_finish(c, clean ? native_end(c) : ERR_PEER_RESET, false, CONN_FLUSH);
}

static void all_resumed(struct session *s, uint64_t last_begun)
{
    struct list todo;
    list_init(&todo);
    s->time.timer_stop(s->patience);
    s->synced = true;
    s->echo_owed = true;
    s->pumping = true; /* not before all are in their order */
    while (!list_empty(&s->natives))
        list_append(&todo, s->natives.next);
    while (!list_empty(&todo)) {
        struct conn *c = list_entry(todo.next, struct conn, flow.kin);
        list_append(&s->natives, &c->flow.kin);
        if (c->flow.listed)
            unknown(c, last_begun);
        else
            go_on(c);
    }
    s->pumping = false;
    if (s->events->reachable != NULL)
        s->events->reachable(s->owner);
    session_pump(s);
}

void peer_resume(struct session *s, const struct frame *f)
{
    if (!s->peer.native || f->epoch != s->epoch)
        return; /* meant for another pair of transports */
    if (s->synced) {
        session_broken(s, ERR_PROTOCOL, "a RESUME in mid-session");
    } else if (f->connection == 0) {
        all_resumed(s, f->received);
    } else if (!native_resumed(s, f)) {
        session_broken(s, ERR_PROTOCOL, "a RESUME of what never was");
    }
}

/* ---- what the session says ---- */

static void send_resume(struct session *s)
{
    struct frame f = {.type = FRAME_RESUME, .epoch = s->epoch};
    if (list_empty(&s->listing)) {
        s->listing_owed = false;
        f.received = s->last_native;
        session_send_frame(s, &f, 0);
        return;
    }
    struct conn *c = list_entry(s->listing.next, struct conn, flow.listing);
    list_remove(&c->flow.listing);
    session_send(s, c, FRAME_RESUME, 0);
}

static void send_echo(struct session *s, int type, const uint8_t payload[8])
{
    struct frame f = {.type = type};
    memcpy(session_payload(s), payload, 8);
    session_send_frame(s, &f, 8);
}

bool peer_send_next(struct session *s)
{
    if (!s->peer.native)
        return false;
    if (s->listing_owed) {
        send_resume(s);
    } else if (!s->synced) {
        return false;
    } else if (s->reply_owed) {
        s->reply_owed = false;
        send_echo(s, FRAME_ECHO_REPLY, s->reply);
    } else if (s->echo_owed) {
        s->echo_owed = false;
        s->echoed_ms = time_now(&s->time);
        s->echoed_at = s->time.now_ns(s->time.ctx);
        memcpy(s->echo, &s->echoed_at, sizeof s->echo);
        send_echo(s, FRAME_ECHO, s->echo);
    } else {
        return false;
    }
    return true;
}
