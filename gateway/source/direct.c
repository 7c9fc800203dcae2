#include "gateway/source/direct.h"

#include "core/net/socket.h"
#include "gateway/source/direct_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

void directs_free(struct directs *set)
{
    if (set == NULL)
        return;
    while (!list_empty(&set->all))
        direct_drop(list_entry(set->all.next, struct direct, node), ERR_SHUTDOWN);
    free(set);
}

/* ---- dialling ---- */

static void refuse(struct direct *d, enum err why, const char *what)
{
    char text[FORWARD_TEXT], safe[100];
    struct buf words = {.limit = 8192};
    snprintf(text, sizeof text, "%s: %s", str_escape(span_of(d->who.asked), safe, sizeof safe),
             what);
    access_log_refuse(&d->who, why, text);
    if (!d->format->answer(why, text, &words))
        buf_free(&words);
    direct_part(d, &words);
}

static void on_dialled(void *owner, struct stream *s, enum err why)
{
    struct direct *d = owner;
    struct stream *client = d->sides[DIRECT_CLIENT].stream;
    d->dial = NULL;
    if (s == NULL) {
        refuse(d, why, err_text(why));
        return;
    }
    d->sides[DIRECT_FAR].stream = s;
    stream_set_owner(s, &direct_events, &d->sides[DIRECT_FAR]);
    if (d->early.size > 0) {
        d->sides[DIRECT_CLIENT].bytes = d->early.size;
        if (stream_write(s, d->early.data, d->early.size))
            buf_free(&d->early);
    }
    d->state = DIRECT_ANSWERING;
    if (!d->format->answer(ERR_OK, "", &d->out))
        direct_drop(d, ERR_NO_MEMORY);
    else if (d->out.size == 0 || stream_write(client, d->out.data, d->out.size))
        direct_relay(d);
}

/* Allows no '/' above all: the dialler would take the host for a unix socket's path. */
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
    access_log_opened(&d->who, NULL, "", NULL);
    d->dial = dial_start(d->set->loop, &o, on_dialled, d);
    if (d->dial == NULL)
        refuse(d, ERR_NO_MEMORY, err_text(ERR_NO_MEMORY));
}

/* ---- for who watches ---- */

static void show(void *ctx, struct monitor_counters *out)
{
    const struct direct *d = ctx;
    const struct direct_side *client = &d->sides[DIRECT_CLIENT], *far = &d->sides[DIRECT_FAR];
    *out = (struct monitor_counters){
        .state = d->state == DIRECT_DIALLING || d->state == DIRECT_ANSWERING
                     ? MONITOR_STREAM_CONNECTING
                 : d->state == DIRECT_LEAVING  ? MONITOR_STREAM_DRAINING
                 : client->ended || far->ended ? MONITOR_STREAM_HALF
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
    if (d->state == DIRECT_DIALLING)
        refuse(d, ERR_OPERATOR, err_text(ERR_OPERATOR));
    else
        direct_drop(d, ERR_OPERATOR);
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
    d->sides[DIRECT_CLIENT] = (struct direct_side){.direct = d, .stream = client};
    d->sides[DIRECT_FAR] = (struct direct_side){.direct = d};
    list_init(&d->node);
    list_append(&set->all, &d->node);
    set->n++;
    stream_set_owner(client, &direct_events, &d->sides[DIRECT_CLIENT]);
    stream_read_on(client, false);
    dial(d);
}
