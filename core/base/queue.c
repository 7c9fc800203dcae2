#include "core/base/queue.h"

#include <string.h>

#define LEAST 1024

struct queue_block {
    struct queue_block *next;
    uint16_t total; /* size of the block's memory, this head included */
    uint16_t start, end;
    uint8_t bytes[];
};
#define HEAD offsetof(struct queue_block, bytes)

static size_t room(const struct queue_block *b)
{
    return b != NULL ? b->total - HEAD - b->end : 0;
}

/* Doubles the memory of the queue, so that a long queue has few blocks and a short one wastes
 * little. */
static size_t size_for(const struct queue *q, size_t n)
{
    size_t size = LEAST, want = n + HEAD > q->memory ? n + HEAD : q->memory;
    while (size < want && size < BUDGET_BLOCK)
        size *= 2;
    return size;
}

static struct queue_block *add_block(struct queue *q, struct account *a, size_t n)
{
    size_t size = size_for(q, n);
    struct queue_block *b = account_take(a, size);
    if (b == NULL)
        return NULL;
    *b = (struct queue_block){.total = (uint16_t)size};
    q->memory += size;
    if (q->last != NULL)
        q->last->next = b;
    else
        q->first = b;
    q->last = b;
    return b;
}

static void drop_first(struct queue *q, struct account *a)
{
    struct queue_block *b = q->first;
    q->first = b->next;
    if (q->first == NULL)
        q->last = NULL;
    q->memory -= b->total;
    account_give(a, b, b->total);
}

/* Takes back what a failed append has added: `size` bytes stay, the last of them in `last`. */
static void cut(struct queue *q, struct account *a, struct queue_block *last, uint16_t end)
{
    struct queue_block *b = last != NULL ? last->next : q->first;
    if (last != NULL) {
        last->next = NULL;
        last->end = end;
    } else {
        q->first = NULL;
    }
    q->last = last;
    while (b != NULL) {
        struct queue_block *next = b->next;
        q->memory -= b->total;
        account_give(a, b, b->total);
        b = next;
    }
}

bool queue_append(struct queue *q, struct account *a, const void *p, size_t n)
{
    struct queue_block *last = q->last;
    uint16_t end = last != NULL ? last->end : 0;
    size_t done = 0;
    while (done < n) {
        if (room(q->last) == 0 && add_block(q, a, n - done) == NULL) {
            cut(q, a, last, end);
            return false;
        }
        struct queue_block *b = q->last;
        size_t part = room(b) < n - done ? room(b) : n - done;
        memcpy(b->bytes + b->end, (const uint8_t *)p + done, part);
        b->end = (uint16_t)(b->end + part);
        done += part;
    }
    q->size += n;
    return true;
}

size_t queue_front(const struct queue *q, const uint8_t **p)
{
    const struct queue_block *b = q->first;
    if (b == NULL)
        return 0;
    *p = b->bytes + b->start;
    return (size_t)(b->end - b->start);
}

void queue_take(struct queue *q, struct account *a, size_t n)
{
    q->size -= n;
    while (n > 0) {
        struct queue_block *b = q->first;
        size_t there = (size_t)(b->end - b->start), part = n < there ? n : there;
        b->start = (uint16_t)(b->start + part);
        n -= part;
        if (b->start == b->end)
            drop_first(q, a);
    }
}

void queue_copy(const struct queue *q, size_t at, void *out, size_t n)
{
    const struct queue_block *b = q->first;
    uint8_t *to = out;
    for (; n > 0; b = b->next) {
        size_t there = (size_t)(b->end - b->start);
        size_t part = at < there ? there - at : 0;
        part = part < n ? part : n;
        if (part > 0)
            memcpy(to, b->bytes + b->start + at, part);
        at -= at < there ? at : there;
        to += part;
        n -= part;
    }
}

void queue_free(struct queue *q, struct account *a)
{
    while (q->first != NULL)
        drop_first(q, a);
    q->size = 0;
}
