#include "tui/state/nodes.h"

#include <stdlib.h>
#include <string.h>

static const struct snapshot_node *find(const struct snapshot *s, const struct snapshot_node *n)
{
    for (size_t i = 0; i < s->n_nodes; i++)
        if (s->nodes[i].epoch == n->epoch && strcmp(s->nodes[i].node, n->node) == 0)
            return &s->nodes[i];
    return NULL;
}

/* It is compared with what was NODES_RATE_S to twice as long ago: `between` takes the place of
 * `before` when it is old enough. */
static void compare_one(struct snapshot_node *n, const struct snapshot_node *old, double clock)
{
    const struct snapshot_node_bytes now = {clock, n->bytes};
    n->before = n->between = now;
    if (old == NULL || clock < old->between.clock || n->bytes < old->bytes)
        return;
    n->before = old->before;
    n->between = old->between;
    if (clock - n->between.clock >= NODES_RATE_S) {
        n->before = n->between;
        n->between = now;
    }
    if (clock > n->before.clock)
        n->rate = (double)(n->bytes - n->before.bytes) / (clock - n->before.clock);
}

static int rank(const char *state)
{
    return strcmp(state, "up") == 0 ? 2 : strcmp(state, "draining") == 0 ? 1 : 0;
}

static int by_state(const void *a, const void *b)
{
    const struct snapshot_node *x = a, *y = b;
    int difference = rank(x->state) - rank(y->state);
    return difference != 0 ? difference : strcmp(x->node, y->node);
}

void nodes_compare(struct snapshot *s, const struct snapshot *before)
{
    for (size_t i = 0; i < s->n_nodes; i++)
        compare_one(&s->nodes[i], find(before, &s->nodes[i]), s->clock);
    if (s->n_nodes > 1)
        qsort(s->nodes, s->n_nodes, sizeof *s->nodes, by_state);
}

size_t nodes_in(const struct snapshot *s, const char *state)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n_nodes; i++)
        n += strcmp(s->nodes[i].state, state) == 0;
    return n;
}
