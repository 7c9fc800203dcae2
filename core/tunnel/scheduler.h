/* Whose turn it is to send. Control frames go first, in the order in which they became due; then
 * sparse connections, whose last read brought little; then bulk ones in turn. Pure. */
#ifndef CORE_TUNNEL_SCHEDULER_H
#define CORE_TUNNEL_SCHEDULER_H

#include "core/base/list.h"

struct scheduler {
    struct list control, sparse, bulk;
    unsigned sparse_run; /* So many sparse ones were served since the last bulk one. */
};

/* A connection embeds its turn. */
struct turn {
    struct list control; /* It is on scheduler.control while a control frame is owed. */
    struct list ring;    /* It is in `sparse` or `bulk` while there may be data to send. */
    unsigned run;        /* So many frames were sent in this turn. */
    size_t last_read;    /* So many bytes the last reads brought: tells sparse from bulk. */
    const bool *open;    /* While this is false the connection may send nothing. */
};

void scheduler_init(struct scheduler *s);
void turn_init(struct turn *t, const bool *open);
void turn_end(struct turn *t); /* Takes it off all lists. */

/* A control frame is owed. Who owes more keeps its place. */
void scheduler_owe(struct scheduler *s, struct turn *t);
/* The first that owes a control frame and may send it, or NULL. */
struct turn *scheduler_next_control(const struct scheduler *s);

/* A read brought n bytes. Who has sent a lot stays bulk for a few small reads: that its client or
 * service was too slow to fill them does not make it go first. */
void turn_read(struct turn *t, size_t n);
bool turn_is_bulk(const struct turn *t);
/* There may be data to send. */
void scheduler_want(struct scheduler *s, struct turn *t);
/* Whose data is next, or NULL. It stays in its ring. */
struct turn *scheduler_next(struct scheduler *s);
/* Nobody else has data to send. */
bool scheduler_alone(const struct scheduler *s, const struct turn *t);
/* More than one has a lot to send. */
bool scheduler_crowded(const struct scheduler *s);
/* There is a lot to send: the connection becomes the last of the bulk ones. */
void scheduler_more(struct scheduler *s, struct turn *t);
/* It has sent a frame and more lies ready: it keeps its turn among the bulk ones, for TURN_MOST
 * frames, which the far end hands on together. */
void scheduler_keep(struct scheduler *s, struct turn *t);
#define TURN_MOST 2

#endif
