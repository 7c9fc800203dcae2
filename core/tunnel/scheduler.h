/* Whose turn it is to send. Control frames go first and in their order; then sparse connections,
 * those whose last read brought little; then bulk ones in turn. Pure. */
#ifndef CORE_TUNNEL_SCHEDULER_H
#define CORE_TUNNEL_SCHEDULER_H

#include "core/base/list.h"

struct scheduler {
    struct list control, sparse, bulk;
    unsigned sparse_run; /* sparse ones served since a bulk one was */
};

/* One that may have something to send; embedded in its connection. */
struct turn {
    struct list control; /* while a control frame is owed */
    struct list ring;    /* in `sparse` or `bulk` while it may have data to send */
    size_t last_read;    /* bytes: tells sparse from bulk */
    const bool *open;    /* while false it says nothing, and does not want to */
};

void scheduler_init(struct scheduler *s);
void turn_init(struct turn *t, const bool *open);
void turn_end(struct turn *t); /* off all lists */

/* Control frames. An owner that owes more keeps its place. NULL: nobody owes any, or may send it.
 */
void scheduler_owe(struct scheduler *s, struct turn *t);
struct turn *scheduler_next_control(const struct scheduler *s);

/* Data. */
void scheduler_want(struct scheduler *s, struct turn *t);
struct turn *scheduler_next(struct scheduler *s);         /* it stays in its ring; NULL: nobody */
void scheduler_more(struct scheduler *s, struct turn *t); /* it has a lot: behind all others */

#endif
