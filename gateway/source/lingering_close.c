#include "gateway/source/lingering_close.h"

#include "core/base/list.h"
#include "core/net/socket.h"

#include <stdlib.h>

#define LOOK_AT_BACKLOG_MS 20 /* how often the kernel's unsent bytes are looked at */

struct lingering_closes {
    struct loop *loop;
    struct list all;
    size_t n;
};

struct lingering_close {
    struct list node;
    struct lingering_closes *set;
    struct stream *stream;
    struct timer *timer;
    struct buf words;
    size_t dropped;
    bool cut;
    uint64_t began_ms;
};

struct lingering_closes *lingering_closes_new(struct loop *loop)
{
    struct lingering_closes *p = calloc(1, sizeof *p);
    if (p == NULL)
        return NULL;
    p->loop = loop;
    list_init(&p->all);
    return p;
}

static void end(struct lingering_close *p)
{
    stream_close(p->stream);
    timer_free(p->timer);
    buf_free(&p->words);
    list_remove(&p->node);
    p->set->n--;
    free(p);
}

void lingering_closes_free(struct lingering_closes *p)
{
    if (p == NULL)
        return;
    while (!list_empty(&p->all))
        end(list_entry(p->all.next, struct lingering_close, node));
    free(p);
}

size_t lingering_closes_count(const struct lingering_closes *p)
{
    return p->n;
}

bool lingering_closes_evict(struct lingering_closes *p)
{
    if (list_empty(&p->all))
        return false;
    end(list_entry(p->all.next, struct lingering_close, node));
    return true;
}

static void cut_off(struct lingering_close *p)
{
    if (stream_backlog(p->stream) > 0 &&
        loop_now(p->set->loop) - p->began_ms < LINGERING_CLOSE_MS) {
        timer_start(p->timer, LOOK_AT_BACKLOG_MS);
        return;
    }
    stream_reset_on_close(p->stream, true);
    end(p);
}

static void on_time(void *owner)
{
    struct lingering_close *p = owner;
    if (p->cut)
        cut_off(p);
    else
        end(p);
}

static void said(struct lingering_close *p)
{
    buf_free(&p->words);
    stream_shutdown(p->stream);
    stream_read_on(p->stream, true);
}

static void on_readable(void *owner)
{
    struct lingering_close *p = owner;
    uint8_t *bytes;
    long n;
    while ((n = stream_peek(p->stream, 1, &bytes)) > 0) {
        stream_consume(p->stream, (size_t)n);
        p->dropped += (size_t)n;
        if (p->dropped > LINGERING_CLOSE_BYTES)
            break;
    }
    if (n != 0)
        end(p);
}

static void on_writable(void *owner)
{
    said(owner);
}

static void on_failed(void *owner, enum err why)
{
    (void)why;
    end(owner);
}

static struct lingering_close *begin(struct lingering_closes *set, struct stream *s)
{
    static const struct stream_events events = {
        .readable = on_readable, .writable = on_writable, .failed = on_failed};
    struct lingering_close *p = calloc(1, sizeof *p);
    struct timer *timer = p != NULL ? timer_new(set->loop, on_time, p) : NULL;
    if (timer == NULL) {
        free(p);
        return NULL;
    }
    *p = (struct lingering_close){
        .set = set, .stream = s, .timer = timer, .began_ms = loop_now(set->loop)};
    list_init(&p->node);
    list_append(&set->all, &p->node);
    set->n++;
    stream_set_owner(s, &events, p);
    stream_read_on(s, false);
    return p;
}

void lingering_close_reset(struct lingering_closes *set, struct stream *s)
{
    struct lingering_close *p = begin(set, s);
    if (p == NULL) {
        stream_reset_on_close(s, true);
        stream_close(s);
        return;
    }
    p->cut = true;
    cut_off(p);
}

void lingering_close_start(struct lingering_closes *set, struct stream *s, struct buf *words)
{
    struct lingering_close *p = begin(set, s);
    if (p == NULL) {
        /* There is no memory for a lingering close. */
        buf_free(words);
        stream_close(s);
        return;
    }
    stream_reset_on_close(s, false);
    p->words = *words;
    *words = (struct buf){.limit = words->limit};
    timer_start(p->timer, LINGERING_CLOSE_MS);
    if (p->words.size == 0 || stream_write(s, p->words.data, p->words.size))
        said(p);
}
