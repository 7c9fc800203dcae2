/* Private to hub.c and its parts. */
#ifndef GATEWAY_HUB_HUB_INTERNAL_H
#define GATEWAY_HUB_HUB_INTERNAL_H

#include "core/net/listener.h"
#include "gateway/hub/accounts.h"
#include "gateway/hub/api/api.h"
#include "gateway/hub/hub.h"
#include "gateway/hub/presence.h"
#include "gateway/hub/refusal_log.h"
#include "gateway/hub/worker.h"

#define HUB_MAX_WORKERS 64
#define HUB_MAX_LISTENERS 16

/* Paths that a reload may change: copies, to which hub_options point. */
enum hub_path { PATH_CERT, PATH_KEY, PATH_KEYS, PATH_LIMITS, PATH_PRESET, PATH_AUDIT, PATHS };

struct hub {
    struct hub_options o; /* its strings outlive the main thread */
    char *paths[PATHS];
    struct mailbox *mailbox;
    struct registry *registry;
    struct registry_subscriber subscriber; /* with admission_events */
    struct api *api;
    struct audit *audit;
    struct keys *keys; /* NULL: nobody has one */
    struct limit_book *limits;
    struct accounts *accounts;
    struct refusal_log *refusal_log;
    struct monitor *monitor; /* NULL: nobody watches */
    struct map presences;    /* of tunnels with ends: struct presence by id */
    struct timer *tick;
    struct identity *identity;
    uint64_t certificate_told; /* when its end was last looked at: loop_now */
    struct tls_cache *cache;
    struct trust *device_trust; /* or NULL */
    struct hub_listener {
        struct hub *hub;
        struct listener *listener;
        const struct hub_protocol *protocol;
    } listeners[HUB_MAX_LISTENERS];
    size_t n_listeners;
    struct worker *threads[2 * HUB_MAX_WORKERS]; /* workers, then frontends */
    size_t n_threads, n_workers;
    size_t load[HUB_MAX_WORKERS]; /* ends of tunnels at each, also those on their way */
    size_t next_frontend;         /* who gets the next newcomer */
    uint64_t serial;              /* of the last admission */

    struct timer *grace; /* not NULL: it is draining */
    size_t undrained;    /* of the threads: who still has clients */
    void (*drained)(void *owner);
    void *drained_owner;

    uint64_t admitted, refused, accepted; /* for metrics */
};

/* ---- admission.c: who comes in, and who is gone ---- */

/* The receivers of ADMIT_REQUEST, MIGRATE_OUT, DETACHED and REFUSED, who take the message over. */
void admission_requested(struct hub *o, void *message);
void admission_migrate(struct hub *o, void *message);
void admission_detached(struct hub *o, void *message);
void admission_refused(struct hub *o, void *message);
/* for refusal_log_new */
void admission_refusal_repeated(void *hub, const struct refusal_repeated *r);
extern const struct registry_events admission_events;

/* ---- hub_threads.c: workers and frontends ---- */

/* Posts m; NULL (no memory) is fine, then it is only logged. */
void hub_post(struct hub *o, struct message *m);
/* Gives the certificate and key in use to all frontends. */
void hub_share_identity(struct hub *o);
/* False: no memory, or no thread is to be had; hub_free stops those that run. */
bool hub_start_threads(struct hub *o);

#endif
