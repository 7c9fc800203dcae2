/* A thread with a loop of its own, to which the main thread talks by messages only (messages.h): a
 * worker, which has tunnels on it, or a frontend, which lets connections in. What unauthenticated
 * clients ask for is done at frontends, so that no tunnel waits for it: a key operation takes a
 * millisecond with the usual keys and ten with long ones. Where cores are short, frontends give way
 * to workers. */
#ifndef GATEWAY_HUB_WORKER_H
#define GATEWAY_HUB_WORKER_H

#include "core/net/ip.h"
#include "gateway/hub/fronts.h"
#include "gateway/hub/messages.h"
#include "gateway/hub/relay/worker_stats.h"

struct worker;

struct worker_options {
    size_t number; /* its index, used in messages */
    struct mailbox *hub;
    /* Members for workers: */
    uint64_t idle_ms;
    size_t memory; /* bytes that its loop's blocks may take; 0: no limit */
    /* Members for frontends: */
    bool frontend;
    struct tls_cache *cache;          /* shared by all frontends */
    const struct trust *device_trust; /* or NULL; shared by all frontends */
    size_t per_origin;                /* as in frontend.h */
    const struct ip_list *exempt;
    const struct fronts *fronts;
};

/* Starts the thread. NULL: no memory, descriptors or threads. */
struct worker *worker_new(const struct worker_options *o);
void worker_post(struct worker *w, struct message *m);
const struct worker_stats *worker_stats_of(const struct worker *w);

/* Ends the thread, which drops all its clients, and waits for it. worker_post is still allowed, but
 * messages are not read any more. */
void worker_stop(struct worker *w);
/* Must follow worker_stop, when no thread posts any more. */
void worker_free(struct worker *w);

#endif
