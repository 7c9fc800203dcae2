/* TCP and unix sockets as streams, over libuv, and what the kernel knows about them. TCP_NODELAY
 * and keep-alive are always on. */
#ifndef CORE_NET_SOCKET_H
#define CORE_NET_SOCKET_H

#include "core/net/loop.h"
#include "core/net/stream.h"

/* A stream from a descriptor that is connected already (a pipe or socket): takes it over.
 * NULL: not a stream, or no memory; the descriptor is closed then. */
struct stream *stream_from_fd(struct loop *loop, int fd);

/* Bounds what the kernel holds unsent for s (TCP_NOTSENT_LOWAT; no effect elsewhere). */
void stream_unsent_limit(struct stream *s, unsigned bytes);

/* Bounds what the kernel holds unread for s (SO_RCVBUF) when the path is short (a round trip below
 * 2 ms). There the kernel's own growing buffer only adds waiting: megabytes of it, for everything
 * that shares s. A longer path needs the window and is left alone. */
void stream_unread_limit(struct stream *s, int bytes);

/* While on, closing it is a reset (TCP; no effect elsewhere), also when the process dies: what is
 * on its way is lost, and the other side learns at once that nobody is there any more and that this
 * was no end, also one like nc, which keeps a half-closed connection for as long as its own input
 * lasts. */
void stream_reset_on_close(struct stream *s, bool on);

/* Bytes written that the other side has not taken yet: tells whether it goes on reading. */
size_t stream_backlog(const struct stream *s);

/* After its end was read: whether nobody holds the other side any more, so that nothing written
 * will be read. False also when that cannot be known (the other side is not on this machine). Costs
 * a few system calls. */
bool stream_peer_gone(struct stream *s);

/* Whether somebody is at the other side, found out without reading: what it has sent may still wait
 * to be read. BROKEN: it has reset the connection, or was lost. GONE: it has closed in good order,
 * and nobody holds its end; for TCP known of this machine only. A few system calls. */
enum stream_presence { STREAM_THERE, STREAM_GONE, STREAM_BROKEN };
enum stream_presence stream_presence(struct stream *s);

#endif
