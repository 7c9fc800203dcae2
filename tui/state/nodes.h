/* The nodes of a hub's cluster: their order, and how many bytes a second go through each. Pure. */
#ifndef TUI_STATE_NODES_H
#define TUI_STATE_NODES_H

#include "core/control/client/snapshot.h"

/* Sorts the nodes of s, those that are dead first, then those that drain, and fills in their rates:
 * the mean of at least NODES_RATE_S seconds where so many are known, since a node tells of itself
 * only now and then. before: the snapshot before, of the same program; schema 0: there is none. */
#define NODES_RATE_S 5.0
void nodes_compare(struct snapshot *s, const struct snapshot *before);

/* Nodes of that state. */
size_t nodes_in(const struct snapshot *s, const char *state);

#endif
