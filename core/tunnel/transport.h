/* What a session is connected by, and with whom. */
#ifndef CORE_TUNNEL_TRANSPORT_H
#define CORE_TUNNEL_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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
    void (*resume)(void *ctx); /* session_input took less than it was given: offer it again */
    bool native;               /* the hub speaks FRAME_NATIVE_PROTOCOL: it sends PEER */
    void *ctx;
};

/* Who is on the other side, as the hub says. */
struct session_peer {
    bool attached, native;
    char subprotocol[64], instance[40], device[256]; /* "" without native hub */
    uint64_t since_ms; /* loop_now when it came or left, or since we know that it is not there */
    uint64_t seen_ms;  /* it is not there: loop_now when it was last; 0: never */
};

#endif
