/* The nodes of a hub's cluster. */
#include "tui/state/nodes.h"
#include "tui/view/view_internal.h"

#include <string.h>

enum { COUNTS = 1, HEAD = 2, FIRST = 3 };

static void draw_counts(struct canvas *v)
{
    static const struct {
        const char *state;
        enum role role;
    } parts[] = {{"up", ROLE_OK}, {"dead", ROLE_BAD}, {"draining", ROLE_BUSY}};
    size_t all = v->s->n_nodes;
    int at = 1 + grid_print(v->g, COUNTS, 1, -1, ROLE_TEXT, "%zu node%s", all, all == 1 ? "" : "s");
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        size_t n = nodes_in(v->s, parts[i].state);
        if (n > 0)
            at += 2 +
                  grid_print(v->g, COUNTS, at + 2, -1, parts[i].role, "%zu %s", n, parts[i].state);
    }
    at += 2 + grid_print(v->g, COUNTS, at + 2, -1, ROLE_QUIET, "* is watched");
    const struct snapshot_store *store = &v->s->store;
    if (store->name != NULL && strcmp(store->state, "failing") == 0) {
        char age[FORMAT_SIZE];
        format_age(store->state_for, age);
        at += 2 + grid_print(v->g, COUNTS, at + 2, -1, ROLE_BUSY, "as of %s ago", age);
    }
    draw_list_range(v, PAGED_NODES, COUNTS, at);
}

void draw_nodes(struct canvas *v)
{
    int rows = v->g->rows - FIRST - 1;
    draw_title(v);
    if (v->g->rows <= FIRST)
        return;
    draw_counts(v);
    draw_paged_table(v, PAGED_NODES, HEAD, FIRST, rows > 0 ? rows : 0);
    if (v->s->n_nodes == 0 && rows > 0)
        grid_print(v->g, FIRST, 2, -1, ROLE_QUIET, "this hub is no node of a cluster any more");
}
