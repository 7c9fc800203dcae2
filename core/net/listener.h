/* Sockets that listen: TCP on one or all addresses of a name, unix sockets, and those that whoever
 * started us had open. */
#ifndef CORE_NET_LISTENER_H
#define CORE_NET_LISTENER_H

#include "core/net/loop.h"
#include "core/net/stream.h"

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
/* Only this machine can reach it: every address that it is bound to is loopback, or a path. */
bool listener_is_local(const struct listener *l);
/* Nobody is let in: newcomers wait in the kernel's queue until it is let go. */
void listener_hold(struct listener *l, bool hold);
void listener_free(struct listener *l); /* removes a unix socket's file; NULL is fine */

#endif
