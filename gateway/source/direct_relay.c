#include "core/net/socket.h"
#include "gateway/source/direct_internal.h"

#include <stdlib.h>
#include <string.h>

/* ---- the end ---- */

static void release(struct direct *d)
{
    list_remove(&d->node);
    d->set->n--;
    if (d->dial != NULL)
        dial_cancel(d->dial);
    for (size_t i = 0; i < 2; i++) {
        if (d->sides[i].stream != NULL)
            stream_close(d->sides[i].stream);
        loop_unblock(d->set->loop, d->sides[i].block);
    }
    if (d->tap_free != NULL)
        d->tap_free(d->tap.ctx);
    buf_free(&d->early);
    buf_free(&d->out);
    access_log_forget(&d->who);
    free(d);
}

void direct_part(struct direct *d, struct buf *words)
{
    struct stream *client = d->sides[DIRECT_CLIENT].stream;
    d->sides[DIRECT_CLIENT].stream = NULL;
    lingering_close_start(d->set->lingering_closes, client, words);
    release(d);
}

void direct_drop(struct direct *d, enum err why)
{
    for (size_t i = 0; i < 2; i++)
        if (d->sides[i].stream != NULL)
            stream_reset_on_close(d->sides[i].stream, !err_is_end(why));
    if (d->state == DIRECT_DIALLING || d->state == DIRECT_ANSWERING)
        access_log_refuse(&d->who, why, NULL);
    else
        access_log_ended(&d->who,
                         &(struct access_log_end){.service = "-",
                                                  .ms = loop_now(d->set->loop) - d->started_ms,
                                                  .up = d->sides[DIRECT_CLIENT].bytes,
                                                  .down = d->sides[DIRECT_FAR].bytes,
                                                  .why = why});
    release(d);
}

/* Closes the far side: with a FIN if the client has said all, else with a reset. */
static void close_far(struct direct *d)
{
    struct direct_side *far = &d->sides[DIRECT_FAR];
    if (far->stream == NULL)
        return;
    bool said_all =
        d->sides[DIRECT_CLIENT].ended || (d->tap.whole != NULL && d->tap.whole(d->tap.ctx));
    stream_reset_on_close(far->stream, !said_all || !stream_ready(far->stream));
    stream_close(far->stream);
    far->stream = NULL;
}

/* Ends both directions of the far side; the client still gets what has come for it. */
static void leave(struct direct *d, enum err why)
{
    struct buf none = {.limit = 1};
    struct stream *client = d->sides[DIRECT_CLIENT].stream;
    if (d->state == DIRECT_RELAYING)
        d->why = why;
    d->state = DIRECT_LEAVING;
    close_far(d);
    stream_read_on(client, false);
    if (!stream_ready(client))
        return;
    d->sides[DIRECT_CLIENT].stream = NULL; /* direct_drop ends the rest */
    if (err_is_end(d->why))
        lingering_close_start(d->set->lingering_closes, client, &none);
    else
        lingering_close_reset(d->set->lingering_closes, client);
    direct_drop(d, d->why);
}

/* ---- relaying ---- */

static struct direct_side *other(struct direct_side *s)
{
    return &s->direct->sides[s == &s->direct->sides[DIRECT_CLIENT] ? DIRECT_FAR : DIRECT_CLIENT];
}

/* Passes a FIN on, behind the bytes that were read before it. */
static void on_end(struct direct_side *s)
{
    struct direct *d = s->direct;
    bool client = s == &d->sides[DIRECT_CLIENT];
    s->ended = true;
    stream_read_on(s->stream, false);
    if (!other(s)->ended) {
        d->why = client ? ERR_CLIENT_CLOSED : ERR_SERVICE_CLOSED;
        stream_shutdown(other(s)->stream);
    } else if (client) {
        direct_drop(d, d->why);
    } else {
        leave(d, d->why);
    }
}

/* The inserted text has room in the block, since LOOP_BLOCK is larger than DIRECT_BLOCK. */
static size_t insert_into(uint8_t *block, size_t n, const struct conn_insert *insert)
{
    size_t more = insert->text.n;
    if (more == 0 || n + more > LOOP_BLOCK)
        return n;
    memmove(block + insert->at + more, block + insert->at, n - insert->at);
    memcpy(block + insert->at, insert->text.p, more);
    return n + more;
}

static size_t tapped_down(struct direct_side *s, size_t n, bool *last)
{
    struct direct *d = s->direct;
    struct conn_insert insert = {0};
    if (d->tap.down == NULL)
        return n;
    *last = !d->tap.down(d->tap.ctx, s->block, n, &insert);
    return insert_into(s->block, n, &insert);
}

/* Returns how many of the n bytes in the block shall pass; *last: they are the last ones down. */
static size_t tapped(struct direct_side *s, size_t n, bool *last)
{
    struct direct *d = s->direct;
    *last = false;
    if (s != &d->sides[DIRECT_CLIENT])
        return tapped_down(s, n, last);
    if (d->up_done)
        return 0;
    if (d->tap.up == NULL)
        return n;
    size_t may = d->tap.up(d->tap.ctx, s->block, n);
    d->up_done |= may < n; /* From now on the client is read only to learn of its end. */
    return may;
}

static void unblock(struct direct_side *s)
{
    loop_unblock(s->direct->set->loop, s->block);
    s->block = NULL;
}

static void pass(struct direct_side *s, size_t n)
{
    struct direct *d = s->direct;
    bool last;
    n = tapped(s, n, &last);
    if (s == &d->sides[DIRECT_FAR] && s->bytes == 0)
        d->first_byte_ms = loop_now(d->set->loop);
    s->bytes += n;
    if (n == 0 || stream_write(other(s)->stream, s->block, n))
        unblock(s);
    else
        stream_read_on(s->stream, false); /* until the other side's on_writable */
    if (last)
        leave(d, ERR_OK);
}

static enum err of_client(enum err why)
{
    return why == ERR_RESET ? ERR_CLIENT_RESET : why;
}

static void on_readable(void *owner)
{
    struct direct_side *s = owner;
    struct direct *d = s->direct;
    if (d->state != DIRECT_RELAYING || s->block != NULL || !stream_ready(other(s)->stream)) {
        stream_read_on(s->stream, false);
        return;
    }
    s->block = loop_block(d->set->loop);
    if (s->block == NULL) {
        direct_drop(d, ERR_NO_MEMORY);
        return;
    }
    long n = stream_pull(s->stream, s->block, DIRECT_BLOCK);
    if (n > 0) {
        pass(s, (size_t)n);
        return;
    }
    unblock(s);
    if (n == -ERR_EOF && s == &d->sides[DIRECT_CLIENT] && d->tap.torn != NULL &&
        d->tap.torn(d->tap.ctx))
        direct_drop(d, ERR_CLIENT_RESET);
    else if (n == -ERR_EOF)
        on_end(s);
    else if (n < 0 && s == &d->sides[DIRECT_FAR])
        leave(d, (enum err) - n);
    else if (n < 0)
        direct_drop(d, of_client((enum err) - n));
}

void direct_relay(struct direct *d)
{
    buf_free(&d->out);
    d->state = DIRECT_RELAYING;
    access_log_answered(&d->who);
    for (size_t i = 0; i < 2; i++) {
        stream_reset_on_close(d->sides[i].stream, true); /* until the side's end has come */
        stream_read_on(d->sides[i].stream, !d->sides[i].ended);
    }
}

static void on_writable(void *owner)
{
    struct direct_side *s = owner, *from = other(s);
    struct direct *d = s->direct;
    if (s == &d->sides[DIRECT_CLIENT] && d->state == DIRECT_ANSWERING) {
        direct_relay(d);
        return;
    }
    if (s == &d->sides[DIRECT_CLIENT] && d->state == DIRECT_LEAVING) {
        leave(d, d->why);
        return;
    }
    unblock(from);
    if (s == &d->sides[DIRECT_FAR])
        buf_free(&d->early);
    if (d->state == DIRECT_RELAYING && !from->ended)
        stream_read_on(from->stream, true);
}

static void on_failed(void *owner, enum err why)
{
    struct direct_side *s = owner;
    struct direct *d = s->direct;
    if (s == &d->sides[DIRECT_CLIENT] || d->state != DIRECT_RELAYING) {
        direct_drop(d, s == &d->sides[DIRECT_CLIENT] ? of_client(why) : why);
    } else if (s->ended) {
        leave(d, why);
    } else { /* What the far side sent before its failure is still there to be read, and then the
                error. */
        d->up_done = true;
        stream_read_on(s->stream, s->block == NULL);
    }
}

const struct stream_events direct_events = {
    .readable = on_readable, .writable = on_writable, .failed = on_failed};
