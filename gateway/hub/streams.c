#include "gateway/hub/streams_internal.h"

#include <stdlib.h>
#include <string.h>

const char *stream_result_name(enum stream_result r)
{
    static const char *const names[STREAM_RESULTS] = {
#define X(name, text) [STREAM_##name] = text,
        STREAM_RESULT_TABLE(X)
#undef X
    };
    return names[r];
}

/* ---- the device is there ---- */

/* Which way depends on the wire by which it is here at this moment. */
static void on_present(void *ctx, bool present)
{
    struct stream_request *r = ctx;
    struct streams *s = r->streams;
    if (!stream_back(r))
        return;
    const struct device_presence *p =
        present && !s->ended ? notices_presence(s->o.notices, r->device) : NULL;
    if (p == NULL || !p->present || r->left)
        stream_answer(r, STREAM_OFFLINE, NULL);
    else if (p->carrier->streams)
        stream_by_azure(r);
    else if (r->inner.end == 0)
        stream_by_tunnel(r);
    else
        stream_answer(r, STREAM_OFFLINE, "The device is here by another wire now.");
}

/* ---- limits ---- */

static size_t waiting_of(const struct streams *s, const char *policy)
{
    size_t n = 0;
    list_each(node, &s->waiting)
    {
        const struct stream_request *r = list_entry(node, struct stream_request, node);
        n += r->bridge == 0 && strcmp(r->policy, policy) == 0;
    }
    return n;
}

/* STREAM_ACCEPTED: there is room for one more. */
static enum stream_result check_limits(struct streams *s, const char *policy, const char **words)
{
    const struct limits *l = limits_of(s->limits, policy);
    const struct bridges *all = bridge_desk_bridges(s->o.bridges);
    struct account *a = accounts_get(s->o.accounts, policy, s->o.now(s->o.owner));
    *words = NULL;
    if (a == NULL)
        return STREAM_FAILED;
    if (s->ended || s->n_waiting >= STREAMS_WAITING_MAX)
        return STREAM_BUSY;
    *words = "The policy has as many streams at once as it may (limit streams).";
    if (l->streams > 0 && bridges_of_policy(all, policy) + waiting_of(s, policy) >= l->streams)
        return STREAM_QUOTA;
    *words = "The policy's bytes of this day are used up (limit stream-bytes-per-day).";
    if (l->stream_bytes_per_day > 0 && bridges_day_bytes(all, policy) >= l->stream_bytes_per_day)
        return STREAM_QUOTA;
    *words = NULL;
    return account_stream(a, s->o.now(s->o.owner)) ? STREAM_ACCEPTED : STREAM_THROTTLED;
}

/* ---- asking ---- */

static void refuse(struct streams *s, enum stream_result result, const char *words,
                   void (*done)(void *ctx, const struct stream_answer *a), void *ctx)
{
    s->counts.results[result]++;
    done(ctx, &(struct stream_answer){.result = result, .words = words != NULL ? words : ""});
}

void stream_ask_for(struct streams *s, const struct stream_spec *q,
                    const struct bridge_inner *inner,
                    void (*done)(void *ctx, const struct stream_answer *a), void *ctx)
{
    const char *words;
    enum stream_result room = check_limits(s, q->policy, &words);
    if (room == STREAM_ACCEPTED && q->device->state != DEVICE_ENABLED) {
        room = STREAM_OFFLINE;
        words = q->device->state == DEVICE_PENDING ? "The device is not approved yet."
                                                   : "The device is disabled.";
    }
    struct stream_request *r = room == STREAM_ACCEPTED ? stream_request_new(s, q) : NULL;
    if (r == NULL) {
        refuse(s, room == STREAM_ACCEPTED ? STREAM_FAILED : room, words, done, ctx);
        return;
    }
    r->inner = *inner;
    r->done = done;
    r->ctx = ctx;
    list_append(&s->waiting, &r->node);
    s->n_waiting++;
    stream_asks(r);
    if (q->connect_ms > 0)
        notices_await(s->o.notices, r->device, stream_left_ms(r, q->connect_ms), on_present, r);
    else
        on_present(r, true); /* it looks whether that is so */
}

void streams_ask(struct streams *s, const struct stream_spec *q,
                 void (*done)(void *ctx, const struct stream_answer *a), void *ctx)
{
    stream_ask_for(s, q, &(struct bridge_inner){0}, done, ctx);
}

void streams_left(struct streams *s, const void *ctx)
{
    list_each(node, &s->waiting)
    {
        struct stream_request *r = list_entry(node, struct stream_request, node);
        if (r->ctx != ctx || r->left)
            continue;
        r->left = true;
        stream_answer(r, STREAM_LEFT, NULL);
        return;
    }
}

/* ---- life ---- */

struct streams_counts streams_counts(const struct streams *s)
{
    struct streams_counts c = s->counts;
    c.waiting = s->n_waiting;
    return c;
}

void streams_rules(struct streams *s, const struct limit_book *limits)
{
    s->limits = limits;
}

struct streams *streams_new(const struct streams_options *o)
{
    struct streams *s = calloc(1, sizeof *s);
    if (s == NULL)
        return NULL;
    s->o = *o;
    list_init(&s->waiting);
    return s;
}

void streams_end(struct streams *s)
{
    if (s == NULL || s->ended)
        return;
    s->ended = true;
    bridge_desk_on_wanted(s->o.bridges, NULL, NULL);
    while (!list_empty(&s->waiting))
        stream_answer(list_entry(s->waiting.next, struct stream_request, node), STREAM_BUSY,
                      "The hub is shutting down.");
}

void streams_free(struct streams *s)
{
    streams_end(s);
    free(s);
}
