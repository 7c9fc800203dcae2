/* Private to local_devices.c and its parts: the devices of one hub, all in memory, each change in
 * the store. */
#ifndef GATEWAY_HUB_DEVICES_LOCAL_DEVICES_INTERNAL_H
#define GATEWAY_HUB_DEVICES_LOCAL_DEVICES_INTERNAL_H

#include "core/base/map.h"
#include "gateway/hub/devices/device_registry_ops.h"
#include "gateway/hub/registry/store.h"

struct device_task;

/* A name that is taken, or being taken: what is done to it, one thing at a time. */
struct device_entry {
    bool stored;                 /* there is a device; else only requests about its name */
    struct device_record record; /* zeroed unless `stored` */
    struct device_task *running;
    struct list waiting; /* struct device_task, which follow it */
    size_t n_waiting;
    struct list dirty; /* node in local_devices.dirty: it was seen, and that is not stored */
    char fold[];       /* key in the map */
};

struct invitation_entry {
    struct list node; /* in local_devices.invitations, in the order of creation */
    struct invitation i;
    int64_t reserved; /* uses that are being stored */
    bool opening;     /* not stored yet, and therefore not visible */
};

struct local_devices {
    struct device_registry registry; /* first member */
    struct store_companion companion;
    struct store *store;  /* NULL before `attach` and after `detach` */
    int64_t (*now)(void); /* ms since the epoch */
    struct map by_fold;   /* struct device_entry */
    struct map by_azure;  /* struct device_entry, of devices that have an azure_id, or get it now */
    struct device_entry **by_name; /* those that are stored, in the order of names */
    size_t n, capacity;
    size_t enrolling; /* devices that are being stored for the first time */
    size_t max_devices, max_invitations;
    size_t by_state[DEVICE_STATE_COUNT];
    struct list dirty;
    size_t flushing; /* sightings that are being stored */
    struct list invitations;
    struct map by_token, by_id; /* struct invitation_entry */
    int64_t purged;             /* when old invitations were last looked for */
    struct timer *tick;
};

static inline struct local_devices *local_devices_of(struct device_registry *r)
{
    return (struct local_devices *)r;
}

/* ---- device_index.c: entries by name ---- */

/* The entry of the name's fold, or NULL. */
struct device_entry *device_index_find(const struct local_devices *r, struct span name);
/* The same, made when there is none. NULL: no memory. The name is valid. */
struct device_entry *device_index_take(struct local_devices *r, struct span name);
/* Frees an entry that is not stored and that no request is about. */
void device_index_tidy(struct local_devices *r, struct device_entry *e);
/* Space for one more device in by_name. False: no memory. */
bool device_index_reserve(struct local_devices *r);
/* Puts e, whose record is filled in, in its place; there is space for it. */
void device_index_insert(struct local_devices *r, struct device_entry *e);
/* Takes e out; its record stays. */
void device_index_remove(struct local_devices *r, struct device_entry *e);
/* The place of the first name that follows `after`. */
size_t device_index_after(const struct local_devices *r, const char *after);
void device_index_free(struct local_devices *r);

/* ---- creation.c: entries by what Azure's clients call them ---- */

/* The stored one, or NULL. */
struct device_entry *device_index_azure(const struct local_devices *r, struct span id);
/* Whether name and azure_id of d, which e is to have, are no other device's. */
bool device_index_azure_free(const struct local_devices *r, const struct device_entry *e,
                             const struct device_record *d);
/* id is part of e's record; NULL is fine. False: no memory. */
bool device_index_put_azure(struct local_devices *r, struct device_entry *e, const char *id);
void device_index_drop_azure(struct local_devices *r, const char *id);

/* ---- creation.c, device_changes.c, enrol.c: ops ---- */

void local_devices_create(struct device_registry *registry, const struct device_creation *with,
                          device_done *done, void *ctx);

void local_devices_enrol(struct device_registry *registry, const struct enrolment *with,
                         enrol_done *done, void *ctx);
void local_devices_update(struct device_registry *registry, struct span name,
                          const struct device_update *with, device_done *done, void *ctx);
void local_devices_reset(struct device_registry *r, struct span name, device_done *done, void *ctx);
void local_devices_topics(struct device_registry *registry, struct span name, uint32_t topics,
                          device_done *done, void *ctx);
void local_devices_remove(struct device_registry *r, struct span name, device_done *done,
                          void *ctx);

/* ---- sightings.c ---- */

void local_devices_seen(struct device_registry *r, struct span name,
                        const struct device_sighting *s);
/* Notes what is told of a stored device, to be stored later. */
void sighting_apply(struct local_devices *r, struct device_entry *e,
                    const struct device_sighting *s);
/* Stores some of what is dirty. False: more is left. */
bool sightings_flush(struct local_devices *r, size_t most);

/* ---- invitations.c ---- */

void local_devices_invite(struct device_registry *r, struct invitation *i, const char *join_token,
                          size_t max_of_key, invitation_done *done, void *ctx);
void local_devices_invitations(struct device_registry *r, const struct invitation_page *q,
                               void *ctx);
void local_devices_invitation(struct device_registry *r, struct span id, invitation_done *done,
                              void *ctx);
void local_devices_uninvite(struct device_registry *r, struct span id, invitation_done *done,
                            void *ctx);
/* Takes up one that was read. ERR_PROTOCOL: its id or token is known already. */
enum err invitations_resume(struct local_devices *r, struct invitation *i);
/* Which of ENROL_NEW, TOKEN_… or NOT_INVITED the token gives to a device of that name; *out is the
 * invitation with NEW. */
enum enrol_result invitations_check(const struct local_devices *r, struct span join_token,
                                    struct span name, struct invitation_entry **out);
/* A use that was reserved is stored, or was not. The invitation may be gone. */
void invitations_settle(struct local_devices *r, const char *id, bool used);
void invitations_purge(struct local_devices *r);
void invitations_free(struct local_devices *r);

#endif
