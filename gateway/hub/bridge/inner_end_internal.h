/* Private to inner_end.c (the session, its transport, the end) and inner_conn.c (the connections
 * and their WebSockets). */
#ifndef GATEWAY_HUB_BRIDGE_INNER_END_INTERNAL_H
#define GATEWAY_HUB_BRIDGE_INNER_END_INTERNAL_H

#include "core/tunnel/link_transport.h"
#include "gateway/hub/bridge/inner_end.h"

enum inner_state {
    WAITING,  /* a ticket for the tunnel's other end, or a connection for its ticket */
    OPENING,  /* the far end has not answered */
    ATTACHED, /* bytes pass */
};

struct inner_conn {
    struct list node;
    struct inner_end *end;
    uint64_t number;
    enum inner_state state;
    struct conn *conn;            /* NULL: none is open */
    struct stream *stream;        /* the WebSocket's, until it is the connection's; or NULL */
    struct bridge_ticket *ticket; /* or NULL */
    uint64_t since;
    uint64_t counted[BRIDGE_SIDES];
};

/* A WebSocket whose connection is over, and whose peer's end is awaited. */
struct lingering {
    struct list node;
    struct inner_end *end;
    struct stream *stream;
};

struct inner_end {
    struct list node;
    struct inner_end_options o;
    char *service, *label;
    struct session *session;         /* NULL once it is over */
    struct link_transport transport; /* nothing is up before the answer, and once it is over */
    struct stream *asking;           /* that the answer comes from; NULL: it has come */
    size_t want;                     /* bytes of it that are needed to read on */
    struct timer *ping;
    struct deferred ending;
    struct list conns, lingering;
    uint64_t numbers;
    bool over, dropping;
    uint64_t over_at;
};

/* ---- inner_conn.c ---- */

/* Ends one that has no connection in the tunnel (any more); its WebSocket hears why. */
void inner_conn_fail(struct inner_conn *i, enum err why);
/* A source: opens those that wait, if its far end can be reached. */
void inner_conns_open(struct inner_end *e);
/* A destination: somebody has come. */
void inner_conn_incoming(struct inner_end *e, struct conn *c);

#endif
