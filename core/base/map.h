/* A hash map from byte strings to pointers, with open addressing. Keys are not copied and must live
 * as long as their entry (usually inside the value). The map does not withstand hostile floods of
 * keys, so its callers bound `size`. */
#ifndef CORE_BASE_MAP_H
#define CORE_BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct map {
    struct map_slot *slots;
    size_t capacity; /* a power of two, or 0 */
    size_t size;     /* entries */
};

/* A zeroed struct map is an empty map. */
void map_free(struct map *m);                                  /* frees the map and no values */
void *map_get(const struct map *m, const void *key, size_t n); /* NULL: the key is not there */
bool map_put(struct map *m, const void *key, size_t n, void *value); /* false: no memory */
void *map_remove(struct map *m, const void *key, size_t n); /* returns the value, or NULL */
/* Walks all entries: starts with *at = 0 and ends with NULL. Do not put or remove meanwhile. */
void *map_next(const struct map *m, size_t *at);

#endif
