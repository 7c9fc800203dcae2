/* What is done each second. */
#include "gateway/hub/registry/shared/shared_internal.h"

#define TICK_MS 1000
#define SOON_MS 20     /* until the next tick, when there is more to do */
#define ROUND_MS 60000 /* after which each tunnel that is held is looked at again */
#define TOGETHER 500   /* that are looked at in one tick, at most */

static void look_at_due(struct shared *s)
{
    int64_t now = shared_now(s);
    for (struct heap_node *n; (n = heap_top(&s->due)) != NULL && n->due <= now;) {
        struct held *h = list_entry(n, struct held, end);
        n->due = INT64_MAX; /* until the answer is there; the next round looks again */
        heap_move(&s->due, n);
        settle(s, h->record.id);
    }
}

/* All of them within their time, however many there are. */
static void look_at_some(struct shared *s)
{
    uint64_t now = loop_now(s->o.loop);
    size_t share = s->held.size / (ROUND_MS / TICK_MS / 2);
    size_t most = share > TOGETHER ? share : TOGETHER;
    for (size_t n = 0; n < most && !list_empty(&s->order); n++) {
        struct held *h = list_entry(s->order.next, struct held, node);
        if (now - h->looked_at < ROUND_MS)
            break;
        settle(s, h->record.id);
    }
}

/* The requests of others come first. */
static bool has_room(const struct shared *s)
{
    return redis_up(s->o.redis) && s->n_jobs < JOBS_MAX / 2;
}

static void settle_again(struct shared *s)
{
    for (size_t n = 0; n < TOGETHER && !list_empty(&s->unsettled) && has_room(s); n++) {
        struct held *h = list_entry(s->unsettled.next, struct held, unsettled);
        list_remove(&h->unsettled);
        settle(s, h->record.id);
    }
}

static void drop_old(struct shared *s)
{
    uint64_t now = loop_now(s->o.loop);
    while (!list_empty(&s->left)) {
        struct held *h = list_entry(s->left.next, struct held, left);
        if (now - h->left_at < s->o.keep_held_ms && s->n_left <= s->o.max_held)
            break;
        if (h->settling) { /* its job is not done with it */
            held_arrange(s, h);
            break;
        }
        held_drop(s, h);
    }
}

void shared_tick(void *owner)
{
    struct shared *s = owner;
    bool failed = s->failed; /* then it waits for a second */
    s->failed = false;
    look_at_due(s);
    if (!failed)
        settle_again(s);
    if (has_room(s))
        open_doubts(s, TOGETHER);
    look_at_some(s);
    drop_old(s);
    if (loop_now(s->o.loop) - s->counted_at >= ROUND_MS) {
        s->counted_at = loop_now(s->o.loop);
        index_count(s);
    }
    bool more = !failed && !list_empty(&s->unsettled) && redis_up(s->o.redis);
    timer_start(s->tick, more ? SOON_MS : TICK_MS);
}
