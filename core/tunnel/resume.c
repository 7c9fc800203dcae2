#include "core/tunnel/resume.h"

#include "core/base/log.h"
#include "core/tunnel/dialect_native.h"
#include "core/tunnel/idle.h"
#include "core/tunnel/native_flow.h"

#include <stdio.h>
#include <string.h>

static struct conn *conn_in(struct list *in_natives)
{
    return &list_entry(in_natives, struct native_conn, in_natives)->conn;
}

/* ---- without the other end ---- */

void resume_end_all(struct native *n, enum err why, bool tell)
{
    struct list ending;
    list_init(&ending);
    while (!list_empty(&n->conns))
        list_append(&ending, n->conns.next);
    while (!list_empty(&ending))
        conn_finish(conn_in(ending.next), why, tell, CONN_FLUSH);
}

static void on_timer(void *owner)
{
    struct native *n = owner;
    resume_end_all(n, host_absence(n->dialect.host), true);
}

/* Nothing native goes out, and what comes is not believed, until both have said RESUME. What was
 * owed before will be said by that. */
static void close_dialect(struct native *n)
{
    const struct conn_host *h = n->dialect.host;
    bool was = n->dialect.open;
    n->dialect.open = n->listing_owed = n->echo_due = n->reply_owed = false;
    n->features = 0;
    list_each(node, &n->listing) list_remove(node);
    list_each(node, &n->conns)
    {
        struct conn *c = conn_in(node);
        list_remove(&c->turn.ring);
        c->part = 0; /* the rest of that frame will not come */
    }
    list_each(node, &h->scheduler.control)
    {
        struct conn *c = list_entry(node, struct conn, turn.control);
        if (c->dialect != &n->dialect || c->start_type != 0)
            continue;
        list_remove(&c->turn.control);
        c->owed = 0;
        conn_free_if_done(c);
    }
    if (was && !list_empty(&n->conns))
        h->time->timer_start(n->resume_timer, n->resume_ms);
}

/* Nobody is there, or nobody knows; what was measured with it is no news any more. */
static void forget_peer(struct native *n)
{
    struct conn_host *h = n->dialect.host;
    uint64_t now = host_now(h);
    h->peer = (struct session_peer){
        .since_ms = now,
        .seen_ms = h->peer.attached ? now : h->peer.seen_ms,
    };
    h->speaking = h->aws;
    n->round_trip_us = 0;
    n->echoed_ns = 0;
}

void resume_lost(struct native *n)
{
    forget_peer(n);
    close_dialect(n);
}

/* ---- PEER ---- */

static void tell_reachable(const struct conn_host *h)
{
    if (h->events->reachable != NULL)
        h->events->reachable(h->owner);
}

static void log_peer(const struct conn_host *h)
{
    const struct session_peer *p = &h->peer;
    char device[4 * sizeof p->device];
    log_debug("%s%s is on the other side%s%s", h->title,
              !p->attached ? "nobody"
              : p->native  ? "a native end"
                           : "an end that is not native",
              p->device[0] != '\0' ? " of device " : "",
              str_escape(span_of(p->device), device, sizeof device));
}

/* Connections are with one process; another one knows nothing of them. */
static void on_peer_instance(struct native *n)
{
    const struct conn_host *h = n->dialect.host;
    if (strcmp(n->peer_instance, h->peer.instance) == 0)
        return;
    resume_end_all(n, ERR_PEER_LOST, false);
    memcpy(n->peer_instance, h->peer.instance, sizeof n->peer_instance);
    n->path = (struct round_trips){0};
    n->round_trip_us = 0;
    if (h->role == SESSION_DESTINATION)
        n->last_begun = 0;
}

static void list_connections(struct native *n)
{
    n->listing_owed = true;
    list_each(node, &n->conns)
    {
        struct conn *c = conn_in(node);
        native_conn_of(c)->listed = c->start_type == 0; /* else the far end has never heard of it */
        if (native_conn_of(c)->listed)
            list_append(&n->listing, &native_conn_of(c)->listing);
    }
}

static void copy_text(char *out, size_t size, struct span text)
{
    snprintf(out, size, "%.*s", (int)text.n, text.p);
}

static void take_peer(struct native *n, const struct frame *f)
{
    struct conn_host *h = n->dialect.host;
    struct session_peer *p = &h->peer;
    if (!f->attached) {
        uint64_t since = h->open && !p->attached ? p->since_ms : 0;
        forget_peer(n);
        p->since_ms = since != 0 ? since : p->since_ms;
    } else {
        *p = (struct session_peer){.attached = true, .since_ms = host_now(h)};
    }
    copy_text(p->subprotocol, sizeof p->subprotocol, f->subprotocol);
    copy_text(p->instance, sizeof p->instance, f->instance);
    copy_text(p->device, sizeof p->device, f->device); /* also of one that is not there */
    p->native = p->attached && span_is(f->subprotocol, FRAME_NATIVE_PROTOCOL);
    h->speaking = p->native ? h->native : h->aws;
    n->epoch = f->epoch;
}

static void on_peer(struct native *n, const struct frame *f)
{
    struct conn_host *h = n->dialect.host;
    close_dialect(n);
    if (h->peer.attached) /* the hub resets its streams, behind the PEER that says so */
        service_list_orphan(&h->services);
    take_peer(n, f);
    log_peer(h);
    if (h->peer.attached)
        on_peer_instance(n);
    else if (f->left)
        resume_end_all(n, host_absence(h), false);
    if (h->peer.native)
        list_connections(n);
    if (h->events->peer != NULL)
        h->events->peer(h->owner);
    if (h->peer.attached && host_reachable(h))
        tell_reachable(h);
    h->pump(h);
}

/* ---- RESUME ---- */

static void go_on(struct conn *c)
{
    c->stats.resumed += c->start_type == 0;
    idle_begin(c);
    if (c->start_type != 0) { /* starts leave in the order of their ids */
        list_remove(&c->turn.control);
        conn_owe(c, 0);
    }
    if (c->local != NULL && c->host->role == SESSION_DESTINATION && c->start_type == 0)
        conn_owe(c, CONN_OWES_OPENED); /* it may have been lost */
    flow_credit(c, c->start_type == 0);
    flow_go_on(c);
}

/* One of our connections that the far end does not have. If its start was lost, it begins anew;
 * else it has ended there, in good order if all that we had to say was said. */
static void unknown(struct conn *c, uint64_t last_begun)
{
    struct window *w = &c->window;
    if (c->host->role == SESSION_SOURCE && c->connection > last_begun &&
        !native_conn_of(c)->opened && w->acked == 0) {
        c->start_type = FRAME_CONNECTION_START;
        w->sent = 0;
        w->fin_sent = false;
        native_conn_of(c)->listed = false;
        go_on(c);
        return;
    }
    bool clean = w->shut && w->fin_ever;
    conn_finish(c, clean ? native_end(c) : ERR_PEER_RESET, false, CONN_FLUSH);
}

/* The far end has named all that it has. Nothing is sent before all are in their order: the pump
 * runs at the end. */
static void all_resumed(struct native *n, const struct frame *last)
{
    struct conn_host *h = n->dialect.host;
    struct list todo;
    list_init(&todo);
    h->time->timer_stop(n->resume_timer);
    n->dialect.open = true;
    n->features = last->payload_size > 0 ? last->payload[0] : 0;
    n->echo_due = true;
    h->pumping = true;
    while (!list_empty(&n->conns))
        list_append(&todo, n->conns.next);
    while (!list_empty(&todo)) {
        struct conn *c = conn_in(todo.next);
        list_append(&n->conns, &native_conn_of(c)->in_natives);
        if (native_conn_of(c)->listed)
            unknown(c, last->received);
        else
            go_on(c);
    }
    h->pumping = false;
    tell_reachable(h);
    h->pump(h);
}

/* One of its connections, by name. False: it says what cannot be. */
static bool resumed(struct native *n, const struct frame *f)
{
    struct conn *c = native_find(n, f->connection);
    if (n->dialect.host->role == SESSION_SOURCE && f->connection > n->last_begun)
        return false;
    if (c == NULL)
        return true; /* we did not list it: it ends there, or is started again */
    if (!native_conn_of(c)->listed || !window_resumed(&c->window, f->received, f->fin))
        return false;
    native_conn_of(c)->listed = false;
    return true;
}

static void on_resume(struct native *n, const struct frame *f)
{
    struct conn_host *h = n->dialect.host;
    if (!h->peer.native || f->epoch != n->epoch)
        return; /* meant for another pair of transports */
    if (n->dialect.open)
        h->broken(h, ERR_PROTOCOL, "a RESUME in mid-session");
    else if (f->connection == 0)
        all_resumed(n, f);
    else if (!resumed(n, f))
        h->broken(h, ERR_PROTOCOL, "a RESUME of what never was");
}

/* ---- ECHO ---- */

static void on_echo(struct native *n, const struct frame *f)
{
    struct conn_host *h = n->dialect.host;
    if (f->payload_size != sizeof n->echo) {
        h->broken(h, ERR_PROTOCOL, "an echo of a wrong size");
    } else if (f->type == FRAME_ECHO) {
        memcpy(n->reply, f->payload, sizeof n->reply);
        n->reply_owed = true;
        h->pump(h);
    } else if (n->echoed_ns != 0 && memcmp(f->payload, n->echo, sizeof n->echo) == 0) {
        uint64_t us = (h->time->now_ns() - n->echoed_ns) / 1000;
        n->round_trip_us = us > 0 ? us : 1;
        n->echoed_ns = 0;
        round_trips_add(&n->path, n->round_trip_us);
    }
}

static void send_echo(struct native *n, int type, const uint8_t payload[8])
{
    struct conn_host *h = n->dialect.host;
    host_send(h, &(struct frame){.type = type}, payload, 8);
}

static void send_own_echo(struct native *n)
{
    const struct conn_host *h = n->dialect.host;
    n->echo_due = false;
    n->echoed_ms = host_now(h);
    n->echoed_ns = h->time->now_ns();
    memcpy(n->echo, &n->echoed_ns, sizeof n->echo);
    send_echo(n, FRAME_ECHO, n->echo);
}

/* ---- for the session ---- */

bool resume_frame(struct native *n, const struct frame *f)
{
    if (f->type == FRAME_PEER)
        on_peer(n, f);
    else if (f->type == FRAME_RESUME)
        on_resume(n, f);
    else if (!n->dialect.open)
        return true; /* said before the far end knew of this transport: it is about another one */
    else if (f->type == FRAME_ECHO || f->type == FRAME_ECHO_REPLY)
        on_echo(n, f);
    else
        return native_frame(n, f);
    return true;
}

static void send_resume(struct native *n)
{
    struct frame f = {.type = FRAME_RESUME, .epoch = n->epoch, .received = n->last_begun};
    if (list_empty(&n->listing)) {
        n->listing_owed = false;
        static const uint8_t features[] = {FRAME_FEATURE_TARGETS};
        host_send(n->dialect.host, &f, features, sizeof features);
        return;
    }
    struct native_conn *c = list_entry(n->listing.next, struct native_conn, listing);
    list_remove(&c->listing);
    conn_send(&c->conn, FRAME_RESUME, NULL, 0);
}

bool resume_send_next(struct native *n)
{
    if (n->listing_owed) {
        send_resume(n);
    } else if (n->reply_owed) {
        n->reply_owed = false;
        send_echo(n, FRAME_ECHO_REPLY, n->reply);
    } else if (n->echo_due && n->dialect.open) {
        send_own_echo(n);
    } else {
        return false;
    }
    return true;
}

/* ---- life ---- */

bool native_init(struct native *n, struct conn_host *h)
{
    *n = (struct native){
        .dialect = {.ops = &native_ops, .host = h, .quantum = SESSION_QUANTUM},
        .credit_timer = h->time->timer_new(h->loop, flow_credit_timer, n),
        .resume_timer = h->time->timer_new(h->loop, on_timer, n),
    };
    list_init(&n->conns);
    list_init(&n->credit_delayed);
    list_init(&n->listing);
    return n->credit_timer != NULL && n->resume_timer != NULL;
}

void native_free(struct native *n)
{
    const struct time_source *time = n->dialect.host->time;
    time->timer_free(n->credit_timer);
    time->timer_free(n->resume_timer);
}
