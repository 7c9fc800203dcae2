/* A front door: what is accepted shakes hands (TLS), asks (HTTP), and becomes a tunnel's
 * end, gets an answer of the control API, or a status, a sentence, and the door. Decides nothing
 * itself: it asks the office (messages.h). Handshakes take turns (pending_queue.h), one step in
 * each iteration of the loop. */
#ifndef GATEWAY_HUB_HTTP_FRONTEND_H
#define GATEWAY_HUB_HTTP_FRONTEND_H

#include "core/net/ip.h"
#include "gateway/hub/messages.h"
#include "gateway/hub/relay/worker_stats.h"

struct front;

struct front_options {
    struct loop *loop;
    struct mailbox *office;
    size_t worker; /* its number, for messages */
    struct worker_stats *stats;
    struct tls_cache *cache;          /* may be NULL */
    const struct trust *device_trust; /* may be NULL: no client certificates */
    size_t max_visitors;              /* connections that are not a tunnel's end; 0: 1,024. When
                                         one more comes, one of the origin that has most goes */
    size_t per_origin;                /* of one origin; 0: no limit of its own */
    const struct ip_list *exempt;     /* for whom that does not hold; NULL: nobody */
    uint64_t timeout_ms;              /* for TLS, and for each request; 0: 10,000 */
};

struct front *front_new(const struct front_options *o); /* NULL: no memory */
void front_free(struct front *f);

/* For whoever comes from now on; a reference is taken over. Needed before the first one comes. */
void front_identity(struct front *f, struct identity *identity);

/* A connected socket, which is taken over. */
void front_accept(struct front *f, int fd);
void front_verdict(struct front *f, struct message_verdict *m);
void front_answer(struct front *f, const struct message_answer *m);
bool front_asks(const struct front *f); /* somebody waits for the office's answer */

/* Posts LEFT with that end report, whose registration is taken over. */
void post_left(struct mailbox *office, size_t worker, const struct end_report *d);

#endif
