/* The process at the other end of an accepted stream, when it runs on this machine: its number, its
 * user and its name. For a unix socket the kernel gives the first two at once; for TCP, and for
 * names, /proc and the users' database are searched on a thread of libuv's, for many peers with one
 * walk, and only on request. */
#ifndef CORE_NET_PEER_H
#define CORE_NET_PEER_H

#include "core/net/loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct stream;

#define PEER_NAME 16   /* TASK_COMM_LEN of Linux */
#define PEER_USER 33   /* a user's name with its end, as useradd allows them; longer ones are cut */
#define PEER_BATCH 256 /* peers that one search looks for */

enum peer_state {
    PEER_ELSEWHERE, /* on another machine, or unknown: a search would find nothing */
    PEER_LOCAL,     /* on this machine; a search can find more */
    PEER_SEARCHED   /* the search has found what it could */
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
    bool uid_known; /* true also for another user's process, whose pid we cannot see */
    uid_t uid;      /* valid when uid_known */
    /* /proc/PID/comm, or "" when it is not known. A process chooses its name itself, so it may be
     * any bytes and has to be escaped. */
    char name[PEER_NAME];
    char user[PEER_USER]; /* the name that belongs to uid, found by the search; "": not known */
    struct peer_end ours, theirs; /* the addresses of a TCP connection, for the search */
};

/* Costs two system calls. s may be any stream; one that is no bare socket is PEER_ELSEWHERE. */
void peer_of(struct stream *s, struct peer *out);

/* Whether the process at the other end is this program's user's, or root's, and on this machine.
 * The kernel tells it at once; where it does not, the answer is no. */
bool peer_is_ours(struct stream *s);
bool peer_fd_is_ours(int fd); /* the same for a connected socket */

struct peer_search;
typedef void peer_search_done(void *owner, const struct peer *found, size_t n);
/* peer_search_start's type: a program that never has local peers need not carry the search. */
typedef struct peer_search *peer_searcher(struct loop *loop, const struct peer *peers, size_t n,
                                          peer_search_done *done, void *owner);

/* Searches for those of the n peers that are PEER_LOCAL, at most PEER_BATCH of them. `done` comes
 * once, never from inside, with all n in the same order; those searched for are PEER_SEARCHED. The
 * array lives until `done` returns, and the search is gone then. *peers is not used after the call.
 * Only one search should run at a time: each walks through the descriptors of every process that
 * may be seen (10 ms for some hundred processes), and occupies one of libuv's threads. NULL: no
 * memory. */
peer_searcher peer_search_start;
void peer_search_cancel(struct peer_search *s); /* done will not be called; NULL is fine */

#endif
