/* Private: what a key is to the two halves of keys.h, the one that reads the file and the one that
 * decides. */
#ifndef GATEWAY_HUB_API_KEYS_INTERNAL_H
#define GATEWAY_HUB_API_KEYS_INTERNAL_H

#include "core/base/map.h"
#include "gateway/hub/api/keys.h"

struct access_key {
    struct access_key *next;
    char *id, *secret;
    unsigned operations;      /* 1 << enum operation */
    struct texts things;      /* globs; none: anything, and nothing */
    struct texts services;    /* as things */
    struct texts tags;        /* KEY or KEY=VALUE, all of which must be there */
    bool source, destination; /* whose tokens it may have rotated */
    bool may_delete;
};

struct keys {
    size_t more_owners; /* than one */
    struct access_key *first;
    struct map by_id;
};

#endif
