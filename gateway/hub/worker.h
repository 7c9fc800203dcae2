/* A worker: a thread with a loop of its own, which has a front door and rooms on it. The office
 * talks to it by messages only (messages.h). */
#ifndef GATEWAY_HUB_WORKER_H
#define GATEWAY_HUB_WORKER_H

#include "gateway/hub/messages.h"
#include "gateway/hub/relay/counts.h"

struct worker;

struct worker_options {
    size_t number; /* its index, in messages */
    struct mailbox *office;
    struct tls_cache *cache;          /* shared by all workers */
    const struct trust *device_trust; /* or NULL; shared too */
    uint64_t idle_ms;
    size_t memory; /* bytes that blocks of its loop may take; 0: no limit */
};

/* Starts the thread. NULL: no memory, descriptors or threads. */
struct worker *worker_new(const struct worker_options *o);
void worker_post(struct worker *w, struct message *m);
const struct counts *worker_counts(const struct worker *w);

/* Ends the thread, which drops all its clients, and waits for it. worker_post is still allowed, but
 * nobody reads it. */
void worker_stop(struct worker *w);
/* After worker_stop, when nobody posts any more. */
void worker_free(struct worker *w);

#endif
