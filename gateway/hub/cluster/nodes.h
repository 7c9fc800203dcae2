/* The nodes of a cluster, as this one sees them: which are alive, under which epoch, and how they
 * are reached. One beat a second to Redis, whose answer is the list of all; a node whose beat has
 * not changed for the lease is fenced (marked dead for all). Time is measured by this node's
 * monotonic clock alone. See share/doc/cluster.md. Main thread only. */
#ifndef GATEWAY_HUB_CLUSTER_NODES_H
#define GATEWAY_HUB_CLUSTER_NODES_H

#include "core/base/err.h"
#include "core/base/list.h"
#include "core/net/loop.h"

struct nodes;
struct redis;

#define NODE_NAME_MAX 63   /* letters, digits, - and . */
#define NODE_OWNER_SIZE 88 /* "NAME:EPOCH" and NUL */
#define NODES_MAX 256
#define NODES_BEAT_MS 1000
#define NODES_LEASE_MS 5000
#define NODES_SCHEMA 1 /* of everything that nodes keep in Redis */

struct node_figures {
    uint64_t tunnels, ends, devices, bytes; /* what each node tells of itself */
};

struct node_info {
    const char *name;
    uint64_t epoch;      /* grows each time that the node joins; no two are the same */
    const char *address; /* of its cluster listener, "host:port" */
    const char
        *announce; /* what clients of ours are sent to, "host:port"; "": they are forwarded */
    const char *version;
    /* NODE_LEFT: it has ended in order, and is not among the nodes any more; told once. */
    enum node_state { NODE_UP, NODE_DRAINING, NODE_DEAD, NODE_LEFT } state;
    struct node_figures figures;
};

const char *node_state_name(enum node_state s); /* "up", "draining", "dead", "left" */

struct nodes_options {
    struct loop *loop;
    struct redis *redis; /* outlives the nodes */
    /* All without spaces; announce may be "". They are copied. */
    const char *name, *address, *announce, *version;
    /* The file that remembers which cluster this node belongs to, so that an empty Redis, or
     * another cluster's, is not taken for it; NULL: nothing is remembered. */
    const char *id_file;
    uint64_t lease_ms; /* 0: NODES_LEASE_MS */
    /* The figures to tell with the next beat. May be NULL. None of these may free the nodes. */
    void (*figures)(void *owner, struct node_figures *out);
    /* This node was fenced, and has a new epoch now: what it holds has to be claimed again. */
    void (*fenced)(void *owner);
    /* Another process lives under this node's name: this one has to end. text: a sentence. */
    void (*taken)(void *owner, const char *text);
    /* A node came, left, died, drains, or has a new epoch. May be NULL. */
    void (*changed)(void *owner, const struct node_info *n);
    void *owner;
};
/* Joins. Runs the loop until the name is free: up to the lease when a node of that name ended
 * without leaving. NULL with a sentence: ERR_ADDRESS_IN_USE: a node of that name lives;
 * ERR_PROTOCOL: the cluster has another schema, or Redis is not the one that the id_file knows;
 * ERR_USAGE: no name for a node; ERR_LIMIT: there are NODES_MAX nodes; ERR_BUSY: Redis. */
struct nodes *nodes_new(const struct nodes_options *o, enum err *why, char *text, size_t size);
/* Without leaving: the others fence it after the lease. NULL is fine. */
void nodes_free(struct nodes *n);
/* Others may take what is this node's from now on. `done` comes once all that live have learned it,
 * after half the lease at the latest, or at once when Redis is away; not after nodes_leave. */
void nodes_drain(struct nodes *n, void (*done)(void *owner));
/* Something is new of the nodes: this one beats at once, and hears of it. */
void nodes_look(struct nodes *n);
/* Ends the membership; `done` comes once Redis knows it, or has not answered in time. Only
 * nodes_free may follow. */
void nodes_leave(struct nodes *n, void (*done)(void *owner));

const char *nodes_owner(const struct nodes *n);               /* "NAME:EPOCH" of this one */
bool nodes_is_self(const struct nodes *n, const char *owner); /* that name and the epoch of now */
/* The other node that is UP under exactly that epoch; NULL: what it owned may be taken. What is
 * returned here is valid until the loop goes on. */
const struct node_info *nodes_alive(const struct nodes *n, const char *owner);
/* The same, or one that drains. */
const struct node_info *nodes_there(const struct nodes *n, const char *owner);
/* Whether that owner has joined since this node last heard of the others: it counts as alive, but
 * nothing is known of it until the next beat, which comes at once. */
bool nodes_unheard(struct nodes *n, const char *owner);
/* Who waits for news of the others, such as of a node that is unheard: for the answer to a beat
 * that is sent from now on, at once. `done` comes once; heard: false when Redis did not answer, or
 * with nodes_free. The waiter is the caller's until then. */
struct nodes_waiter {
    struct list node; /* private */
    void (*done)(void *ctx, bool heard);
    void *ctx;
};
/* False: this node beats not now, and nobody will be heard; `done` does not come. */
bool nodes_hear(struct nodes *n, struct nodes_waiter *w);
const struct node_info *nodes_find(const struct nodes *n, const char *name); /* NULL: none */
/* All that are known, this one too. */
void nodes_each(const struct nodes *n, void (*take)(void *to, const struct node_info *i), void *to);
int64_t nodes_now(const struct nodes *n); /* ms since 1970 by the cluster's clock: Redis' */

#endif
