#include "gateway/source/direct.h"

#include "core/base/list.h"
#include "core/net/dial.h"
#include "core/net/socket.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(DIRECT_BLOCK <= LOOP_BLOCK, "a direction's bytes lie in one block of the loop");

struct directs {
    struct loop *loop;
    struct access_log *access_log;
    struct lingering_closes *lingering_closes;
    struct list all;
    size_t n;
};

enum { CLIENT, FAR };

/* One of the two streams, and what was read from it. */
struct side {
    struct direct *direct;
    struct stream *stream; /* NULL: not there yet, or given away */
    uint8_t *block;        /* read here and pending at the other side; NULL: nothing is */
    uint64_t bytes;        /* that were read and may pass */
    bool ended;            /* nothing more comes from it */
};

enum state {
    DIALLING,
    ANSWERING,
    RELAYING,
    LEAVING /* the last bytes for the client are pending */
};

struct direct {
    struct list node;
    struct directs *set;
    enum state state;
    struct side sides[2];
    struct dial *dial; /* running */
    const struct reply_format *format;
    struct access_log_entry who; /* what it asked for is the host */
    int port;
    uint64_t started_ms, first_byte_ms; /* of the far side; 0: none has come */
    enum err why;                       /* how it ended, once one side has */
    struct buf early, out;
    struct conn_tap tap;
    void (*tap_free)(void *ctx);
    bool up_done; /* no more goes up: the tap said so, or the far side takes none */
};

/* ---- the set ---- */

struct directs *directs_new(struct loop *loop, struct forwards *forwards)
{
    struct directs *set = calloc(1, sizeof *set);
    if (set == NULL)
        return NULL;
    set->loop = loop;
    set->access_log = forwards_access_log(forwards);
    set->lingering_closes = forwards_lingering(forwards);
    list_init(&set->all);
    return set;
}

size_t directs_count(const struct directs *set)
{
    return set != NULL ? set->n : 0;
}

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

static void part(struct direct *d, struct buf *words)
{
    struct stream *client = d->sides[CLIENT].stream;
    d->sides[CLIENT].stream = NULL;
    lingering_close_start(d->set->lingering_closes, client, words);
    release(d);
}

static void refuse(struct direct *d, enum err why, const char *what)
{
    char text[FORWARD_TEXT], safe[100];
    struct buf words = {.limit = 8192};
    snprintf(text, sizeof text, "%s: %s", str_escape(span_of(d->who.asked), safe, sizeof safe),
             what);
    access_log_refuse(&d->who, why, text);
    if (!d->format->answer(why, text, &words))
        buf_free(&words);
    part(d, &words);
}

/* Ends it at once, whatever state it is in; what the client has not got is lost. Neither side hears
 * of an end that was none. */
static void drop(struct direct *d, enum err why)
{
    for (size_t i = 0; i < 2; i++)
        if (d->sides[i].stream != NULL)
            stream_reset_on_close(d->sides[i].stream, !err_is_end(why));
    if (d->state == DIALLING || d->state == ANSWERING)
        access_log_refuse(&d->who, why, NULL);
    else
        access_log_ended(&d->who,
                         &(struct access_log_end){.service = "-",
                                                  .ms = loop_now(d->set->loop) - d->started_ms,
                                                  .up = d->sides[CLIENT].bytes,
                                                  .down = d->sides[FAR].bytes,
                                                  .why = why});
    release(d);
}

/* It gets a FIN if the client has said all. */
static void close_far(struct direct *d)
{
    struct side *far = &d->sides[FAR];
    if (far->stream == NULL)
        return;
    bool said_all = d->sides[CLIENT].ended || (d->tap.whole != NULL && d->tap.whole(d->tap.ctx));
    stream_reset_on_close(far->stream, !said_all || !stream_ready(far->stream));
    stream_close(far->stream);
    far->stream = NULL;
}

/* The far side is over for both directions; the client still gets what has come for it. */
static void leave(struct direct *d, enum err why)
{
    struct buf none = {.limit = 1};
    struct stream *client = d->sides[CLIENT].stream;
    if (d->state == RELAYING)
        d->why = why;
    d->state = LEAVING;
    close_far(d);
    stream_read_on(client, false);
    if (!stream_ready(client))
        return;
    d->sides[CLIENT].stream = NULL; /* the last line ends the rest */
    if (err_is_end(d->why))
        lingering_close_start(d->set->lingering_closes, client, &none);
    else
        lingering_close_reset(d->set->lingering_closes, client);
    drop(d, d->why);
}

void directs_free(struct directs *set)
{
    if (set == NULL)
        return;
    while (!list_empty(&set->all))
        drop(list_entry(set->all.next, struct direct, node), ERR_SHUTDOWN);
    free(set);
}

/* ---- relaying ---- */

static struct side *other(struct side *s)
{
    return &s->direct->sides[s == &s->direct->sides[CLIENT] ? FAR : CLIENT];
}

/* A FIN goes on behind what was read before it. */
static void on_end(struct side *s)
{
    struct direct *d = s->direct;
    bool client = s == &d->sides[CLIENT];
    s->ended = true;
    stream_read_on(s->stream, false);
    if (!other(s)->ended) {
        d->why = client ? ERR_CLIENT_CLOSED : ERR_SERVICE_CLOSED;
        stream_shutdown(other(s)->stream);
    } else if (client) {
        drop(d, d->why);
    } else {
        leave(d, d->why);
    }
}

/* The block has room for it: LOOP_BLOCK is more than DIRECT_BLOCK. */
static size_t insert_into(uint8_t *block, size_t n, const struct conn_insert *insert)
{
    size_t more = insert->text.n;
    if (more == 0 || n + more > LOOP_BLOCK)
        return n;
    memmove(block + insert->at + more, block + insert->at, n - insert->at);
    memcpy(block + insert->at, insert->text.p, more);
    return n + more;
}

static size_t tapped_down(struct side *s, size_t n, bool *last)
{
    struct direct *d = s->direct;
    struct conn_insert insert = {0};
    if (d->tap.down == NULL)
        return n;
    *last = !d->tap.down(d->tap.ctx, s->block, n, &insert);
    return insert_into(s->block, n, &insert);
}

/* How many bytes of the block shall pass, of n that came; *last: they are the last ones down. */
static size_t tapped(struct side *s, size_t n, bool *last)
{
    struct direct *d = s->direct;
    *last = false;
    if (s != &d->sides[CLIENT])
        return tapped_down(s, n, last);
    if (d->up_done)
        return 0;
    if (d->tap.up == NULL)
        return n;
    size_t may = d->tap.up(d->tap.ctx, s->block, n);
    d->up_done |= may < n; /* read on only to learn of the client's end */
    return may;
}

static void unblock(struct side *s)
{
    loop_unblock(s->direct->set->loop, s->block);
    s->block = NULL;
}

static void pass(struct side *s, size_t n)
{
    struct direct *d = s->direct;
    bool last;
    n = tapped(s, n, &last);
    if (s == &d->sides[FAR] && s->bytes == 0)
        d->first_byte_ms = loop_now(d->set->loop);
    s->bytes += n;
    if (n == 0 || stream_write(other(s)->stream, s->block, n))
        unblock(s);
    else
        stream_read_on(s->stream, false); /* until on_writable of the other side */
    if (last)
        leave(d, ERR_OK);
}

static enum err of_client(enum err why)
{
    return why == ERR_RESET ? ERR_CLIENT_RESET : why;
}

static void on_readable(void *owner)
{
    struct side *s = owner;
    struct direct *d = s->direct;
    if (d->state != RELAYING || s->block != NULL || !stream_ready(other(s)->stream)) {
        stream_read_on(s->stream, false);
        return;
    }
    s->block = loop_block(d->set->loop);
    if (s->block == NULL) {
        drop(d, ERR_NO_MEMORY);
        return;
    }
    long n = stream_pull(s->stream, s->block, DIRECT_BLOCK);
    if (n > 0) {
        pass(s, (size_t)n);
        return;
    }
    unblock(s);
    if (n == -ERR_EOF && s == &d->sides[CLIENT] && d->tap.torn != NULL && d->tap.torn(d->tap.ctx))
        drop(d, ERR_CLIENT_RESET);
    else if (n == -ERR_EOF)
        on_end(s);
    else if (n < 0 && s == &d->sides[FAR])
        leave(d, (enum err) - n);
    else if (n < 0)
        drop(d, of_client((enum err) - n));
}

static void relay(struct direct *d)
{
    buf_free(&d->out);
    d->state = RELAYING;
    access_log_answered(&d->who);
    for (size_t i = 0; i < 2; i++) {
        stream_reset_on_close(d->sides[i].stream, true); /* until its end has come */
        stream_read_on(d->sides[i].stream, !d->sides[i].ended);
    }
}

static void on_writable(void *owner)
{
    struct side *s = owner, *from = other(s);
    struct direct *d = s->direct;
    if (s == &d->sides[CLIENT] && d->state == ANSWERING) {
        relay(d);
        return;
    }
    if (s == &d->sides[CLIENT] && d->state == LEAVING) {
        leave(d, d->why);
        return;
    }
    unblock(from);
    if (s == &d->sides[FAR])
        buf_free(&d->early);
    if (d->state == RELAYING && !from->ended)
        stream_read_on(from->stream, true);
}

static void on_failed(void *owner, enum err why)
{
    struct side *s = owner;
    struct direct *d = s->direct;
    if (s == &d->sides[CLIENT] || d->state != RELAYING) {
        drop(d, s == &d->sides[CLIENT] ? of_client(why) : why);
    } else if (s->ended) {
        leave(d, why);
    } else { /* what it said before it went away is still to be had, then the error */
        d->up_done = true;
        stream_read_on(s->stream, s->block == NULL);
    }
}

static const struct stream_events events = {
    .readable = on_readable, .writable = on_writable, .failed = on_failed};

/* ---- dialling ---- */

static void on_dialled(void *owner, struct stream *s, enum err why)
{
    struct direct *d = owner;
    struct stream *client = d->sides[CLIENT].stream;
    d->dial = NULL;
    if (s == NULL) {
        refuse(d, why, err_text(why));
        return;
    }
    d->sides[FAR].stream = s;
    stream_set_owner(s, &events, &d->sides[FAR]);
    if (d->early.size > 0) {
        d->sides[CLIENT].bytes = d->early.size;
        if (stream_write(s, d->early.data, d->early.size))
            buf_free(&d->early);
    }
    d->state = ANSWERING;
    if (!d->format->answer(ERR_OK, "", &d->out))
        drop(d, ERR_NO_MEMORY);
    else if (d->out.size == 0 || stream_write(client, d->out.data, d->out.size))
        relay(d);
}

/* No '/' above all: to the dialler that would be a unix socket's path. */
static bool is_host(const char *host)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:";
    return host[0] != '\0' && host[0] != '-' && host[strspn(host, allowed)] == '\0';
}

static void dial(struct direct *d)
{
    const struct dial_options o = {.host = d->who.asked, .port = d->port, .untrusted = true};
    if (!is_host(d->who.asked)) {
        refuse(d, ERR_PROTOCOL, "no host name");
        return;
    }
    if (d->port < 1 || d->port > 65535) {
        refuse(d, ERR_PROTOCOL, "no port to go to");
        return;
    }
    access_log_opened(&d->who, NULL, "");
    d->dial = dial_start(d->set->loop, &o, on_dialled, d);
    if (d->dial == NULL)
        refuse(d, ERR_NO_MEMORY, err_text(ERR_NO_MEMORY));
}

/* ---- for who watches ---- */

static void show(void *ctx, struct monitor_counters *out)
{
    const struct direct *d = ctx;
    const struct side *client = &d->sides[CLIENT], *far = &d->sides[FAR];
    *out = (struct monitor_counters){
        .state = d->state == DIALLING || d->state == ANSWERING ? MONITOR_STREAM_CONNECTING
                 : d->state == LEAVING                         ? MONITOR_STREAM_DRAINING
                 : client->ended || far->ended                 ? MONITOR_STREAM_HALF
                                                               : MONITOR_STREAM_OPEN,
        .up = client->bytes,
        .down = far->bytes,
        .answered = d->first_byte_ms != 0,
        .first_byte_ms = d->first_byte_ms != 0 ? d->first_byte_ms - d->started_ms : 0,
        .ended_up = client->ended || d->up_done,
        .ended_down = far->ended,
    };
}

static void close_it(void *ctx)
{
    struct direct *d = ctx;
    if (d->state == DIALLING)
        refuse(d, ERR_OPERATOR, err_text(ERR_OPERATOR));
    else
        drop(d, ERR_OPERATOR);
}

static bool begin(struct direct *d, struct stream *client, const struct direct_options *o)
{
    return access_log_began(d->set->access_log,
                            &(struct access_log_options){.stream = client,
                                                         .protocol = o->format->protocol,
                                                         .asked = o->host,
                                                         .accepted_ms = o->accepted_ms,
                                                         .look = show,
                                                         .close = close_it,
                                                         .ctx = d},
                            &d->who);
}

void direct_start(struct directs *set, struct stream *client, const struct direct_options *o)
{
    struct direct *d = calloc(1, sizeof *d);
    if (d != NULL)
        *d = (struct direct){.set = set,
                             .format = o->format,
                             .port = o->port,
                             .started_ms = loop_now(set->loop),
                             .out = {.limit = 8192},
                             .tap = o->tap,
                             .tap_free = o->tap_free};
    if (d == NULL || !begin(d, client, o)) {
        struct buf none = {.limit = 1};
        free(d);
        if (o->tap_free != NULL)
            o->tap_free(o->tap.ctx);
        lingering_close_start(set->lingering_closes, client, &none);
        return;
    }
    if (o->early != NULL) {
        d->early = *o->early;
        *o->early = (struct buf){.limit = o->early->limit};
    }
    d->sides[CLIENT] = (struct side){.direct = d, .stream = client};
    d->sides[FAR] = (struct side){.direct = d};
    list_init(&d->node);
    list_append(&set->all, &d->node);
    set->n++;
    stream_set_owner(client, &events, &d->sides[CLIENT]);
    stream_read_on(client, false);
    dial(d);
}
