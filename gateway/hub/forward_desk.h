/* The main thread's part in clients that another node of the cluster has to hear: whether each is
 * sent there or has its connection passed on (cluster/node_forward.h), at which worker, and what
 * audit log, metrics and monitor are told. Main thread only. */
#ifndef GATEWAY_HUB_FORWARD_DESK_H
#define GATEWAY_HUB_FORWARD_DESK_H

#include "gateway/hub/registry/side.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct cluster_keys;
struct forward_desk;
struct hub;
struct monitor;
struct node_info;
struct stream;

/* NULL: no memory. */
struct forward_desk *forward_desk_new(struct hub *hub);
/* Those that are out are forgotten; the threads have ended. NULL is fine. */
void forward_desk_free(struct forward_desk *d);
/* What this node shows others, from the next forward on; takes the hold over. */
void forward_desk_keys(struct forward_desk *d, struct cluster_keys *keys);
void forward_desk_metrics(const struct forward_desk *d, struct buf *out);
/* m: outlives the desk, or is replaced by NULL before it goes. */
void forward_desk_watch(struct forward_desk *d, struct monitor *m);

struct forward_client {
    size_t frontend; /* where its connection waits */
    uint64_t pending_id;
    const char *client;  /* its address */
    const char *channel; /* of its connection; "" is fine */
    bool follows;        /* it can be sent there */
    bool forwarded;      /* it has been passed on already */
    const char *what;    /* for people: "tunnel", "call", "stream" */
    const char *id;      /* the tunnel's or the device's */
    const char *thing;   /* "" is fine */
    enum side side;      /* SIDE_COUNT: none */
};
/* Sends it there or passes it on. False: it has been passed on already, so the caller refuses it
 * (FORWARD_AGAIN), or there is no memory. */
#define FORWARD_AGAIN "Another hub of the cluster has this now: try again in a moment."
bool forward_desk_send(struct forward_desk *d, const struct node_info *node,
                       const struct forward_client *c);

/* The same for a client that is this hub itself (bridge_desk_inner.c): its buffered stream, which
 * is off the loop, has asked `request` of the node. Takes both over in any case, and wipes the
 * request. False: no memory. */
bool forward_desk_own(struct forward_desk *d, const struct node_info *node,
                      const struct forward_client *c, struct buf *request, struct stream *stream);

/* The receivers of FORWARD_OUT and FORWARD_GONE. Each takes its message over. */
void forward_desk_out(struct hub *hub, void *message);
void forward_desk_gone(struct hub *hub, void *message);

#endif
