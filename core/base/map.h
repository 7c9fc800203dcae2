/* A hash map from byte strings to pointers: open addressing, keys are not copied and must live as
 * long as their entry (usually inside the value). Not for hostile key floods beyond `size` that the
 * caller bounds. */
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
void map_free(struct map *m);                                        /* not the values */
void *map_get(const struct map *m, const void *key, size_t n);       /* NULL: none */
bool map_put(struct map *m, const void *key, size_t n, void *value); /* false: no memory */
void *map_remove(struct map *m, const void *key, size_t n);          /* the value, or NULL */
/* Walks all entries: start with *at = 0, ends with NULL. Do not put or remove meanwhile. */
void *map_next(const struct map *m, size_t *at);

#endif
