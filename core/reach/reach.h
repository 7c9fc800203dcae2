/* One try to reach a server for TLS: its name, a proxy in between (CONNECT with Basic or Digest, or
 * SOCKS5), and the handshake. */
#ifndef CORE_REACH_REACH_H
#define CORE_REACH_REACH_H

#include "core/http/upstream.h"
#include "core/net/dial.h"
#include "core/tls/tls.h"

struct reach;

/* What one try to reach a target learns for the next one. The owner keeps it; all zero means that
 * nothing is known. The owner sets dial.failed and target.failed when something failed after the
 * reach had succeeded. */
struct reach_memory {
    struct dial_memory dial; /* the target's addresses, or the proxy's */
    /* With socks5://: the target's addresses that the proxy was asked for. */
    struct dial_memory target;
    bool digest; /* the proxy wants Digest, so it is never shown the password */
};

/* Everything that the members point to must live until the end. */
struct reach_target {
    const char *host;
    int port;
    const struct upstream *proxy; /* NULL: a direct connection */
    const char *bind;             /* local address to connect from, or NULL */
    const struct trust *trust;
    struct tls_session *tls_session; /* NULL: no session is resumed */
    struct identity *identity;       /* our certificate for a target that asks for one, or NULL */
    bool keep_certificate;           /* the target's, for tls_peer_covers */
    struct reach_memory *memory;     /* or NULL */
    unsigned unsent_limit;           /* bytes, for stream_unsent_limit; 0: no limit */
    int unread_limit;                /* bytes, for stream_unread_limit; 0: no limit */
};

/* Why a reach failed. */
struct reach_failure {
    enum err why;
    /* What happened, and where when it was at the proxy: "the proxy p:3128: connection refused". */
    const char *text;
    bool at_proxy;
    bool final; /* no later try can succeed: the proxy wants something that we do not have */
    /* Milliseconds after which the proxy wants the next try (Retry-After); -1: not told. */
    int64_t later_ms;
};

struct reach_events {
    /* The stream is encrypted and belongs to the owner; the reach is gone. */
    void (*arrived)(void *owner, struct stream *s);
    /* The reach has failed and is gone. */
    void (*failed)(void *owner, const struct reach_failure *f);
};

/* Starts a try. Events come later, never from inside. A reach has no time-out of its own. NULL: no
 * memory. */
struct reach *reach_start(struct loop *loop, const struct reach_target *target,
                          const struct reach_events *events, void *owner);
void reach_cancel(struct reach *r); /* no event will come; NULL is fine */

#endif
