/* Another node of a cluster, for tests of what calls one: a TLS server in the test's loop (net.h),
 * which wants the certificate of a node and shows one, for localhost. */
#ifndef TESTS_SUPPORT_NODE_H
#define TESTS_SUPPORT_NODE_H

#include "gateway/hub/cluster/cluster_keys.h"
#include "tests/support/net.h"

extern struct node {
    struct listener *listener;
    struct probe probe; /* of the last connection; takes what comes */
    int accepted;
    bool hangs;       /* it accepts and says nothing */
    char peer[80];    /* what its caller's certificate is for; "nobody" */
    char address[80]; /* "localhost:PORT" */
} node;
extern struct cluster_keys *node_keys; /* what callers prove who they are with */

/* For a group of tests: the certificates. */
int node_once(void **state);
int node_at_last(void **state);
/* For each test, with the loop. */
int node_begin(void **state);
int node_end(void **state);

#endif
