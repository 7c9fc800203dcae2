/* What a node makes of the beats that it sees: who came, changed, left, and whose lease is over.
 * Pure: times are milliseconds of one monotonic clock, passed in. Private to the folder. */
#ifndef GATEWAY_HUB_CLUSTER_NODES_VIEW_H
#define GATEWAY_HUB_CLUSTER_NODES_VIEW_H

#include "core/base/str.h"
#include "gateway/hub/cluster/nodes.h"

#define NODE_TEXT_MAX 255 /* bytes of an address, or a version */

struct seen_node {
    struct node_info info;
    uint64_t beat;
    uint64_t since;  /* when an answer first had this beat */
    uint64_t marked; /* its beat when this node had told that it drains */
    bool listed;     /* by the answer that is being read */
    char name[NODE_NAME_MAX + 1], address[NODE_TEXT_MAX + 1], announce[NODE_TEXT_MAX + 1],
        version[NODE_TEXT_MAX + 1];
};

struct nodes_view {
    uint64_t lease;
    const char *self; /* never overdue */
    void (*changed)(void *owner, const struct node_info *n);
    void (*overdue)(void *owner, const struct seen_node *n);
    void *owner;
    /* private */
    uint64_t asked, answered; /* of the answer that is being read */
    bool broken;              /* it came so long after the one before that silence tells nothing */
    size_t n;
    struct seen_node nodes[NODES_MAX];
};

/* One answer to a beat is begin, take for each node, end. asked, answered: when the beat was sent,
 * and when its answer came. */
void nodes_view_begin(struct nodes_view *v, uint64_t asked, uint64_t answered);
/* value: "EPOCH BEAT STATE INSTANCE INFO"; what is none is ignored, and so are more than NODES_MAX.
 */
void nodes_view_take(struct nodes_view *v, struct span name, struct span value);
/* Tells what has changed (a node that left is told as NODE_LEFT once), and who is overdue: a node
 * whose beat was the same in all answers for so long, and whose silence was seen without a gap of
 * half the lease, in which nobody may have been able to beat. */
void nodes_view_end(struct nodes_view *v);

const struct seen_node *nodes_view_find(const struct nodes_view *v, struct span name);
/* Splits "NAME:EPOCH". False: it is none. */
bool node_owner_split(const char *owner, struct span *name, uint64_t *epoch);
bool node_name_is_valid(const char *name);

/* INFO: "address=… announce=… version=… tunnels=… …" with what a node tells of itself. A text that
 * is not printable ASCII reads as "". */
void node_text_write(const struct node_info *i, char *out, size_t size);
void node_text_read(struct span text, struct seen_node *out);

#endif
