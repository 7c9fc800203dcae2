/* The hub's tunnels: each change is stored before anybody is told of it. Belongs to the main
 * thread's loop.
 *
 * Whoever asks is answered by a callback, once: perhaps from inside the call, as by the tunnels
 * that are all in memory, perhaps in a later turn of the loop, and then not in the order of asking.
 * What is handed in is needed in the call only; records in callbacks are views and gone after them,
 * so what is to be kept is copied. A callback may call the registry. Changes are made in the order
 * in which they are asked for. Of one tunnel, admissions and events (struct registry_events) are
 * told in the order in which they happen.
 *
 * When the store fails nothing has changed: the asker gets the error, tunnels go on as they are.
 * Connections of clients that were admitted before (same token, same client token) need no store.
 */
#ifndef GATEWAY_HUB_REGISTRY_REGISTRY_H
#define GATEWAY_HUB_REGISTRY_REGISTRY_H

#include "core/base/err.h"
#include "core/net/loop.h"
#include "gateway/hub/registry/record.h"

struct registry;

/* What happens to tunnels, told to each subscriber when it is stored and before the asker. Each may
 * be NULL. */
struct registry_events {
    /* It is new. This is the only time that its tokens are seen. */
    void (*opened)(void *owner, const struct tunnel_record *t, const char *const token[SIDE_COUNT]);
    /* It is closed or was deleted, or has expired (also when that cannot be stored); the ends have
     * to go. why: a few words. */
    void (*ended)(void *owner, const struct tunnel_record *t, const char *why);
    /* That side has a new token, which is not seen again. Its end, if there is one, has to go. */
    void (*rotated)(void *owner, const struct tunnel_record *t, enum side side, const char *token);
};

struct registry_subscriber {
    const struct registry_events *events;
    void *owner;
    struct list node; /* the registry's */
};

struct registry_options {
    struct loop *loop;
    const struct store_backend *backend; /* NULL: SQLite */
    const char *folder;                  /* the state directory; made (0700) when it is not there */
    uint64_t keep_closed_ms;             /* how long closed tunnels stay visible; 0: 3 h */
    size_t max_closed;                   /* and how many of them, the oldest go; 0: 100,000 */
    size_t max_closed_bytes;             /* and how many bytes of memory; 0: 64 MiB */
    size_t max_key_bytes;    /* of the open tunnels of one key: more are refused; 0: 256 MiB */
    int64_t (*now)(void);    /* ms since the epoch; NULL: the system's clock */
    int64_t (*steady)(void); /* timekeeper.h's; NULL: `now` if that is given, else the system's */
};

/* Opens the store and reads all of it; sides that were connected when the hub died are
 * disconnected now, and tunnels that expired meanwhile are closed. NULL with *why and a sentence:
 * ERR_ADDRESS_IN_USE when another hub has the folder, ERR_BUSY when another program has the
 * database locked, ERR_NOT_FOUND (the folder's parent), ERR_IO, ERR_PERMISSION, ERR_NO_MEMORY,
 * ERR_PROTOCOL (a newer schema, a damaged file). */
struct registry *registry_new(const struct registry_options *o, enum err *why, char *text,
                              size_t size);
/* What has been asked is stored first (as far as the disk allows), and each `done` is called. Not
 * from inside a `done` or an event. NULL is fine. */
void registry_free(struct registry *r);

/* From now on, until it unsubscribes (from inside its own events, too) or the registry is freed,
 * whose last words it still hears. */
void registry_subscribe(struct registry *r, struct registry_subscriber *s);
void registry_unsubscribe(struct registry_subscriber *s);

/* What is known without asking. */
size_t registry_open_count(const struct registry *r); /* open tunnels, of all keys */
bool registry_healthy(const struct registry *r);      /* the last attempt to store succeeded */

/* t: NULL when why is not ERR_OK. ERR_NOT_FOUND: no such tunnel (any more); ERR_TUNNEL_CLOSED: it
 * is closed already (rotate); ERR_LIMIT: max_open reached; ERR_TOO_LARGE: the open tunnels of its
 * key would take more than max_key_bytes; ERR_IO, ERR_BUSY (locked, or too much waits),
 * ERR_NO_MEMORY: not stored. */
typedef void registry_done(void *ctx, enum err why, const struct tunnel_record *t);

/* ---- looking ---- */

/* The tunnel of that id, also a closed one. */
void registry_get(struct registry *r, struct span id, registry_done *done, void *ctx);

/* Tunnels, also closed ones, newest first. */
struct registry_page {
    int64_t below; /* those with a smaller number; INT64_MAX: from the newest on */
    /* Calls nothing of the registry's. False: no more of them. */
    bool (*each)(void *ctx, const struct tunnel_record *t);
    void (*done)(void *ctx, enum err why); /* after the last one */
};
void registry_page(struct registry *r, const struct registry_page *q, void *ctx);

/* ---- changing ---- */

/* Takes over what *record holds (zeroed after). The registry sets id, number, created, updated,
 * expires, and both sides' tokens. token: the tokens themselves, which must live until `done`.
 * max_open: refuse when the key has so many open tunnels; 0: no limit. */
void registry_open(struct registry *r, struct tunnel_record *record,
                   const char *const token[SIDE_COUNT], size_t max_open, registry_done *done,
                   void *ctx);
/* Closing a closed one is no error. remove: its data goes at once (t is NULL in done then). */
void registry_close(struct registry *r, const char *id, bool remove, registry_done *done,
                    void *ctx);
/* token: as above; NULL: that side keeps its own. */
void registry_rotate(struct registry *r, const char *id, const char *const token[SIDE_COUNT],
                     registry_done *done, void *ctx);
struct tag_change {
    const struct tags *add;     /* NULL: none; needed in the call only, */
    const struct texts *remove; /* as these are */
    /* Asked once, when all changes of that tunnel's tags that were asked for before are made or
     * have failed. NULL: yes. */
    bool (*permits)(void *ctx, const struct tunnel_record *t, const struct tags *after);
};
/* ERR_FORBIDDEN: `permits` said no; ERR_LIMIT: there would be more than 200 tags. Those that still
 * wait for others of the same tunnel when the registry is freed get ERR_SHUTDOWN. */
void registry_tag(struct registry *r, const char *id, const struct tag_change *c,
                  registry_done *done, void *ctx);

/* ---- ends ---- */

struct admission {
    const struct tunnel_record *tunnel; /* NULL: refused, */
    uint64_t left_ms;                   /* else how long it still lives */
    int status;                         /* refused with this HTTP status */
    enum err why;                       /* which counts as this */
    const char *text;                   /* and this text, static storage */
    const struct tunnel_record *known;  /* refused, but the token is this tunnel's (audit log) */
};
struct admission_request {
    enum side side;
    struct span token;
    struct span client_token; /* p NULL: none */
    const char *device;       /* CN of the client's verified certificate, or NULL */
    bool device_required;     /* a destination of a tunnel with a thing must be that device */
    /* Asked once, before anything is used up, when the token would let the client in. NULL: it may
     * come in; else the refusal (status, why, text). NULL in its place: nobody is asked. */
    const struct admission *(*denies)(void *ctx, const struct tunnel_record *t);
};
/* The token rules of share/doc/protocol.md. A first use is stored before done is called. */
void registry_admit(struct registry *r, const struct admission_request *q,
                    void (*done)(void *ctx, struct admission a), void *ctx);
/* What DescribeTunnel shows; stored when there is time, nobody waits. Unknown ids are fine. */
void registry_connected(struct registry *r, struct span id, enum side side, bool connected);

#endif
