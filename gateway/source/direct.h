/* Clients whose destination is no name of ours, with --direct: dialled from this machine and
 * relayed stream to stream. Each direction holds one block of at most DIRECT_BLOCK bytes while its
 * receiver is slow and none when idle, and ends by itself: a client that has finished sending still
 * gets its answer. */
#ifndef GATEWAY_SOURCE_DIRECT_H
#define GATEWAY_SOURCE_DIRECT_H

#include "gateway/source/forward.h"

#define DIRECT_BLOCK 65536

struct directs;
/* Shares the log and the lingering closes with the forwards, which must outlive it. NULL: memory.
 */
struct directs *directs_new(struct loop *loop, struct forwards *forwards);
void directs_free(struct directs *d);          /* ends every one (ERR_SHUTDOWN); NULL is fine */
size_t directs_count(const struct directs *d); /* NULL: 0 */

struct direct_options {
    const struct reply_format *format;
    uint64_t accepted_ms; /* as in struct forward_options */
    struct span host;     /* a name or an address without brackets */
    int port;             /* 1..65535 */
    struct buf *early;    /* as in struct forward_options: goes up first; moved out; NULL: none */
    struct conn_tap tap;  /* none: zeroes */
    void (*tap_free)(void *ctx);
};

/* Takes the stream over, ready for writing. Nothing comes back: it ends in the log, with "-" as its
 * service. What is no host name or port is refused (ERR_PROTOCOL), and so is what the dial says. */
void direct_start(struct directs *set, struct stream *client, const struct direct_options *o);

#endif
