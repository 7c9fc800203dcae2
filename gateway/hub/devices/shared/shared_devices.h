/* The devices and invitations that the nodes of a cluster share: a device_registry.h whose truth is
 * in Redis, so that a device may come to any node and an operator may ask any node. What is decided
 * is decided here, by the rules that a hub alone has (device_rules.h), from a record and its
 * version; Redis writes what came of it if the version is still that one, and otherwise it is
 * decided again.
 *
 * Each node remembers the devices whose links it has, and of those that it had lately as many as
 * it may: device_registry_each has these, and with device_registry_watch all others that have been
 * read, which are a hundred thousand at most. When Redis does not answer a device that this node
 * let in before is let in again from memory; everything else is ENROL_NOT_STORED or ERR_BUSY then.
 *
 * It differs from the registry of a hub alone in this: the limit of devices is kept as far as this
 * node has counted them (each COUNT_MS, and what it adds itself), so nodes that enrol at the same
 * time may exceed it by what they enrol within that time; and what devices tell is stored when
 * their link comes or goes, or SEEN_MS after it was told. */
#ifndef GATEWAY_HUB_DEVICES_SHARED_SHARED_DEVICES_H
#define GATEWAY_HUB_DEVICES_SHARED_SHARED_DEVICES_H

#include "gateway/hub/devices/device_registry.h"

struct nodes;
struct redis;

struct shared_devices_options {
    struct loop *loop;
    struct redis *redis;
    struct nodes *nodes;
    /* The key that seals devices' symmetric keys (device_keys.h), SEAL_KEY_SIZE bytes; NULL: this
     * node has none. */
    const uint8_t *secrets_key;
    size_t max_invitations; /* 0: 10,000 */
    size_t remembered;      /* devices whose link was here; 0: 10,000 */
    uint64_t watch_ms;      /* for so long device_registry_watch holds; 0: 10,000 */
    /* That node, if it lives, should look at the device again (device_registry_look): kind is
     * "device", id its name's fold. to: "NAME:EPOCH". May be NULL. */
    void (*hint)(void *owner, const char *to, const char *kind, const char *id);
    void *owner;
};

/* Blocks until Redis has answered whether secrets_key is the cluster's: ERR_USAGE with a sentence
 * when it is another one; ERR_BUSY; ERR_NO_MEMORY. NULL then. All options' objects outlive it. Its
 * end answers whatever is owed with ERR_SHUTDOWN, or ENROL_NOT_STORED. */
struct device_registry *shared_devices_new(const struct shared_devices_options *o, enum err *why,
                                           char *text, size_t size);

#endif
