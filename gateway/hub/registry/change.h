/* One change of tunnels, devices or invitations, as the registries ask the store for it. */
#ifndef GATEWAY_HUB_REGISTRY_CHANGE_H
#define GATEWAY_HUB_REGISTRY_CHANGE_H

#include "core/base/err.h"
#include "core/base/list.h"
#include "gateway/hub/registry/device_record.h"
#include "gateway/hub/registry/invitation.h"

/* X(name); each comment tells what the change means for the tunnel `number`, or for a device or
 * invitation, of which each row is written as a whole */
#define CHANGE_TABLE(X)                                                                            \
    X(OPEN)   /* the tunnel exists, as `record` describes it */                                    \
    X(CLOSE)  /* closed at `at`, unless it is already */                                           \
    X(REMOVE) /* all of its data is deleted */                                                     \
    X(ROTATE) /* unless closed: sides with has_token get `token`, which is unused */               \
    X(USE)    /* token[side], if still valid, is used, by `client` when has_client */              \
    X(TAG)    /* tags in `remove` are removed, those in `add` are set */                           \
    X(STATE)  /* `side` became connected or not at `at` */                                         \
    X(DEVICE) /* the device is as `device` says; invitation `id`, unless NULL, is used once more   \
               */                                                                                  \
    X(DEVICE_REMOVE)     /* the device of the name `id` is deleted */                              \
    X(INVITATION)        /* the invitation exists, as `invitation` describes it */                 \
    X(INVITATION_REMOVE) /* the invitation `id` is deleted */

enum change_kind {
#define X(name) CHANGE_##name,
    CHANGE_TABLE(X)
#undef X
        CHANGE_COUNT
};

/* The owner fills a change in, and must not touch it or what it points to until `done`. */
struct change {
    struct list node; /* used by the store */
    enum change_kind kind;
    int64_t number;
    int64_t at; /* ms since the epoch */
    enum side side;
    const struct tunnel_record *record;
    bool has_token[SIDE_COUNT];
    uint8_t token[SIDE_COUNT][TOKEN_HASH];
    bool has_client;
    uint8_t client[TOKEN_HASH];
    bool connected;
    struct tags add;
    struct texts remove;
    const struct device_record *device;
    const struct invitation *invitation;
    const char *id;
    void (*done)(struct change *c, enum err why);
};

#endif
