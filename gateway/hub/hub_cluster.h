/* This hub as a node of a cluster: joining, leaving, and the registries that it shares. Private to
 * hub.c and its parts; main thread only. See share/doc/cluster.md. */
#ifndef GATEWAY_HUB_HUB_CLUSTER_H
#define GATEWAY_HUB_HUB_CLUSTER_H

#include "core/base/err.h"
#include "core/http/http.h"

#include <stdbool.h>

struct hub;
struct hub_options;
struct node_look;

/* Whether the options' files can be read. False: text is a sentence. */
bool hub_check_cluster(const struct hub_options *o, char *text, size_t size);
/* Makes what clients are passed on with, and reads this node's keys if there is a cluster. False,
 * as hub_new. */
bool hub_open_cluster(struct hub *hub, enum err *why, char *text, size_t size);
/* Connects to Redis and joins; runs the loop meanwhile. listens: the real address of
 * --cluster-listen, for people. False, as hub_new. */
bool hub_join_cluster(struct hub *hub, const char *listens, enum err *why, char *text, size_t size);
/* Opens both registries, once it has joined. False, as hub_new. */
bool hub_open_shared(struct hub *hub, enum err *why, char *text, size_t size);
/* Reads the keys again. False: they stay as they were, and the log says why. */
bool hub_reload_cluster(struct hub *hub, const struct hub_options *from);
/* Frees the registries, and then what the shared ones stand on. */
void hub_free_shared(struct hub *hub);
/* Others take what is here from now on. `drain` comes when they know it, or from inside. */
void hub_drain_cluster(struct hub *hub, void (*drain)(struct hub *hub));
/* A call of another node: the status to answer. */
int hub_node_called(struct hub *hub, const struct http_head *head, struct span body);

/* ---- hub_looks.c ---- */

/* For registries: that owner ("NAME:EPOCH"), if it is another node that lives, is to look. */
void hub_tell_changed(struct hub *hub, const char *owner, const struct node_look *l);
/* from: the name of the node that says so. */
void hub_told_to_look(struct hub *hub, const char *from, const struct node_look *l);

/* ---- hub_cluster.c ---- */

/* Warns when the hub's certificate is not for --announce: clients that are sent there come back,
 * and are passed on. Where a web server ends TLS, its certificate counts, which is not looked at.
 */
void hub_look_at_announced(const struct hub *hub);

#endif
