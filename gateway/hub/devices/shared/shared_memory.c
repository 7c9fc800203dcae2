/* What this node remembers of devices, and what it means for their links when it is no longer so.
 */
#include "core/base/log.h"
#include "gateway/hub/devices/shared/device_json.h"
#include "gateway/hub/devices/shared/shared_devices_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- by name ---- */

struct shared_device *shared_device_find(const struct shared_devices *r, struct span name)
{
    char fold[DEVICE_NAME_MAX + 1];
    return device_name_fold(name, fold) ? map_get(&r->by_fold, fold, strlen(fold)) : NULL;
}

static struct shared_device *device_new(const char *fold)
{
    size_t n = strlen(fold) + 1;
    struct shared_device *d = calloc(1, sizeof *d + n);
    if (d == NULL)
        return NULL;
    memcpy(d->fold, fold, n);
    snprintf(d->version, sizeof d->version, "0");
    list_init(&d->waiting);
    list_init(&d->held);
    list_init(&d->swept);
    list_init(&d->due);
    return d;
}

struct shared_device *shared_device_take(struct shared_devices *r, struct span name)
{
    char fold[DEVICE_NAME_MAX + 1];
    if (!device_name_fold(name, fold))
        return NULL;
    struct shared_device *d = map_get(&r->by_fold, fold, strlen(fold));
    if (d != NULL)
        return d;
    d = device_new(fold);
    if (d != NULL && map_put(&r->by_fold, d->fold, strlen(d->fold), d))
        return d;
    free(d);
    return NULL;
}

/* ---- who is remembered ---- */

static void put_in_place(struct shared_devices *r, struct shared_device *d)
{
    int place = d->linked ? HELD_LINKS : HELD_NOWHERE;
    if (!d->linked && d->known && d->remembered)
        place = HELD_RECENT;
    if (place == (int)d->place)
        return;
    r->n_links -= d->place == HELD_LINKS;
    r->n_recent -= d->place == HELD_RECENT;
    list_remove(&d->held);
    list_remove(&d->swept);
    if (place == HELD_LINKS) {
        list_append(&r->links, &d->held);
    } else if (place == HELD_RECENT) {
        list_append(&r->recent, &d->held);
        list_append(&r->swept, &d->swept);
    }
    d->place = place == HELD_LINKS ? HELD_LINKS : place == HELD_RECENT ? HELD_RECENT : HELD_NOWHERE;
    r->n_links += place == HELD_LINKS;
    r->n_recent += place == HELD_RECENT;
}

static void device_free(struct shared_devices *r, struct shared_device *d)
{
    map_remove(&r->by_fold, d->fold, strlen(d->fold));
    list_remove(&d->held);
    list_remove(&d->swept);
    list_remove(&d->due);
    device_record_free(&d->record);
    free(d);
}

static void free_unless_needed(struct shared_devices *r, struct shared_device *d)
{
    bool busy = d->running != NULL || !list_empty(&d->waiting);
    if (!busy && d->place == HELD_NOWHERE && !list_is_on(&d->due))
        device_free(r, d);
}

void shared_device_settle(struct shared_devices *r, struct shared_device *d)
{
    put_in_place(r, d);
    while (r->n_recent > r->o.remembered) {
        struct shared_device *oldest = list_entry(r->recent.next, struct shared_device, held);
        oldest->remembered = false;
        put_in_place(r, oldest);
        if (oldest != d)
            free_unless_needed(r, oldest);
    }
    free_unless_needed(r, d);
}

void shared_memory_free(struct shared_devices *r)
{
    struct shared_device *d;
    size_t at;
    while ((at = 0, d = map_next(&r->by_fold, &at)) != NULL)
        device_free(r, d);
    map_free(&r->by_fold);
}

/* ---- what Redis has ---- */

enum err shared_device_read(const struct redis_reply *reply, size_t from,
                            struct device_record *record, char link[NODE_OWNER_SIZE])
{
    struct span r = redis_field(reply, from, "r"), l = redis_field(reply, from, "l");
    snprintf(link, NODE_OWNER_SIZE, "%.*s", (int)l.n, l.p != NULL ? l.p : "");
    if (r.p == NULL)
        return ERR_NOT_FOUND;
    enum err why = device_json_read(r, redis_field(reply, from, "s"), record);
    if (why != ERR_PROTOCOL)
        return why;
    log_warning("Redis: the record of a device is not one: %.*s",
                (int)(record->name != NULL ? strlen(record->name) : 0), record->name);
    return ERR_IO;
}

void shared_device_locate(const struct shared_devices *r, struct device_record *record,
                          const char *link)
{
    const struct node_info *n =
        link[0] != '\0' && !nodes_is_self(r->o.nodes, link) ? nodes_alive(r->o.nodes, link) : NULL;
    record->node = n != NULL ? n->name : NULL;
}

static void swap_texts(char **a, char **b)
{
    char *kept = *a;
    *a = *b;
    *b = kept;
}

/* What was seen here and is not stored yet is newer than what comes. */
static void keep_seen(const struct shared_device *d, struct device_record *old,
                      struct device_record *fresh)
{
    struct texts services = fresh->services;
    if (!d->dirty)
        return;
    fresh->last_seen = old->last_seen;
    if (old->last_address != NULL)
        swap_texts(&fresh->last_address, &old->last_address);
    if (old->version != NULL)
        swap_texts(&fresh->version, &old->version);
    if (old->services.n > 0) {
        fresh->services = old->services;
        old->services = services;
    }
}

static bool same_labels(const struct tags *a, const struct tags *b)
{
    bool same = a->n == b->n;
    for (size_t i = 0; same && i < a->n; i++)
        same = strcmp(a->items[i].key, b->items[i].key) == 0 &&
               strcmp(a->items[i].value, b->items[i].value) == 0;
    return same;
}

/* What proved who the device is does so no longer. */
static bool lost_credential(const struct device_record *old, const struct device_record *fresh)
{
    return (old->has_key &&
            (!fresh->has_key || memcmp(old->key, fresh->key, sizeof old->key) != 0)) ||
           (device_record_is_keyed(old) && !device_record_is_keyed(fresh));
}

/* The link that is here is not its device's any more. */
static void unlink_here(struct shared_device *d)
{
    d->linked = d->claimed = false;
    d->left = 0;
}

static void tell(struct shared_devices *r, struct shared_device *d, const struct device_record *old)
{
    const struct device_record *fresh = &d->record;
    bool elsewhere = d->claimed && fresh->node != NULL;
    if (lost_credential(old, fresh)) {
        unlink_here(d);
        device_registry_tell_reset(&r->registry, fresh);
    } else if (old->state != fresh->state || !same_labels(&old->labels, &fresh->labels)) {
        device_registry_tell_changed(&r->registry, fresh, old->state);
    }
    if (elsewhere && d->linked) {
        unlink_here(d);
        device_registry_tell_moved(&r->registry, fresh);
    }
}

void shared_device_forget(struct shared_devices *r, struct shared_device *d)
{
    struct device_record old = d->record;
    bool told = d->known && d->linked;
    d->record = (struct device_record){0};
    d->known = d->remembered = false;
    d->dirty = false;
    list_remove(&d->due);
    unlink_here(d);
    snprintf(d->version, sizeof d->version, "0");
    d->link[0] = '\0';
    if (told)
        device_registry_tell_removed(&r->registry, &old);
    device_record_free(&old);
}

static void set_version(struct shared_device *d, struct span version)
{
    snprintf(d->version, sizeof d->version, "%.*s", (int)version.n, version.p);
}

enum err shared_device_absorb(struct shared_devices *r, struct shared_device *d,
                              const struct redis_reply *reply, size_t from)
{
    struct device_record fresh = {0}, old;
    struct span version = redis_field(reply, from, "v");
    enum err why = shared_device_read(reply, from, &fresh, d->link);
    if (why == ERR_NOT_FOUND) {
        shared_device_forget(r, d);
        return ERR_OK;
    }
    char fold[DEVICE_NAME_MAX + 1];
    if (why == ERR_OK &&
        (!device_name_fold(span_of(fresh.name), fold) || strcmp(fold, d->fold) != 0))
        why = ERR_IO; /* another device's */
    if (why != ERR_OK || version.p == NULL) {
        device_record_free(&fresh);
        return why != ERR_OK ? why : ERR_IO;
    }
    set_version(d, version);
    keep_seen(d, &d->record, &fresh);
    shared_device_locate(r, &fresh, d->link);
    old = d->record;
    d->record = fresh;
    bool tells = d->known && d->linked;
    d->known = true;
    if (tells)
        tell(r, d, &old);
    device_record_free(&old);
    return ERR_OK;
}

void shared_device_replace(const struct shared_devices *r, struct shared_device *d,
                           struct device_record *next, struct span version)
{
    struct device_record old = d->record;
    keep_seen(d, &old, next);
    d->record = *next;
    *next = (struct device_record){0};
    d->known = true;
    set_version(d, version);
    shared_device_locate(r, &d->record, d->link);
    device_record_free(&old);
}

void shared_device_see(struct shared_devices *r, struct shared_device *d,
                       const struct device_sighting *s)
{
    device_rules_see(&d->record, s, nodes_now(r->o.nodes));
    if (d->dirty)
        return;
    d->dirty = true;
    d->dirty_since = loop_now(r->o.loop);
    if (!list_is_on(&d->due))
        list_append(&r->dirty, &d->due);
}
