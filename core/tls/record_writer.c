#include "core/tls/record_writer.h"

#include <string.h>

#define NARROW_WRITES 16
#define NARROW_MS 5 /* that a pending write takes where a batch makes others wait */
#define APART 4096  /* bytes that get a record of their own; fewer share one */

static bool has_block(struct batch *b)
{
    if (b->block == NULL && !b->no_memory)
        b->block = loop_block(b->loop);
    b->no_memory = b->no_memory || b->block == NULL;
    return !b->no_memory;
}

static void release(struct batch *b)
{
    loop_unblock(b->loop, b->block);
    b->block = NULL;
    b->sealed = 0;
}

static void seal(struct batch *b, enum record_type type)
{
    if (b->open > 0)
        b->sealed += record_seal(b->keys, type, b->block + b->sealed, b->open);
    b->open = 0;
}

/* Returns how long the record after the sealed ones may become. */
static size_t record_room(const struct batch *b)
{
    size_t around = b->sealed + b->keys->front + b->keys->back;
    size_t room = around < LOOP_BLOCK ? LOOP_BLOCK - around : 0;
    return room < b->keys->max_plain ? room : b->keys->max_plain;
}

/* A record of its own for all spans, if there is room. */
static size_t put_apart(struct batch *b, const struct stream_span *spans, size_t n, size_t size)
{
    seal(b, RECORD_DATA);
    if (size > record_room(b) || (b->narrow > 0 && b->sealed > 0))
        return 0;
    b->sealed += record_seal_spans(b->keys, spans, n, b->block + b->sealed, size);
    return size;
}

size_t batch_put_spans(struct batch *b, const struct stream_span *spans, size_t n, size_t from)
{
    size_t size = stream_spans_size(spans, n), max = b->keys->max_plain, taken = from;
    if (b->sending || taken == size || !has_block(b))
        return 0;
    if (from == 0 && size >= APART && size <= max && n <= RECORD_SPANS)
        return put_apart(b, spans, n, size);
    while (taken < size) {
        size_t left = size - taken;
        size_t whole = left < max ? left : max;
        if (b->open > 0 && left <= max && b->open + left > record_room(b))
            seal(b, RECORD_DATA);
        if (b->open == 0 && (whole > record_room(b) || (b->narrow > 0 && b->sealed > 0)))
            break;
        size_t part = record_room(b) - b->open;
        part = left < part ? left : part;
        stream_spans_copy(spans, taken, b->block + b->sealed + b->keys->front + b->open, part);
        b->open += part;
        taken += part;
        if (b->open == max)
            seal(b, RECORD_DATA);
        else if (part < left && b->open == record_room(b))
            break;
    }
    return taken - from;
}

bool batch_alert(struct batch *b, int level, int number)
{
    if (b->sending || !has_block(b))
        return false;
    seal(b, RECORD_DATA);
    if (record_room(b) < 2)
        return false;
    uint8_t *alert = b->block + b->sealed + b->keys->front;
    alert[0] = (uint8_t)level;
    alert[1] = (uint8_t)number;
    b->open = 2;
    seal(b, RECORD_ALERT);
    return true;
}

size_t batch_room(struct batch *b, uint8_t **p)
{
    if (b->sending || !has_block(b))
        return 0;
    *p = b->block + b->sealed;
    return LOOP_BLOCK - b->sealed;
}

void batch_added(struct batch *b, size_t n)
{
    b->sealed += n;
}

bool batch_flush(struct batch *b)
{
    if (b->sending)
        return false;
    seal(b, RECORD_DATA);
    b->sending = b->sealed > 0 && !stream_write(b->lower, b->block, b->sealed);
    b->sent_at = loop_now(b->loop);
    if (!b->sending && b->narrow > 0)
        b->narrow--;
    if (!b->sending)
        release(b);
    return !b->sending;
}

void batch_sent(struct batch *b)
{
    if (b->sending && loop_now(b->loop) - b->sent_at >= NARROW_MS)
        b->narrow = NARROW_WRITES;
    if (b->sending)
        release(b);
    b->sending = false;
}

void batch_end(struct batch *b)
{
    if (!b->sending) {
        seal(b, RECORD_DATA);
        if (b->sealed > 0)
            stream_try_write(b->lower, b->block, b->sealed);
        b->sending = true;
    }
    loop_unblock(b->loop, b->block);
    b->block = NULL;
}
