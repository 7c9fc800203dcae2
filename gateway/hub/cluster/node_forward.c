#include "gateway/hub/cluster/node_forward.h"

#include "core/net/address.h"
#include "gateway/hub/relay/buffered_stream.h"
#include "gateway/hub/relay/worker_stats.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum step {
    FORWARD_REACHING,
    FORWARD_PASSING,
    FORWARD_LEAVING /* the client is told that it came to nothing; what it sends is thrown away */
};

struct leg {
    struct node_forward *forward;
    struct leg *other;
    struct stream *stream;
    _Atomic uint64_t *counted; /* bytes that came from it */
    bool ended;                /* nothing more will come from it */
    uint64_t full_since;       /* loop_now since when it does not take more; 0: it does */
};

struct node_forward {
    struct list node;
    struct forward_options o;
    struct forward_ticket *ticket;
    enum step step;
    char *host; /* of the node */
    struct reach *reach;
    struct leg client, far;
    struct timer *timer;
    uint64_t since, moved_at;
    enum err why; /* LEAVING: why it came to nothing */
    char text[160];
};

/* ---- the end ---- */

static void node_forward_free(struct node_forward *f)
{
    list_remove(&f->node);
    reach_cancel(f->reach);
    if (f->client.stream != NULL)
        stream_close(f->client.stream);
    if (f->far.stream != NULL)
        stream_close(f->far.stream);
    timer_free(f->timer);
    free(f->host);
    free(f);
}

/* Every way to the end leads here; f is gone. */
static void over(struct node_forward *f, enum err why, const char *text)
{
    struct forward_options o = f->o;
    struct forward_gone gone = {.ticket = f->ticket,
                                .why = why,
                                .unreached = f->step == FORWARD_LEAVING,
                                .seconds = (loop_now(o.loop) - f->since) / 1000};
    snprintf(gone.text, sizeof gone.text, "%s", text);
    node_forward_free(f);
    o.over(o.owner, &gone);
}

void node_forward_drop(struct node_forward *f, enum err why, const char *text)
{
    over(f, why, text);
}

/* The client gets the answer that was prepared, and its end is awaited. */
static void leave(struct node_forward *f, enum err why, const char *text)
{
    f->step = FORWARD_LEAVING;
    f->why = why;
    snprintf(f->text, sizeof f->text, "%s", text);
    if (f->far.stream != NULL)
        stream_close(f->far.stream);
    f->far.stream = NULL;
    timer_start(f->timer, FORWARD_LEAVE_MS);
    stream_write(f->client.stream, f->ticket->sorry.data, f->ticket->sorry.size);
    stream_shutdown(f->client.stream);
    stream_read_on(f->client.stream, true);
}

static void on_timer(void *owner)
{
    struct node_forward *f = owner;
    char text[160];
    if (f->step != FORWARD_REACHING) {
        over(f, f->why, f->text);
        return;
    }
    reach_cancel(f->reach);
    f->reach = NULL;
    snprintf(text, sizeof text, "node %s did not answer in time", f->ticket->node);
    leave(f, ERR_TIMEOUT, text);
}

/* ---- bytes ---- */

static const char *who(const struct leg *l)
{
    return l == &l->forward->client ? "the client" : "the node";
}

static void lost(struct leg *l, enum err why)
{
    char text[160];
    snprintf(text, sizeof text, "%s's connection: %s", who(l), err_text(why));
    over(l->forward, why, text);
}

/* A node that has ended says nothing more, so its client, once it has been given all, has to go
 * soon. Also one that has ended: TLS may hold bytes that no event tells of. */
static void see_off(struct node_forward *f)
{
    if (!f->far.ended || !stream_ready(f->client.stream))
        return;
    snprintf(f->text, sizeof f->text, "the node ended it");
    timer_start(f->timer, f->client.ended ? FORWARD_FLUSH_MS : FORWARD_LEAVE_MS);
}

static void ended(struct leg *l)
{
    l->ended = true;
    stream_read_on(l->stream, false);
    stream_shutdown(l->other->stream);
    see_off(l->forward);
}

/* A buffered stream takes all of a block, whether it can send it now or later. */
static void pass(struct leg *l, uint8_t *p, size_t n)
{
    struct leg *to = l->other;
    struct node_forward *f = l->forward;
    size_t part = n < LOOP_BLOCK ? n : LOOP_BLOCK;
    f->moved_at = loop_now(f->o.loop);
    bool taken = stream_write(to->stream, p, part);
    stream_consume(l->stream, part);
    stat_add(l->counted, part);
    if (taken)
        return;
    to->full_since = f->moved_at;
    stream_read_on(l->stream, false);
}

static void on_readable(void *owner)
{
    struct leg *l = owner;
    struct node_forward *f = l->forward;
    uint8_t *p;
    long n = stream_peek(l->stream, 1, &p);
    if (n == 0)
        return;
    if (f->step == FORWARD_LEAVING && n > 0)
        stream_consume(l->stream, (size_t)n);
    else if (f->step == FORWARD_LEAVING)
        over(f, f->why, f->text);
    else if (n > 0)
        pass(l, p, (size_t)n);
    else if (n == -ERR_EOF)
        ended(l);
    else
        lost(l, (enum err) - n);
}

/* This one takes more again: the other is read on. */
static void on_writable(void *owner)
{
    struct leg *l = owner;
    struct node_forward *f = l->forward;
    l->full_since = 0;
    if (f->step != FORWARD_PASSING)
        return;
    f->moved_at = loop_now(f->o.loop);
    if (!l->other->ended)
        stream_read_on(l->other->stream, true);
    see_off(f);
}

static void on_failed(void *owner, enum err why)
{
    struct leg *l = owner;
    struct node_forward *f = l->forward;
    if (f->step == FORWARD_LEAVING)
        over(f, f->why, f->text);
    else
        lost(l, why);
}

static const struct stream_events leg_events = {
    .readable = on_readable, .writable = on_writable, .failed = on_failed};

/* ---- reaching the node ---- */

/* The request is smaller than a block. */
static void begin_passing(struct node_forward *f, struct stream *lower)
{
    struct buf *request = &f->ticket->request;
    f->far.stream = buffered_stream_new(f->o.loop, lower, &leg_events, &f->far);
    if (f->far.stream == NULL) {
        leave(f, ERR_NO_MEMORY, err_text(ERR_NO_MEMORY));
        return;
    }
    f->step = FORWARD_PASSING;
    f->moved_at = loop_now(f->o.loop);
    bool taken = stream_write(f->far.stream, request->data, request->size);
    f->far.full_since = taken ? 0 : f->moved_at;
    buf_wipe(request);
    stream_read_on(f->far.stream, true);
    stream_read_on(f->client.stream, taken);
}

static void on_arrived(void *owner, struct stream *s)
{
    struct node_forward *f = owner;
    f->reach = NULL;
    timer_stop(f->timer);
    begin_passing(f, s);
}

static void on_unreached(void *owner, const struct reach_failure *r)
{
    struct node_forward *f = owner;
    char text[160];
    f->reach = NULL;
    snprintf(text, sizeof text, "node %s cannot be reached: %s", f->ticket->node, r->text);
    leave(f, r->why, text);
}

static const struct reach_events reach_events = {.arrived = on_arrived, .failed = on_unreached};

static bool reach(struct node_forward *f, struct forward_place *place)
{
    int port;
    if (!address_split(f->ticket->address, &f->host, &port) || f->host == NULL)
        return false;
    const struct reach_target there = {
        .host = f->host,
        .port = port,
        .trust = cluster_keys_servers(f->ticket->keys),
        .identity = cluster_keys_identity(f->ticket->keys),
        .tls_session = &place->session,
        .memory = &place->memory,
    };
    f->reach = reach_start(f->o.loop, &there, &reach_events, f);
    return f->reach != NULL;
}

void node_forward_start(const struct forward_options *o, struct forward_ticket *t,
                        struct stream *client, struct forward_place *place)
{
    struct node_forward *f = calloc(1, sizeof *f);
    struct timer *timer = f != NULL ? timer_new(o->loop, on_timer, f) : NULL;
    if (timer == NULL) {
        struct forward_gone gone = {.ticket = t, .why = ERR_NO_MEMORY, .text = "out of memory"};
        free(f);
        stream_close(client);
        o->over(o->owner, &gone);
        return;
    }
    *f = (struct node_forward){.o = *o, .ticket = t, .timer = timer};
    f->client = (struct leg){f, &f->far, client, &t->traffic->up, false, 0};
    f->far = (struct leg){f, &f->client, NULL, &t->traffic->down, false, 0};
    f->since = f->moved_at = loop_now(o->loop);
    list_init(&f->node);
    list_append(o->list, &f->node);
    stream_set_owner(client, &leg_events, &f->client);
    timer_start(f->timer, FORWARD_REACH_MS);
    if (!reach(f, place))
        leave(f, ERR_NO_MEMORY, "the node's address is none, or there is no memory");
}

/* ---- for the table ---- */

uint64_t node_forward_quiet_ms(const struct node_forward *f, uint64_t now)
{
    return now - f->moved_at;
}

uint64_t node_forward_stuck_ms(const struct node_forward *f, uint64_t now)
{
    uint64_t since = f->client.full_since;
    if (since == 0 || (f->far.full_since != 0 && f->far.full_since < since))
        since = f->far.full_since;
    return since != 0 && f->step == FORWARD_PASSING ? now - since : 0;
}

struct node_forward *node_forward_at(struct list *node)
{
    return list_entry(node, struct node_forward, node);
}
