/* A stream around another one that never holds on to its owner's memory: what the lower stream
 * cannot take at once is copied into a block of its own. So a relay may send straight from the
 * input of one connection, which may end or continue to read while the other is slow.
 *
 * Differs from net/stream.h in one point only: after stream_write returned false the bytes are free
 * (`writable` still tells when the next write may come). A write takes at most LOOP_BLOCK bytes. */
#ifndef GATEWAY_HUB_RELAY_BUFFERED_STREAM_H
#define GATEWAY_HUB_RELAY_BUFFERED_STREAM_H

#include "core/net/loop.h"
#include "core/net/stream.h"

/* Takes over `lower`, which may still be in its handshake. NULL: no memory, and lower is closed. */
struct stream *buffered_stream_new(struct loop *loop, struct stream *lower,
                                   const struct stream_events *events, void *owner);

#endif
