/* Which end a session is, what it is connected by, with whom, and what it tells its owner. */
#ifndef CORE_TUNNEL_SESSION_TYPES_H
#define CORE_TUNNEL_SESSION_TYPES_H

#include "core/base/err.h"
#include "core/base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum session_role { SESSION_SOURCE, SESSION_DESTINATION };

struct conn;

/* One frame, with all heads, then fills exactly one TLS record: in place on every hop. */
#define SESSION_QUANTUM 16128
/* What a destination sends in one frame when its source is not known to be ours. Amazon's local
 * proxy as the source loses or mixes up bytes of parallel downloads, and this size is what it copes
 * with best (share/doc/protocol.md, "Frame sizes"). */
#define SESSION_QUANTUM_FOREIGN 4032

struct transport {
    bool (*ready)(void *ctx);
    /* One message; WS_HEADER_MAX bytes in front of p may be overwritten, and p too. False: pending,
     * p stays untouched until session_writable. */
    bool (*send)(void *ctx, uint8_t *p, size_t n);
    /* The same for a message in WS_PARTS parts at most, which may lie anywhere and are free again
     * in any case. NULL: there is none. */
    bool (*send_parts)(void *ctx, const struct span *parts, size_t n);
    void (*resume)(void *ctx); /* session_input took less than it was given: offer it again */
    bool native;               /* the hub speaks FRAME_NATIVE_PROTOCOL: it sends PEER */
    uint64_t stream_idle_ms;   /* no connection may be idle for longer, as the hub says; 0: any */
    void *ctx;
};

/* Who is on the other side, as the hub says. */
struct session_peer {
    bool attached, native;
    char subprotocol[64], instance[40], device[256]; /* "" without native hub */
    uint64_t since_ms; /* loop_now when it came or left, or since we know that it is not there */
    uint64_t seen_ms;  /* it is not there: loop_now when it was last; 0: never */
};

struct session_events {
    /* The services of the tunnel (SERVICE_IDS, duplicates removed), each time they come. ERR_OK to
     * go on; an error ends the link for good (`broken` with it). */
    enum err (*services)(void *owner, const char *const *ids, size_t n);
    /* Destination: someone wants `conn_service(c)`. Dial, then conn_attach or conn_refuse; both may
     * be called from inside. Data that comes meanwhile is held. Set the connection's events first.
     */
    void (*incoming)(void *owner, struct conn *c);
    /* The peer broke the protocol (text says how): the transport must be dropped. */
    void (*broken)(void *owner, enum err why, const char *text);
    /* session_reachable became true (again), later than `services` came. May be NULL. */
    void (*reachable)(void *owner);
    /* The memory budget is used up (text says by what); once a minute at most. May be NULL. */
    void (*pressed)(void *owner, const char *text);
    /* session_peer tells something else now. May be NULL. */
    void (*peer)(void *owner);
};

#endif
