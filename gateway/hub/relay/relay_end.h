/* One connected client: a WebSocket that is one end of a tunnel's relay. It owns itself, its stream
 * and its registration, and frees itself when its connection ends. */
#ifndef GATEWAY_HUB_RELAY_RELAY_END_H
#define GATEWAY_HUB_RELAY_RELAY_END_H

#include "core/base/err.h"
#include "core/net/loop.h"
#include "core/net/stream.h"
#include "gateway/hub/relay/registration.h"
#include "gateway/hub/relay/worker_stats.h"

/* RFC 6455 section 7.4.1. A client of the reference program that gets any Close stops for good. */
#define RELAY_CLOSE_ENDED 1000
#define RELAY_CLOSE_REPLACED 1008
#define RELAY_DROP 0 /* no Close frame, so that the client reconnects */

struct relay_end;
struct relay;

/* Why a client has to go. */
struct close_reason {
    int code;         /* close code, or RELAY_DROP */
    enum err why;     /* for the monitor */
    const char *text; /* what the log and, with a Close, the client are told */
};

/* What is left of a client: its registration, which the receiver owns from now on, and its totals.
 */
struct end_report {
    struct registration *registration;
    enum err why;
    char text[128];
    uint64_t seconds, received, sent; /* bytes of messages */
};

struct relay_end_options {
    struct loop *loop;
    struct relay *relay;
    struct worker_stats *stats;
    struct list *list; /* list of ends, to which it appends itself */
    void (*gone)(void *owner, const struct end_report *d); /* the last event, which always comes */
    void *owner;
    uint64_t *active; /* set to loop_now with each message that comes */
};

/* Answers the upgrade with 101 and becomes the relay's end on the registration's side, which must
 * be free. Takes over the stream, which is an open buffered stream, and the registration. Without
 * memory the connection is dropped. */
void relay_end_new(const struct relay_end_options *o, struct registration *registration,
                   struct stream *buffered);

/* Leaves the relay now and sends Close. With RELAY_DROP the end is gone at once, so that the client
 * reconnects. */
void relay_end_close(struct relay_end *c, const struct close_reason *f);
const struct registration *relay_end_registration(const struct relay_end *c);

/* The end whose node in `list` that is. */
struct relay_end *relay_end_at(struct list *node);
/* Milliseconds for which the end has not taken what it was sent; 0: it has taken all. */
uint64_t relay_end_full_ms(const struct relay_end *c, uint64_t now);
/* Drops the end when nothing came from it for idle_ms, and pings a client that is not read at
 * present. */
void relay_end_tick(struct relay_end *c, uint64_t now, uint64_t idle_ms);

#endif
