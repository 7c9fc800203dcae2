/* The arithmetic of a native connection's flow control (share/doc/native.md, "Flow control"): what
 * may be sent, what the far end may send, when it is told, and how large a window is right. Pure:
 * numbers and a clock's reading in, decisions out. */
#ifndef CORE_TUNNEL_WINDOW_H
#define CORE_TUNNEL_WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WINDOW_INITIAL 262144 /* what both ends begin with */
#define WITHHELD_MOST 1048576 /* bytes that all connections of a session acknowledge late */
#define WINDOW_MOST 16777216  /* the largest: 1 Gbit/s over 100 ms holds 12.5 MB */

/* Bytes of each direction are counted from 0. */
struct window {
    /* From the local stream to the far end: */
    uint64_t acked; /* The far end has handed on so many. */
    uint64_t sent;  /* This one is the next to be sent over the present transport. */
    uint64_t end;   /* Those before this one were read; [acked, end) is kept. */
    uint64_t limit; /* The far end takes them up to here. */
    bool fin_sent;  /* The FIN was sent over the present transport. */
    bool fin_ever, fin_acked;
    /* From the far end to the local stream: */
    uint64_t received;        /* So many came. */
    uint64_t granted;         /* The far end may send up to here. */
    uint64_t acked_out;       /* Of `received` so many were acknowledged. */
    uint32_t size;            /* The next CREDIT grants so many beyond what was handed on. */
    uint64_t probe, probe_at; /* A window's worth of bytes is timed: it began at this byte, and at
                                 this time in ms. */
    bool fin_received;
    bool shut; /* The local stream has been given the FIN. */
};

void window_init(struct window *w, uint64_t now_ms);

bool window_all_sent(const struct window *w);
/* How many of n fresh bytes, and of n bytes that are kept already, may be sent. */
size_t window_may_send(const struct window *w, size_t n);
size_t window_may_resend(const struct window *w, size_t n);
/* A CREDIT came; *freed is how many of the kept bytes are done with. NULL, or what is wrong with
 * it: then nothing has changed. */
const char *window_credited(struct window *w, uint64_t received, uint32_t size, bool fin,
                            size_t *freed);
/* The far end says how much it has, before anything is sent over a new transport. False: it says
 * what cannot be. */
bool window_resumed(struct window *w, uint64_t received, bool fin);

/* Whether n bytes more from the far end are within its window. */
bool window_allows(const struct window *w, size_t n);
/* How much has been handed on, when `held` of what came waits for the local side. What is put in
 * between is held, too, so the difference may seem to go back for a while: this does not. */
uint64_t window_consumed(const struct window *w, size_t held);
enum credit { CREDIT_NONE, CREDIT_DELAYED, CREDIT_NOW };
/* waiting: so many connections of the session have handed on what they have not acknowledged. All
 * together hold back little, since the far end keeps it. */
enum credit window_credit_due(const struct window *w, size_t held, size_t waiting);
/* Grants a window beyond what has been handed on; the CREDIT says acked_out and granted. */
void window_grant(struct window *w, size_t held);

#define ROUND_TRIPS 8
/* The last measured round trips of a path in turn, in microseconds; 0: not there yet. */
struct round_trips {
    uint64_t us[ROUND_TRIPS];
    size_t n;
};
void round_trips_add(struct round_trips *t, uint64_t us);
/* Of the path alone: the shortest, since most wait behind bulk data. 0: none was measured. */
uint64_t round_trips_shortest(const struct round_trips *t);

/* Fits the size to the path. *all is the sum of the sizes of all windows of a session, which are
 * not to grow beyond `most` together: large ones pay when they have. */
void window_tune(struct window *w, const struct round_trips *path, uint64_t now_ms, size_t *all,
                 size_t most);

#endif
