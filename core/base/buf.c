#include "core/base/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void buf_free(struct buf *b)
{
    free(b->memory);
    *b = (struct buf){.limit = b->limit};
}

void buf_wipe(struct buf *b)
{
    if (b->memory != NULL)
        explicit_bzero(b->memory, b->capacity);
    buf_free(b);
}

static uint8_t *room(struct buf *b, size_t n)
{
    size_t front = b->memory != NULL ? (size_t)(b->data - b->memory) : 0;
    if (front + b->size + n > b->capacity && front > 0) {
        memmove(b->memory, b->data, b->size);
        b->data = b->memory;
    }
    if (b->size + n > b->capacity) {
        size_t capacity = b->capacity != 0 ? b->capacity : 64;
        while (capacity < b->size + n)
            capacity *= 2;
        uint8_t *memory = malloc(capacity);
        if (memory == NULL)
            return NULL;
        if (b->size > 0)
            memcpy(memory, b->data, b->size);
        if (b->memory != NULL)
            explicit_bzero(b->memory, b->capacity);
        free(b->memory);
        b->memory = b->data = memory;
        b->capacity = capacity;
    }
    return b->data + b->size;
}

static bool fits(const struct buf *b, size_t n)
{
    return n <= b->limit && b->size <= b->limit - n;
}

uint8_t *buf_room(struct buf *b, size_t n)
{
    return fits(b, n) ? room(b, n > 0 ? n : 1) : NULL;
}

void buf_added(struct buf *b, size_t n)
{
    b->size += n;
}

bool buf_append(struct buf *b, const void *p, size_t n)
{
    if (n == 0)
        return true;
    uint8_t *to = buf_room(b, n);
    if (to == NULL)
        return false;
    memcpy(to, p, n);
    b->size += n;
    return true;
}

bool buf_vprintf(struct buf *b, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    /* The extra byte holds vsnprintf's NUL, which does not count. */
    uint8_t *to = n < 0 || !fits(b, (size_t)n) ? NULL : room(b, (size_t)n + 1);
    if (to != NULL) {
        vsnprintf((char *)to, (size_t)n + 1, format, again);
        b->size += (size_t)n;
    }
    va_end(again);
    return to != NULL;
}

bool buf_printf(struct buf *b, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    bool ok = buf_vprintf(b, format, args);
    va_end(args);
    return ok;
}

void buf_take(struct buf *b, size_t n)
{
    if (n == 0)
        return;
    b->data += n;
    b->size -= n;
    if (b->size == 0)
        b->data = b->memory;
}
