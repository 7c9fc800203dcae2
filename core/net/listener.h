/* Sockets that listen: TCP on one or all addresses of a name, unix sockets, and those that were
 * open already when the program was started. */
#ifndef CORE_NET_LISTENER_H
#define CORE_NET_LISTENER_H

#include "core/net/loop.h"
#include "core/net/stream.h"

struct listener;
struct listener_events {
    /* A new connection, which belongs to the owner from now on; the owner sets its events at once
     * (stream_set_owner). */
    void (*accepted)(void *owner, struct listener *l, struct stream *s);
    /* When not NULL, this is called in place of `accepted` with the bare descriptor (non-blocking),
     * for another thread that makes a stream of it (stream_from_fd). */
    void (*descriptor)(void *owner, struct listener *l, int fd);
};

/* where: "127.0.0.1:1080", "[::1]:0", "localhost:80" (every address of the name), or a unix path
 * with a '/' in it (mode 0600; a dead socket file is replaced). Port 0 takes a free one.
 * NULL with *why: ERR_ADDRESS_IN_USE, ERR_PERMISSION, ERR_RESOLVE, ERR_USAGE, … */
struct listener *listener_new(struct loop *loop, const char *where,
                              const struct listener_events *events, void *owner, enum err *why);
/* Says why listener_new failed, in words for the end of a sentence: "in use by another program". */
const char *listener_problem(const char *where, enum err why);
/* Makes a listener of a socket that listens already (socket activation) and takes the socket over.
 * The file of a unix socket stays at the end, since its maker removes it. NULL: the descriptor is
 * no listening socket (ERR_USAGE), or no memory; it is closed then. */
struct listener *listener_from_fd(struct loop *loop, int fd, const struct listener_events *events,
                                  void *owner, enum err *why);
int listener_port(const struct listener *l);         /* the port in use; 0 for unix */
const char *listener_name(const struct listener *l); /* "127.0.0.1:1080" with the real port */
/* Whether only this machine can reach the listener: every address that it is bound to is loopback,
 * or a path. */
bool listener_is_local(const struct listener *l);
/* While held, the listener accepts nothing: new connections wait in the kernel's queue. */
void listener_hold(struct listener *l, bool hold);
void listener_free(struct listener *l); /* removes a unix socket's file; NULL is fine */

#endif
