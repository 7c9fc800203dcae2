/* What keeps the tunnels for the store (store.h): four calls. All may wait, for the disk or for a
 * peer; the store makes them one at a time, `apply` on another thread than its loop's. */
#ifndef GATEWAY_HUB_REGISTRY_STORE_BACKEND_H
#define GATEWAY_HUB_REGISTRY_STORE_BACKEND_H

#include "gateway/hub/registry/change.h"

struct store_backend {
    /* In the state directory, which exists and is this hub's alone. NULL with *why and a sentence.
     */
    void *(*open)(const char *folder, enum err *why, char *text, size_t size);
    /* Each tunnel in the order of their numbers; `each` takes the record over, and ends the reading
     * with an error. ERR_PROTOCOL: what is kept makes no sense, or `each` said so; the sentence
     * tells which tunnel. */
    enum err (*read)(void *backend, enum err (*each)(void *ctx, struct tunnel_record *r), void *ctx,
                     char *text, size_t size);
    /* All of them (struct change, in order) or none; an empty list writes a little all the same, to
     * see whether that works. ERR_OK: they are kept, whatever happens now. Else ERR_BUSY,
     * ERR_NO_MEMORY, ERR_IO with a sentence; the next call tries anew. */
    enum err (*apply)(void *backend, const struct list *changes, char *text, size_t size);
    void (*close)(void *backend); /* NULL is fine */
};

#endif
