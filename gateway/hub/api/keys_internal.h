/* The members of a key, private to the two parts of keys.h: the one that reads the file and the one
 * that decides. */
#ifndef GATEWAY_HUB_API_KEYS_INTERNAL_H
#define GATEWAY_HUB_API_KEYS_INTERNAL_H

#include "core/base/map.h"
#include "gateway/hub/api/keys.h"
#include "gateway/hub/devices/device_keys.h"

struct access_key {
    struct access_key *next;
    bool is_policy;
    char *id, *secret;            /* a policy has no secret, but these keys: */
    struct device_secret keys[2]; /* primary, secondary; of no bytes when there is none */
    unsigned operations;          /* 1 << enum operation */
    struct texts things;      /* globs; an empty list allows any thing, and tunnels without one */
    struct texts services;    /* globs, with the same meaning of an empty list */
    struct texts tags;        /* KEY or KEY=VALUE, all of which a tunnel must have */
    bool source, destination; /* sides whose tokens it may rotate */
    bool may_delete;
};

struct keys {
    size_t more_owners; /* owners besides the first */
    struct access_key *first;
    struct map by_id;
};

#endif
