#include "core/base/map.h"

#include <stdlib.h>
#include <string.h>

struct map_slot {
    const void *key; /* NULL: the slot is free */
    size_t n;
    uint32_t hash;
    void *value;
};

static uint32_t hash_of(const void *key, size_t n)
{
    const uint8_t *p = key;
    uint64_t h = 0xcbf29ce484222325u; /* FNV-1a */
    for (size_t i = 0; i < n; i++)
        h = (h ^ p[i]) * 0x100000001b3u;
    return (uint32_t)(h ^ h >> 32);
}

static struct map_slot *find(const struct map *m, const void *key, size_t n, uint32_t hash)
{
    size_t mask = m->capacity - 1;
    for (size_t i = hash & mask;; i = (i + 1) & mask) {
        struct map_slot *s = &m->slots[i];
        if (s->key == NULL || (s->hash == hash && s->n == n && memcmp(s->key, key, n) == 0))
            return s;
    }
}

void map_free(struct map *m)
{
    free(m->slots);
    *m = (struct map){0};
}

void *map_get(const struct map *m, const void *key, size_t n)
{
    return m->size == 0 ? NULL : find(m, key, n, hash_of(key, n))->value;
}

static bool grow(struct map *m)
{
    struct map bigger = {.capacity = m->capacity != 0 ? m->capacity * 2 : 8, .size = m->size};
    bigger.slots = calloc(bigger.capacity, sizeof *bigger.slots);
    if (bigger.slots == NULL)
        return false;
    for (size_t i = 0; i < m->capacity; i++) {
        struct map_slot *s = &m->slots[i];
        if (s->key != NULL)
            *find(&bigger, s->key, s->n, s->hash) = *s;
    }
    free(m->slots);
    *m = bigger;
    return true;
}

bool map_put(struct map *m, const void *key, size_t n, void *value)
{
    if (m->size * 4 >= m->capacity * 3 && !grow(m))
        return false;
    uint32_t hash = hash_of(key, n);
    struct map_slot *s = find(m, key, n, hash);
    if (s->key == NULL)
        m->size++;
    *s = (struct map_slot){key, n, hash, value};
    return true;
}

void *map_remove(struct map *m, const void *key, size_t n)
{
    if (m->size == 0)
        return NULL;
    struct map_slot *s = find(m, key, n, hash_of(key, n));
    void *value = s->value;
    if (s->key == NULL)
        return NULL;
    m->size--;
    /* Close the gap: later entries of the same run move up when their home lies at or before it. */
    size_t mask = m->capacity - 1, gap = (size_t)(s - m->slots);
    for (size_t i = (gap + 1) & mask; m->slots[i].key != NULL; i = (i + 1) & mask) {
        size_t home = m->slots[i].hash & mask;
        if (((i - home) & mask) >= ((i - gap) & mask)) {
            m->slots[gap] = m->slots[i];
            gap = i;
        }
    }
    m->slots[gap] = (struct map_slot){0};
    return value;
}

void *map_next(const struct map *m, size_t *at)
{
    while (*at < m->capacity) {
        struct map_slot *s = &m->slots[(*at)++];
        if (s->key != NULL)
            return s->value;
    }
    return NULL;
}
