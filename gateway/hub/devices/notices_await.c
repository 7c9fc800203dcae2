/* Those who wait for a device that is not here yet. */
#include "gateway/hub/devices/notices_internal.h"

#include <stdlib.h>

/* `done` may call anything here, so it comes last. */
static void answer(struct notice_await *w, bool present)
{
    struct noticed *d = w->device;
    void (*done)(void *ctx, bool present) = w->done;
    void *ctx = w->ctx;
    list_remove(&w->of_device);
    list_remove(&w->of_all);
    d->notices->n_awaits--;
    d->holders--;
    noticed_settle(d);
    free(w);
    done(ctx, present);
}

void notices_await(struct notices *n, const char *device, uint64_t timeout_ms,
                   void (*done)(void *ctx, bool present), void *ctx)
{
    const struct noticed *here = noticed_find(n, device);
    if (here != NULL && here->link != NULL) {
        done(ctx, true);
        return;
    }
    bool room = !n->ended && n->n_awaits < NOTICE_AWAITS_MAX;
    struct notice_await *w = room ? calloc(1, sizeof *w) : NULL;
    struct noticed *d = w != NULL ? noticed_get(n, device) : NULL;
    if (d == NULL) {
        free(w);
        done(ctx, false);
        return;
    }
    w->device = d;
    w->until = notices_now(n) + timeout_ms;
    w->done = done;
    w->ctx = ctx;
    list_init(&w->of_device);
    list_init(&w->of_all);
    list_append(&d->awaits, &w->of_device);
    list_append(&n->awaits, &w->of_all);
    n->n_awaits++;
    d->holders++;
    notices_due(n, w->until);
}

/* Whoever is answered may wait anew, behind the others. */
void notices_awaited(struct noticed *d, bool present)
{
    size_t n = 0;
    list_each(node, &d->awaits) n++;
    d->holders++;
    while (n-- > 0)
        answer(list_entry(d->awaits.next, struct notice_await, of_device), present);
    d->holders--;
}

static bool end_one(struct notices *n, uint64_t now, uint64_t *next)
{
    *next = NEVER;
    list_each(node, &n->awaits)
    {
        struct notice_await *w = list_entry(node, struct notice_await, of_all);
        if (w->until <= now) {
            answer(w, false);
            return true;
        }
        if (w->until < *next)
            *next = w->until;
    }
    return false;
}

uint64_t notices_await_tick(struct notices *n, uint64_t now)
{
    uint64_t next;
    while (end_one(n, now, &next))
        ;
    return next;
}

void notices_await_end(struct notices *n)
{
    n->ended = true;
    while (!list_empty(&n->awaits))
        answer(list_entry(n->awaits.next, struct notice_await, of_all), false);
}
