/* Bridges: each is one stream of Azure's device streams, two WebSockets of which the hub passes the
 * bytes of one to the other. A bridge is made when the device has been asked for a stream, its path
 * and its two bearer tokens go to the service's program and to the device, and it ends with
 * either's connection. Who speaks the tunnel's wire instead has no WebSocket of its own: the hub's
 * inner end (inner_end.h) is that side.
 *
 * The main thread's: which bridges there are, who may come to which, and until when. Memory only,
 * time is passed in. All that is kept is bounded by BRIDGES_MAX. */
#ifndef GATEWAY_HUB_BRIDGE_BRIDGES_H
#define GATEWAY_HUB_BRIDGE_BRIDGES_H

#include "core/base/err.h"
#include "core/base/list.h"
#include "core/base/str.h"
#include "gateway/hub/bridge/bridge_side.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BRIDGES_MAX 20000    /* at once; more are refused */
#define BRIDGE_WAIT_MS 60000 /* both sides have to come within that time of its making */
#define BRIDGE_TOKEN_SIZE 45 /* 43 characters, [A-Za-z0-9_-], and NUL */
#define BRIDGE_PATH_MAX 1000 /* a path's characters; Azure's samples have room for 1,022 */

struct bridges;

/* X(name, text): why a bridge ended, as metrics and the audit log call it. */
#define BRIDGE_OUTCOME_TABLE(X)                                                                    \
    X(CLOSED, "closed")       /* one side ended it in order */                                     \
    X(BROKEN, "broken")       /* a connection was lost, was silent or broke the rules */           \
    X(LATE, "late")           /* a side did not come in time */                                    \
    X(WITHDRAWN, "withdrawn") /* the request for it failed: nobody was to come */                  \
    X(CUT, "cut")             /* the device was disabled or removed, or the policy is gone */      \
    X(VOLUME, "volume")       /* the policy's bytes of the day are used up */                      \
    X(REFUSED, "refused")     /* the service behind an inner end was not reached */                \
    X(SHUTDOWN, "shutdown")   /* the hub ends */
enum bridge_outcome {
#define X(name, text) BRIDGE_##name,
    BRIDGE_OUTCOME_TABLE(X)
#undef X
        BRIDGE_OUTCOMES
};
const char *bridge_outcome_name(enum bridge_outcome o);

/* A connection of an inner end that is one of a bridge's sides. */
struct bridge_inner {
    uint64_t end;        /* the inner end's serial; 0: none, both sides are WebSockets */
    uint64_t connection; /* which of its connections; 0: a new one */
    size_t worker;       /* where the inner end lives */
    enum bridge_side side;
};

struct bridge_spec {
    const char *device;   /* exact name */
    const char *azure_id; /* as clients call it; NULL or "": the name */
    const char *stream;   /* name */
    const char *policy;   /* who asked: an access key's id; "" is fine */
    struct bridge_inner inner;
};

/* Counted by the bridge's worker, read by the main thread. */
struct bridge_traffic {
    _Atomic uint64_t received[BRIDGE_SIDES]; /* bytes, by the side that sent them */
};

/* To be read only. */
struct bridge {
    struct bridge_traffic traffic; /* first; tickets point to it */
    uint64_t serial;
    char *device, *stream, *policy, *path;
    char token[BRIDGE_SIDES][BRIDGE_TOKEN_SIZE]; /* "": used, or the bridge has ended */
    bool claimed[BRIDGE_SIDES];                  /* it has come, or is an inner end */
    struct bridge_inner inner;
    size_t worker;    /* where its sides meet; set by the owner before the first one comes */
    unsigned out;     /* claims that have not come back (bridge_returned) */
    uint64_t made_at; /* as `now` */
    uint64_t met_at;  /* when both sides had come; 0: they have not */
    bool ended;
    enum bridge_outcome outcome;
    char text[128]; /* its outcome in words */
    void *context;  /* the owner's */

    struct bridges *all;
    struct bridge_policy *use; /* NULL: it has ended */
    struct list node;
    uint64_t counted[BRIDGE_SIDES]; /* bytes that the policy's day has been charged with */
};

struct bridges_options {
    const char *hub; /* the first part of the paths: [A-Za-z0-9.-], at most 100 characters */
    /* A policy's bytes of a day; 0: no limit. NULL: none has one. */
    uint64_t (*day_limit)(void *owner, const char *policy);
    /* It has ended, and its sides have to go; it may be freed afterwards. Must not call back. */
    void (*ended)(void *owner, const struct bridge *b);
    void *owner;
    void (*random)(void *out, size_t n); /* NULL: random_bytes */
};
struct bridges *bridges_new(const struct bridges_options *o); /* NULL: no memory */
/* Frees those whose claims have not come back, too, without a word. NULL is fine. */
void bridges_free(struct bridges *all);

/* A bridge that waits for its sides. now: loop_now. NULL with *why: ERR_LIMIT (BRIDGES_MAX),
 * ERR_TOO_LARGE (the path would be), ERR_NO_MEMORY. */
struct bridge *bridge_new(struct bridges *all, const struct bridge_spec *spec, uint64_t now,
                          enum err *why);
/* Somebody comes to `path` with a bearer token: *side is his, and the token is used up. The caller
 * has the claim until bridge_returned. NULL: no bridge waits there, or not for that token. */
struct bridge *bridges_claim(struct bridges *all, struct span path, struct span token, uint64_t now,
                             enum bridge_side *side);
struct bridge *bridges_find(const struct bridges *all, uint64_t serial); /* NULL: it has gone */
/* Ends it; what has ended stays as it is. It may be gone afterwards. text: NULL: none. */
void bridge_end(struct bridge *b, enum bridge_outcome outcome, const char *text);
/* A claim has come back; its bridge must have ended, and is freed with the last. */
void bridge_returned(struct bridge *b);

/* All that are there, those included whose end waits for their claims. `each` ends none. */
void bridges_each(const struct bridges *all, void (*each)(void *ctx, struct bridge *b), void *ctx);
/* Ends all of that device, or of those that `which` picks. */
void bridges_cut_device(struct bridges *all, const char *device, const char *text);
void bridges_end_if(struct bridges *all, bool (*which)(void *ctx, const struct bridge *b),
                    void *ctx, enum bridge_outcome outcome, const char *text);
void bridges_end_all(struct bridges *all, enum bridge_outcome outcome, const char *text);

/* Ends those that are late, and those of policies whose day's volume is used up. To be called every
 * second or so. wall: ms since 1970; a day is one of UTC. */
void bridges_tick(struct bridges *all, uint64_t now, int64_t wall);

/* What a policy has at present, waiting ones included, and the bytes of the day until the last
 * tick. */
size_t bridges_of_policy(const struct bridges *all, const char *policy);
uint64_t bridges_day_bytes(const struct bridges *all, const char *policy);

struct bridges_counts {
    size_t waiting, open; /* now */
    uint64_t made, outcomes[BRIDGE_OUTCOMES];
    uint64_t bytes[BRIDGE_SIDES]; /* of those that have ended, and until the last tick of others */
};
struct bridges_counts bridges_counts(const struct bridges *all);

#endif
