#include "gateway/source/access_log.h"

#include "core/base/log.h"
#include "core/base/repeats.h"
#include "core/net/peer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KINDS_MAX 64 /* pairs of a reason and a protocol */

struct access_log {
    struct monitor *monitor;
    struct loop *loop;
    struct timer *timer;
    bool running;
    struct repeats *refusals;
};

/* Tells how many more refusals of one reason there were in one protocol. */
static void tell_more(void *owner, const struct repeat *r)
{
    const struct access_log *a = owner;
    enum err why = (enum err)r->code;
    const struct log_field fields[] = {{"protocol", r->subject, 0},
                                       {"reason", r->kind, 0},
                                       {"count", NULL, (int64_t)r->times},
                                       {"last_asked", r->last, 0}};
    log_event(LOG_INFO, "refused more", fields, sizeof fields / sizeof *fields);
    monitor_refused_more(a->monitor, r->subject, why, r->times, r->last);
}

static void on_timer(void *owner)
{
    struct access_log *a = owner;
    repeats_tick(a->refusals, loop_now(a->loop));
    a->running = repeats_pending(a->refusals);
    if (a->running)
        timer_start(a->timer, ACCESS_LOG_PAUSE_MS);
}

/* True: the refusal has a line of its own; false: it is only counted, since others of its kind have
 * just had one. */
static bool tell_refusal(struct access_log *a, const struct monitor_refusal *what)
{
    const char *reason = err_name(what->why);
    if (!repeats_add(a->refusals, loop_now(a->loop),
                     &(struct repeat){.subject = what->via,
                                      .kind = reason,
                                      .last = what->asked != NULL ? what->asked : "",
                                      .code = (int)what->why})) {
        if (!a->running)
            timer_start(a->timer, ACCESS_LOG_PAUSE_MS);
        a->running = true;
        return false;
    }
    const struct log_field fields[] = {
        {"client", what->client, 0},
        {"protocol", what->via, 0},
        {"asked", what->asked, 0},
        {"reason", reason, 0},
        {"text", what->text != NULL ? what->text : err_text(what->why), 0},
    };
    log_event(LOG_INFO, "refused", fields, sizeof fields / sizeof *fields);
    return true;
}

void access_log_refused(struct access_log *a, const char *client, const char *protocol,
                        const char *asked, enum err why, const char *text)
{
    struct monitor_refusal what = {
        .client = client, .via = protocol, .asked = asked, .why = why, .text = text};
    what.untold = !tell_refusal(a, &what);
    monitor_refused(a->monitor, &what);
}

/* ---- clients ---- */

bool access_log_began(struct access_log *a, const struct access_log_options *o,
                      struct access_log_entry *out)
{
    *out = (struct access_log_entry){
        .access_log = a, .protocol = o->protocol, .asked = span_dup(o->asked)};
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
                                                                      .user = o->user,
                                                                      .via = out->protocol,
                                                                      .asked = out->asked,
                                                                      .look = o->look,
                                                                      .close = o->close,
                                                                      .ctx = o->ctx});
    return true;
}

static bool has_text(const char *text)
{
    return text != NULL && text[0] != '\0';
}

void access_log_opened(struct access_log_entry *c, struct monitor_tunnel *tunnel,
                       const char *service, const char *target)
{
    if (has_text(target))
        monitor_stream_target(c->watched, target);
    monitor_stream_opened(c->watched, tunnel, service);
}

void access_log_answered(struct access_log_entry *c)
{
    monitor_stream_answered(c->watched);
}

void access_log_refuse(struct access_log_entry *c, enum err why, const char *text)
{
    const struct monitor_refusal what = {
        .client = c->name, .via = c->protocol, .asked = c->asked, .why = why, .text = text};
    bool told = tell_refusal(c->access_log, &what);
    monitor_stream_ended(c->watched,
                         &(struct monitor_end){.why = why, .text = text, .untold = !told});
    c->watched = NULL;
}

void access_log_ended(struct access_log_entry *c, const struct access_log_end *end)
{
    const struct log_field fields[] = {
        {"client", c->name, 0},
        {"protocol", c->protocol, 0},
        {"asked", c->asked, 0},
        {"service", end->service, 0},
        {has_text(end->target) ? "target" : NULL, end->target, 0},
        {"ms", NULL, (int64_t)end->ms},
        {"up", NULL, (int64_t)end->up},
        {"down", NULL, (int64_t)end->down},
        {"reason", err_name(end->why), 0},
    };
    log_event(LOG_INFO, "stream", fields, sizeof fields / sizeof *fields);
    monitor_stream_ended(c->watched, &(struct monitor_end){.why = end->why});
    c->watched = NULL;
}

void access_log_forget(struct access_log_entry *c)
{
    free(c->asked);
    c->asked = NULL;
}

/* ---- life ---- */

struct access_log *access_log_new(struct loop *loop, struct monitor *monitor)
{
    struct access_log *a = calloc(1, sizeof *a);
    if (a == NULL)
        return NULL;
    a->monitor = monitor;
    a->loop = loop;
    a->timer = timer_new(loop, on_timer, a);
    a->refusals = repeats_new(&(struct repeats_options){
        .kinds = KINDS_MAX,
        .rest = {.subject = "", .kind = err_name(ERR_REJECTED), .code = ERR_REJECTED},
        .burst = 1,
        .every_ms = ACCESS_LOG_PAUSE_MS,
        .window_ms = ACCESS_LOG_PAUSE_MS,
        .sum = tell_more,
        .owner = a});
    if (a->timer != NULL && a->refusals != NULL)
        return a;
    timer_free(a->timer);
    repeats_free(a->refusals);
    free(a);
    return NULL;
}

void access_log_free(struct access_log *a)
{
    if (a == NULL)
        return;
    repeats_end(a->refusals, loop_now(a->loop));
    repeats_free(a->refusals);
    timer_free(a->timer);
    free(a);
}
