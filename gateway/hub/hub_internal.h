/* Private to hub.c and its parts. */
#ifndef GATEWAY_HUB_HUB_INTERNAL_H
#define GATEWAY_HUB_HUB_INTERNAL_H

#include "core/net/tcp.h"
#include "gateway/hub/accounts.h"
#include "gateway/hub/api/api.h"
#include "gateway/hub/hub.h"
#include "gateway/hub/presence.h"
#include "gateway/hub/refusal_log.h"
#include "gateway/hub/worker.h"

#define OFFICE_MAX_WORKERS 64
#define OFFICE_MAX_LISTENERS 16

/* Paths that a reload may change: copies, to which office_options point. */
enum office_path { PATH_CERT, PATH_KEY, PATH_KEYS, PATH_LIMITS, PATH_PRESET, PATH_AUDIT, PATHS };

struct office {
    struct office_options o; /* its strings outlive the office */
    char *paths[PATHS];
    struct mailbox *mailbox;
    struct registry *registry;
    struct api *api;
    struct audit *audit;
    struct keys *keys; /* NULL: nobody has one */
    struct limit_book *limits;
    struct accounts *accounts;
    struct refusals *refusals;
    struct monitor *monitor; /* NULL: nobody watches */
    struct list presences;   /* of tunnels with ends */
    struct timer *tick;
    struct identity *identity;
    uint64_t certificate_told; /* when its end was last looked at: loop_now */
    struct tls_cache *cache;
    struct trust *device_trust; /* or NULL */
    struct listener *listeners[OFFICE_MAX_LISTENERS];
    size_t n_listeners;
    struct worker *crew[2 * OFFICE_MAX_WORKERS]; /* workers, then doors */
    size_t n_crew, n_workers;
    size_t load[OFFICE_MAX_WORKERS]; /* ends of tunnels at each, also those on their way */
    size_t next_door;                /* who gets the next newcomer */
    uint64_t serial;                 /* of the last admission */

    struct timer *grace; /* not NULL: it is draining */
    size_t undrained;    /* of the crew: who still has clients */
    void (*drained)(void *owner);
    void *drained_owner;

    uint64_t admitted, refused, accepted; /* for metrics */
};

/* ---- admission.c: who comes in, and who is gone ---- */

/* Takes the message over. */
void admission_knock(struct office *o, struct message_knock *m);
void admission_handed(struct office *o, struct message_client *m);
void admission_left(struct office *o, const struct message_left *m);
void admission_refused(struct office *o, const struct message_refused *m);
void admission_refused_again(void *office, const struct refused_again *r); /* for refusals_new */
extern const struct registry_events admission_events;

/* Posts m; NULL (no memory) is fine, then it is only logged. */
void office_post(struct office *o, struct message *m);

#endif
