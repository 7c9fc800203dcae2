/* A stream of bytes (net/stream.h) in the binary messages of a WebSocket: what a message begins and
 * ends does not matter, so frames of any size and fragments come in; frames of at most
 * WS_STREAM_FRAME bytes go out. Pings are answered, also while reading is off and no bytes have
 * come.
 *
 * A WebSocket ends as a whole, unlike TCP: the peer's Close is the end of its bytes (ERR_EOF), and
 * what is written from then on is thrown away. stream_shutdown sends Close 1000, after which the
 * peer's further bytes are thrown away, and its end follows. A transport that ends without a Close
 * is ERR_RESET, so that nobody takes what was cut off for the whole.
 *
 * stream_close ends the transport at once, which a peer may see as a reset; ws_stream_finish ends
 * it in order. */
#ifndef CORE_WS_WS_STREAM_H
#define CORE_WS_WS_STREAM_H

#include "core/net/loop.h"
#include "core/net/stream.h"

#define WS_STREAM_FRAME 65536
/* How long a Close may take that waits behind what was written, for its peer to take that and to
 * answer; and then the transport's end. */
#define WS_STREAM_CLOSE_MS 30000
#define WS_STREAM_LINGER_MS 5000

/* Takes over `lower`, an open stream after the WebSocket's handshake, in the role of client or
 * server. It can go to another loop (stream_leave) when lower can. NULL: no memory, and lower is
 * closed. */
struct stream *ws_stream_new(struct loop *loop, struct stream *lower, bool client,
                             const struct stream_events *events, void *owner);

/* Ends it in order, for a stream of ws_stream_new: bytes that wait on either way are given up, a
 * Close with code and text (NULL: none) goes unless one has gone, and the peer's end is awaited.
 * Then, or after WS_STREAM_CLOSE_MS and WS_STREAM_LINGER_MS, `finished` is called, from which the
 * owner calls stream_close, as it may any time before. No other event comes any more. Allowed in
 * any event; `finished` never comes from inside. */
void ws_stream_finish(struct stream *s, int code, const char *text, void (*finished)(void *owner));

/* For owners that close with stream_close: instead of ending the transport, that hands the stream
 * to given_up, once, which ends it with ws_stream_finish; its events are not told any more, and ctx
 * is its owner from then on. */
void ws_stream_keep(struct stream *s, void (*given_up)(void *ctx, struct stream *s), void *ctx);
/* For a peer that takes a Close for the end of both ways: after stream_shutdown none goes before
 * the peer's own, or ms of silence from it. Until then its bytes are read. */
void ws_stream_patient(struct stream *s, uint64_t ms);
/* Sends a ping, without payload. */
void ws_stream_ping(struct stream *s);
/* loop_now when the last bytes of any kind came from the peer. They are looked for as
 * stream_read_on says. */
uint64_t ws_stream_heard_at(const struct stream *s);

#endif
