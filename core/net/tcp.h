/* TCP and unix sockets: streams over libuv, listeners, and dialling by name. TCP_NODELAY and
 * keep-alive are always on. */
#ifndef CORE_NET_TCP_H
#define CORE_NET_TCP_H

#include "core/net/addresses.h"
#include "core/net/loop.h"
#include "core/net/stream.h"

/* ---- listening ---- */

struct listener;
struct listener_events {
    /* A newcomer, who belongs to the owner from now on; set its events at once (stream_set_owner).
     */
    void (*accepted)(void *owner, struct listener *l, struct stream *s);
    /* In its place when not NULL: the bare descriptor (non-blocking), to be given to another
     * thread, which makes a stream of it (stream_from_fd). */
    void (*descriptor)(void *owner, struct listener *l, int fd);
};

/* where: "127.0.0.1:1080", "[::1]:0", "localhost:80" (every address of the name), or a unix path
 * with a '/' in it (mode 0600; a dead socket file is replaced). Port 0 takes a free one.
 * NULL with *why: ERR_ADDRESS_IN_USE, ERR_PERMISSION, ERR_RESOLVE, ERR_USAGE, … */
struct listener *listener_new(struct loop *loop, const char *where,
                              const struct listener_events *events, void *owner, enum err *why);
/* Why that failed, in words for the end of a sentence: "in use by another program". */
const char *listener_problem(const char *where, enum err why);
/* The same on a socket that listens already (socket activation): takes it over. The file of a unix
 * one stays at the end: who made it removes it. NULL: it is none (ERR_USAGE), or no memory; it is
 * closed then. */
struct listener *listener_from_fd(struct loop *loop, int fd, const struct listener_events *events,
                                  void *owner, enum err *why);
int listener_port(const struct listener *l);         /* the port in use; 0 for unix */
const char *listener_name(const struct listener *l); /* "127.0.0.1:1080" with the real port */
bool listener_is_local(const struct listener *l); /* only this machine can reach it: every address
                                                     that it is bound to is loopback, or a path */
/* Nobody is let in: newcomers wait in the kernel's queue until it is let go. */
void listener_hold(struct listener *l, bool hold);
void listener_free(struct listener *l); /* removes a unix socket's file; NULL is fine */

/* ---- dialling ---- */

/* Which address of a name a dial took, for the next one to the same name: it begins there, or with
 * the address behind it when what came after the connection failed. Belongs to the owner; all zero
 * knows nothing. */
struct dial_memory {
    union address last;
    bool failed; /* to be set by the owner; a dial that succeeds clears it */
};

struct dial;
struct dial_options {
    const char *host;           /* name or address (no brackets), or unix path with a '/' */
    int port;                   /* 0 for unix paths */
    const char *bind;           /* local address to go out from, or NULL */
    uint64_t timeout_ms;        /* for each address tried; 0: 10,000 */
    uint64_t stagger_ms;        /* from one address to the next while none has answered; 0: 250 */
    struct dial_memory *memory; /* or NULL; must live until the dial is over */
    bool untrusted;             /* as in lookup.h */
};
/* Resolves, and connects to the addresses as RFC 8305 has it: families alternate, the next address
 * is tried when the one before failed or has not answered for a moment, who is connected first
 * wins, and the others are closed. done comes exactly once, never from inside dial_start: a ready
 * stream that now belongs to the owner, or NULL with the error (of several, the last one that tells
 * more than that there is no route). The struct dial is gone after it. NULL: no memory. */
struct dial *dial_start(struct loop *loop, const struct dial_options *options,
                        void (*done)(void *owner, struct stream *s, enum err why), void *owner);
void dial_cancel(struct dial *d); /* done will not come */

/* ---- streams ---- */

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

/* "host:port", "[v6]:port", ":port" or "port" → host (brackets off, NULL when absent) and port
 * (0 when absent). host is malloc'd. False: not one of these, or port above 65535. */
bool address_split(const char *text, char **host, int *port);

/* True for an IPv4 or IPv6 literal, without brackets. */
bool address_is_ip(const char *host);

/* The error for a negative libuv status. */
enum err err_from_uv(int status);

#endif
