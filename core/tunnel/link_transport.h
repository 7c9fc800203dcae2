/* What is up of a link, or of a hub's own end of a tunnel: the WebSocket that carries the session's
 * frames, the pings in it, and what its silence and its end mean. Another try is its owner's
 * decision. */
#ifndef CORE_TUNNEL_LINK_TRANSPORT_H
#define CORE_TUNNEL_LINK_TRANSPORT_H

#include "core/net/stream.h"
#include "core/tunnel/keepalive.h"
#include "core/tunnel/session.h"

struct link_transport {
    struct loop *loop;
    struct session *session;
    struct keepalive keepalive; /* goes on from one WebSocket to the next */
    /* Nothing comes any more. final: a Close that tells us to stop. It may drop the transport. */
    void (*over)(void *owner, enum err why, const char *text, bool final);
    void *owner;
    uint64_t round_trip_us;                 /* of the last ping; 0: not known yet */
    struct ws *ws;                          /* to be read only; NULL: nothing is up */
    uint64_t excused_at;                    /* private: silence before this moment does not count */
    uint64_t pinged_at_us, pinged_after_ms; /* private */
};

bool link_transport_open(struct link_transport *t, struct stream *s); /* false: no memory */
/* Gives it to the session; native and idle_ms are as in struct transport. */
void link_transport_attach(struct link_transport *t, bool native, uint64_t idle_ms);
/* The session takes what has come, and then it is gone; fine also when nothing is up. */
void link_transport_drop(struct link_transport *t);

/* The rest is for what is up. */

void link_transport_close(struct link_transport *t); /* sends a Close 1000 if one can leave */
void link_transport_ping(struct link_transport *t);  /* the next is due after keepalive.period_ms */
/* Whether it has been silent for too long to be alive, with pings every ping_ms. */
bool link_transport_is_dead(struct link_transport *t, uint64_t ping_ms);
/* Calls `over` for a loss that nobody has explained: the silence itself may be the reason, which
 * keepalive learns from. */
void link_transport_lost(struct link_transport *t, enum err why, const char *text);

#endif
