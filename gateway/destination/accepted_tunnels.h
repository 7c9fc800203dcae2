/* The tunnels that a device opens on demand: for each notice that it accepts a tunnel end of its
 * own, with one map of services and one budget of memory for all. A tunnel that has ended is freed.
 */
#ifndef GATEWAY_DESTINATION_ACCEPTED_TUNNELS_H
#define GATEWAY_DESTINATION_ACCEPTED_TUNNELS_H

#include "gateway/common/tunnel_end.h"
#include "gateway/destination/destination.h"
#include "gateway/destination/device_request.h"

struct accepted_tunnels;

/* What all the tunnels have in common. What the members point to must outlive the tunnels, or the
 * next change. */
struct accepted_tunnels_options {
    /* With loop, monitor, memory, hub and trust; the hub's tokens, and `name` and `title`, are each
     * tunnel's own. */
    struct tunnel_end_options end;
    struct destination_options destination; /* without `watched` */
    size_t most;                            /* tunnels at a time; DEVICE_LINK_TUNNELS_MAX */
};

struct accepted_tunnels *
accepted_tunnels_new(const struct accepted_tunnels_options *o); /* NULL: memory */
void accepted_tunnels_free(struct accepted_tunnels *all);       /* NULL is fine */
/* A tunnel that cannot go on by these options goes on by its old ones, and the log says so. */
void accepted_tunnels_change(struct accepted_tunnels *all,
                             const struct accepted_tunnels_options *fresh);

size_t accepted_tunnels_count(const struct accepted_tunnels *all);
/* The ids of those that are there, as views for this iteration of the loop. Returns how many. */
size_t accepted_tunnels_ids(const struct accepted_tunnels *all,
                            struct span out[DEVICE_LINK_TUNNELS_MAX]);
/* Whether one more may be opened, or it is one that is there. */
bool accepted_tunnels_room(const struct accepted_tunnels *all, const char *tunnel);
/* Opens the request's tunnel; one that is there already goes on by the new token. session: a TLS
 * session with the hub to resume, or NULL. False: the log says why. */
bool accepted_tunnels_open(struct accepted_tunnels *all, const struct device_request *r,
                           const struct tls_session *session);
/* The notice is not wanted any more: its tunnel ends unless it is up, when its hub ends it. */
void accepted_tunnels_withdraw(struct accepted_tunnels *all, struct span id);

#endif
