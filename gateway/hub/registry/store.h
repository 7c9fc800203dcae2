/* Where the registry keeps its tunnels: the queue before a backend (store_backend.h), which one
 * worker thread at a time writes to. Belongs to a loop, which never waits for the disk.
 *
 * Changes are stored in the order in which they are asked for; those that come while the disk is
 * busy go into one transaction together, and each of them gets the result of its commit. */
#ifndef GATEWAY_HUB_REGISTRY_STORE_H
#define GATEWAY_HUB_REGISTRY_STORE_H

#include "core/net/loop.h"
#include "gateway/hub/registry/store_backend.h"

#define STORE_QUEUE_MAX 8192 /* changes that wait for the disk */

struct store;

struct store_options {
    struct loop *loop;
    const struct store_backend *backend;
    const char *folder; /* the state directory: made when it is not there, and locked */
    /* All that is in it, while it is opened: the backend's `each`. */
    enum err (*each)(void *owner, struct tunnel_record *r);
    void *owner;
};

/* NULL with *why and a sentence (see registry_new). */
struct store *store_new(const struct store_options *o, enum err *why, char *text, size_t size);
/* Stores what was asked for, waiting for it; each `done` is called. What is asked for meanwhile
 * fails. Not from inside a `done`. NULL is fine. */
void store_free(struct store *s);

/* c belongs to the store until `done`, which may come from inside the call: ERR_BUSY when too much
 * waits already, ERR_SHUTDOWN from inside store_free. Else ERR_OK: it is on the disk, or ERR_BUSY
 * (locked by another program), ERR_IO, ERR_NO_MEMORY: it is not, nor is anything of it. */
void store_ask(struct store *s, struct change *c);

/* Nobody waits for these: only the last one of a side counts, it is written with the next
 * transaction or within a second, and again when that fails. After the tunnel's CHANGE_OPEN. */
void store_state(struct store *s, int64_t number, enum side side, bool connected, int64_t at);

bool store_healthy(const struct store *s);     /* the last transaction succeeded */
uint64_t store_commits(const struct store *s); /* transactions that succeeded */

#endif
