/* The other nodes of the cluster, for the hub's parts: who they are, and telling them. Main thread
 * only. */
#ifndef GATEWAY_HUB_HUB_NODES_H
#define GATEWAY_HUB_HUB_NODES_H

#include "core/base/buf.h"
#include "gateway/hub/devices/notices.h"

struct hub;
struct monitor;
struct node_info;

bool hub_is_node(const struct hub *hub);
/* NULL: no node of that name lives, or it is this one. */
const struct node_info *hub_other_node(const struct hub *hub, const char *name);
/* Why the cluster keeps the hub from some of its work; NULL: it does not. */
const char *hub_cluster_unready(const struct hub *hub);
void hub_cluster_metrics(const struct hub *hub, struct buf *out);

/* m is told of the nodes; NULL: the monitor that the hub has is not any more. */
void hub_watch_nodes(struct hub *hub, struct monitor *m);

/* For notices: gives one to the node that has the device's link. False: no node of that name, or
 * it takes no more. */
bool hub_hand_over(struct hub *hub, const char *node, const struct notice *q);
/* The device's link is here: the others hand over what they keep for it. */
void hub_tell_arrived(struct hub *hub, const char *device);
/* Redis knows that this node drains: the others, too, from then on. */
void hub_tell_draining(struct hub *hub);

#endif
