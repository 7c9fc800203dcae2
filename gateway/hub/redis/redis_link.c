#include "gateway/hub/redis/redis_link.h"

#include "core/net/dial.h"
#include "core/net/stream.h"

#include <stdlib.h>

#define DIAL_MORE_MS 200 /* than the dial has, whose error says more, so that it comes first */

struct redis_link {
    struct redis_link_options o;
    struct dial *dial;
    struct stream *stream;
    struct reply_reader *reader;
    struct buf unsent; /* collects what is written at the end of the loop's turn */
    struct buf going;  /* is being written */
    struct deferred flush;
    struct list sent;
    struct timer *timer;
    bool reading; /* freed by on_readable when `over` */
    bool over;
};

/* Nothing is told after this, except the freeing. */
static void end(struct redis_link *l, enum err why)
{
    timer_stop(l->timer);
    loop_cancel(&l->flush);
    if (l->stream != NULL)
        stream_close(l->stream);
    l->stream = NULL;
    l->o.events->lost(l->o.owner, why);
}

static void on_timer(void *owner)
{
    struct redis_link *l = owner;
    uint64_t now = loop_now(l->o.loop);
    if (l->stream != NULL) {
        if (list_empty(&l->sent))
            return;
        struct redis_command *oldest = list_entry(l->sent.next, struct redis_command, node);
        if (now < oldest->sent + l->o.timeout_ms) {
            timer_start(l->timer, oldest->sent + l->o.timeout_ms - now);
            return;
        }
    }
    end(l, ERR_TIMEOUT);
}

static void write_out(void *owner)
{
    struct redis_link *l = owner;
    if (l->stream == NULL || !stream_ready(l->stream) || l->unsent.size == 0)
        return;
    struct buf free_one = l->going;
    l->going = l->unsent;
    l->unsent = free_one;
    if (stream_write(l->stream, l->going.data, l->going.size))
        buf_wipe(&l->going); /* there may be a password in it */
}

static void on_writable(void *owner)
{
    struct redis_link *l = owner;
    buf_wipe(&l->going);
    write_out(l);
}

static void on_failed(void *owner, enum err why)
{
    end(owner, why);
}

/* Tells the replies that are complete; false: the link is over, or the answers end here. */
static bool tell_replies(struct redis_link *l, enum err *why)
{
    struct redis_reply *reply = NULL;
    while (!l->over && (*why = reply_reader_next(l->reader, &reply)) == ERR_OK && reply != NULL) {
        if (list_empty(&l->sent)) { /* an answer that nobody asked for */
            redis_reply_free(reply);
            *why = ERR_PROTOCOL;
            return false;
        }
        struct redis_command *c = list_entry(l->sent.next, struct redis_command, node);
        list_remove(&c->node);
        l->o.events->answered(l->o.owner, c, reply);
        redis_reply_free(reply);
    }
    return !l->over && *why == ERR_OK;
}

static void on_readable(void *owner)
{
    struct redis_link *l = owner;
    uint8_t *p = NULL;
    enum err why = ERR_OK;
    long n = stream_peek(l->stream, 1, &p);
    if (n == 0)
        return;
    if (n < 0) {
        end(l, (enum err) - n);
        return;
    }
    bool fed = reply_reader_feed(l->reader, p, (size_t)n);
    stream_consume(l->stream, (size_t)n);
    l->reading = true;
    bool goes_on = fed && tell_replies(l, &why);
    l->reading = false;
    if (l->over)
        redis_link_free(l);
    else if (!goes_on)
        end(l, fed ? why : ERR_NO_MEMORY);
}

static const struct stream_events stream_events = {
    .readable = on_readable, .writable = on_writable, .failed = on_failed};

static void on_dialled(void *owner, struct stream *s, enum err why)
{
    struct redis_link *l = owner;
    l->dial = NULL;
    if (s == NULL) {
        end(l, why);
        return;
    }
    l->stream = s;
    timer_stop(l->timer);
    stream_set_owner(s, &stream_events, l);
    stream_read_on(s, true);
    l->o.events->connected(l->o.owner);
}

struct redis_link *redis_link_new(const struct redis_link_options *o)
{
    struct redis_link *l = calloc(1, sizeof *l);
    if (l == NULL)
        return NULL;
    l->o = *o;
    l->unsent.limit = l->going.limit = REDIS_UNSENT_MAX;
    list_init(&l->sent);
    deferred_init(&l->flush, write_out, l);
    l->reader = reply_reader_new();
    l->timer = timer_new(o->loop, on_timer, l);
    struct dial_options dial = {
        .host = o->place->host, .port = o->place->port, .timeout_ms = o->timeout_ms};
    if (l->reader != NULL && l->timer != NULL)
        l->dial = dial_start(o->loop, &dial, on_dialled, l);
    if (l->dial == NULL) {
        redis_link_free(l);
        return NULL;
    }
    timer_start(l->timer, o->timeout_ms + DIAL_MORE_MS);
    return l;
}

void redis_link_free(struct redis_link *l)
{
    if (l == NULL)
        return;
    if (l->stream != NULL)
        stream_close(l->stream);
    l->stream = NULL;
    if (l->dial != NULL)
        dial_cancel(l->dial);
    l->dial = NULL;
    loop_cancel(&l->flush);
    timer_free(l->timer);
    l->timer = NULL;
    l->over = true;
    if (l->reading)
        return;
    reply_reader_free(l->reader);
    buf_wipe(&l->unsent);
    buf_wipe(&l->going);
    free(l);
}

bool redis_link_send(struct redis_link *l, struct redis_command *c)
{
    if (l->stream == NULL || !buf_append(&l->unsent, c->text.data, c->text.size))
        return false;
    c->sent = loop_now(l->o.loop);
    if (list_empty(&l->sent))
        timer_start(l->timer, l->o.timeout_ms);
    list_append(&l->sent, &c->node);
    loop_defer(l->o.loop, &l->flush);
    return true;
}

void redis_link_take(struct redis_link *l, struct list *into)
{
    list_each(node, &l->sent) list_append(into, node);
}
