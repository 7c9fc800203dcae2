#include "gateway/hub/bridge/bridge_pair.h"

#include "core/ws/ws_stream.h"
#include "gateway/hub/relay/worker_stats.h"

#include <stdio.h>
#include <stdlib.h>

struct leg {
    struct bridge_pair *pair;
    struct stream *stream;        /* NULL: it has not come, or its connection has ended */
    struct bridge_ticket *ticket; /* NULL: it has not come, or has gone back */
    bool stopped;                 /* it is not read, for the other's sake */
    size_t writing;               /* bytes of the other's that it has not taken */
    uint64_t since, pinged_at;
    uint64_t moved_at;   /* loop_now when it took something last */
    uint64_t excused_at; /* its silence before does not count */
};

struct bridge_pair {
    struct list node;
    struct bridge_pair_options o;
    uint64_t bridge;
    struct leg legs[BRIDGE_SIDES];
    uint64_t active_at;
    bool ended;
};

static struct leg *other(struct leg *l)
{
    struct bridge_pair *p = l->pair;
    return l == &p->legs[BRIDGE_SERVICE] ? &p->legs[BRIDGE_DEVICE] : &p->legs[BRIDGE_SERVICE];
}

static enum bridge_side side_of(const struct leg *l)
{
    return l == &l->pair->legs[BRIDGE_SERVICE] ? BRIDGE_SERVICE : BRIDGE_DEVICE;
}

static uint64_t now_of(const struct leg *l)
{
    return loop_now(l->pair->o.loop);
}

/* ---- the end ---- */

static bool has_streams(const struct bridge_pair *p)
{
    return p->legs[BRIDGE_SERVICE].stream != NULL || p->legs[BRIDGE_DEVICE].stream != NULL;
}

static void pair_free(struct bridge_pair *p)
{
    list_remove(&p->node);
    free(p);
}

static void on_finished(void *owner)
{
    struct leg *l = owner;
    stream_close(l->stream);
    l->stream = NULL;
    if (!has_streams(l->pair))
        pair_free(l->pair);
}

/* Gives the tickets back; `gone` has room for both. */
static size_t return_tickets(struct bridge_pair *p, enum err why, const char *text,
                             struct bridge_gone *gone)
{
    size_t n = 0;
    for (int side = 0; side < BRIDGE_SIDES; side++) {
        struct leg *l = &p->legs[side];
        if (l->ticket == NULL)
            continue;
        gone[n] = (struct bridge_gone){
            .ticket = l->ticket, .why = why, .seconds = (now_of(l) - l->since) / 1000};
        snprintf(gone[n++].text, sizeof gone->text, "%s", text);
        l->ticket = NULL;
    }
    return n;
}

/* Every way to the end leads here. p may be gone afterwards. */
static void end(struct bridge_pair *p, enum err why, int code, const char *text)
{
    struct bridge_gone gone[BRIDGE_SIDES];
    struct bridge_pair_options o = p->o;
    uint64_t bridge = p->bridge;
    if (p->ended)
        return;
    p->ended = true;
    p->active_at = loop_now(o.loop);
    size_t n = return_tickets(p, why, text, gone);
    for (int side = 0; side < BRIDGE_SIDES; side++)
        if (p->legs[side].stream != NULL)
            ws_stream_finish(p->legs[side].stream, code, code == BRIDGE_CLOSE_NORMAL ? NULL : text,
                             on_finished);
    if (!has_streams(p))
        pair_free(p);
    o.over(o.owner, bridge, gone, n);
}

/* That side ended it, or was lost. */
static void end_by(struct leg *l, enum err why)
{
    char text[128];
    const char *who = bridge_side_name(side_of(l));
    if (why == ERR_EOF)
        snprintf(text, sizeof text, "the %s ended it", who);
    else
        snprintf(text, sizeof text, "the %s's connection: %s", who, err_text(why));
    end(l->pair, why == ERR_EOF ? ERR_OK : why,
        why == ERR_EOF ? BRIDGE_CLOSE_NORMAL : BRIDGE_CLOSE_AWAY, text);
}

void bridge_pair_close(struct bridge_pair *p, const struct bridge_closing *c)
{
    end(p, c->why, c->code, c->text);
}

void bridge_pair_drop(struct bridge_pair *p)
{
    static const struct bridge_closing shutdown = {BRIDGE_CLOSE_AWAY, ERR_SHUTDOWN,
                                                   "the hub is shutting down"};
    struct bridge_gone gone[BRIDGE_SIDES];
    size_t n = p->ended ? 0 : return_tickets(p, shutdown.why, shutdown.text, gone);
    for (int side = 0; side < BRIDGE_SIDES; side++)
        if (p->legs[side].stream != NULL)
            stream_close(p->legs[side].stream);
    if (!p->ended)
        p->o.over(p->o.owner, p->bridge, gone, n);
    pair_free(p);
}

/* ---- bytes ---- */

static void stop(struct leg *l)
{
    l->stopped = true;
    stream_read_on(l->stream, false);
}

static void go_on(struct leg *l)
{
    if (l->stream == NULL || !l->stopped)
        return;
    l->stopped = false;
    l->excused_at = now_of(l);
    stream_read_on(l->stream, true);
}

static void pass(struct leg *from, const uint8_t *p, size_t n)
{
    struct leg *to = other(from);
    from->pair->active_at = to->moved_at = now_of(from);
    stat_add(&from->ticket->traffic->received[side_of(from)], n);
    if (stream_write(to->stream, p, n)) {
        stream_consume(from->stream, n);
        return;
    }
    to->writing = n; /* they stay where they are, and are consumed when they have gone */
    stop(from);
}

static void on_readable(void *owner)
{
    struct leg *l = owner;
    uint8_t *p;
    long n = stream_peek(l->stream, 1, &p);
    if (n < 0)
        end_by(l, (enum err) - n);
    else if (n > 0 && (other(l)->stream == NULL || !stream_ready(other(l)->stream)))
        stop(l);
    else if (n > 0)
        pass(l, p, (size_t)n);
}

static void on_writable(void *owner)
{
    struct leg *l = owner, *from = other(l);
    l->moved_at = l->pair->active_at = now_of(l);
    if (l->writing > 0)
        stream_consume(from->stream, l->writing);
    l->writing = 0;
    go_on(from);
}

static void on_failed(void *owner, enum err why)
{
    end_by(owner, why);
}

static const struct stream_events events = {
    .readable = on_readable, .writable = on_writable, .failed = on_failed};

/* ---- life ---- */

struct bridge_pair *bridge_pair_new(const struct bridge_pair_options *o, uint64_t bridge)
{
    struct bridge_pair *p = calloc(1, sizeof *p);
    if (p == NULL)
        return NULL;
    p->o = *o;
    p->bridge = bridge;
    p->active_at = loop_now(o->loop);
    for (int side = 0; side < BRIDGE_SIDES; side++)
        p->legs[side].pair = p;
    list_init(&p->node);
    list_append(o->list, &p->node);
    return p;
}

void bridge_pair_join(struct bridge_pair *p, struct bridge_ticket *t, struct stream *buffered)
{
    struct leg *l = &p->legs[t->side];
    l->ticket = t;
    l->since = l->pinged_at = l->moved_at = l->excused_at = p->active_at = now_of(l);
    l->stream = bridge_ticket_upgrade(t, p->o.loop, buffered, &events, l);
    if (l->stream == NULL) {
        end(p, ERR_NO_MEMORY, BRIDGE_CLOSE_AWAY, err_text(ERR_NO_MEMORY));
        return;
    }
    stream_read_on(l->stream, true);
    go_on(other(l));
}

/* ---- time ---- */

static uint64_t stuck_ms(const struct leg *l, uint64_t now)
{
    return l->stream != NULL && l->writing > 0 ? now - l->moved_at : 0;
}

static uint64_t silent_ms(const struct leg *l, uint64_t now)
{
    uint64_t heard_at = ws_stream_heard_at(l->stream);
    return l->stopped ? 0 : now - (heard_at > l->excused_at ? heard_at : l->excused_at);
}

/* False: it has ended. */
static bool tick(struct leg *l, uint64_t now, uint64_t idle_ms)
{
    if (l->stream == NULL)
        return true;
    if (stuck_ms(l, now) >= BRIDGE_STUCK_FACTOR * idle_ms) {
        end_by(l, ERR_STALLED);
        return false;
    }
    if (silent_ms(l, now) >= idle_ms) {
        end_by(l, ERR_SILENT);
        return false;
    }
    if (now - l->pinged_at >= BRIDGE_PING_MS || now - l->pinged_at >= idle_ms / 3) {
        l->pinged_at = now;
        ws_stream_ping(l->stream);
    }
    return true;
}

void bridge_pair_tick(struct bridge_pair *p, uint64_t now, uint64_t idle_ms)
{
    if (!p->ended && tick(&p->legs[BRIDGE_SERVICE], now, idle_ms))
        tick(&p->legs[BRIDGE_DEVICE], now, idle_ms);
}

uint64_t bridge_pair_stuck_ms(const struct bridge_pair *p, uint64_t now)
{
    uint64_t service = stuck_ms(&p->legs[BRIDGE_SERVICE], now),
             device = stuck_ms(&p->legs[BRIDGE_DEVICE], now);
    return service > device ? service : device;
}

uint64_t bridge_pair_quiet_ms(const struct bridge_pair *p, uint64_t now)
{
    return now - p->active_at;
}

bool bridge_pair_ended(const struct bridge_pair *p)
{
    return p->ended;
}

struct bridge_pair *bridge_pair_at(struct list *node)
{
    return list_entry(node, struct bridge_pair, node);
}
