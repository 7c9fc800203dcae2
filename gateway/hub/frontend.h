/* A frontend: what is accepted shakes hands (TLS) and is handed to the protocol of its listener
 * (hub_protocol.h). With HTTPS it becomes a tunnel's end, gets an answer of the control API, or is
 * refused with a status and a sentence. Decides nothing itself: it asks the main thread
 * (messages.h). Handshakes take turns (pending_queue.h), one step in each iteration of the loop. */
#ifndef GATEWAY_HUB_FRONTEND_H
#define GATEWAY_HUB_FRONTEND_H

#include "core/net/ip.h"
#include "gateway/hub/messages.h"
#include "gateway/hub/relay/worker_stats.h"

struct frontend;

struct frontend_options {
    struct loop *loop;
    struct mailbox *hub;
    size_t worker; /* its number, for messages */
    struct worker_stats *stats;
    struct tls_cache *cache;          /* may be NULL */
    const struct trust *device_trust; /* may be NULL: no client certificates */
    size_t max_pending;               /* connections that are not a tunnel's end; 0: 1,024. When
                                          one more comes, one of the origin that has most goes */
    size_t per_origin;                /* of one origin; 0: no limit of its own */
    const struct ip_list *exempt;     /* for whom that does not hold; NULL: nobody */
    uint64_t timeout_ms;              /* for TLS, and for each request; 0: 10,000 */
};

/* NULL: no memory */
struct frontend *frontend_new(const struct frontend_options *o);
void frontend_free(struct frontend *f);

/* For whoever comes from now on; a reference is taken over. Needed before the first one comes. */
void frontend_identity(struct frontend *f, struct identity *identity);

/* A connected socket, which is taken over, for that protocol. */
void frontend_accept(struct frontend *f, int fd, const struct hub_protocol *protocol);
/* What the main thread has decided of a request for a tunnel, and the API's answer
 * (frontend_https.c). */
void frontend_admit_reply(struct frontend *f, struct message_admit_reply *m);
void frontend_api_reply(struct frontend *f, const struct message_api_reply *m);
/* somebody waits for the main thread's answer */
bool frontend_busy(const struct frontend *f);

/* Posts DETACHED with that end report, whose registration is taken over. */
void post_detached(struct mailbox *hub, size_t worker, const struct end_report *d);

#endif
