/* One try to reach the hub: name, web proxy, TLS, WebSocket upgrade. Tries again are the link's
 * business (link.h). */
#ifndef CORE_TUNNEL_APPROACH_H
#define CORE_TUNNEL_APPROACH_H

#include "core/reach/reach.h"

struct approach;

/* Everything here must live until the approach has ended. */
struct approach_target {
    const char *host;
    int port;
    const struct upstream *proxy; /* NULL: straight */
    const char *bind;             /* local address, or NULL */
    struct reach_memory *memory;  /* what the last one learnt, or NULL */
    const struct trust *trust;
    struct tls_session *tls_session;
    struct identity *identity; /* shown to the hub when it asks, or NULL */
    bool source;               /* else the destination */
    const char *access_token;
    const char *client_token; /* NULL: none */
    const char *subprotocol;  /* to offer */
    const char *instance;     /* NULL; else FRAME_NATIVE_PROTOCOL is offered first, and this process
                                 says with which instance id */
    const char *agent;        /* User-Agent */
};

/* Why it came to nothing. */
struct approach_failure {
    enum err why;
    const char *text; /* a sentence for people: who did not do what */
    bool final;       /* no later try can do better */
    int64_t later_ms; /* who refused asked to come back in so many ms; -1: nobody did */
};

struct approach_events {
    /* The stream is upgraded and belongs to the owner; what the hub sent after its 101 is still in
     * it. native: the hub took FRAME_NATIVE_PROTOCOL. left_s: seconds until the tunnel expires, as
     * our hub tells; 0: not known. The approach is gone. */
    void (*arrived)(void *owner, struct stream *s, bool native, uint64_t left_s);
    void (*failed)(void *owner, const struct approach_failure *f); /* the approach is gone */
};

/* Events come later, never from inside. NULL: no memory. */
struct approach *approach_start(struct loop *loop, const struct approach_target *target,
                                const struct approach_events *events, void *owner);
void approach_cancel(struct approach *a); /* no event comes; NULL is fine */

#endif
