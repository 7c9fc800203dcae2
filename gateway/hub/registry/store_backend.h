/* What keeps tunnels, devices and invitations for the store (store.h). All four calls may block, on
 * the disk or a peer; the store makes one at a time, and runs `apply` on a thread other than its
 * loop's. */
#ifndef GATEWAY_HUB_REGISTRY_STORE_BACKEND_H
#define GATEWAY_HUB_REGISTRY_STORE_BACKEND_H

#include "gateway/hub/registry/change.h"

/* Takes what is read. Each function takes its record over, and an error from it ends the reading;
 * ERR_PROTOCOL: the record contradicts one that came before. */
struct store_reader {
    enum err (*tunnel)(void *owner, struct tunnel_record *r);
    enum err (*device)(void *owner, struct device_record *d);
    enum err (*invitation)(void *owner, struct invitation *i);
};

struct store_backend {
    /* Opens the backend in the state directory, which exists and belongs to this hub alone. NULL
     * with *why and a sentence. */
    void *(*open)(const char *folder, enum err *why, char *text, size_t size);
    /* Reads the tunnels in the order of their numbers, then invitations in the order in which they
     * were made, then devices in the order of their names, by bytes. ERR_PROTOCOL: the data is
     * invalid, or the reader said so; the sentence names the record. */
    enum err (*read)(void *backend, const struct store_reader *to, void *owner, char *text,
                     size_t size);
    /* Applies all changes (struct change, in order) or none; an empty list still writes a little,
     * to see whether that works. ERR_OK: they are durable. Else ERR_BUSY, ERR_NO_MEMORY, ERR_IO
     * with a sentence; the next call tries again. */
    enum err (*apply)(void *backend, const struct list *changes, char *text, size_t size);
    void (*close)(void *backend); /* NULL is fine */
};

#endif
