/* What keeps the tunnels for the store (store.h). All four calls may block, on the disk or a peer;
 * the store makes one at a time, and runs `apply` on a thread other than its loop's. */
#ifndef GATEWAY_HUB_REGISTRY_STORE_BACKEND_H
#define GATEWAY_HUB_REGISTRY_STORE_BACKEND_H

#include "gateway/hub/registry/change.h"

struct store_backend {
    /* Opens the backend in the state directory, which exists and belongs to this hub alone. NULL
     * with *why and a sentence. */
    void *(*open)(const char *folder, enum err *why, char *text, size_t size);
    /* Reads the tunnels in the order of their numbers; `each` takes the record over, and an error
     * from it ends the reading. ERR_PROTOCOL: the data is invalid, or `each` said so; the sentence
     * names the tunnel. */
    enum err (*read)(void *backend, enum err (*each)(void *ctx, struct tunnel_record *r), void *ctx,
                     char *text, size_t size);
    /* Applies all changes (struct change, in order) or none; an empty list still writes a little,
     * to see whether that works. ERR_OK: they are durable. Else ERR_BUSY, ERR_NO_MEMORY, ERR_IO
     * with a sentence; the next call tries again. */
    enum err (*apply)(void *backend, const struct list *changes, char *text, size_t size);
    void (*close)(void *backend); /* NULL is fine */
};

#endif
