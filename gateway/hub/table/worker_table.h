/* What all tables of a worker are: a list of members (relay ends, devices' links, bridges, inner
 * ends, forwards), a tick of each once a second, and the end of all. How members come and are
 * found differs, and is each table's own: relay ends are found by their tunnel, links and bridges
 * by a serial, forwards by nobody, and of inner ends there are few. */
#ifndef GATEWAY_HUB_TABLE_WORKER_TABLE_H
#define GATEWAY_HUB_TABLE_WORKER_TABLE_H

#include "core/base/list.h"
#include "core/net/loop.h"

struct worker_table_ops {
    /* Whatever time has to do with that member; it may end, but no other. */
    void (*tick)(void *table, struct list *member, uint64_t now);
    /* Follows a tick of each, and may end any; or NULL. */
    void (*ticked)(void *table, uint64_t now);
    /* Ends that member, which is on the list no more when this returns. */
    void (*drop)(void *table, struct list *member);
    void (*free)(void *table); /* the rest of it; no member is left, and no tick follows */
};

/* The first member of each table's struct. */
struct worker_table {
    struct loop *loop;
    struct list members; /* each puts itself there, and leaves when it is gone */
    bool draining;
    struct timer *timer; /* private, as what follows */
    const struct worker_table_ops *ops;
};

/* `ops` get t as their `table`. False: no memory, and there is nothing to free. */
bool worker_table_init(struct worker_table *t, struct loop *loop,
                       const struct worker_table_ops *ops);
void worker_table_free(struct worker_table *t); /* drops all; NULL is fine */

/* From now on ticks come ten times a second, the first at once, and end what is not in use. */
void worker_table_drain(struct worker_table *t);
bool worker_table_empty(const struct worker_table *t);

#endif
