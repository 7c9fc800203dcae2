/* A worker's inner ends (inner_end.h, worker_table.h), and those who come to them, found by the
 * end's serial. A worker's thread only. */
#ifndef GATEWAY_HUB_BRIDGE_INNER_TABLE_H
#define GATEWAY_HUB_BRIDGE_INNER_TABLE_H

#include "gateway/hub/bridge/inner_end.h"
#include "gateway/hub/table/worker_table.h"

struct inner_table;
struct inner_table_options {
    struct loop *loop;
    uint64_t idle_ms; /* a relay drops an end that is silent for so long */
    /* As in struct inner_end_options. */
    void (*wanted)(void *owner, const struct inner_wanted *w);
    void (*left)(void *owner, const struct inner_wanted *w);
    void (*gone)(void *owner, const struct bridge_gone *g);
    void (*over)(void *owner, uint64_t serial);
    void *owner;
};

struct inner_table *inner_table_new(const struct inner_table_options *o); /* NULL: no memory */
/* Draining, peers of those that are over are not awaited for long; the relay ends the others. NULL
 * of NULL. */
struct worker_table *inner_table_base(struct inner_table *t);

struct inner_start {
    uint64_t serial, idle_s;
    bool asks;
    enum session_role role;
    const char *service, *label; /* as in struct inner_end_options */
};
/* Takes the descriptor over. Without memory it is over at once. */
void inner_table_add(struct inner_table *t, const struct inner_start *s, int fd);
/* Takes ticket and stream over, for the inner end of the ticket. */
void inner_table_join(struct inner_table *t, struct bridge_ticket *ticket, struct stream *buffered);
/* As inner_end_refuse, inner_end_close and inner_end_leave, if it is here. */
void inner_table_refuse(struct inner_table *t, uint64_t serial, uint64_t connection, enum err why);
void inner_table_close(struct inner_table *t, uint64_t serial, uint64_t bridge,
                       const struct bridge_closing *c);
void inner_table_leave(struct inner_table *t, uint64_t serial);

#endif
