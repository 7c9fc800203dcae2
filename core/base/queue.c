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
    size_t most = b == NULL ? 0 : b->total - HEAD < QUEUE_PART ? b->total - HEAD : QUEUE_PART;
    return b != NULL ? most - b->end : 0;
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
    if (q->seen == b)
        q->seen = NULL;
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
        q->seen = NULL;
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

/* A block that is nearly full gets no more of what comes in large pieces. */
static bool takes_more(const struct queue_block *b)
{
    return room(b) >= QUEUE_PART / 4;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

size_t queue_reserve(struct queue *q, struct account *a, size_t n, struct iovec *parts, size_t most)
{
    size_t i = 0;
    q->before = q->last;
    while (i < most && n > 0) {
        if ((i > 0 || !takes_more(q->last)) && add_block(q, a, QUEUE_PART) == NULL)
            break;
        size_t part = least(room(q->last), n);
        parts[i++] = (struct iovec){.iov_base = q->last->bytes + q->last->end, .iov_len = part};
        n -= part;
    }
    return i;
}

void queue_commit(struct queue *q, struct account *a, size_t n)
{
    struct queue_block *last = q->before, *b = last;
    if (!takes_more(last))
        b = last != NULL ? last->next : q->first;
    q->size += n;
    for (; n > 0; b = b->next) {
        size_t part = least(room(b), n);
        b->end = (uint16_t)(b->end + part);
        n -= part;
        last = b;
    }
    cut(q, a, last, last != NULL ? last->end : 0);
}

size_t queue_at(struct queue *q, size_t at, const uint8_t **p)
{
    if (q->seen == NULL || at < q->seen_at) {
        q->seen = q->first;
        q->seen_at = 0;
    }
    size_t there;
    while (at >= q->seen_at + (there = (size_t)(q->seen->end - q->seen->start))) {
        q->seen_at += there;
        q->seen = q->seen->next;
    }
    *p = q->seen->bytes + q->seen->start + (at - q->seen_at);
    return there - (at - q->seen_at);
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
        if (q->seen != NULL && q->seen != b)
            q->seen_at -= part;
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
