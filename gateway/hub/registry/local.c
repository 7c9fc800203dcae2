/* The registry of one hub keeps all tunnels in memory, so that look-ups are answered at once, and
 * each change in the store. */
#include "gateway/hub/registry/local_internal.h"

#include "core/base/clock.h"
#include "gateway/hub/registry/database.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEEP_CLOSED_MS 10800000 /* 3 h */
#define MAX_CLOSED 100000
#define MAX_CLOSED_BYTES ((size_t)64 << 20)
#define MAX_KEY_BYTES ((size_t)256 << 20)
#define FIRST_TICK_MS 20
#define EVER_MS ((uint64_t)1 << 60)

/* ---- looking ---- */

static void local_get(struct registry *r, struct span id, registry_done *done, void *ctx)
{
    const struct entry *e = index_find(&local_of(r)->index, id);
    done(ctx, e != NULL ? ERR_OK : ERR_NOT_FOUND, e != NULL ? &e->record : NULL);
}

static void local_page(struct registry *registry, const struct registry_page *q, void *ctx)
{
    const struct index *x = &local_of(registry)->index;
    const struct entry *e = index_newest(x, q->thing, q->below);
    while (e != NULL && (e->opening || q->each(ctx, &e->record)))
        e = index_older(x, q->thing, e);
    q->done(ctx, ERR_OK);
}

static size_t local_open_count(const struct registry *r)
{
    return ((const struct local_registry *)r)->n_open;
}

static bool local_healthy(const struct registry *r)
{
    return store_healthy(((const struct local_registry *)r)->store);
}

/* ---- connection states ---- */

static void local_connected(struct registry *registry, struct span id, enum side side,
                            bool connected)
{
    struct local_registry *r = local_of(registry);
    struct entry *e = index_find(&r->index, id);
    struct record_side *s = e != NULL ? &e->record.sides[side] : NULL;
    if (s == NULL || s->connected == connected)
        return;
    s->connected = connected;
    s->changed = r->o.now();
    if (side == SIDE_SOURCE)
        expiry_source(r, e, connected, e->record.idle_ms);
    store_state(r->store, e->record.number, side, connected, s->changed);
}

/* ---- from the beginning to the end ---- */

static void local_free(struct registry *registry)
{
    struct local_registry *r = local_of(registry);
    timer_free(r->tick);
    if (r->store != NULL)
        timekeeper_save(r->time);
    if (r->store != NULL && r->o.companion != NULL)
        r->o.companion->detach(r->o.companion->owner);
    store_free(r->store);
    local_admit_end(r);
    timekeeper_free(r->time);
    index_free(&r->index);
    heap_free(&r->heap);
    free(r);
}

/* No other node changes these tunnels. */
static void local_look(struct registry *registry, const char *id)
{
    (void)registry, (void)id;
}

static void local_reclaim(struct registry *registry)
{
    (void)registry;
}

static const struct registry_ops local_ops = {
    .free = local_free,
    .open_count = local_open_count,
    .healthy = local_healthy,
    .get = local_get,
    .page = local_page,
    .open = local_open,
    .close = local_close,
    .rotate = local_rotate,
    .tag = local_tag,
    .admit = local_admit,
    .connected = local_connected,
    .look = local_look,
    .reclaim = local_reclaim,
};

static void set_options(struct local_registry *r, const struct registry_options *o)
{
    r->o = *o;
    r->o.folder = NULL; /* the name belongs to the caller and is not needed any more */
    if (o->keep_closed_ms == 0)
        r->o.keep_closed_ms = KEEP_CLOSED_MS;
    if (o->keep_closed_ms > EVER_MS)
        r->o.keep_closed_ms = EVER_MS;
    if (o->max_closed == 0)
        r->o.max_closed = MAX_CLOSED;
    if (o->max_closed_bytes == 0)
        r->o.max_closed_bytes = MAX_CLOSED_BYTES;
    if (o->max_key_bytes == 0)
        r->o.max_key_bytes = MAX_KEY_BYTES;
    if (o->now == NULL)
        r->o.now = clock_wall_ms;
    if (o->backend == NULL)
        r->o.backend = &database_backend;
}

static enum err resume(void *owner, struct tunnel_record *record)
{
    struct local_registry *r = owner;
    struct entry *e = entry_new(record);
    if (e == NULL)
        return ERR_NO_MEMORY;
    enum err why = index_add(&r->index, e);
    if (why != ERR_OK) {
        entry_drop(e);
        return why;
    }
    bool open = e->record.closed == 0;
    if (open && !(heap_add(&r->heap, &e->end) && index_opener_add(&r->index, e)))
        return ERR_NO_MEMORY; /* the failed start frees the whole registry, e included */
    r->last_number = e->record.number;
    expiry_resume(r, e, timekeeper_now(r->time));
    return ERR_OK;
}

static enum err resume_device(void *owner, struct device_record *d)
{
    const struct store_companion *c = ((struct local_registry *)owner)->o.companion;
    return c != NULL ? c->device(c->owner, d) : ERR_OK;
}

static enum err resume_invitation(void *owner, struct invitation *i)
{
    const struct store_companion *c = ((struct local_registry *)owner)->o.companion;
    return c != NULL ? c->invitation(c->owner, i) : ERR_OK;
}

static const struct store_reader reader = {
    .tunnel = resume, .device = resume_device, .invitation = resume_invitation};

static void disconnect_all(struct local_registry *r)
{
    list_each(node, &r->index.tunnels)
    {
        const struct tunnel_record *t = &list_entry(node, struct entry, node)->record;
        for (int side = 0; side < SIDE_COUNT; side++)
            local_connected(&r->registry, span_of(t->id), (enum side)side, false);
    }
}

struct registry *registry_new(const struct registry_options *o, enum err *why, char *text,
                              size_t size)
{
    struct local_registry *r = calloc(1, sizeof *r);
    *why = ERR_NO_MEMORY;
    snprintf(text, size, "%s", err_text(*why));
    if (r == NULL)
        return NULL;
    set_options(r, o);
    registry_init(&r->registry, &local_ops);
    index_init(&r->index);
    list_init(&r->asking);
    list_init(&r->closed);
    list_init(&r->unstored);
    r->tick = timer_new(o->loop, expiry_tick, r);
    r->time = timekeeper_new(&(struct timekeeper_options){
        .loop = o->loop,
        .folder = o->folder,
        .wall = o->now,
        .steady = o->steady != NULL ? o->steady : o->now,
    });
    struct store_options s = {.loop = o->loop,
                              .backend = r->o.backend,
                              .folder = o->folder,
                              .reader = &reader,
                              .owner = r};
    if (r->tick != NULL && r->time != NULL)
        r->store = store_new(&s, why, text, size);
    if (r->store == NULL) {
        local_free(&r->registry);
        return NULL;
    }
    if (o->companion != NULL)
        o->companion->attach(o->companion->owner, r->store);
    expiry_sort(r);
    disconnect_all(r);
    timer_start(r->tick, FIRST_TICK_MS);
    return &r->registry;
}
