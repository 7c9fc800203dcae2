#include "gateway/hub/devices/notices_internal.h"

#include <stdlib.h>
#include <string.h>

/* Deadlines that lie closer together than that are met at once, so that many notices that wait cost
 * few walks through all of them. */
#define TICK_LEAST_MS 20

const char *notice_result_name(enum notice_result r)
{
    static const char *const names[NOTICE_RESULTS] = {
        [NOTICE_ACCEPTED] = "accepted", [NOTICE_AWAY] = "away",   [NOTICE_REJECTED] = "rejected",
        [NOTICE_SILENT] = "silent",     [NOTICE_FULL] = "full",   [NOTICE_CROWDED] = "crowded",
        [NOTICE_UNFIT] = "unfit",       [NOTICE_ENDED] = "ended",
    };
    return names[r];
}

void notices_due(struct notices *n, uint64_t at)
{
    if (at >= n->next)
        return;
    n->next = at;
    if (n->o.due != NULL)
        n->o.due(n->o.owner, at);
}

/* ---- asking ---- */

static void answer_at_once(struct notices *n, const struct notice *q,
                           void (*done)(void *ctx, const struct notice_answer *a), void *ctx,
                           const struct notice_answer *a)
{
    struct notice_event e = {.device = q->device,
                             .tunnel = q->tunnel,
                             .id = "",
                             .opened_by = q->opened_by != NULL ? q->opened_by : "",
                             .asked = true,
                             .answered = true,
                             .answer = *a};
    n->counts.results[a->result]++;
    if (n->o.happened != NULL)
        n->o.happened(n->o.owner, &e);
    done(ctx, a);
}

void notices_ask(struct notices *n, const struct notice *q,
                 void (*done)(void *ctx, const struct notice_answer *a), void *ctx)
{
    const struct noticed *d = noticed_find(n, q->device);
    struct notice_answer a = notice_away(d);
    if (d != NULL && d->link != NULL && !notice_fits(d, q->url)) {
        a = notice_simple(NOTICE_UNFIT);
    } else if (d != NULL && d->link != NULL && notices_crowded(d, q)) {
        a = notice_simple(NOTICE_CROWDED);
    } else if (d != NULL && d->link != NULL) {
        if (notice_put(n, q, done, ctx))
            return;
        a = notice_simple(NOTICE_FULL);
    }
    answer_at_once(n, q, done, ctx, &a);
}

/* ---- answers ---- */

enum notice_taken notices_answered(struct notices *n, const char *device, const void *link,
                                   const struct notice_reply *r)
{
    struct pending_notice *p = map_get(&n->by_id, r->id, strlen(r->id));
    const struct noticed *d = noticed_by_link(n, device, link);
    if (p != NULL && (d == NULL || p->device != d)) {
        n->counts.not_yours++;
        return NOTICE_NOT_YOURS;
    }
    if (p == NULL || !p->delivered) {
        n->counts.late++;
        return NOTICE_LATE;
    }
    struct notice_answer a = {.result = r->accepted ? NOTICE_ACCEPTED : NOTICE_REJECTED,
                              .code = r->code,
                              .words = r->accepted ? "" : r->words};
    notice_end(p, &a, false);
    return NOTICE_TAKEN;
}

void notices_connected(struct notices *n, const char *tunnel)
{
    struct pending_notice *p = map_get(&n->by_tunnel, tunnel, strlen(tunnel));
    struct notice_answer a = notice_simple(NOTICE_ACCEPTED);
    if (p != NULL && !(p->delivered && p->device->carrier->answers))
        notice_end(p, &a, false);
}

void notices_dropped(struct notices *n, const char *device, bool forget)
{
    struct noticed *d = noticed_find(n, device);
    if (d == NULL)
        return;
    d->holders++;
    noticed_leave(d);
    while (!list_empty(&d->pending)) {
        struct notice_answer a = notice_away(d);
        notice_end(list_entry(d->pending.next, struct pending_notice, of_device), &a, false);
    }
    notices_awaited(d, false);
    if (forget)
        d->seen = false;
    d->holders--;
    noticed_settle(d);
}

/* ---- time ---- */

/* When p is over for lack of an answer, and how. */
static uint64_t end_of(const struct pending_notice *p, struct notice_answer *a)
{
    bool gone = p->gone_until != 0 && p->gone_until < p->until;
    *a = gone || !p->delivered ? notice_away(p->device) : notice_simple(NOTICE_SILENT);
    return gone ? p->gone_until : p->until;
}

/* An end may call anything, so the walk begins anew after each. */
static bool end_one(struct notices *n, uint64_t now, uint64_t *next)
{
    *next = NEVER;
    list_each(node, &n->all)
    {
        struct pending_notice *p = list_entry(node, struct pending_notice, of_all);
        struct notice_answer a;
        uint64_t at = end_of(p, &a);
        if (at <= now) {
            n->counts.expired += p->done == NULL;
            notice_end(p, &a, true);
            return true;
        }
        if (at < *next)
            *next = at;
    }
    return false;
}

uint64_t notices_tick(struct notices *n)
{
    uint64_t now = notices_now(n), next;
    while (end_one(n, now, &next))
        ;
    uint64_t looks = notices_look(n, now), awaits = notices_await_tick(n, now);
    n->next = looks < next ? looks : next;
    if (awaits < n->next)
        n->next = awaits;
    if (n->next < now + TICK_LEAST_MS)
        n->next = now + TICK_LEAST_MS;
    return n->next;
}

struct notices_counts notices_counts(const struct notices *n)
{
    return n->counts;
}

/* ---- life ---- */

struct notices *notices_new(const struct notices_options *o)
{
    struct notices *n = calloc(1, sizeof *n);
    if (n == NULL)
        return NULL;
    n->o = *o;
    n->next = NEVER;
    list_init(&n->all);
    list_init(&n->questions);
    list_init(&n->awaits);
    n->subscriber = (struct registry_subscriber){.events = &notices_tunnel_events, .owner = n};
    registry_subscribe(o->registry, &n->subscriber);
    return n;
}

void notices_free(struct notices *n)
{
    size_t at = 0;
    struct noticed *d;
    struct notice_answer ended = notice_simple(NOTICE_ENDED);
    if (n == NULL)
        return;
    registry_unsubscribe(&n->subscriber);
    while (!list_empty(&n->all))
        notice_end(list_entry(n->all.next, struct pending_notice, of_all), &ended, false);
    notices_await_end(n);
    notices_forget_tunnels(n);
    while ((at = 0, d = map_next(&n->devices, &at)) != NULL)
        noticed_free(d);
    map_free(&n->devices);
    map_free(&n->by_id);
    map_free(&n->by_tunnel);
    map_free(&n->demand);
    free(n);
}
