/* The hub's tunnels: all of them in memory, each change in the store (store.h) before anybody is
 * told of it. Belongs to the main thread's loop.
 *
 * What is asked for is checked when it is asked and applied when it is stored, in the order of the
 * asking; `done` is called then, perhaps from inside the call when nothing had to be stored. A
 * tunnel pointer is good until the next call or event; keep ids.
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

/* A tunnel with what the hub's running part keeps beside the record. */
struct tunnel {
    struct tunnel_record record;
    struct list node;           /* registry: in the order of creation */
    bool admitting[SIDE_COUNT]; /* registry: a first use of that token is being stored */
};

struct registry_events {
    /* It is closed or expired (stored already) or was deleted; the ends have to go. The tunnel is
     * gone after this when it was deleted. why: a few words. */
    void (*ended)(void *owner, struct tunnel *t, const char *why);
    /* That side has a new token. Its end, if there is one, has to go. */
    void (*rotated)(void *owner, struct tunnel *t, enum side side);
};

struct registry_options {
    struct loop *loop;
    const struct store_backend *backend; /* NULL: SQLite */
    const char *folder;                  /* the state directory; made (0700) when it is not there */
    const struct registry_events *events;
    void *owner;
    uint64_t keep_closed_ms; /* how long closed tunnels stay visible; 0: 3 h */
    size_t max_closed;       /* and how many of them, the oldest go; 0: 100,000 */
    size_t max_closed_bytes; /* and how many bytes of memory; 0: 64 MiB */
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

struct tunnel *registry_find(struct registry *r, struct span id); /* also closed ones; or NULL */
/* The one of whose sides has that token now, also a closed one; or NULL. */
struct tunnel *registry_by_token(struct registry *r, struct span token);
/* Newest first (also closed ones): start with NULL; the next older one than t, or NULL at the end.
 */
struct tunnel *registry_older(struct registry *r, const struct tunnel *t);
/* The newest one with a number below `number`: where a list goes on. NULL: none. */
struct tunnel *registry_below(struct registry *r, int64_t number);
/* How long the tunnel, which is open, still lives: ms. */
uint64_t registry_left(struct registry *r, const struct tunnel *t);
size_t registry_open_count(const struct registry *r); /* open, of all keys */
/* Open ones of that key, and those being opened. */
size_t registry_count_of(const struct registry *r, const char *key_id);
bool registry_healthy(const struct registry *r); /* the last attempt to store succeeded */

/* t: NULL when why is not ERR_OK. ERR_NOT_FOUND: no such tunnel (any more); ERR_TUNNEL_CLOSED: it
 * is closed already (rotate); ERR_LIMIT: max_open reached; ERR_TOO_LARGE: the open tunnels of its
 * key would take more than max_key_bytes; ERR_IO, ERR_BUSY (locked, or too much waits),
 * ERR_NO_MEMORY: not stored. */
typedef void registry_done(void *ctx, enum err why, struct tunnel *t);

/* Takes over what *record holds (zeroed after). The registry sets id, number, created, updated,
 * expires. max_open: refuse when the key has so many open tunnels; 0: no limit. */
void registry_open(struct registry *r, struct tunnel_record *record, size_t max_open,
                   registry_done *done, void *ctx);
/* Closing a closed one is no error. remove: its data goes at once (t is NULL in done then). */
void registry_close(struct registry *r, const char *id, bool remove, registry_done *done,
                    void *ctx);
/* token[side] NULL: that side keeps its own. */
void registry_rotate(struct registry *r, const char *id, const uint8_t *const token[SIDE_COUNT],
                     registry_done *done, void *ctx);
struct tag_change {
    const struct tags *add;     /* NULL: none; needed in the call only, */
    const struct texts *remove; /* as these are */
    /* Asked once, when all changes of that tunnel's tags that were asked for before are made or
     * have failed. NULL: yes. */
    bool (*permits)(void *ctx, const struct tunnel *t, const struct tags *after);
};
/* ERR_FORBIDDEN: `permits` said no; ERR_LIMIT: there would be more than 200 tags. Those that still
 * wait for others of the same tunnel when the registry is freed get ERR_SHUTDOWN. */
void registry_tag(struct registry *r, const char *id, const struct tag_change *c,
                  registry_done *done, void *ctx);

/* ---- ends ---- */

struct admission {
    struct tunnel *tunnel;      /* NULL: refused, */
    int status;                 /* with this HTTP status */
    enum err why;               /* which counts as this */
    const char *text;           /* and this text, static storage */
    const struct tunnel *known; /* refused, but the token is this tunnel's (for the audit log) */
};
struct admission_request {
    enum side side;
    struct span token;
    struct span client_token; /* p NULL: none */
    const char *device;       /* CN of the client's verified certificate, or NULL */
    bool device_required;     /* a destination of a tunnel with a thing must be that device */
};
/* The token rules of share/doc/protocol.md. A first use is stored before done is called. */
void registry_admit(struct registry *r, const struct admission_request *q,
                    void (*done)(void *ctx, struct admission a), void *ctx);
/* What registry_admit would say now, without doing anything. True: it would admit, perhaps when it
 * has stored that the token is used, or has to wait for a first use that is being stored. */
bool registry_would_admit(struct registry *r, const struct admission_request *q);
/* What DescribeTunnel shows; stored when there is time, nobody waits. Unknown ids are fine. */
void registry_connected(struct registry *r, struct span id, enum side side, bool connected);

#endif
