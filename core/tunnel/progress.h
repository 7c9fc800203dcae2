/* Whether connections move, and when that has to be looked at. Who has to go is stall.h's. */
#ifndef CORE_TUNNEL_PROGRESS_H
#define CORE_TUNNEL_PROGRESS_H

#include "core/tunnel/conn_internal.h"

/* A queue of c, which was empty, holds something from now on. */
void progress_begin(const struct conn *c, struct progress *p);
void progress_look(struct conn *c); /* Notes what both queues have done since the last look. */
/* The queue has not moved for `ms` milliseconds. */
bool progress_stopped(const struct conn *c, const struct progress *p, uint64_t ms);
/* A draining connection has moved within the stall time; otherwise it is over. */
bool progress_drains(struct conn *c);

/* Starts the stall timer if it is time to watch who moves. */
void progress_consider(struct conn_host *h);
/* The transport cannot be read on, since c may not hold n bytes more. */
void progress_blocked(struct conn *c, size_t n);
/* c is not read until there is room in `out`. */
void progress_wait(struct conn *c);
/* c is not read, or its end was: from now on somebody looks whether its client is still there. */
void progress_unread(struct conn *c);
void progress_look_later(struct conn_host *h);

#endif
