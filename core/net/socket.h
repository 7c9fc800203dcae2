/* TCP and unix sockets as streams, over libuv, and what the kernel knows about them. TCP_NODELAY
 * and keep-alive are always on. */
#ifndef CORE_NET_SOCKET_H
#define CORE_NET_SOCKET_H

#include "core/net/loop.h"
#include "core/net/stream.h"

/* Makes a stream of a descriptor that is connected already (a pipe or socket), and takes it over.
 * NULL: not a stream, or no memory; the descriptor is closed then. */
struct stream *stream_from_fd(struct loop *loop, int fd);

/* Bounds what the kernel holds unsent for s (TCP_NOTSENT_LOWAT; no effect elsewhere). */
void stream_unsent_limit(struct stream *s, unsigned bytes);

/* Bounds what the kernel holds unread for s (SO_RCVBUF) when the path is short (a round trip below
 * 2 ms). There the kernel's own growing buffer only adds waiting time: megabytes of it, for all
 * connections that share s. A longer path needs the window and is left alone. */
void stream_unread_limit(struct stream *s, int bytes);

/* While on, closing s sends a reset (TCP; no effect elsewhere), also when the process dies: bytes
 * on their way are lost, and the other side learns at once that the connection is broken and has
 * not ended in order. Even a program like nc learns it, which keeps a half-closed connection for as
 * long as its own input lasts. */
void stream_reset_on_close(struct stream *s, bool on);

/* Returns how many written bytes the other side has not taken yet, which tells whether it goes on
 * reading. */
size_t stream_backlog(const struct stream *s);

/* After the end of s was read: whether no process holds the other side any more, so that nothing
 * written will be read. False also when that cannot be known (the other side is not on this
 * machine). Costs a few system calls. */
bool stream_peer_gone(struct stream *s);

/* Tells without reading whether the other side is still there; bytes that it has sent may still
 * wait to be read. BROKEN: it has reset the connection, or was lost. GONE: it has closed in good
 * order, and no process holds its end; for TCP that is known of this machine only. Costs a few
 * system calls. */
enum stream_presence { STREAM_THERE, STREAM_GONE, STREAM_BROKEN };
enum stream_presence stream_presence(struct stream *s);

#endif
