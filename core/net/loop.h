/* The event loop of one thread, with what everything on it shares: the clock, timers, blocks of
 * memory, and work put off to the end of the iteration. */
#ifndef CORE_NET_LOOP_H
#define CORE_NET_LOOP_H

#include "core/base/list.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

/* Room for eight full TLS records with their headers, or for the largest tunnel frame (65,537
 * bytes) and a record. */
#define LOOP_BLOCK 130048

struct loop;

/* Also makes the process ignore SIGPIPE. NULL: no memory or descriptors. */
struct loop *loop_new(void);
/* Runs until nothing is left to wait for or loop_stop is called. */
void loop_run(struct loop *l);
void loop_stop(struct loop *l);
/* Everything on the loop must have been closed; runs outstanding close callbacks first. */
void loop_free(struct loop *l);
/* For the end of a program: as loop_free, but without waiting for a name that is still being
 * resolved, which may take as long as the resolver's timeouts; the loop is not freed then. The
 * program must end with loop_exit, since returning from main would wait for the resolver's
 * thread. */
void loop_leave(struct loop *l);
/* From now on SIGTERM, SIGINT and SIGHUP have no effect: the exit code is decided, and the end is
 * near. To be called before the handles that catch them are closed. */
void loop_block_signals(void);
_Noreturn void loop_exit(int code); /* writes the log's last counts */
uv_loop_t *loop_uv(struct loop *l);
uint64_t loop_now(struct loop *l); /* milliseconds, monotonic, constant within one callback */

/* A block of LOOP_BLOCK bytes. Blocks are recycled, so steady traffic allocates nothing.
 * NULL: out of memory. */
uint8_t *loop_block(struct loop *l);
/* Limits the blocks that are lent to `bytes` together; beyond that loop_block returns NULL. 0: no
 * limit, which is the default. */
void loop_limit_blocks(struct loop *l, size_t bytes);
bool loop_blocks_short(const struct loop *l); /* three quarters of the limit are lent */
/* Moves the account of a lent block that goes along with its owner. from NULL: the owner had left
 * its loop; to NULL: it leaves its loop now. */
void loop_block_moved(struct loop *from, struct loop *to);
/* Gives a block back, also to another loop than it came from. block NULL is fine; l is NULL for an
 * owner that has left its loop. */
void loop_unblock(struct loop *l, uint8_t *block);

/* The state that lookup.c keeps for this loop. */
struct resolver;
struct resolver **loop_resolver(struct loop *l);

/* Work for the end of this iteration, before the loop sleeps. Owners embed it; work deferred twice
 * runs once. Its owner calls loop_cancel before the memory goes away. */
struct deferred {
    struct list node;
    void (*run)(void *owner);
    void *owner;
};
void deferred_init(struct deferred *d, void (*run)(void *owner), void *owner);
void loop_defer(struct loop *l, struct deferred *d);
void loop_cancel(struct deferred *d);

/* A one-shot timer; its milliseconds are counted from timer_start on, not from loop_now, which may
 * be long ago. After a pause of the whole process it waits a moment longer, so that what has come
 * meanwhile is read first. timer_free may be called at any time, also inside its own callback. */
struct timer;
struct timer *timer_new(struct loop *l, void (*fire)(void *owner), void *owner); /* NULL: memory */
void timer_start(struct timer *t, uint64_t ms); /* starts anew when it was running */
void timer_stop(struct timer *t);               /* NULL is fine */
void timer_free(struct timer *t);               /* NULL is fine */

#endif
