/* The hub itself as an end of a tunnel, for device streams of which only one side speaks Azure's
 * wire: a session (core/tunnel/session.h) whose connections' local streams are the WebSockets of
 * those who come to bridges.
 *
 * - As the source, for a service's program: each ticket opens a connection to the tunnel's service.
 * - As the destination, for a device: each connection that comes is told (`wanted`), and waits for
 *   the ticket of its device, or until it is refused.
 *
 * Its transport is one end of a pair of sockets; the other is an ordinary end of the tunnel at the
 * relay (relay/relay_end.h), which the main thread has had admitted by the tunnel's token. So an
 * inner end has the windows, the half-closes and the resumes of native sessions. A connection's end
 * is a Close; a client's end alone is kept from a device until it has ended, too, or has been
 * silent for INNER_PATIENCE_MS, since a Close is the end of both ways. */
#ifndef GATEWAY_HUB_BRIDGE_INNER_END_H
#define GATEWAY_HUB_BRIDGE_INNER_END_H

#include "core/tunnel/session_types.h"
#include "gateway/hub/bridge/bridge_pair.h"

#define INNER_PATIENCE_MS 30000
/* A connection waits that long for its tunnel's other end, or for its device. */
#define INNER_WAIT_MS 90000
#define INNER_CONNECTIONS 1024 /* at once in one inner end */
#define INNER_CLIENT "the hub" /* what a relay's end calls an inner end */

struct inner_end;

/* Which connection of which inner end that is. */
struct inner_wanted {
    uint64_t end, connection;
    const char *service, *client; /* the service's id; who came, or "" */
};

struct inner_end_options {
    struct loop *loop;
    struct list *list; /* of inner ends, to which it appends itself */
    uint64_t serial;
    enum session_role role;
    const char *service; /* a source's; copied */
    const char *label;   /* the tunnel, for the log; copied */
    bool asks;           /* its request for the tunnel is not answered yet (HTTP) */
    uint64_t idle_s;     /* no connection may be idle for longer; 0: any */
    uint64_t ping_ms;    /* how often the relay hears of it */
    /* A destination's: somebody has come. */
    void (*wanted)(void *owner, const struct inner_wanted *w);
    /* The last word of a ticket that joined: its connection is over. */
    void (*gone)(void *owner, const struct bridge_gone *g);
    /* A connection that was `wanted` is over before its device came. */
    void (*left)(void *owner, const struct inner_wanted *w);
    /* The tunnel has no use for it any more, which is told once and not from inside a call; its
     * connections have ended. It frees itself when their WebSockets have, too. */
    void (*over)(void *owner, uint64_t serial);
    void *owner;
};

/* Takes the descriptor over, which is connected to the tunnel's relay, perhaps at another node.
 * NULL: no memory. */
struct inner_end *inner_end_new(const struct inner_end_options *o, int fd);
/* Takes both over. */
void inner_end_join(struct inner_end *e, struct bridge_ticket *t, struct stream *buffered);
/* Ends that connection, wherever it is: the far end is told why. */
void inner_end_refuse(struct inner_end *e, uint64_t connection, enum err why);
/* Ends the connection of that bridge's ticket. */
void inner_end_close(struct inner_end *e, uint64_t bridge, const struct bridge_closing *c);
/* Leaves the tunnel; `over` follows. */
void inner_end_leave(struct inner_end *e);
/* Drops everything now and frees it; `gone` tells of tickets, nothing else is told. */
void inner_end_drop(struct inner_end *e);
/* Counts bytes, and ends what has waited for too long. now: loop_now. */
void inner_end_tick(struct inner_end *e, uint64_t now);
/* For how long it has awaited its peers only, ms; 0: it is in its tunnel. */
uint64_t inner_end_over_ms(const struct inner_end *e, uint64_t now);
uint64_t inner_end_serial(const struct inner_end *e);
struct inner_end *inner_end_at(struct list *node);

#endif
