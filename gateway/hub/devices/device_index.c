#include "gateway/hub/devices/device_task.h"

#include "core/device/device_name.h"

#include <stdlib.h>
#include <string.h>

#define CAPACITY_FIRST 16

struct device_entry *device_index_find(const struct local_devices *r, struct span name)
{
    char fold[DEVICE_NAME_MAX + 1];
    if (!device_name_fold(name, fold))
        return NULL;
    return map_get(&r->by_fold, fold, strlen(fold));
}

static struct device_entry *entry_new(const char *fold)
{
    size_t n = strlen(fold) + 1;
    struct device_entry *e = calloc(1, sizeof *e + n);
    if (e == NULL)
        return NULL;
    memcpy(e->fold, fold, n);
    list_init(&e->waiting);
    list_init(&e->dirty);
    return e;
}

struct device_entry *device_index_take(struct local_devices *r, struct span name)
{
    char fold[DEVICE_NAME_MAX + 1];
    struct device_entry *e = device_index_find(r, name);
    if (e != NULL || !device_name_fold(name, fold))
        return e;
    e = entry_new(fold);
    if (e != NULL && map_put(&r->by_fold, e->fold, strlen(e->fold), e))
        return e;
    free(e);
    return NULL;
}

void device_index_tidy(struct local_devices *r, struct device_entry *e)
{
    if (e->stored || e->running != NULL || !list_empty(&e->waiting))
        return;
    map_remove(&r->by_fold, e->fold, strlen(e->fold));
    free(e);
}

/* ---- in the order of names ---- */

size_t device_index_after(const struct local_devices *r, const char *after)
{
    size_t low = 0, high = r->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(r->by_name[middle]->record.name, after) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool device_index_reserve(struct local_devices *r)
{
    size_t wanted = r->n + r->enrolling + 1;
    if (wanted <= r->capacity)
        return true;
    size_t capacity = r->capacity != 0 ? 2 * r->capacity : CAPACITY_FIRST;
    struct device_entry **all = reallocarray(r->by_name, capacity, sizeof(struct device_entry *));
    if (all == NULL)
        return false;
    r->by_name = all;
    r->capacity = capacity;
    return true;
}

void device_index_insert(struct local_devices *r, struct device_entry *e)
{
    size_t at = device_index_after(r, e->record.name);
    memmove(&r->by_name[at + 1], &r->by_name[at], (r->n - at) * sizeof(struct device_entry *));
    r->by_name[at] = e;
    r->n++;
    r->by_state[e->record.state]++;
    e->stored = true;
}

void device_index_remove(struct local_devices *r, struct device_entry *e)
{
    size_t at = device_index_after(r, e->record.name) - 1;
    r->n--;
    memmove(&r->by_name[at], &r->by_name[at + 1], (r->n - at) * sizeof(struct device_entry *));
    r->by_state[e->record.state]--;
    e->stored = false;
    list_remove(&e->dirty);
}

void device_index_free(struct local_devices *r)
{
    for (size_t i = 0; i < r->n; i++) {
        device_record_free(&r->by_name[i]->record);
        free(r->by_name[i]);
    }
    free(r->by_name);
    map_free(&r->by_fold);
    map_free(&r->by_azure);
}
