#include "gateway/hub/devices/shared/shared_devices_internal.h"

#include <stdio.h>
#include <stdlib.h>

#define MAX_DEVICES 100000
#define MAX_INVITATIONS 10000
#define REMEMBERED 10000
#define WATCH_MS 10000

static const struct store_companion *no_companion(struct device_registry *r)
{
    (void)r;
    return NULL; /* nothing of it is in a store */
}

static void set_limit(struct device_registry *registry, size_t max_devices)
{
    shared_devices_of(registry)->max_devices = max_devices;
}

static void on_tick(void *owner)
{
    struct shared_devices *r = owner;
    shared_links_tick(r);
    if (redis_up(r->o.redis) && loop_now(r->o.loop) - r->counted >= COUNT_MS)
        shared_index_count(r);
    timer_start(r->tick, TICK_MS);
}

static void shared_free(struct device_registry *registry)
{
    struct shared_devices *r = shared_devices_of(registry);
    timer_free(r->tick);
    shared_ask_end(r);
    shared_fleet_free(r);
    shared_memory_free(r);
    free(r);
}

static const struct device_registry_ops shared_ops = {
    .free = shared_free,
    .companion = no_companion,
    .limit = set_limit,
    .counts = shared_devices_counts,
    .each = shared_devices_each,
    .watch = shared_fleet_watch,
    .reading = shared_fleet_reading,
    .get = shared_devices_get,
    .get_azure = shared_devices_get_azure,
    .page = shared_devices_page,
    .enrol = shared_devices_enrol,
    .create = shared_devices_create,
    .topics = shared_devices_topics,
    .seen = shared_devices_seen,
    .linked = shared_devices_linked,
    .look = shared_devices_look,
    .reclaim = shared_devices_reclaim,
    .update = shared_devices_update,
    .reset = shared_devices_reset,
    .remove = shared_devices_remove,
    .invite = shared_devices_invite,
    .invitations = shared_devices_invitations,
    .invitation = shared_devices_invitation,
    .uninvite = shared_devices_uninvite,
};

struct device_registry *shared_devices_new(const struct shared_devices_options *o, enum err *why,
                                           char *text, size_t size)
{
    *why = shared_secrets_check(o, text, size);
    if (*why != ERR_OK)
        return NULL;
    struct shared_devices *r = calloc(1, sizeof *r);
    struct timer *tick = r != NULL ? timer_new(o->loop, on_tick, r) : NULL;
    if (tick == NULL) {
        free(r);
        *why = ERR_NO_MEMORY;
        snprintf(text, size, "%s", err_text(*why));
        return NULL;
    }
    device_registry_init(&r->registry, &shared_ops);
    r->o = *o;
    if (r->o.remembered == 0)
        r->o.remembered = REMEMBERED;
    if (r->o.watch_ms == 0)
        r->o.watch_ms = WATCH_MS;
    r->max_devices = MAX_DEVICES;
    r->max_invitations = o->max_invitations != 0 ? o->max_invitations : MAX_INVITATIONS;
    r->tick = tick;
    list_init(&r->asked);
    list_init(&r->links);
    list_init(&r->recent);
    list_init(&r->swept);
    list_init(&r->due);
    list_init(&r->dirty);
    shared_index_count(r);
    timer_start(r->tick, TICK_MS);
    return &r->registry;
}
