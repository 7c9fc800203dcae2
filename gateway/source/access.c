#include "gateway/source/access.h"

#include "core/base/log.h"
#include "core/net/peer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KINDS_MAX 64

/* Refusals of one reason in one protocol. */
struct refusals {
    enum err why;
    const char *protocol;
    bool told;       /* a line was written in this interval */
    unsigned untold; /* refusals since */
    char last[80];   /* what the last of them asked for */
};

struct access {
    struct monitor *monitor;
    struct timer *timer;
    bool running;
    struct refusals kinds[KINDS_MAX];
    size_t n_kinds;
};

static void tell(struct access *a, const struct refusals *r)
{
    const struct log_field fields[] = {{"protocol", r->protocol, 0},
                                       {"reason", err_name(r->why), 0},
                                       {"count", NULL, r->untold},
                                       {"last_asked", r->last, 0}};
    log_event(LOG_INFO, "refused more", fields, sizeof fields / sizeof *fields);
    monitor_refused_more(a->monitor, r->protocol, r->why, r->untold, r->last);
}

/* Tells the counts. A kind that was quiet for an interval begins with a full line again. */
static void flush(void *owner)
{
    struct access *a = owner;
    a->running = false;
    for (size_t i = 0; i < a->n_kinds; i++) {
        struct refusals *r = &a->kinds[i];
        if (r->untold > 0)
            tell(a, r);
        r->told = r->untold > 0;
        r->untold = 0;
        a->running |= r->told;
    }
    if (a->running)
        timer_start(a->timer, ACCESS_PAUSE_MS);
}

/* When there are too many kinds the last one takes the rest. */
static struct refusals *kind_of(struct access *a, enum err why, const char *protocol)
{
    for (size_t i = 0; i < a->n_kinds; i++)
        if (a->kinds[i].why == why && strcmp(a->kinds[i].protocol, protocol) == 0)
            return &a->kinds[i];
    if (a->n_kinds == KINDS_MAX)
        return &a->kinds[KINDS_MAX - 1];
    struct refusals *r = &a->kinds[a->n_kinds++];
    *r = (struct refusals){.why = why, .protocol = protocol};
    return r;
}

/* True: told; false: it is counted, others of its kind were told of just now. */
static bool tell_refusal(struct access *a, const struct monitor_refusal *what)
{
    struct refusals *r = kind_of(a, what->why, what->via);
    if (r->told) {
        r->untold++;
        str_escape(span_of(what->asked), r->last, sizeof r->last);
        return false;
    }
    r->told = true;
    if (!a->running) {
        a->running = true;
        timer_start(a->timer, ACCESS_PAUSE_MS);
    }
    const struct log_field fields[] = {
        {"client", what->client, 0},
        {"protocol", what->via, 0},
        {"asked", what->asked, 0},
        {"reason", err_name(what->why), 0},
        {"text", what->text != NULL ? what->text : err_text(what->why), 0},
    };
    log_event(LOG_INFO, "refused", fields, sizeof fields / sizeof *fields);
    return true;
}

void access_refused(struct access *a, const char *client, const char *protocol, const char *asked,
                    enum err why, const char *text)
{
    struct monitor_refusal what = {
        .client = client, .via = protocol, .asked = asked, .why = why, .text = text};
    what.untold = !tell_refusal(a, &what);
    monitor_refused(a->monitor, &what);
}

/* ---- clients ---- */

bool access_began(struct access *a, const struct access_options *o, struct access_client *out)
{
    *out =
        (struct access_client){.access = a, .protocol = o->protocol, .asked = span_dup(o->asked)};
    if (out->asked == NULL)
        return false;
    snprintf(out->name, sizeof out->name, "%s", o->stream->name);
    if (a->monitor == NULL)
        return true;
    struct peer peer;
    peer_of(o->stream, &peer);
    out->watched = monitor_stream_began(a->monitor,
                                        &(struct monitor_stream_info){.client = out->name,
                                                                      .accepted_ms = o->accepted_ms,
                                                                      .peer = &peer,
                                                                      .via = out->protocol,
                                                                      .asked = out->asked,
                                                                      .look = o->look,
                                                                      .close = o->close,
                                                                      .ctx = o->ctx});
    return true;
}

void access_opened(struct access_client *c, struct monitor_tunnel *tunnel, const char *service)
{
    monitor_stream_opened(c->watched, tunnel, service);
}

void access_answered(struct access_client *c)
{
    monitor_stream_answered(c->watched);
}

void access_refuse(struct access_client *c, enum err why, const char *text)
{
    const struct monitor_refusal what = {
        .client = c->name, .via = c->protocol, .asked = c->asked, .why = why, .text = text};
    bool told = tell_refusal(c->access, &what);
    monitor_stream_ended(c->watched,
                         &(struct monitor_end){.why = why, .text = text, .untold = !told});
    c->watched = NULL;
}

void access_ended(struct access_client *c, const struct access_end *end)
{
    const struct log_field fields[] = {
        {"client", c->name, 0},
        {"protocol", c->protocol, 0},
        {"asked", c->asked, 0},
        {"service", end->service, 0},
        {"ms", NULL, (int64_t)end->ms},
        {"up", NULL, (int64_t)end->up},
        {"down", NULL, (int64_t)end->down},
        {"reason", err_name(end->why), 0},
    };
    log_event(LOG_INFO, "stream", fields, sizeof fields / sizeof *fields);
    monitor_stream_ended(c->watched, &(struct monitor_end){.why = end->why});
    c->watched = NULL;
}

void access_forget(struct access_client *c)
{
    free(c->asked);
    c->asked = NULL;
}

/* ---- life ---- */

struct access *access_new(struct loop *loop, struct monitor *monitor)
{
    struct access *a = calloc(1, sizeof *a);
    if (a == NULL)
        return NULL;
    a->monitor = monitor;
    a->timer = timer_new(loop, flush, a);
    if (a->timer == NULL) {
        free(a);
        return NULL;
    }
    return a;
}

void access_free(struct access *a)
{
    if (a == NULL)
        return;
    flush(a);
    timer_free(a->timer);
    free(a);
}
