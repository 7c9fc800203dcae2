/* One connected client: a WebSocket that is one end of a room's relay. It owns itself, its stream
 * and its ticket, and is gone when its connection is. */
#ifndef GATEWAY_HUB_RELAY_RELAY_END_H
#define GATEWAY_HUB_RELAY_RELAY_END_H

#include "core/base/err.h"
#include "core/net/loop.h"
#include "core/net/stream.h"
#include "gateway/hub/relay/registration.h"
#include "gateway/hub/relay/worker_stats.h"

/* RFC 6455 section 7.4.1. A client of the reference program that gets any Close stops for good. */
#define CLIENT_CLOSE_END 1000
#define CLIENT_CLOSE_REPLACED 1008
#define CLIENT_DROP 0 /* no Close: it shall come back */

struct client;
struct relay;

/* Why a client has to go. */
struct farewell {
    int code;         /* of the Close, or CLIENT_DROP */
    enum err why;     /* for who watches */
    const char *text; /* what the log and, with a Close, the client are told */
};

/* What is left of a client: its ticket (the receiver's now) and what it did. */
struct departure {
    struct ticket *ticket;
    enum err why;
    char text[128];
    uint64_t seconds, received, sent; /* bytes of messages */
};

struct client_options {
    struct loop *loop;
    struct relay *relay;
    struct counts *counts;
    struct list *list;                                    /* of clients, where it appends itself */
    void (*gone)(void *owner, const struct departure *d); /* the last event; always comes */
    void *owner;
    uint64_t *active; /* set to loop_now with each message that comes */
};

/* Answers the upgrade with 101 and becomes the end of the relay on its ticket's side, where none
 * may be. Takes stream (a spill, opened) and ticket over. Without memory the connection is dropped.
 */
void client_new(const struct client_options *o, struct ticket *ticket, struct stream *spill);

/* Leaves the relay now and says Close. With CLIENT_DROP it is gone at once, so that it comes back.
 */
void client_end(struct client *c, const struct farewell *f);
const struct ticket *client_ticket(const struct client *c);

/* One that was on `list`. */
struct client *client_at(struct list *node);
/* For how many milliseconds it has not taken what it was sent; 0: it has. */
uint64_t client_full_ms(const struct client *c, uint64_t now);
/* Drops it when nothing came from it for idle_ms, and keeps those alive that cannot be read. */
void client_tick(struct client *c, uint64_t now, uint64_t idle_ms);

#endif
