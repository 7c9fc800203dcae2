/* The tunnels of a cluster: a registry (registry.h) whose truth is in Redis, for all nodes of it.
 * See share/doc/cluster.md.
 *
 * A change reads the tunnel, decides by the same rules as the local registry, and is written only
 * if nobody has changed the tunnel meanwhile (redis.h, "put"); else it is decided once more. So
 * struct tag_change's `permits` may be called more than once. A token is used up once, whichever
 * nodes its clients come to.
 *
 * A tunnel belongs to the node at which its first end was let in, until its last end there has
 * left, or the node has died or drains. Clients that come elsewhere meanwhile are told so
 * (admission.elsewhere). What another node has changed is told as events here when the tunnel is
 * held: while it has ends here and for ten minutes after (4,096 of these at most), and, when it was
 * opened here on demand, until it ends. registry_look is how a node learns of changes at once;
 * without it, each held tunnel is read anew once a minute.
 *
 * While Redis is away the answer is ERR_BUSY (503 to clients), and nothing is known of what was
 * asked for and not answered; ends that were let in here before, by a client token, are let in
 * from memory. A tunnel ends by the clock in any case, for all nodes at the same time.
 *
 * Other than the local registry: what a key's tunnels take in memory (max_key_bytes) and how many
 * closed ones are kept is not limited, since they go by themselves, keep_closed_ms after their end;
 * registry_open_count counts the open tunnels that this node holds, not the cluster's;
 * registry_free answers with ERR_SHUTDOWN what is not done yet. The first use of a single-use token
 * whose answer from Redis was lost may count although the client was told 503. A tunnel that was
 * opened so is removed once Redis is back. */
#ifndef GATEWAY_HUB_REGISTRY_SHARED_SHARED_REGISTRY_H
#define GATEWAY_HUB_REGISTRY_SHARED_SHARED_REGISTRY_H

#include "gateway/hub/registry/registry.h"

struct nodes;
struct redis;

struct shared_registry_options {
    struct loop *loop;
    struct redis *redis; /* redis_free has to follow registry_free: late answers free the rest */
    struct nodes *nodes; /* outlives the registry */
    uint64_t keep_closed_ms; /* how long closed tunnels stay visible; 0: 3 h */
    uint64_t keep_held_ms;   /* how long tunnels without ends here are held; 0: 10 min */
    size_t max_held;         /* of those, at most; 0: 4,096 */
    /* As in registry_options. */
    void (*keyed)(void *owner, const char *thing, void (*answer)(void *ctx, bool keyed), void *ctx);
    /* A tunnel that another node has, or had, was changed here: that node, if it lives, should look
     * again (kind "tunnel"). to: "NAME:EPOCH". May be NULL. */
    void (*hint)(void *owner, const char *to, const char *kind, const char *id);
    void *owner;
};

/* NULL: no memory. */
struct registry *shared_registry_new(const struct shared_registry_options *o);

#endif
