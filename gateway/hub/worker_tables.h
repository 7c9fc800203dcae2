/* What a worker has on it: tables of relays, devices' links, bridges, inner ends and forwards, on
 * one loop. Messages of the main thread go to them, and what becomes of their members is posted to
 * it. */
#ifndef GATEWAY_HUB_WORKER_TABLES_H
#define GATEWAY_HUB_WORKER_TABLES_H

#include "gateway/hub/messages.h"
#include "gateway/hub/relay/worker_stats.h"

struct worker_tables;

struct worker_tables_options {
    struct loop *loop;
    struct mailbox *hub;
    size_t number; /* the worker's, used in messages */
    uint64_t idle_ms;
    struct worker_stats *stats;
};

/* NULL: no memory */
struct worker_tables *worker_tables_new(const struct worker_tables_options *o);
void worker_tables_free(struct worker_tables *t); /* drops all members; NULL is fine */

/* Takes what a message "to a worker" (messages.h) carries out of it; m stays the caller's. */
void worker_tables_receive(struct worker_tables *t, struct message *m);

/* From now on what is not in use ends. moves: tunnels are told that other nodes of the cluster take
 * them up. */
void worker_tables_drain(struct worker_tables *t, bool moves);
bool worker_tables_empty(const struct worker_tables *t);

#endif
