/* The devices of one hub are all in memory, so that look-ups are answered at once, and each change
 * is in the store. */
#include "gateway/hub/devices/local_devices_internal.h"

#include "core/base/clock.h"
#include "core/device/device_name.h"

#include <stdlib.h>

#define MAX_DEVICES 100000
#define MAX_INVITATIONS 10000
#define TICK_MS 1000
#define SOON_MS 20     /* until the next tick when more than FLUSH_MAX devices were seen */
#define FLUSH_MAX 1000 /* leaves space in the store's queue for changes that callers wait for */

/* ---- looking ---- */

static void local_get(struct device_registry *registry, struct span name, device_done *done,
                      void *ctx)
{
    const struct device_entry *e = device_index_find(local_devices_of(registry), name);
    bool here = e != NULL && e->stored;
    done(ctx, here ? ERR_OK : ERR_NOT_FOUND, here ? &e->record : NULL);
}

static void local_get_azure(struct device_registry *registry, struct span id, device_done *done,
                            void *ctx)
{
    const struct device_entry *e = device_index_azure(local_devices_of(registry), id);
    done(ctx, e != NULL ? ERR_OK : ERR_NOT_FOUND, e != NULL ? &e->record : NULL);
}

static void local_page(struct device_registry *registry, const struct device_page *q, void *ctx)
{
    const struct local_devices *r = local_devices_of(registry);
    size_t i = device_index_after(r, q->after);
    while (i < r->n && q->each(ctx, &r->by_name[i]->record))
        i++;
    q->done(ctx, ERR_OK);
}

static void local_each(const struct device_registry *registry,
                       void (*take)(void *to, const struct device_record *d), void *to)
{
    const struct local_devices *r = (const struct local_devices *)registry;
    for (size_t i = 0; i < r->n; i++)
        take(to, &r->by_name[i]->record);
}

static struct device_counts local_counts(const struct device_registry *registry)
{
    const struct local_devices *r = (const struct local_devices *)registry;
    struct device_counts c = {.devices = r->n, .invitations = r->by_id.size};
    for (int i = 0; i < DEVICE_STATE_COUNT; i++)
        c.by_state[i] = r->by_state[i];
    return c;
}

static void local_limit(struct device_registry *registry, size_t max_devices)
{
    local_devices_of(registry)->max_devices = max_devices;
}

/* ---- the store ---- */

static enum err resume_device(void *owner, struct device_record *d)
{
    struct local_devices *r = owner;
    struct device_entry *e = device_index_find(r, span_of(d->name));
    if (!device_name_valid(span_of(d->name)) || e != NULL)
        return ERR_PROTOCOL;
    e = device_index_take(r, span_of(d->name));
    bool free_id = e != NULL && device_index_azure_free(r, e, d);
    if (!free_id || !device_index_reserve(r) || !device_index_put_azure(r, e, d->azure_id)) {
        if (e != NULL)
            device_index_tidy(r, e);
        return e != NULL && !free_id ? ERR_PROTOCOL : ERR_NO_MEMORY;
    }
    e->record = *d;
    *d = (struct device_record){0};
    device_index_insert(r, e);
    return ERR_OK;
}

static enum err resume_invitation(void *owner, struct invitation *i)
{
    return invitations_resume(owner, i);
}

static void attach(void *owner, struct store *s)
{
    struct local_devices *r = owner;
    r->store = s;
    timer_start(r->tick, TICK_MS);
}

/* Stores what was seen, as far as the store's queue takes it; the rest are times that devices will
 * correct when they come back. */
static void detach(void *owner)
{
    struct local_devices *r = owner;
    timer_stop(r->tick);
    sightings_flush(r, STORE_QUEUE_MAX);
    r->store = NULL;
}

static void on_tick(void *owner)
{
    struct local_devices *r = owner;
    bool done = true;
    if (store_healthy(r->store)) {
        done = sightings_flush(r, FLUSH_MAX);
        invitations_purge(r);
    }
    timer_start(r->tick, done ? TICK_MS : SOON_MS);
}

static const struct store_companion *local_companion(struct device_registry *registry)
{
    return &local_devices_of(registry)->companion;
}

/* ---- from the beginning to the end ---- */

static void local_free(struct device_registry *registry)
{
    struct local_devices *r = local_devices_of(registry);
    timer_free(r->tick);
    invitations_free(r);
    device_index_free(r);
    free(r);
}

static const struct device_registry_ops local_ops = {
    .free = local_free,
    .companion = local_companion,
    .limit = local_limit,
    .counts = local_counts,
    .get = local_get,
    .get_azure = local_get_azure,
    .each = local_each,
    .page = local_page,
    .enrol = local_devices_enrol,
    .create = local_devices_create,
    .topics = local_devices_topics,
    .seen = local_devices_seen,
    .update = local_devices_update,
    .reset = local_devices_reset,
    .remove = local_devices_remove,
    .invite = local_devices_invite,
    .invitations = local_devices_invitations,
    .invitation = local_devices_invitation,
    .uninvite = local_devices_uninvite,
};

struct device_registry *device_registry_new(const struct device_registry_options *o)
{
    struct local_devices *r = calloc(1, sizeof *r);
    struct timer *tick = r != NULL ? timer_new(o->loop, on_tick, r) : NULL;
    if (tick == NULL) {
        free(r);
        return NULL;
    }
    device_registry_init(&r->registry, &local_ops);
    list_init(&r->dirty);
    list_init(&r->invitations);
    r->tick = tick;
    r->now = o->now != NULL ? o->now : clock_wall_ms;
    r->max_devices = MAX_DEVICES;
    r->max_invitations = o->max_invitations != 0 ? o->max_invitations : MAX_INVITATIONS;
    r->companion = (struct store_companion){.device = resume_device,
                                            .invitation = resume_invitation,
                                            .attach = attach,
                                            .detach = detach,
                                            .owner = r};
    return &r->registry;
}
