/* A frontend does the TLS handshake with accepted connections and hands each to the protocol of its
 * listener (hub_protocol.h). With HTTPS a connection becomes a tunnel's end, gets an answer of the
 * control API, or is refused with a status and a sentence. The frontend decides nothing itself; it
 * asks the main thread (messages.h). Handshakes take turns (pending_queue.h), one step in each
 * iteration of the loop. */
#ifndef GATEWAY_HUB_FRONTEND_H
#define GATEWAY_HUB_FRONTEND_H

#include "core/net/ip.h"
#include "gateway/hub/fronts.h"
#include "gateway/hub/messages.h"
#include "gateway/hub/relay/worker_stats.h"

struct frontend;

struct frontend_options {
    struct loop *loop;
    struct mailbox *hub;
    size_t worker; /* the frontend's number in messages */
    struct worker_stats *stats;
    struct tls_cache *cache;          /* may be NULL */
    const struct trust *device_trust; /* may be NULL: no client certificates */
    /* Pending connections, 0: 1,024. One more displaces a connection of the origin that has the
     * most. */
    size_t max_pending;
    size_t per_origin;            /* pending connections of one origin; 0: no such limit */
    const struct ip_list *exempt; /* origins without that limit, or NULL */
    const struct fronts *fronts;  /* of whom a PROXY header is required, or NULL */
    uint64_t timeout_ms;          /* for the TLS handshake, and for each request; 0: 10,000 */
};

/* NULL: no memory */
struct frontend *frontend_new(const struct frontend_options *o);
void frontend_free(struct frontend *f);

/* Sets the certificate for new connections; the reference is taken over. shown: the fingerprint of
 * the one that web servers in front show, which end TLS themselves. Must precede the first
 * frontend_accept. */
void frontend_identity(struct frontend *f, struct identity *identity,
                       const uint8_t shown[TLS_FINGERPRINT]);

/* Takes over a connected socket, which will speak that protocol; behind a PROXY header when it
 * comes from a front. */
void frontend_accept(struct frontend *f, int fd, const struct hub_protocol *protocol);
/* Take the main thread's decision on a device, on a request for a tunnel, and the API's answer (the
 * last two in frontend_https.c). */
void frontend_device_reply(struct frontend *f, struct message_device_reply *m);
void frontend_admit_reply(struct frontend *f, struct message_admit_reply *m);
void frontend_bridge_reply(struct frontend *f, struct message_bridge_reply *m);
void frontend_api_reply(struct frontend *f, const struct message_api_reply *m);
/* Takes the main thread's word that another node has what a connection asked for
 * (frontend_forward.c). */
void frontend_forward(struct frontend *f, struct message_forward *m);
/* Sets what nodes prove to each other who they are with, for new connections; takes the hold over.
 * Must precede the first connection of cluster_protocol. */
void frontend_cluster_keys(struct frontend *f, struct cluster_keys *keys);
/* Whether a connection waits for the main thread's answer. */
bool frontend_busy(const struct frontend *f);

/* Posts DEVICE_GONE with that report, and takes its ticket over. */
void post_device_gone(struct mailbox *hub, size_t worker, const struct device_gone *g);
/* Posts BRIDGE_GONE with that report, and takes its ticket over. */
void post_bridge_gone(struct mailbox *hub, size_t worker, const struct bridge_gone *g);
/* Posts FORWARD_GONE with that report, and takes its ticket over. */
void post_forward_gone(struct mailbox *hub, size_t worker, const struct forward_gone *g);
/* Posts DETACHED with that end report, and takes its registration over. */
void post_detached(struct mailbox *hub, size_t worker, const struct end_report *d);

#endif
