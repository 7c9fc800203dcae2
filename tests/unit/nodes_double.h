/* Nodes of a cluster as a test wants them: all live in one process, with one clock. */
#ifndef TESTS_UNIT_NODES_DOUBLE_H
#define TESTS_UNIT_NODES_DOUBLE_H

#include "gateway/hub/cluster/nodes.h"

#define DOUBLES 3

/* What struct nodes is in these tests: one node's view, which is the same for all. */
struct nodes {
    struct node_info info;
    char name[16];
    char owner[NODE_OWNER_SIZE];
    bool unheard; /* the others have not heard yet that it joined */
};
extern struct nodes doubles[DOUBLES];
extern int doubles_asked;              /* how often nodes_hear was called; it answers at once, */
extern bool doubles_deaf;              /* and nobody is heard of then */
extern int64_t cluster_ms;             /* the cluster's clock, */
extern int64_t (*cluster_clock)(void); /* unless there is this one */

void doubles_begin(void); /* all are up: "a", "b", "c" */
/* The node was dead for the others, and is up again under a new epoch. */
void double_fenced(struct nodes *n);

#endif
