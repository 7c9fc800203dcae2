/* One try to reach a server for HTTPS: name, web proxy, TLS. */
#ifndef GATEWAY_CTL_REACH_H
#define GATEWAY_CTL_REACH_H

#include "core/http/upstream.h"
#include "core/net/loop.h"
#include "core/net/stream.h"
#include "core/tls/tls.h"

struct reach;

/* Everything here must live until the end. */
struct reach_target {
    const char *host;
    int port;
    const struct upstream *proxy; /* NULL: straight */
    const struct trust *trust;
};

struct reach_events {
    /* The stream is encrypted and belongs to the owner; the reach is gone. */
    void (*arrived)(void *owner, struct stream *s);
    /* It came to nothing, and the reach is gone. The text says what happened, where it was not at
     * the target also where: "the proxy p:3128: connection refused". */
    void (*failed)(void *owner, enum err why, const char *text);
};

/* Events come later, never from inside. It has no time-out of its own. NULL: no memory. */
struct reach *reach_start(struct loop *loop, const struct reach_target *target,
                          const struct reach_events *events, void *owner);
void reach_cancel(struct reach *r); /* no event comes; NULL is fine */

#endif
