/* Who is at the other end of an accepted stream, when that is a process on this machine: its
 * number, its user and its name. Of a unix socket the kernel says the first two at once; for TCP,
 * and for names, /proc is searched on a thread of libuv's, for many peers with one walk, and only
 * when somebody asks. */
#ifndef CORE_NET_PEER_H
#define CORE_NET_PEER_H

#include "core/net/loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct stream;

#define PEER_NAME 16   /* TASK_COMM_LEN of Linux */
#define PEER_BATCH 256 /* peers that one search looks for */

enum peer_state {
    PEER_ELSEWHERE, /* on another machine, or not to be known: there is nothing to look for */
    PEER_LOCAL,     /* on this one; a search has more to tell */
    PEER_SEARCHED   /* what could be found out is there */
};

/* One end of a TCP connection, in network byte order. */
struct peer_end {
    uint16_t family, port;
    uint8_t ip[16];
};

/* A plain value; all zeroes is PEER_ELSEWHERE. */
struct peer {
    enum peer_state state;
    pid_t pid;      /* 0: not known (yet) */
    bool uid_known; /* also where the process is another user's, whose number we cannot see */
    uid_t uid;      /* if so */
    /* /proc/PID/comm, "": not known. A process chooses its name itself: any bytes, to be
     * escaped. */
    char name[PEER_NAME];
    struct peer_end ours, theirs; /* of TCP, for the search */
};

/* Costs two system calls. s may be any stream; one that is no bare socket is PEER_ELSEWHERE. */
void peer_of(struct stream *s, struct peer *out);

struct peer_search;

/* Looks for those of the n peers that are PEER_LOCAL, at most PEER_BATCH of them. `done` comes
 * once, never from inside: with all n in the same order, those that were looked for PEER_SEARCHED;
 * the array lives until it returns, the search is gone then. Nothing of *peers is kept. Start one
 * when the last is done: each walks through the descriptors of every process that may be seen (10
 * ms for some hundred processes), and occupies one of the threads that also resolve names. NULL: no
 * memory. */
struct peer_search *peer_search_start(struct loop *loop, const struct peer *peers, size_t n,
                                      void (*done)(void *owner, const struct peer *found, size_t n),
                                      void *owner);
void peer_search_cancel(struct peer_search *s); /* done will not come; NULL is fine */

#endif
