/* The queue of changes in front of a backend (store_backend.h), in which the registries keep their
 * tunnels and devices. One worker thread at a time writes to the backend, so the store's loop never
 * waits for the disk.
 *
 * Changes are stored in the order in which they are asked for; those that come while the disk is
 * busy go into one transaction together, and each of them gets the result of its commit. */
#ifndef GATEWAY_HUB_REGISTRY_STORE_H
#define GATEWAY_HUB_REGISTRY_STORE_H

#include "core/net/loop.h"
#include "gateway/hub/registry/store_backend.h"

#define STORE_QUEUE_MAX 8192 /* changes that may wait for the disk */

struct store;

struct store_options {
    struct loop *loop;
    const struct store_backend *backend;
    const char *folder; /* the state directory, which is created if it is missing, and locked */
    const struct store_reader *reader; /* takes what is stored while the store is opened */
    void *owner;
};

/* What is kept in the same store as the tunnels: devices and invitations (registry_options). Its
 * functions are called in this order. */
struct store_companion {
    /* As in struct store_reader. */
    enum err (*device)(void *owner, struct device_record *d);
    enum err (*invitation)(void *owner, struct invitation *i);
    void (*attach)(void *owner, struct store *s); /* all is read; changes may be asked for */
    void (*detach)(void *owner);                  /* the last moment to ask for a change */
    void *owner;
};

/* NULL with *why and a sentence (see registry_new). */
struct store *store_new(const struct store_options *o, enum err *why, char *text, size_t size);
/* Stores what was asked for and waits until that is done; each `done` is called. Changes that are
 * asked for meanwhile fail. Must not be called from inside a `done`. NULL is fine. */
void store_free(struct store *s);

/* c belongs to the store until `done`, which may come from inside the call: ERR_BUSY when too much
 * waits already, ERR_SHUTDOWN from inside store_free. Otherwise ERR_OK: the change is on the disk;
 * or ERR_BUSY (locked by another program), ERR_IO, ERR_NO_MEMORY: no part of it is. */
void store_ask(struct store *s, struct change *c);

/* Stores a connection state, for which no caller waits: only the last state of a side counts, and
 * it is written with the next transaction or within a second, and again when that fails. Must
 * follow the tunnel's CHANGE_OPEN. */
void store_state(struct store *s, int64_t number, enum side side, bool connected, int64_t at);

bool store_healthy(const struct store *s);     /* the last transaction succeeded */
uint64_t store_commits(const struct store *s); /* transactions that succeeded */

#endif
