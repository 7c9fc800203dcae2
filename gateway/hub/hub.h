/* The hub's main thread: owns the tunnels (registry), the rules (keys, limits), the control API,
 * the audit log, the listening sockets and the workers, and decides which clients are admitted. */
#ifndef GATEWAY_HUB_HUB_H
#define GATEWAY_HUB_HUB_H

#include "core/base/buf.h"
#include "core/net/ip.h"
#include "core/net/loop.h"
#include "gateway/hub/cluster/cluster_keys.h"
#include "gateway/hub/hooks/hooks.h"

#include <stdbool.h>

struct fronts;
struct hub_protocol;
struct monitor;
struct hub;

struct hub_options {
    struct loop *loop;
    const char *cert_file, *key_file; /* PEM */
    const char *state_folder;
    const char *keys_file;     /* access keys, or NULL */
    const char *limits_file;   /* or NULL */
    const char *limits_preset; /* or NULL */
    const char *audit_file;    /* or NULL */
    const char *secrets_file;  /* the key that seals devices' symmetric keys, or NULL */
    const char *device_ca;     /* authorities of devices' certificates, or NULL */
    const char *region, *account;
    bool audit_azure;        /* the audit log's lines about streams are Azure's */
    const char *public_name; /* what devices call the hub, "hub.example:8443"; or NULL */
    bool allow_unsigned_loopback;
    bool device_approve; /* every new device is pending until it is approved */
    size_t workers;
    size_t per_address;           /* pending connections of one address; 0: no limit */
    const struct ip_list *exempt; /* addresses without that limit, or NULL */
    const struct fronts *fronts;  /* who is believed what it says of clients, or NULL */
    /* The certificate that web servers in front show when they end TLS (PEM), or NULL: it is
     * cert_file's. */
    const char *front_cert;
    uint64_t idle_ms; /* A client that is silent for that long is dropped; it may reconnect. */
    /* Who is told what happens; its command is NULL for nobody. */
    struct hooks_options hook;
    uint64_t hook_refusals; /* so many in a minute are worth telling */
    size_t memory; /* bytes that may wait for clients, of all workers together; 0: no limit */
    struct hub_cluster_options {
        const char *url; /* of Redis (redis/redis.h); NULL: the hub is alone */
        const char *password_file, *sentinel_password_file; /* for it, or NULL */
        const char *node;                                   /* this node's name */
        const char *listen;   /* where the others reach this one, "host:port" */
        const char *announce; /* where its clients do, for redirects; NULL: they get none */
        struct cluster_key_files keys;
        uint64_t lease_ms; /* how long a node may be silent; 0: as in cluster/nodes.h */
        /* Another hub lives under this one's name, so this one has to end. */
        void (*taken)(void *owner);
        void *owner;
    } cluster;
};

/* Whether all files other than the state can be read and are valid. False: text is a sentence.
 * Changes nothing. */
bool hub_check(const struct hub_options *o, char *text, size_t size);

/* NULL on failure, with *why and a sentence in text. */
struct hub *hub_new(const struct hub_options *o, enum err *why, char *text, size_t size);
/* Drops every client without a Close frame, so that it reconnects to the next hub. NULL is fine. */
void hub_free(struct hub *hub);

/* From now on m is told of tunnels with connected ends and of refusals. NULL: no monitor any more,
 * and the last one may be freed. To be called before the first client comes, and with NULL before
 * hub_free. A hub of NULL is fine. */
void hub_set_monitor(struct hub *hub, struct monitor *m);

/* Listens on one more address for that protocol. Returns the address with its real port, for
 * people; NULL with *why. A plain protocol listens on this machine only (ERR_FORBIDDEN), and
 * whoever may enter the folder of its unix socket may connect. */
const char *hub_listen(struct hub *hub, const struct hub_protocol *protocol, const char *where,
                       enum err *why);
/* The same for a socket that listens already, which is taken over. */
const char *hub_adopt(struct hub *hub, const struct hub_protocol *protocol, int fd, enum err *why);

/* Reads certificate, keys and limits again and reopens the audit log, by the paths in fresh, whose
 * allow_unsigned_loopback, device_approve and hook apply, too; NULL: by the paths in use. No client
 * is disconnected. False: something could not be read and stays as it was, and the log says why. */
bool hub_reload(struct hub *hub, const struct hub_options *fresh);

/* Stops accepting (in a cluster: once the other nodes know that it drains); drops clients, without
 * a Close frame, as their tunnels fall silent, and the rest grace_ms after that. Calls `done` when
 * all are gone. */
void hub_drain(struct hub *hub, uint64_t grace_ms, void (*done)(void *owner), void *owner);

/* Leaves its cluster; `done` comes later, or from inside when there is none. */
void hub_leave(struct hub *hub, void (*done)(void *owner), void *owner);

/* NULL when the hub can do all of its work; else the reason why it cannot, in static storage. */
const char *hub_unready(const struct hub *hub);
/* Appends metrics in Prometheus' text format. */
void hub_metrics(const struct hub *hub, struct buf *out);

#endif
