/* One try to reach the hub: name, web proxy, TLS, WebSocket upgrade. Tries again are the link's
 * business (link.h).
 *
 * A hub may send an end with an instance id to another one (redirect.h; share/doc/native.md,
 * "Redirects"). It is followed once, when the hub's own certificate is for that name, too; the next
 * try begins at the target again. */
#ifndef CORE_TUNNEL_CONNECTOR_H
#define CORE_TUNNEL_CONNECTOR_H

#include "core/reach/reach.h"

/* Bytes, for stream_unsent_limit and stream_unread_limit of a connection that becomes a tunnel's
 * (share/doc/performance.md, "Little queued"). */
#define CONNECTOR_UNSENT_LIMIT 16384
#define CONNECTOR_UNREAD_LIMIT 131072

struct connector;

/* Everything here must live until the connector has ended. */
struct connector_target {
    const char *host;
    int port;
    const struct upstream *proxy; /* NULL: straight */
    const char *bind;             /* local address, or NULL */
    struct reach_memory *memory;  /* what the last one learnt, or NULL */
    const struct trust *trust;
    struct tls_session *tls_session;
    struct identity *identity; /* shown to the hub when it asks, or NULL */
    const char *path;          /* NULL: that of a tunnel's end; else the hub must speak exactly
                                  `subprotocol` there */
    bool source;               /* of a tunnel's end; else it is the destination */
    const char *access_token;  /* NULL: none */
    const char *client_token;  /* NULL: none */
    const char *subprotocol;   /* to offer */
    const char *instance; /* NULL; else FRAME_NATIVE_PROTOCOL is offered first, and this process
                             says with which instance id */
    bool stays;           /* it does not say that it follows a redirect: the last one led nowhere */
    const char *agent;    /* User-Agent */
    struct stream *ready; /* a connection to the hub that is there already, encrypted and with
                             the limits above: it is taken over, and nobody is dialled; or NULL */
};

/* Why it came to nothing. */
struct connector_failure {
    enum err why;
    const char *text; /* a sentence for people: who did not do what */
    int status;       /* ERR_REJECTED: of the hub's answer, or of who is in its place */
    bool final;       /* no later try can do better */
    int64_t later_ms; /* who refused asked to come back in so many ms; -1: nobody did */
    bool redirected;  /* by a redirect: without it the hub itself may do better */
};

/* What the hub's 101 says. */
struct connector_answer {
    bool native;     /* it took FRAME_NATIVE_PROTOCOL */
    uint64_t left_s; /* seconds until the tunnel expires, as our hub tells; 0: not known */
    uint64_t idle_s; /* so many seconds a connection may be idle, as our hub tells; 0: any */
};

struct connector_events {
    /* The stream is upgraded and belongs to the owner; what the hub sent after its 101 is still in
     * it. The connector is gone. */
    void (*arrived)(void *owner, struct stream *s, const struct connector_answer *answer);
    void (*failed)(void *owner, const struct connector_failure *f); /* the connector is gone */
};

/* Events come later, never from inside. NULL: no memory, and `ready` is closed. */
struct connector *connector_start(struct loop *loop, const struct connector_target *target,
                                  const struct connector_events *events, void *owner);
void connector_cancel(struct connector *c); /* no event comes; NULL is fine */

#endif
