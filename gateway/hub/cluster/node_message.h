/* What nodes say to each other over HTTP at their cluster listeners, below /cluster/v1/
 * (share/doc/cluster.md): JSON to write and to read. Pure. Another node may be of another version,
 * so members that are not known are passed over.
 *
 *   look    something happened to these tunnels and devices. A hint: what it means is in Redis, and
 *           a lost one does no harm for long.
 *   notice  a notice (devices/notices.h) for a device whose link the receiver has */
#ifndef GATEWAY_HUB_CLUSTER_NODE_MESSAGE_H
#define GATEWAY_HUB_CLUSTER_NODE_MESSAGE_H

#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/base/str.h"
#include "gateway/hub/devices/notices.h"

#define NODE_PATH "/cluster/v1/"
#define NODE_BODY_MAX 65536
#define NODE_LOOKS_MAX 200 /* ids in one look */

#define NODE_CALL_TABLE(X)                                                                         \
    X(LOOK, "look")                                                                                \
    X(NOTICE, "notice")
enum node_call {
#define X(name, text) NODE_CALL_##name,
    NODE_CALL_TABLE(X)
#undef X
        NODE_CALLS
};
const char *node_call_name(enum node_call c);
/* The call that a request's target names; NODE_CALLS: none. */
enum node_call node_call_of(struct span target);

/* X(name, text): what there is to look at. */
#define NODE_LOOK_TABLE(X)                                                                         \
    X(TUNNEL, "tunnel")   /* the tunnel of that id, which the receiver has, was changed */         \
    X(DEVICE, "device")   /* the same of the device of that fold */                                \
    X(ARRIVED, "arrived") /* the device of that name is at the sender: who keeps notices for it    \
                             hands them over */                                                    \
    X(NODE, "node")       /* the node of that name drains: the nodes are heard of anew */
enum node_look_kind {
#define X(name, text) NODE_LOOK_##name,
    NODE_LOOK_TABLE(X)
#undef X
        NODE_LOOKS
};
enum node_look_kind node_look_of(const char *text); /* NODE_LOOKS: none */

struct node_look {
    enum node_look_kind kind;
    const char *id;
};
/* Append a body; from: the sender's name. False: no memory. */
bool node_look_write(const char *from, const struct node_look *looks, size_t n, struct buf *out);
bool node_notice_write(const struct notice *q, struct buf *out);

/* Read a body, and call with views. ERR_PROTOCOL: it is none; ERR_NO_MEMORY. */
enum err node_look_read(struct span body,
                        void (*take)(void *ctx, const char *from, const struct node_look *l),
                        void *ctx);
enum err node_notice_read(struct span body, void (*take)(void *ctx, const struct notice *q),
                          void *ctx);

#endif
