/* The hub's tunnels. Each change is stored before it is reported. The registry belongs to the main
 * thread's loop.
 *
 * Each request is answered once, by a callback: perhaps from inside the call, as the in-memory
 * registry does for look-ups, perhaps in a later iteration of the loop, and then in any order.
 * Arguments need to live during the call only. Records in callbacks are views that are gone after
 * them, so what is to be kept must be copied. A callback may call the registry. Changes are made in
 * the order in which they are asked for. Admissions and events (struct registry_events) of one
 * tunnel are reported in the order in which they happen.
 *
 * When the store fails nothing has changed: the caller gets the error, and tunnels go on as they
 * are. Ends that were admitted before (same token, same client token) are admitted without the
 * store.
 *
 * There are two kinds: the local one, of one hub (registry_new), and the shared one, of a cluster's
 * nodes (shared/shared_registry.h). What only the shared one does is marked with "shared". */
#ifndef GATEWAY_HUB_REGISTRY_REGISTRY_H
#define GATEWAY_HUB_REGISTRY_REGISTRY_H

#include "core/base/err.h"
#include "core/net/loop.h"
#include "gateway/hub/registry/record.h"

struct node_info;
struct registry;

/* Events of tunnels. Each subscriber is called when the event is stored and before the caller's
 * `done`. Each member may be NULL. */
struct registry_events {
    /* The tunnel is new. Its tokens are passed only here. */
    void (*opened)(void *owner, const struct tunnel_record *t, const char *const token[SIDE_COUNT]);
    /* The tunnel was closed or deleted, or has expired (even if that cannot be stored), so its ends
     * have to go. why: a few words. */
    void (*ended)(void *owner, const struct tunnel_record *t, const char *why);
    /* That side has a new token, which is passed only here. Its end, if there is one, has to go.
     * Shared: token is NULL when it was rotated at another node. */
    void (*rotated)(void *owner, const struct tunnel_record *t, enum side side, const char *token);
    /* Shared: the tunnel is another node's now. Its ends here have to go, without being told that
     * it has ended: they come back, and are sent there. */
    void (*moved)(void *owner, const struct tunnel_record *t);
};

struct registry_subscriber {
    const struct registry_events *events;
    void *owner;
    struct list node; /* used by the registry */
};

struct registry_options {
    struct loop *loop;
    const struct store_backend *backend; /* NULL: SQLite */
    /* What else is kept in the same store; must outlive the registry. NULL: nothing, and what is
     * there of it stays. */
    const struct store_companion *companion;
    const char *folder;      /* the state directory; made (0700) when it is not there */
    uint64_t keep_closed_ms; /* how long closed tunnels stay visible; 0: 3 h */
    size_t max_closed;       /* closed tunnels to keep, oldest dropped first; 0: 100,000 */
    size_t max_closed_bytes; /* bytes of memory for closed tunnels; 0: 64 MiB */
    size_t max_key_bytes; /* bytes for the open tunnels of one key, more are refused; 0: 256 MiB */
    int64_t (*now)(void); /* ms since the epoch; NULL: the system's clock */
    int64_t (*steady)(void); /* timekeeper.h's; NULL: `now` if that is given, else the system's */
    /* Asks whether that thing has no certificate to show, so that a destination of its tunnels is
     * let in without one (admission_request.device_required). `answer` is called once, perhaps from
     * inside the call, perhaps when the registry is gone. NULL: no thing. */
    void (*keyed)(void *owner, const char *thing, void (*answer)(void *ctx, bool keyed), void *ctx);
    void *owner;
};

/* Opens the store and reads all of it. Sides that were connected when the last hub ended count as
 * disconnected, and tunnels that expired meanwhile are closed. NULL with *why and a sentence:
 * ERR_ADDRESS_IN_USE when another hub has the folder, ERR_BUSY when another program has the
 * database locked, ERR_NOT_FOUND (the folder's parent), ERR_IO, ERR_PERMISSION, ERR_NO_MEMORY,
 * ERR_PROTOCOL (a newer schema, a damaged file). */
struct registry *registry_new(const struct registry_options *o, enum err *why, char *text,
                              size_t size);
/* Stores what has been asked for, as far as the disk allows, calls each `done`, and frees the
 * registry. Must not be called from inside a `done` or an event. NULL is fine. */
void registry_free(struct registry *r);

/* A subscriber gets all events until it unsubscribes, which it may do inside its own events, or
 * until the registry is freed; it still gets the events of registry_free. */
void registry_subscribe(struct registry *r, struct registry_subscriber *s);
void registry_unsubscribe(struct registry_subscriber *s);

/* These answer at once. */
size_t registry_open_count(const struct registry *r); /* open tunnels, of all keys */
bool registry_healthy(const struct registry *r);      /* the last attempt to store succeeded */

/* t: NULL when why is not ERR_OK. ERR_NOT_FOUND: no such tunnel (any more); ERR_TUNNEL_CLOSED: it
 * is closed already (rotate); ERR_LIMIT: max_open reached; ERR_TOO_LARGE: the open tunnels of its
 * key would take more than max_key_bytes; ERR_IO, ERR_BUSY (locked, or too much waits),
 * ERR_NO_MEMORY: not stored. */
typedef void registry_done(void *ctx, enum err why, const struct tunnel_record *t);

/* ---- looking ---- */

/* Looks up the tunnel of that id, open or closed. */
void registry_get(struct registry *r, struct span id, registry_done *done, void *ctx);

/* Lists open and closed tunnels, newest first. */
struct registry_page {
    int64_t below;     /* only tunnels with smaller numbers; INT64_MAX: all */
    const char *thing; /* only tunnels of that thing; NULL: all */
    /* Must not call the registry. False ends the list. */
    bool (*each)(void *ctx, const struct tunnel_record *t);
    void (*done)(void *ctx, enum err why); /* after the last one */
};
void registry_page(struct registry *r, const struct registry_page *q, void *ctx);

/* ---- changing ---- */

/* Takes over the contents of *record, which is zeroed. One with idle_ms is closed when its source
 * has not been connected for so long, however long its lifetime is. The registry sets id, number,
 * created, updated, expires, and both sides' tokens. token: the tokens themselves, which must live
 * until `done`. max_open: refuse when the key has so many open tunnels; 0: no limit. */
void registry_open(struct registry *r, struct tunnel_record *record,
                   const char *const token[SIDE_COUNT], size_t max_open, registry_done *done,
                   void *ctx);
/* Closing a closed tunnel succeeds. remove: its data is deleted at once, and t is NULL in done. */
void registry_close(struct registry *r, const char *id, bool remove, registry_done *done,
                    void *ctx);
/* The same without `remove`, for a reason that its ends are told: a few words in static storage. */
void registry_cut(struct registry *r, const char *id, const char *why, registry_done *done,
                  void *ctx);
/* token: as for registry_open; NULL: that side keeps its token. */
void registry_rotate(struct registry *r, const char *id, const char *const token[SIDE_COUNT],
                     registry_done *done, void *ctx);
struct tag_change {
    const struct tags *add;     /* or NULL; needs to live during the call only */
    const struct texts *remove; /* or NULL; the same */
    /* Called once, when all earlier changes of the tunnel's tags are made or have failed. False
     * refuses the change. NULL permits it. */
    bool (*permits)(void *ctx, const struct tunnel_record *t, const struct tags *after);
};
/* ERR_FORBIDDEN: `permits` said no; ERR_LIMIT: there would be more than 200 tags. ERR_SHUTDOWN: the
 * registry was freed while the change waited for others of the same tunnel. */
void registry_tag(struct registry *r, const char *id, const struct tag_change *c,
                  registry_done *done, void *ctx);

/* ---- ends ---- */

struct admission {
    const struct tunnel_record *tunnel; /* NULL when refused */
    uint64_t left_ms;                   /* when admitted: ms until the tunnel expires */
    int status;                         /* when refused: the HTTP status */
    enum err why;                       /* when refused: the error that it counts as */
    const char *text;                   /* when refused: a sentence in static storage */
    /* When refused: the token's tunnel, for the audit log, or NULL. */
    const struct tunnel_record *known;
    /* Shared: the token is right, as far as can be told without using it up, and this other node,
     * which lives, has the tunnel: the client has to be sent there. Nothing has changed; tunnel is
     * NULL, known is set, status is 0. A view. NULL: it is admitted or refused. */
    const struct node_info *elsewhere;
};
struct admission_request {
    enum side side;
    struct span token;
    struct span client_token; /* p is NULL when there is none */
    const char *device;       /* CN of the client's verified certificate, or NULL */
    bool device_required;     /* a destination of a tunnel with a thing must be that device */
    /* Called once, before the token is used up, when it would admit the client. Returns NULL to
     * admit it, or the refusal (status, why, text). May itself be NULL. */
    const struct admission *(*denies)(void *ctx, const struct tunnel_record *t);
};
/* Applies the token rules of share/doc/protocol.md. A first use is stored before done is called. */
void registry_admit(struct registry *r, const struct admission_request *q,
                    void (*done)(void *ctx, struct admission a), void *ctx);
/* Sets the state that DescribeTunnel shows. Shared: the tunnel stays this node's until its last end
 * here has left. It is stored later, and no caller waits for that.
 * Unknown ids are fine. */
void registry_connected(struct registry *r, struct span id, enum side side, bool connected);

/* ---- other nodes; the local registry has nothing to do ---- */

/* Something about that tunnel changed at another node: it is read again, and what is new of it here
 * is told as events. Unknown ids are fine. */
void registry_look(struct registry *r, const char *id);
/* This node has a new epoch: it claims again the tunnels that have ends here. Those that other
 * nodes have taken are `moved`. */
void registry_reclaim(struct registry *r);

#endif
