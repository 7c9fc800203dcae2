/* What nodes tell each other to look at (cluster/node_message.h), also those that have joined a
 * moment ago. */
#include "gateway/hub/cluster/node_client.h"
#include "gateway/hub/cluster/nodes.h"
#include "gateway/hub/hub_cluster.h"
#include "gateway/hub/hub_internal.h"
#include "gateway/hub/hub_nodes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EARLY_LOOKS_MAX 1024 /* that wait until their node is heard of; more are lost */

/* node: its name, or "NAME:EPOCH" for a change. False: it is not there. */
static bool pass_look(struct hub *hub, const char *node, const struct node_look *l)
{
    bool arrived = l->kind == NODE_LOOK_ARRIVED;
    const struct node_info *n = arrived ? hub_other_node(hub, node) : nodes_alive(hub->nodes, node);
    if (n != NULL && arrived)
        notices_hand_over(device_desk_notices(hub->desk), l->id, n->name);
    else if (n != NULL)
        node_client_look(hub->node_client, &(struct node_at){n->name, n->address}, l);
    return n != NULL;
}

/* One that waits, since the node may have joined a moment ago. */
struct early_look {
    struct nodes_waiter waiter;
    struct hub *hub;
    enum node_look_kind kind;
    char node[NODE_OWNER_SIZE];
    char id[];
};

static void on_heard(void *ctx, bool heard)
{
    struct early_look *e = ctx;
    e->hub->early_looks--;
    if (heard)
        pass_look(e->hub, e->node, &(struct node_look){e->kind, e->id});
    free(e);
}

/* A lost one does no harm for long. */
static void pass_later(struct hub *hub, const char *node, const struct node_look *l)
{
    size_t n = strlen(l->id) + 1;
    struct early_look *e = hub->early_looks < EARLY_LOOKS_MAX ? calloc(1, sizeof *e + n) : NULL;
    if (e == NULL)
        return;
    e->waiter = (struct nodes_waiter){.done = on_heard, .ctx = e};
    e->hub = hub;
    e->kind = l->kind;
    snprintf(e->node, sizeof e->node, "%s", node);
    memcpy(e->id, l->id, n);
    hub->early_looks++;
    if (!nodes_hear(hub->nodes, &e->waiter))
        on_heard(e, false);
}

void hub_tell_changed(struct hub *hub, const char *owner, const struct node_look *l)
{
    if (!pass_look(hub, owner, l) && nodes_unheard(hub->nodes, owner))
        pass_later(hub, owner, l);
}

void hub_told_to_look(struct hub *hub, const char *from, const struct node_look *l)
{
    if (l->kind == NODE_LOOK_TUNNEL)
        registry_look(hub->registry, l->id);
    else if (l->kind == NODE_LOOK_DEVICE)
        device_registry_look(hub->devices, span_of(l->id));
    else if (l->kind == NODE_LOOK_NODE)
        nodes_look(hub->nodes);
    else if (!pass_look(hub, from, l))
        pass_later(hub, from, l);
}
