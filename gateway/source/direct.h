/* Requests for hosts that are no names of ours (--direct): the gateway dials them itself and relays
 * stream to stream. Each direction holds one block of at most DIRECT_BLOCK bytes while its receiver
 * is slow, and none when idle. The directions end separately: a client that has finished sending
 * still gets its answer. */
#ifndef GATEWAY_SOURCE_DIRECT_H
#define GATEWAY_SOURCE_DIRECT_H

#include "gateway/source/forward.h"

#define DIRECT_BLOCK 65536

struct directs;
/* Shares the access log and the lingering closes of the forwards, which must outlive it. NULL:
 * memory. */
struct directs *directs_new(struct loop *loop, struct forwards *forwards);
void directs_free(struct directs *set);          /* ends every one (ERR_SHUTDOWN); NULL is fine */
size_t directs_count(const struct directs *set); /* NULL: 0 */

struct direct_options {
    const struct reply_format *format;
    uint64_t accepted_ms; /* as in struct forward_options */
    struct span host;     /* a name or an address without brackets */
    int port;             /* 1..65535 */
    struct buf *early;    /* as in struct forward_options */
    struct conn_tap tap;  /* none: zeroes */
    void (*tap_free)(void *ctx);
};

/* Takes the stream over, which must be ready for writing. The outcome is in the access log, with
 * "-" as the service. A host or port that cannot be one is refused with ERR_PROTOCOL, a failed dial
 * with its own reason. */
void direct_start(struct directs *set, struct stream *client, const struct direct_options *o);

#endif
