/* The hub's devices and the invitations by which they enrol. Each change is stored before it is
 * reported. The device registry belongs to the main thread's loop.
 *
 * As with the registry of tunnels (registry.h), each request is answered once, by a callback:
 * perhaps from inside the call, perhaps in a later iteration of the loop, and then in any order.
 * Arguments need to live during the call only. Records in callbacks are views that are gone after
 * them. A callback may call the registry. Changes of one device are made in the order in which they
 * are asked for.
 *
 * No two devices have names of the same fold (core/device/device_name.h), so that a host name means
 * one device: whatever is asked for by a name reaches the device of that fold, or none. */
#ifndef GATEWAY_HUB_DEVICES_DEVICE_REGISTRY_H
#define GATEWAY_HUB_DEVICES_DEVICE_REGISTRY_H

#include "core/base/err.h"
#include "core/base/list.h"
#include "core/net/loop.h"
#include "gateway/hub/registry/device_record.h"
#include "gateway/hub/registry/invitation.h"

#define DEVICE_SERVICES_MAX 64 /* services that a device may tell */
#define DEVICE_LABELS_MAX 50   /* labels of a device or invitation */
#define JOIN_TOKEN_PREFIX "join_"
#define JOIN_TOKEN_SIZE 49 /* the prefix, 43 characters of base64url (256 bits), and NUL */

struct device_registry;
struct store_companion;

/* Events of devices. Each subscriber is called when the event is stored and before the caller's
 * `done`. Each member may be NULL. */
struct device_events {
    /* The device is new (enrolled or created), or has a new key after a reset. */
    void (*enrolled)(void *owner, const struct device_record *d);
    /* Its state or labels changed. One that is not enabled any more must lose its link and its
     * tunnels; `before` is the state that it had. */
    void (*changed)(void *owner, const struct device_record *d, enum device_state before);
    /* Its key was forgotten, so its link and its tunnels have to go. */
    void (*reset)(void *owner, const struct device_record *d);
    /* It is deleted; link and tunnels have to go. */
    void (*removed)(void *owner, const struct device_record *d);
    /* Another node of the cluster has its link now: the one that is here has to go, as one that was
     * replaced; its tunnels stay. */
    void (*moved)(void *owner, const struct device_record *d);
};
struct device_subscriber {
    const struct device_events *events;
    void *owner;
    struct list node; /* used by the registry */
};

struct device_registry_options {
    struct loop *loop;
    size_t max_invitations; /* 0: 10,000 */
    int64_t (*now)(void);   /* ms since the epoch; NULL: the system's clock */
};

/* Makes one without devices, which are there once registry_new has been called with its companion:
 * devices and tunnels share one store. NULL: no memory. */
struct device_registry *device_registry_new(const struct device_registry_options *o);
/* Must follow registry_free, which calls each `done` that is still owed. NULL is fine. */
void device_registry_free(struct device_registry *r);
/* For registry_options; belongs to r. */
const struct store_companion *device_registry_companion(struct device_registry *r);

/* A subscriber gets all events until it unsubscribes, which it may do inside its own events. */
void device_registry_subscribe(struct device_registry *r, struct device_subscriber *s);
void device_registry_unsubscribe(struct device_subscriber *s);

/* More than that many devices are not enrolled; 0: no limit. It begins as 100,000. */
void device_registry_limit(struct device_registry *r, size_t max_devices);

/* What metrics show; answered at once. */
struct device_counts {
    size_t devices, invitations, by_state[DEVICE_STATE_COUNT];
};
struct device_counts device_registry_counts(const struct device_registry *r);

/* Calls take for each device that this hub knows of, in any order and at once: for those who watch
 * the hub. The records live until each returns. */
void device_registry_each(const struct device_registry *r,
                          void (*take)(void *to, const struct device_record *d), void *to);

/* Somebody looks at all devices: where many hubs share them, device_registry_each soon has those of
 * the other hubs, too, and keeps them up to date, as long as this is called again within ten
 * seconds. They are read bit by bit, and it costs nothing once nobody looks. */
void device_registry_watch(struct device_registry *r);
struct device_reading {
    bool whole;      /* device_registry_each has all devices, but for `cut` */
    bool cut;        /* there are more than can be held: the last ones by name are not there */
    uint64_t age_ms; /* so old is the oldest of what was read of others */
};
struct device_reading device_registry_reading(const struct device_registry *r);

/* d: NULL when why is not ERR_OK. ERR_NOT_FOUND: no such device (any more); ERR_LIMIT; ERR_IO,
 * ERR_BUSY (locked, or too much waits), ERR_NO_MEMORY, ERR_SHUTDOWN: not stored. */
typedef void device_done(void *ctx, enum err why, const struct device_record *d);

/* ---- looking ---- */

/* Looks up the device whose name has the same fold as `name`; anything may be given. */
void device_registry_get(struct device_registry *r, struct span name, device_done *done, void *ctx);

/* Looks up the device that Azure's clients call `id`: the one with that azure_id, or with that name
 * and no azure_id. Case counts. */
void device_registry_get_azure(struct device_registry *r, struct span id, device_done *done,
                               void *ctx);

/* Lists devices in the order of their names, by bytes. */
struct device_page {
    const char *after; /* only devices whose names follow; "": all */
    /* Must not call the registry. False ends the list. */
    bool (*each)(void *ctx, const struct device_record *d);
    void (*done)(void *ctx, enum err why); /* after the last one */
};
void device_registry_page(struct device_registry *r, const struct device_page *q, void *ctx);

/* ---- enrolment ---- */

/* X(name, text): what becomes of a device that says who it is, and how the audit log calls it. */
#define ENROL_TABLE(X)                                                                             \
    X(KNOWN, "known")  /* the record has that key, or it is the certificate's name */              \
    X(NEW, "enrolled") /* the record is made, or has a key again after a reset */                  \
    X(UNKNOWN_DEVICE, "unknown-device") /* no such device, and no join token */                    \
    X(TOKEN_UNKNOWN, "join-token-unknown")                                                         \
    X(TOKEN_EXPIRED, "join-token-expired")                                                         \
    X(TOKEN_USED_UP, "join-token-used-up")                                                         \
    X(NOT_INVITED, "name-not-invited") /* the invitation is for other names */                     \
    X(NAME_TAKEN, "name-taken")        /* the name, or one of its fold, is another key's */        \
    X(NAME_INVALID, "name-invalid")                                                                \
    X(DISABLED, "disabled")                                                                        \
    X(FULL, "too-many-devices") /* device_registry_limit */                                        \
    X(NOT_STORED, "not-stored") /* the store failed: try again */
enum enrol_result {
#define X(name, text) ENROL_##name,
    ENROL_TABLE(X)
#undef X
        ENROL_COUNT
};
const char *enrol_result_name(enum enrol_result e);

struct enrolment {
    struct span name;
    const uint8_t *key; /* DEVICE_KEY_SIZE bytes, proven; NULL: a certificate of the device CA says
                           who it is */
    struct span join_token; /* empty: none; never needed with a certificate or by a known key */
    const struct texts *services;  /* the first DEVICE_SERVICES_MAX are kept; NULL: none told */
    const char *version, *address; /* or NULL */
    bool approve_all;              /* every new device is pending, whatever its invitation says */
};
/* Decides in one step who the device is. A new device and the use of its join token are one
 * transaction, so a token is never used more often than it may be. A device that is PENDING is
 * KNOWN or NEW, too; its record says so.
 * d: the record when KNOWN or NEW; when DISABLED, TOKEN_… and the like it is NULL. */
void device_registry_enrol(struct device_registry *r, const struct enrolment *e,
                           void (*done)(void *ctx, enum enrol_result result,
                                        const struct device_record *d),
                           void *ctx);

struct device_creation {
    const char *name;          /* valid */
    const char *azure_id;      /* NULL or "": the name */
    const struct tags *labels; /* or NULL */
    const uint8_t *sealed;     /* its symmetric keys */
    size_t n_sealed;
};
/* Makes a device that is known by symmetric keys: it is enabled, and no join token takes its name.
 * ERR_AMBIGUOUS: its name or azure_id, or one of its fold, is another one's. ERR_LIMIT: there are
 * too many devices or labels. */
void device_registry_create(struct device_registry *r, const struct device_creation *c,
                            device_done *done, void *ctx);

/* Notes that the device's link is there, or was until now, and what it told. It is seen in records
 * at once and stored later, and no caller waits for that. Unknown names are fine. */
struct device_sighting {
    const char *address, *version; /* NULL: as before */
    const struct texts *services;  /* NULL: as before */
};
void device_registry_seen(struct device_registry *r, struct span name,
                          const struct device_sighting *s);

/* ---- devices of many hubs; where a hub has its devices alone, nothing has to be done ---- */

/* The device has its link here now, or not any more. The registry tells the others, and takes the
 * link from the node that had it: that one's device event is `moved`. What cannot be stored is
 * tried again, so no caller waits. Unknown names are fine. */
void device_registry_linked(struct device_registry *r, struct span name, bool linked);
/* Something about the device changed elsewhere: what is known of it here is read again, and
 * subscribers are told of what became of it. name: of its fold. */
void device_registry_look(struct device_registry *r, struct span name);
/* This node is another one for the rest of the cluster now (nodes.h, `fenced`): the links that are
 * here have to be told once more. Those that others have taken meanwhile are `moved`. */
void device_registry_reclaim(struct device_registry *r);

/* ---- changing; names are as for device_registry_get ---- */

struct device_update {
    const enum device_state *state; /* NULL: as before */
    const struct tags *add;         /* labels, or NULL */
    const struct texts *remove;     /* keys of labels, or NULL */
    /* Called once, when all earlier changes of the device are made; once more whenever another node
     * of a cluster has changed it meanwhile. False refuses the change. NULL permits it. */
    bool (*permits)(void *ctx, const struct device_record *d, const struct tags *after);
    /* Called after that, to change the sealed keys of `next` (device_record_seal), which is a copy
     * of the record. What it returns but ERR_OK is the answer, and nothing changes. NULL: they are
     * as before. */
    enum err (*reseal)(void *ctx, struct device_record *next);
};
/* ERR_FORBIDDEN: `permits` said no; ERR_LIMIT: there would be more than DEVICE_LABELS_MAX labels.
 */
void device_registry_update(struct device_registry *r, struct span name,
                            const struct device_update *u, device_done *done, void *ctx);
/* Notes to which of its topics the device is subscribed (struct device_record). `done`, which may
 * be NULL, is called when that is stored; no event is. */
void device_registry_topics(struct device_registry *r, struct span name, uint32_t topics,
                            device_done *done, void *ctx);
/* Forgets key, certificate, sealed keys and topics, so that the next join token may take the name.
 */
void device_registry_reset(struct device_registry *r, struct span name, device_done *done,
                           void *ctx);
/* Deletes the device; d is NULL in done. */
void device_registry_remove(struct device_registry *r, struct span name, device_done *done,
                            void *ctx);

/* ---- invitations ---- */

/* i: NULL when why is not ERR_OK, and after a deletion. */
typedef void invitation_done(void *ctx, enum err why, const struct invitation *i);

/* Takes over the contents of *i, which is zeroed. The registry sets id, token, created and used;
 * the caller gives expires. join_token: the token itself, of which only the hash is kept.
 * ERR_LIMIT: max_of_key (0: no limit) or max_invitations are there already, counting expired ones,
 * which are forgotten a week after their end. */
void device_registry_invite(struct device_registry *r, struct invitation *i, const char *join_token,
                            size_t max_of_key, invitation_done *done, void *ctx);
/* Lists invitations, oldest first. */
struct invitation_page {
    struct span after; /* only those made after the one of that id, ERR_NOT_FOUND when that is gone;
                          empty: all */
    bool (*each)(void *ctx, const struct invitation *i); /* as for device_page */
    void (*done)(void *ctx, enum err why);
};
void device_registry_invitations(struct device_registry *r, const struct invitation_page *q,
                                 void *ctx);
void device_registry_invitation(struct device_registry *r, struct span id, invitation_done *done,
                                void *ctx);
/* Devices that enrolled with it stay. */
void device_registry_uninvite(struct device_registry *r, struct span id, invitation_done *done,
                              void *ctx);

#endif
