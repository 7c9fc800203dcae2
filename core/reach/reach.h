/* One try to reach a server for TLS: its name, a proxy in between (CONNECT with Basic or Digest, or
 * SOCKS5), and the handshake. */
#ifndef CORE_REACH_REACH_H
#define CORE_REACH_REACH_H

#include "core/http/upstream.h"
#include "core/net/dial.h"
#include "core/tls/tls.h"

struct reach;

/* What one try to the same target learns for the next one. Belongs to the owner; all zero knows
 * nothing. The owner sets dial.failed and target.failed when what came after the reach failed. */
struct reach_memory {
    struct dial_memory dial;   /* of the target, or of the proxy */
    struct dial_memory target; /* with socks5://, which address the proxy was asked for */
    bool digest;               /* the proxy wants Digest: the password is not shown to it */
};

/* Everything here must live until the end. */
struct reach_target {
    const char *host;
    int port;
    const struct upstream *proxy; /* NULL: straight */
    const char *bind;             /* local address, or NULL */
    const struct trust *trust;
    struct tls_session *tls_session; /* NULL: none is resumed */
    struct identity *identity;       /* shown to the target when it asks, or NULL */
    struct reach_memory *memory;     /* or NULL */
    unsigned unsent_limit;           /* of stream_unsent_limit; 0: none */
    int unread_limit;                /* of stream_unread_limit; 0: none */
};

/* Why it came to nothing. */
struct reach_failure {
    enum err why;
    /* What happened; at the proxy also where: "the proxy p:3128: connection refused". */
    const char *text;
    bool at_proxy;
    bool final;       /* no later try can do better: the proxy wants what we do not have */
    int64_t later_ms; /* the proxy asked to come back in so many ms (Retry-After); -1: it did not */
};

struct reach_events {
    /* The stream is encrypted and belongs to the owner; the reach is gone. */
    void (*arrived)(void *owner, struct stream *s);
    /* The reach is gone. */
    void (*failed)(void *owner, const struct reach_failure *f);
};

/* Events come later, never from inside. It has no time-out of its own. NULL: no memory. */
struct reach *reach_start(struct loop *loop, const struct reach_target *target,
                          const struct reach_events *events, void *owner);
void reach_cancel(struct reach *r); /* no event comes; NULL is fine */

#endif
