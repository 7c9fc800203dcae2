/* Private to notices*.c: devices, the notices that wait for them, and their tunnels on demand. */
#ifndef GATEWAY_HUB_DEVICES_NOTICES_INTERNAL_H
#define GATEWAY_HUB_DEVICES_NOTICES_INTERNAL_H

#include "core/base/map.h"
#include "gateway/hub/devices/notices.h"
#include "gateway/hub/registry/registry.h"

#define NEVER UINT64_MAX

/* A device that is or was here, or that something waits for. */
struct noticed {
    struct notices *notices;
    struct device_presence shown; /* its texts are owned */
    bool seen;                    /* `shown` is something to look at */
    const struct notice_carrier *carrier;
    void *link;          /* NULL: it is not here */
    struct list pending; /* struct pending_notice */
    size_t n_pending;
    unsigned holders;    /* who is at work on it */
    bool names_tunnels;  /* it said which it has, when it came */
    struct list tunnels; /* struct demand_tunnel */
    struct list awaits;  /* struct notice_await */
    char name[];         /* the key in notices.devices */
};

/* Who waits until the device is here. */
struct notice_await {
    struct list of_device, of_all;
    struct noticed *device;
    uint64_t until; /* as `now` has it */
    void (*done)(void *ctx, bool present);
    void *ctx;
};

/* A notice that a call waits for, or that is kept. There is at most one for each tunnel. */
struct pending_notice {
    struct list of_device, of_all;
    struct noticed *device;
    char id[NOTICE_ID_SIZE];
    char *tunnel, *url, *token, *service, *opened_by, *why;
    struct texts services;
    uint64_t asked_at, until; /* as `now` has it */
    uint64_t gone_until;      /* the device left in the middle, and may come back; 0: it did not */
    bool delivered;           /* to the link that the device has now */
    bool tried;               /* to any link, so its token may have been used */
    void (*done)(void *ctx, const struct notice_answer *a); /* NULL: nobody waits */
    void *ctx;
};

/* An open tunnel on demand, of a device that is here. */
struct demand_tunnel {
    struct list node;
    struct noticed *device;
    uint64_t look_at; /* when to look whether its destination has come back; NEVER */
    bool held;        /* the device named it when it came */
    bool read;        /* the registry has named it since then, or it was opened then */
    bool opened;      /* since then */
    char *key;        /* id of the access key that opened it */
    char id[];        /* the key in notices.demand */
};

/* A question to the registry that outlives the notices, perhaps. */
struct notice_question {
    struct list node;
    struct notices *notices; /* NULL: they are gone */
};

struct notices {
    struct notices_options o;
    struct registry_subscriber subscriber;
    struct map devices;   /* struct noticed by name */
    struct map by_id;     /* struct pending_notice */
    struct map by_tunnel; /* the same */
    struct map demand;    /* struct demand_tunnel by id */
    struct list all;      /* struct pending_notice, in the order of asking */
    struct list questions;
    struct list awaits; /* struct notice_await, in the order of asking */
    size_t n_awaits;
    bool ended;    /* who asks now waits for nothing */
    uint64_t next; /* when notices_tick is due */
    size_t present;
    struct notices_counts counts;
};

/* ---- notices.c ---- */

static inline uint64_t notices_now(const struct notices *n)
{
    return n->o.now(n->o.owner);
}

static inline struct notice_answer notice_simple(enum notice_result r)
{
    return (struct notice_answer){.result = r, .words = ""};
}

/* notices_tick has to be called then, at the latest. */
void notices_due(struct notices *n, uint64_t at);

/* ---- notices_presence.c ---- */

/* The device of that name, made when it is not there. NULL: no memory. */
struct noticed *noticed_get(struct notices *n, const char *name);
struct noticed *noticed_find(const struct notices *n, const char *name);
/* Frees it when there is nothing to remember of it. */
void noticed_settle(struct noticed *d);
void noticed_free(struct noticed *d);
/* The device that is here by that link; NULL: it is not. */
struct noticed *noticed_by_link(const struct notices *n, const char *device, const void *link);
/* It is not here any more. Does nothing when it was not. */
void noticed_leave(struct noticed *d);

/* ---- notices_await.c ---- */

/* Answers all who wait for it. They may call anything. */
void notices_awaited(struct noticed *d, bool present);
/* Answers those whose time is up; returns when the next one's is. */
uint64_t notices_await_tick(struct notices *n, uint64_t now);
void notices_await_end(struct notices *n);

/* ---- notices_pending.c ---- */

/* The answer of a device that is not there; d may be NULL. */
struct notice_answer notice_away(const struct noticed *d);
/* The device is gone in the middle. It may come back soon; a notice that nobody waits for waits for
 * it in any case. */
void notice_gone(struct pending_notice *p, uint64_t now);

/* `done` NULL: nobody waits, and it is kept. It replaces another one for its tunnel; but when
 * somebody waits for that and nobody for this, that one gets the token and is delivered again.
 * False: it is refused, or nobody could be told. */
bool notice_put(struct notices *n, const struct notice *q,
                void (*done)(void *ctx, const struct notice_answer *a), void *ctx);
/* Whether the device, which is here, can be told by the wire that it has. */
bool notice_fits(const struct noticed *d, const char *url);
/* Ends p and tells whoever waits. withdraw: the device is told, too. */
void notice_end(struct pending_notice *p, const struct notice_answer *a, bool withdraw);
void notice_deliver(struct pending_notice *p);

/* ---- notices_tunnels.c: what the registry tells ---- */

extern const struct registry_events notices_tunnel_events;
/* Whether so many other tunnels of q's asker lead to the device that it may have no further one. */
bool notices_crowded(const struct noticed *d, const struct notice *q);
/* The device has come. Its open tunnels on demand are read; then it gets what waits for it, and
 * they get their destinations back. */
void notices_read_tunnels(struct noticed *d, const struct device_arrival *a);
/* It is not here any more. */
void notices_forget_tunnels_of(struct noticed *d);
/* Looks at the tunnels whose time has come; returns when the next one's does. */
uint64_t notices_look(struct notices *n, uint64_t now);
void notices_forget_tunnels(struct notices *n);

#endif
