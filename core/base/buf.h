/* A byte buffer that grows up to a limit: bytes are appended at its end and taken from its front.
 * A zeroed struct buf with `limit` set is an empty buffer. */
#ifndef CORE_BASE_BUF_H
#define CORE_BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf {
    uint8_t *data;   /* the first byte held */
    size_t size;     /* bytes held */
    size_t limit;    /* the most bytes that the buffer may hold */
    uint8_t *memory; /* private */
    size_t capacity; /* private */
};

void buf_free(struct buf *b); /* empties the buffer and keeps its limit */
bool buf_append(struct buf *b, const void *p, size_t n); /* false: limit or memory; unchanged */
bool buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool buf_vprintf(struct buf *b, const char *format, va_list args);
uint8_t *buf_room(struct buf *b, size_t n); /* n writable bytes at the end; NULL: limit or memory */
void buf_added(struct buf *b, size_t n);    /* n bytes of that room were written */
void buf_take(struct buf *b, size_t n);     /* drops n bytes at the front; n <= size */
void buf_wipe(struct buf *b);               /* zeroes the bytes and frees them: for secrets */

#endif
