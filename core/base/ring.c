#include "core/base/ring.h"

#include <stdlib.h>
#include <string.h>

#define LEAST 1024
#define KEPT 4096 /* memory that an empty one may keep */

void ring_free(struct ring *r)
{
    free(r->memory);
    *r = (struct ring){0};
}

void ring_copy(const struct ring *r, size_t at, void *out, size_t n)
{
    if (n == 0)
        return;
    size_t from = (r->first + at) & (r->capacity - 1);
    size_t straight = r->capacity - from < n ? r->capacity - from : n;
    memcpy(out, r->memory + from, straight);
    memcpy((uint8_t *)out + straight, r->memory, n - straight);
}

static bool grow(struct ring *r, size_t need)
{
    size_t capacity = r->capacity != 0 ? r->capacity : LEAST;
    while (capacity < need)
        capacity *= 2;
    if (capacity == r->capacity)
        return true;
    uint8_t *memory = malloc(capacity);
    if (memory == NULL)
        return false;
    ring_copy(r, 0, memory, r->size);
    free(r->memory);
    r->memory = memory;
    r->capacity = capacity;
    r->first = 0;
    return true;
}

bool ring_append(struct ring *r, const void *p, size_t n)
{
    if (n == 0)
        return true;
    if (!grow(r, r->size + n))
        return false;
    size_t to = (r->first + r->size) & (r->capacity - 1);
    size_t straight = r->capacity - to < n ? r->capacity - to : n;
    memcpy(r->memory + to, p, straight);
    memcpy(r->memory, (const uint8_t *)p + straight, n - straight);
    r->size += n;
    return true;
}

void ring_take(struct ring *r, size_t n)
{
    if (n == 0)
        return;
    r->size -= n;
    r->first = (r->first + n) & (r->capacity - 1);
    if (r->size == 0 && r->capacity > KEPT)
        ring_free(r);
}
