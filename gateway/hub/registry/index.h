/* Finds tunnels by id, token, number, thing and access key. Private to the registry. */
#ifndef GATEWAY_HUB_REGISTRY_INDEX_H
#define GATEWAY_HUB_REGISTRY_INDEX_H

#include "core/base/err.h"
#include "core/base/map.h"
#include "gateway/hub/registry/entry.h"

/* Places in the order of creation, so that a number is found by binary search. Places of removed
 * tunnels stay empty until they are the majority. */
struct places {
    struct place {
        int64_t number;
        struct entry *entry; /* NULL: removed */
    } * items;
    size_t n, capacity, empty;
};

struct index {
    struct map by_id, by_token[SIDE_COUNT];
    /* struct opener by access key: counts tunnels that are open or being opened. */
    struct map openers;
    struct map things; /* struct thing by name */
    struct list tunnels;
    struct places places;
};

void index_init(struct index *x);
void index_free(struct index *x); /* frees all entries, too */
/* e is newer than all others. ERR_PROTOCOL: its id or one of its tokens is known already;
 * ERR_NO_MEMORY. */
enum err index_add(struct index *x, struct entry *e);
void index_remove(struct index *x, struct entry *e);
void index_set_token(struct index *x, struct entry *e, enum side side, const uint8_t *token);

/* Finds a tunnel by its id. NULL: there is none, or it is not stored yet. */
struct entry *index_find(const struct index *x, struct span id);
/* These find entries that are still `opening`, too. NULL: there is none. */
struct entry *index_by_token(const struct index *x, const uint8_t *token, enum side *side);
/* The newest one below that number of that thing, or of all (NULL), and the next older one. */
struct entry *index_newest(const struct index *x, const char *thing, int64_t below);
struct entry *index_older(const struct index *x, const char *thing, const struct entry *e);

/* The number of tunnels of that key that are open or being opened, and their bytes together. */
size_t index_opener_count(const struct index *x, const char *key_id);
size_t index_opener_bytes(const struct index *x, const char *key_id);
bool index_opener_add(struct index *x, const struct entry *e); /* false: no memory */
void index_opener_remove(struct index *x, const struct entry *e);
void index_opener_resize(struct index *x, struct entry *e, size_t bytes);

#endif
