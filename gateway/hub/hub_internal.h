/* Private to hub.h and the main thread's other parts: what the hub has. hub.c begins and ends it
 * and gives messages to their receivers; hub_listeners.c accepts, hub_rules.c reads what SIGHUP
 * reads again, hub_calls.c takes calls of the API, hub_threads.c has the workers, admission*.c
 * decides who is let in. Main thread only. */
#ifndef GATEWAY_HUB_HUB_INTERNAL_H
#define GATEWAY_HUB_HUB_INTERNAL_H

#include "core/net/listener.h"
#include "gateway/hub/accounts.h"
#include "gateway/hub/api/api.h"
#include "gateway/hub/azure_rest.h"
#include "gateway/hub/bridge_desk.h"

#include "gateway/hub/device_desk.h"
#include "gateway/hub/devices/device_keys.h"
#include "gateway/hub/devices/device_registry.h"
#include "gateway/hub/forward_desk.h"
#include "gateway/hub/hub.h"
#include "gateway/hub/hub_alerts.h"
#include "gateway/hub/presence.h"
#include "gateway/hub/refusal_log.h"
#include "gateway/hub/worker.h"

#define HUB_MAX_WORKERS 64
#define HUB_MAX_LISTENERS 16

/* Paths that a reload may change. hub_options points to copies of them. */
enum hub_path {
    PATH_CERT,
    PATH_KEY,
    PATH_FRONT_CERT,
    PATH_KEYS,
    PATH_LIMITS,
    PATH_PRESET,
    PATH_AUDIT,
    PATHS
};

struct hub {
    struct hub_options o; /* strings other than `paths` outlive the hub */
    char *paths[PATHS];
    char base[300]; /* "wss://hub.example:443": what devices are told that the hub is called */
    struct mailbox *mailbox;
    struct registry *registry;
    struct registry_subscriber subscriber; /* with admission_events */
    struct device_registry *devices;
    struct device_desk *desk; /* the devices' links */
    struct bridge_desk *bridges;
    struct forward_desk *forwards;
    struct node_client *node_client;
    /* Of a node of a cluster; NULL: the hub is alone. */
    struct cluster_keys *cluster_keys;
    struct redis *redis;
    struct nodes *nodes;
    size_t early_looks;        /* hub_looks.c's, that wait until a node is heard of */
    void (*left)(void *owner); /* hub_leave's */
    void *left_owner;
    struct streams *streams; /* those that devices are asked for */
    struct azure_rest *azure;
    struct api *api;
    uint8_t secrets_key[SEAL_KEY_SIZE]; /* zeroes without o.secrets_file */
    struct audit *audit;
    struct keys *keys; /* NULL when there are no access keys */
    struct limit_book *limits;
    struct accounts *accounts;
    struct refusal_log *refusal_log;
    struct hub_alerts alerts;
    struct monitor *monitor; /* or NULL */
    struct map presences;    /* struct presence by tunnel id, for tunnels with ends */
    struct timer *tick;
    struct identity *identity;
    uint8_t shown[TLS_FINGERPRINT]; /* of the certificate that fronts show */
    uint64_t certificate_told;      /* loop_now when its expiry was last checked */
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
    /* Ends of tunnels and sides of bridges at each worker, including those on their way there. */
    size_t load[HUB_MAX_WORKERS];
    size_t next_frontend; /* index of the frontend that gets the next connection */
    uint64_t serial;      /* number of the last admission */

    struct timer *grace;            /* NULL unless the hub is draining */
    uint64_t grace_ms;              /* from `drain` on */
    size_t undrained;               /* threads that still have clients */
    void (*drain)(struct hub *hub); /* once the other nodes know that it drains */
    void (*drained)(void *owner);
    void *drained_owner;

    uint64_t admitted, refused, accepted; /* for metrics */
};

/* ---- hub_listeners.c: the listening sockets ---- */

void hub_stop_listening(struct hub *hub);

/* ---- hub_rules.c: what SIGHUP reads again ---- */

/* Both replace what is in use, or leave it, and keep the paths in `from`. False, as hub_new. Rules
 * are access keys and limits, which need all other parts of the hub. */
bool hub_load_identity(struct hub *hub, const struct hub_options *from, enum err *why, char *text,
                       size_t size);
bool hub_load_rules(struct hub *hub, const struct hub_options *from, enum err *why, char *text,
                    size_t size);
/* Opens the audit log and begins it. False, as hub_new. */
bool hub_open_audit(struct hub *hub, enum err *why, char *text, size_t size);
/* Whether something is wrong with the certificate, and what; the monitor hears it. */
bool hub_look_at_certificate(struct hub *hub, char *text, size_t size);
/* Logs when the certificate expires: at the start, after a reload, and every day. */
void hub_tell_certificate(struct hub *hub, bool problems_only);
/* Sets the error and its sentence, and returns false. */
bool hub_no_memory(enum err *why, char *text, size_t size);

/* ---- hub_calls.c ---- */

/* Opens streams and Azure's REST interface; the desks are there. False: no memory. */
bool hub_open_streams(struct hub *hub);

/* The receivers of API_REQUEST and API_LEFT. Each takes its message over. */
void hub_called(struct hub *hub, void *message);
void hub_caller_left(struct hub *hub, void *message);

/* ---- hub_secrets.c ---- */

/* SEAL_KEY_SIZE bytes that seal devices' symmetric keys; NULL: there are none. */
const uint8_t *hub_secrets_key(const struct hub *hub);
/* Reads that key, if there is one. False, as hub_new. */
bool hub_read_secrets_key(struct hub *hub, enum err *why, char *text, size_t size);
/* Whether it is the one with which the devices' keys were sealed. False, as hub_new. */
bool hub_check_secrets_key(struct hub *hub, enum err *why, char *text, size_t size);

/* ---- admission*.c: admission and end of clients ---- */

/* The receivers of ADMIT_REQUEST, MIGRATE_OUT, DETACHED and REFUSED. Each takes its message over.
 */
void admission_requested(struct hub *hub, void *message);
void admission_migrate(struct hub *hub, void *message);
void admission_detached(struct hub *hub, void *message);
void admission_refused(struct hub *hub, void *message);
/* An admitted end that was never handed over. */
void admission_lost(struct hub *hub, struct registration *r, enum err why, const char *text);
/* A callback for refusal_log_new; `hub` is the struct hub. */
void admission_refusal_repeated(void *owner, const struct refusal_repeated *r);
extern const struct registry_events admission_events;
/* For registry_options.keyed; `owner` is the struct hub. */
void admission_keyed(void *owner, const char *thing, void (*answer)(void *ctx, bool keyed),
                     void *ctx);

/* ---- hub_threads.c: workers and frontends ---- */

/* Posts m. NULL, which means no memory, is only logged. */
void hub_post(struct hub *hub, struct message *m);
/* The worker that has the fewest tunnel ends. */
size_t hub_least_worker(const struct hub *hub);
/* Gives the certificate and key in use to all frontends. */
void hub_share_identity(struct hub *hub);
void hub_share_cluster_keys(struct hub *hub); /* the same of what nodes prove who they are with */
/* False: there is no memory, or no thread can be started. hub_free stops the threads that run. */
bool hub_start_threads(struct hub *hub);

#endif
