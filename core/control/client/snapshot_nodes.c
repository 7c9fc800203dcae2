/* The nodes of a hub's cluster in a snapshot. */
#include "core/control/client/snapshot_internal.h"

#include <math.h>

#define NODES_MAX 1024

#define STRUCT snapshot_node
static const struct json_member node_members[] = {
    JSON_SAME(node, json_read_text),    JSON_SAME(state, json_read_text),
    JSON_SAME(address, json_read_text), JSON_SAME(announce, json_read_text),
    JSON_SAME(version, json_read_text), JSON_SAME(self, json_read_flag),
    JSON_SAME(epoch, json_read_count),  JSON_SAME(tunnels, json_read_count),
    JSON_SAME(ends, json_read_count),   JSON_SAME(devices, json_read_count),
    JSON_SAME(bytes, json_read_count),
};
static const struct snapshot_node no_node = {
    .node = "", .state = "", .address = "", .announce = "", .version = "", .rate = NAN};
#undef STRUCT
static const struct json_kind node_kind = {node_members, JSON_COUNT(node_members), &no_node,
                                           sizeof no_node, NODES_MAX};

bool snapshot_read_nodes(struct json_reader *r, const cJSON *array, void *at)
{
    struct snapshot *s = at;
    void *items;
    if (!json_read_items(r, array, &node_kind, &s->n_nodes, &items))
        return false;
    s->nodes = items;
    return true;
}
