/* What is known of an invitation: a join token, for which names, how often and until when devices
 * may enrol with it. Plain data. */
#ifndef GATEWAY_HUB_REGISTRY_INVITATION_H
#define GATEWAY_HUB_REGISTRY_INVITATION_H

#include "gateway/hub/registry/record.h"

struct invitation {
    char *id; /* a UUID */
    uint8_t token[TOKEN_HASH];
    struct texts names; /* globs (core/base/glob.h) on the device's name, at least one */
    struct tags labels; /* what its devices get */
    int64_t uses, used;
    int64_t created, expires; /* ms since the epoch */
    char *key_id;             /* the access key that made it; "" for unsigned calls */
    bool approve;             /* its devices begin as pending */
};
/* Frees the contents, not i itself, which is zeroed. */
void invitation_free(struct invitation *i);

#endif
