#include "gateway/hub/registry/shared/shared_internal.h"

#include <stdlib.h>

#define KEEP_CLOSED_MS 10800000 /* 3 h */
#define KEEP_HELD_MS 600000
#define MAX_HELD 4096
#define FIRST_TICK_MS 1000
#define EVER_MS ((uint64_t)1 << 52)

static size_t open_count(const struct registry *r)
{
    return ((const struct shared *)r)->n_open;
}

static bool is_healthy(const struct registry *r)
{
    return redis_up(((const struct shared *)r)->o.redis);
}

static void release(struct registry *r)
{
    struct shared *s = shared_of(r);
    timer_free(s->tick);
    job_end_all(s);
    listing_end_all(s);
    index_end(s);
    open_doubts_end(s);
    held_free_all(s);
    map_free(&s->chains);
    free(s);
}

static const struct registry_ops ops = {
    .free = release,
    .open_count = open_count,
    .healthy = is_healthy,
    .get = shared_get,
    .page = shared_page,
    .open = shared_open,
    .close = shared_close,
    .rotate = shared_rotate,
    .tag = shared_tag,
    .admit = shared_admit,
    .connected = settle_connected,
    .look = settle_look,
    .reclaim = settle_reclaim,
};

static void set_options(struct shared *s, const struct shared_registry_options *o)
{
    s->o = *o;
    if (o->keep_closed_ms == 0)
        s->o.keep_closed_ms = KEEP_CLOSED_MS;
    if (o->keep_closed_ms > EVER_MS)
        s->o.keep_closed_ms = EVER_MS;
    if (o->keep_held_ms == 0)
        s->o.keep_held_ms = KEEP_HELD_MS;
    if (o->max_held == 0)
        s->o.max_held = MAX_HELD;
}

struct registry *shared_registry_new(const struct shared_registry_options *o)
{
    struct shared *s = calloc(1, sizeof *s);
    if (s == NULL)
        return NULL;
    set_options(s, o);
    registry_init(&s->registry, &ops);
    list_init(&s->jobs);
    list_init(&s->listings);
    list_init(&s->cleanings);
    list_init(&s->doubts);
    list_init(&s->order);
    list_init(&s->left);
    list_init(&s->unsettled);
    s->bucket = -1;
    s->tick = timer_new(o->loop, shared_tick, s);
    if (s->tick == NULL) {
        free(s);
        return NULL;
    }
    timer_start(s->tick, FIRST_TICK_MS);
    return &s->registry;
}
