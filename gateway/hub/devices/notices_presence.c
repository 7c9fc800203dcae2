/* Which devices are here, and what is known of them. */
#include "gateway/hub/devices/notices_internal.h"

#include <stdlib.h>
#include <string.h>

static char *copy(const char *text)
{
    return strdup(text != NULL ? text : "");
}

/* ---- devices ---- */

struct noticed *noticed_find(const struct notices *n, const char *name)
{
    return map_get(&n->devices, name, strlen(name));
}

struct noticed *noticed_get(struct notices *n, const char *name)
{
    struct noticed *d = noticed_find(n, name);
    size_t size = strlen(name);
    if (d != NULL || (d = calloc(1, sizeof *d + size + 1)) == NULL)
        return d;
    d->notices = n;
    memcpy(d->name, name, size);
    list_init(&d->pending);
    list_init(&d->tunnels);
    list_init(&d->awaits);
    if (map_put(&n->devices, d->name, size, d))
        return d;
    free(d);
    return NULL;
}

static void free_shown(struct device_presence *p)
{
    free((char *)(uintptr_t)p->address);
    free((char *)(uintptr_t)p->version);
    texts_free(&p->services);
}

void noticed_free(struct noticed *d)
{
    map_remove(&d->notices->devices, d->name, strlen(d->name));
    free_shown(&d->shown);
    free(d);
}

void noticed_settle(struct noticed *d)
{
    if (!d->seen && d->link == NULL && d->n_pending == 0 && d->holders == 0 &&
        list_empty(&d->tunnels))
        noticed_free(d);
}

/* ---- presence ---- */

const struct device_presence *notices_presence(const struct notices *n, const char *device)
{
    const struct noticed *d = noticed_find(n, device);
    return d != NULL && d->seen ? &d->shown : NULL;
}

size_t notices_present(const struct notices *n)
{
    return n->present;
}

/* Replaces what is shown, or leaves all of it. False: no memory. */
static bool show(struct noticed *d, const char *address, const struct device_told *s)
{
    const struct notices *n = d->notices;
    struct device_presence p = {.address = copy(address), .version = copy(s->version)};
    if (p.address == NULL || p.version == NULL ||
        (s->services != NULL && !texts_copy(&p.services, s->services))) {
        free_shown(&p);
        return false;
    }
    p.present = d->shown.present;
    p.since = d->shown.since;
    p.carrier = d->shown.carrier;
    p.accepting = s->accepting;
    p.uptime_s = s->uptime_s;
    p.told = n->o.wall(n->o.owner);
    free_shown(&d->shown);
    d->shown = p;
    d->seen = true;
    return true;
}

bool notices_arrived(struct notices *n, const struct device_arrival *a)
{
    struct noticed *d = noticed_get(n, a->device);
    if (d == NULL)
        return false;
    if (!show(d, a->address, &a->status)) {
        noticed_settle(d);
        return false;
    }
    n->present += d->link == NULL;
    d->link = a->link;
    d->carrier = a->carrier;
    d->shown.carrier = a->carrier;
    d->shown.present = true;
    d->shown.since = n->o.wall(n->o.owner);
    d->holders++;
    notices_read_tunnels(d, a);
    notices_awaited(d, true);
    d->holders--;
    return true;
}

struct noticed *noticed_by_link(const struct notices *n, const char *device, const void *link)
{
    struct noticed *d = noticed_find(n, device);
    return d != NULL && link != NULL && d->link == link ? d : NULL;
}

void notices_told(struct notices *n, const char *device, const void *link,
                  const struct device_told *s)
{
    struct noticed *d = noticed_by_link(n, device, link);
    if (d == NULL)
        return;
    char *address = copy(d->shown.address);
    if (address != NULL)
        show(d, address, s); /* without memory, what was told before is shown */
    free(address);
}

void noticed_leave(struct noticed *d)
{
    struct notices *n = d->notices;
    uint64_t now = notices_now(n);
    if (d->link == NULL)
        return;
    n->present--;
    d->link = NULL;
    d->carrier = NULL;
    d->shown.present = false;
    d->shown.since = n->o.wall(n->o.owner);
    list_each(node, &d->pending)
        notice_gone(list_entry(node, struct pending_notice, of_device), now);
    notices_forget_tunnels_of(d);
}

void notices_left(struct notices *n, const char *device, const void *link)
{
    struct noticed *d = noticed_by_link(n, device, link);
    if (d != NULL)
        noticed_leave(d);
}
