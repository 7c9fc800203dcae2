/* The devices that need no certificate for their tunnels, where a hub asks for those (--device-ca):
 * what admission has to know at once, of any of them. They have proven on their own link who they
 * are, and are given the token there: with a key, or as AWS's clients, whose programs for tunnels
 * have no certificate to show. */
#include "gateway/hub/device_desk_internal.h"

#include <stdlib.h>
#include <string.h>

static void add(struct device_desk *d, const char *name)
{
    size_t n = strlen(name);
    if (map_get(&d->keyed, name, n) != NULL)
        return;
    char *copy = strdup(name);
    if (copy == NULL || !map_put(&d->keyed, copy, n, copy)) {
        free(copy);
        hub_post(d->hub, NULL); /* logs it; the device needs a certificate until the next start */
    }
}

void desk_keyed_changed(struct device_desk *d, const struct device_record *r, bool there)
{
    if (there && (r->has_key || r->topics != 0))
        add(d, r->name);
    else
        free(map_remove(&d->keyed, r->name, strlen(r->name)));
}

void desk_keyed_topics(struct device_desk *d, const char *name, uint32_t topics)
{
    if (topics != 0)
        add(d, name); /* it stays so until its record changes, or the hub starts anew */
}

bool device_desk_keyed(const struct device_desk *d, const char *name)
{
    return map_get(&d->keyed, name, strlen(name)) != NULL;
}

/* ---- at the start ---- */

static bool on_device(void *ctx, const struct device_record *r)
{
    struct desk_reading *reading = ctx;
    if (reading->desk != NULL && (r->has_key || r->topics != 0))
        add(reading->desk, r->name);
    return reading->desk != NULL;
}

static void on_read(void *ctx, enum err why)
{
    struct desk_reading *reading = ctx;
    (void)why; /* who is not read needs a certificate until the next start */
    if (reading->desk != NULL)
        reading->desk->reading = NULL;
    free(reading);
}

bool desk_keyed_read(struct device_desk *d)
{
    struct desk_reading *reading = calloc(1, sizeof *reading);
    if (reading == NULL)
        return false;
    reading->desk = d;
    d->reading = reading;
    device_registry_page(d->hub->devices,
                         &(struct device_page){.after = "", .each = on_device, .done = on_read},
                         reading);
    return true;
}

void desk_keyed_free(struct device_desk *d)
{
    size_t at = 0;
    char *name;
    if (d->reading != NULL)
        d->reading->desk = NULL;
    while ((name = map_next(&d->keyed, &at)) != NULL)
        free(name);
    map_free(&d->keyed);
}
