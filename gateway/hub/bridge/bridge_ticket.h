/* What goes with somebody who comes to a bridge from thread to thread, from the claim of his side
 * to his end. Plain data. */
#ifndef GATEWAY_HUB_BRIDGE_BRIDGE_TICKET_H
#define GATEWAY_HUB_BRIDGE_BRIDGE_TICKET_H

#include "core/base/err.h"
#include "core/net/loop.h"
#include "core/net/stream.h"
#include "gateway/hub/bridge/bridges.h"

#define BRIDGE_PROTOCOL_MAX 64 /* characters of a subprotocol's name */

struct bridge_ticket {
    uint64_t bridge; /* serial */
    enum bridge_side side;
    struct bridge_inner inner;
    struct bridge_traffic *traffic;         /* the bridge's; outlives its tickets */
    char client[80];                        /* "address:port" */
    char key[32];                           /* Sec-WebSocket-Key */
    char channel[36];                       /* this connection's name in logs on both sides */
    char protocol[BRIDGE_PROTOCOL_MAX + 1]; /* the first subprotocol offered; "": none was */
    void *return_message; /* the message that carries it back, allocated beforehand */
};
void bridge_ticket_free(struct bridge_ticket *t); /* NULL is fine */

/* What is left of a side: its ticket, which the receiver owns from now on. */
struct bridge_gone {
    struct bridge_ticket *ticket;
    enum err why; /* ERR_OK: the bridge was ended in order */
    char text[128];
    uint64_t seconds;
};

/* Answers the upgrade with 101, and makes the stream that of the WebSocket's bytes. Takes the
 * buffered stream over. NULL: no memory. */
struct stream *bridge_ticket_upgrade(const struct bridge_ticket *t, struct loop *loop,
                                     struct stream *buffered, const struct stream_events *events,
                                     void *owner);

#endif
