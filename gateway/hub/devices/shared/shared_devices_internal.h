/* Private to gateway/hub/devices/shared. */
#ifndef GATEWAY_HUB_DEVICES_SHARED_SHARED_DEVICES_INTERNAL_H
#define GATEWAY_HUB_DEVICES_SHARED_SHARED_DEVICES_INTERNAL_H

#include "core/base/list.h"
#include "core/base/map.h"
#include "core/base/random.h"
#include "core/device/device_name.h"
#include "gateway/hub/cluster/nodes.h"
#include "gateway/hub/devices/device_registry_ops.h"
#include "gateway/hub/devices/device_rules.h"
#include "gateway/hub/devices/shared/shared_devices.h"
#include "gateway/hub/redis/redis.h"

#define TICK_MS 1000
#define SEEN_MS 15000      /* until what a device told is stored, unless its link comes or goes */
#define COUNT_MS 10000     /* between two counts of all devices */
#define SWEEP_S 60         /* in which each link's record is looked at once */
#define REMEMBER_MS 600000 /* for so long a device may come back without Redis */
#define SETTLES_MAX 1000   /* devices that are being settled or looked at by the tick */
#define TRIES_MAX 64       /* of one change against those of others */
#define NAME_SHARDS 16     /* of the index of names */
#define FLEET_MAX 100000   /* devices that are held for those who watch */
#define VERSION_SIZE 24    /* digits, and NUL */
#define SHARED_KEY_SIZE 320

/* ---- keys ---- */

struct shared_key {
    char text[SHARED_KEY_SIZE];
};
/* "tunnel:KIND:{TAG}"; what is in braces decides which shard has it. */
struct shared_key shared_key(const char *kind, const char *tag);

/* ---- what this node knows of a name ---- */

struct shared_task;

struct shared_device {
    bool known;                  /* there is such a device; else only requests about its name */
    struct device_record record; /* as it was read last, with what was seen here since */
    char version[VERSION_SIZE];  /* of what was read; "0": there is none */
    char link[NODE_OWNER_SIZE];  /* the owner of its link, as it was read; "": none */
    bool linked;                 /* its link is here */
    bool claimed;                /* Redis was told so */
    unsigned arrivals;           /* links that came */
    bool dirty;                  /* it was seen, and that is not stored */
    bool remembered;             /* its link was here */
    bool settling;               /* there is a task for that */
    enum { HELD_NOWHERE, HELD_LINKS, HELD_RECENT } place; /* where `held` is */
    uint64_t dirty_since, left;                           /* loop_now */
    struct shared_task *running;
    struct list waiting; /* struct shared_task */
    size_t n_waiting;
    struct list held;  /* in shared_devices.links or .recent */
    struct list swept; /* in shared_devices.swept, when it is in .recent */
    struct list due;   /* in shared_devices.due or .dirty */
    char fold[];       /* key in the map */
};

/* A device as it was read for those who watch. */
struct fleet_row {
    struct device_record record; /* without sealed keys */
    char *link;                  /* the owner of its link; "": none */
};
struct fleet_rows {
    struct fleet_row *rows; /* in the order of their names; those before `first` are gone */
    size_t first, n, room;
};
struct shared_fleet {
    struct timer *timer;      /* NULL: nobody has ever looked */
    uint64_t watched;         /* loop_now when somebody looked last; 0: nobody does */
    uint64_t began;           /* when this reading did */
    uint64_t shown;           /* when the last one did that came to its end; 0: none has */
    struct fleet_rows read;   /* by this reading */
    struct fleet_rows before; /* by the last one, with names to which this one has not come */
    size_t taken;             /* devices in this step */
    bool full, cut;           /* there is no room for more; so it was in the last reading */
};

struct shared_devices {
    struct device_registry registry; /* first member */
    struct shared_devices_options o;
    struct timer *tick;
    struct map by_fold; /* struct shared_device */
    struct list links;  /* those that are linked; the next to be swept is the first */
    struct list recent; /* those that are remembered; the longest ago is the first */
    struct list swept;  /* those of `recent`; the next to be looked at is the first */
    struct list due;    /* their link has to be told to Redis once more */
    struct list dirty;  /* in the order in which they were seen first */
    size_t n_links, n_recent;
    size_t settling; /* devices about which Redis is being told */
    size_t max_devices, max_invitations, enrolling;
    struct device_counts counts;
    uint64_t counted; /* loop_now */
    bool counting;
    struct list asked; /* questions to Redis that are not answered */
    bool ended;        /* Redis is not asked any more */
    struct shared_fleet fleet;
};

static inline struct shared_devices *shared_devices_of(struct device_registry *r)
{
    return (struct shared_devices *)r;
}

/* ---- shared_ask.c ---- */

/* As redis_ask and redis_call, but the registry's end answers, with ERR_SHUTDOWN, what Redis has
 * not; after it, so are all questions at once. */
void shared_devices_ask(struct shared_devices *r, const struct span *args, size_t n, size_t key,
                        redis_done *done, void *ctx);
void shared_devices_call(struct shared_devices *r, const char *function, const char *key,
                         const struct span *args, size_t n, redis_done *done, void *ctx);
/* Waits for news of the other nodes (nodes_hear); the reply is NULL. */
void shared_devices_hear(struct shared_devices *r, redis_done *done, void *ctx);
/* Sends a command whose answer changes nothing; b, or both, may be NULL. */
void shared_tell(struct shared_devices *r, const char *command, const struct shared_key *key,
                 const char *a, const char *b);
void shared_ask_end(struct shared_devices *r);

/* ---- shared_read.c ---- */

/* Reads the fields of that device. When its link is at a node that has joined a moment ago, and of
 * which this one knows nothing yet, it is heard of first. */
void shared_devices_read(struct shared_devices *r, const char *fold, redis_done *done, void *ctx);

/* ---- shared_memory.c ---- */

struct shared_device *shared_device_find(const struct shared_devices *r, struct span name);
/* The same, made when there is none. NULL: the name is not valid, or there is no memory. */
struct shared_device *shared_device_take(struct shared_devices *r, struct span name);
/* Puts it where it belongs: among the links, those remembered, or nowhere. To be called when one of
 * its flags has changed or its last task has ended; it may be gone afterwards. */
void shared_device_settle(struct shared_devices *r, struct shared_device *d);
/* Takes what Redis has, fields and values from item `from` of the reply on, and tells subscribers
 * what that means for a link that is here. ERR_IO: it is no record of a device; ERR_NO_MEMORY. */
enum err shared_device_absorb(struct shared_devices *r, struct shared_device *d,
                              const struct redis_reply *reply, size_t from);
/* Takes over *next, which was written as `version`. What was seen here stays. */
void shared_device_replace(const struct shared_devices *r, struct shared_device *d,
                           struct device_record *next, struct span version);
/* It is gone; subscribers are told so when its link is here. */
void shared_device_forget(struct shared_devices *r, struct shared_device *d);
/* Notes what its link tells. */
void shared_device_see(struct shared_devices *r, struct shared_device *d,
                       const struct device_sighting *s);
/* Sets record.node from the owner of its link. */
void shared_device_locate(const struct shared_devices *r, struct device_record *record,
                          const char *link);
/* Reads the fields of a device; the record is to be freed in any case. ERR_NOT_FOUND, ERR_IO,
 * ERR_NO_MEMORY. */
enum err shared_device_read(const struct redis_reply *reply, size_t from,
                            struct device_record *record, char link[NODE_OWNER_SIZE]);
void shared_memory_free(struct shared_devices *r);

/* ---- shared_task.c: what is done to a device, one thing at a time ---- */

struct shared_task_kind {
    /* The device is as Redis has it now. Has to ask for something, put, drop, or end. It is called
     * again when a put or drop came too late. */
    void (*decide)(struct shared_task *t);
    void (*stored)(struct shared_task *t); /* it is put, or dropped; has to ask or end */
    /* Redis does not answer: true when the task has ended by itself. NULL: never. */
    bool (*unread)(struct shared_task *t);
    void (*answer)(struct shared_task *t, enum err why); /* frees what is its own */
    /* What was read before is good enough to decide, since it only leads to a put, which finds out
     * whether it is still so. */
    bool from_memory;
};

enum { WRITE_RECORD = 1, WRITE_SEEN = 2, WRITE_LINK = 4 };

struct shared_task {
    struct list node; /* in device.waiting */
    struct shared_devices *registry;
    struct shared_device *device;
    const struct shared_task_kind *kind;
    void (*step)(struct shared_task *t, const struct redis_reply *reply);
    struct device_record next; /* what is to be put */
    char request[UUID_SIZE];   /* names this change, so that it is made once */
    const char *link;          /* with WRITE_LINK: the owner, or "" */
    unsigned writes, tries;
    bool drops;
    device_done *done;
    void *ctx;
};

/* A task of `size` bytes, a struct that begins with struct shared_task. NULL: no memory. */
void *shared_task_new(struct shared_devices *r, struct shared_device *d,
                      const struct shared_task_kind *kind, size_t size);
/* Does it when it is its turn, and frees it after its answer. */
void shared_task_start(struct shared_task *t);
/* Each is the last thing that a step does. When Redis fails, the task ends with that. */
void shared_task_ask(struct shared_task *t, const struct span *args, size_t n, size_t key,
                     void (*step)(struct shared_task *t, const struct redis_reply *reply));
void shared_task_call(struct shared_task *t, const char *function, const char *key,
                      const struct span *args, size_t n,
                      void (*step)(struct shared_task *t, const struct redis_reply *reply));
void shared_task_put(struct shared_task *t, unsigned writes);
void shared_task_drop(struct shared_task *t);
void shared_task_end(struct shared_task *t, enum err why);
/* Tells the other node that has the device's link, if there is one. */
void shared_hint(const struct shared_devices *r, const struct shared_device *d, const char *link);

/* ---- shared_index.c: names, states and counts ---- */

void shared_index_add(struct shared_devices *r, const char *fold, const char *name);
void shared_index_remove(struct shared_devices *r, const char *fold, const char *name);
/* A list met that name, and no record of it: takes it out, unless there is one now. */
void shared_index_mend(struct shared_devices *r, const char *name);
/* Its state is that now; before: -1 for a new one; after: -1 for one that is gone. */
void shared_index_state(struct shared_devices *r, const char *name, int before, int after);
void shared_index_count(struct shared_devices *r);
struct device_counts shared_devices_counts(const struct device_registry *r);
bool shared_index_full(const struct shared_devices *r);

/* ---- shared_fleet.c: all devices, for those who watch ---- */

void shared_fleet_watch(struct device_registry *r);
struct device_reading shared_fleet_reading(const struct device_registry *r);
void shared_fleet_free(struct shared_devices *r); /* after shared_ask_end */

/* ---- shared_azure.c: what Azure's clients call devices ---- */

/* A task about an id begins with one; each question goes on with `then`. */
struct shared_azure {
    struct shared_task task; /* first member */
    const char *id;
    char version[VERSION_SIZE]; /* of its own claim */
    char other[VERSION_SIZE];   /* of another's */
    bool claimed, taken, again;
    void (*then)(struct shared_task *t);
};
/* Finds out whether `id`, which lives until then, is the azure_id of another device: sets `taken`.
 * again: the device is written, so a claim counts although its own is not there yet. */
void shared_azure_check(struct shared_azure *a, const char *id, bool again,
                        void (*then)(struct shared_task *t));
/* Claims it for the device: sets `claimed`; and `taken` when it is another's, or another's name. */
void shared_azure_claim(struct shared_azure *a, const char *id,
                        void (*then)(struct shared_task *t));
/* The device is written. Sets `taken` when the claim was taken away meanwhile. */
void shared_azure_confirm(struct shared_azure *a, const char *id,
                          void (*then)(struct shared_task *t));
/* Gives the claim back, unless somebody has taken it over. */
void shared_azure_release(const struct shared_azure *a, const char *id);
void shared_devices_get_azure(struct device_registry *r, struct span id, device_done *done,
                              void *ctx);

/* ---- ops ---- */

void shared_devices_get(struct device_registry *r, struct span name, device_done *done, void *ctx);
void shared_devices_page(struct device_registry *r, const struct device_page *q, void *ctx);
void shared_devices_each(const struct device_registry *r,
                         void (*take)(void *to, const struct device_record *d), void *to);
void shared_devices_enrol(struct device_registry *r, const struct enrolment *with, enrol_done *done,
                          void *ctx);
void shared_devices_create(struct device_registry *r, const struct device_creation *with,
                           device_done *done, void *ctx);
void shared_devices_topics(struct device_registry *r, struct span name, uint32_t topics,
                           device_done *done, void *ctx);
void shared_devices_update(struct device_registry *r, struct span name,
                           const struct device_update *with, device_done *done, void *ctx);
void shared_devices_reset(struct device_registry *r, struct span name, device_done *done,
                          void *ctx);
void shared_devices_remove(struct device_registry *r, struct span name, device_done *done,
                           void *ctx);
void shared_devices_seen(struct device_registry *r, struct span name,
                         const struct device_sighting *s);
void shared_devices_linked(struct device_registry *r, struct span name, bool linked);
void shared_devices_look(struct device_registry *r, struct span name);
void shared_devices_reclaim(struct device_registry *r);
/* Stores links and sightings that wait, and looks at some links. */
void shared_links_tick(struct shared_devices *r);

void shared_devices_invite(struct device_registry *r, struct invitation *i, const char *join_token,
                           size_t max_of_key, invitation_done *done, void *ctx);
void shared_devices_invitations(struct device_registry *r, const struct invitation_page *q,
                                void *ctx);
void shared_devices_invitation(struct device_registry *r, struct span id, invitation_done *done,
                               void *ctx);
void shared_devices_uninvite(struct device_registry *r, struct span id, invitation_done *done,
                             void *ctx);
/* Reads an invitation from fields and values; to be freed in any case. ERR_NOT_FOUND, ERR_IO,
 * ERR_NO_MEMORY. */
enum err shared_invitation_read(const struct redis_reply *reply, struct invitation *i);

/* ---- shared_secrets.c ---- */

/* Whether that is the cluster's secrets key; blocks. */
enum err shared_secrets_check(const struct shared_devices_options *o, char *text, size_t size);

#endif
