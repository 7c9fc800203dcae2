#include "gateway/hub/devices/device_task.h"

#include <stdlib.h>

#define WAITING_MAX 64 /* requests that may wait for one device's change */

void *device_task_new(struct local_devices *r, struct device_entry *e, size_t size)
{
    struct device_task *q = calloc(1, size);
    if (q == NULL)
        return NULL;
    list_init(&q->node);
    q->registry = r;
    q->entry = e;
    return q;
}

/* The answer comes while q is still running, so what its callback asks for waits behind the rest.
 */
static void finish(struct device_task *q, enum err why)
{
    q->answer(q, why);
    q->entry->running = NULL;
    device_record_free(&q->next);
    free(q);
}

static void run_next(struct local_devices *r, struct device_entry *e);

static void on_stored(struct change *c, enum err why)
{
    struct device_task *q = (struct device_task *)c;
    struct local_devices *r = q->registry;
    struct device_entry *e = q->entry;
    if (why == ERR_OK)
        q->apply(q);
    finish(q, why);
    run_next(r, e);
}

/* Runs requests until one has to wait for the store. store_ask may answer from inside, after which
 * the entry may be gone, so nothing follows it. */
static void run_next(struct local_devices *r, struct device_entry *e)
{
    while (!list_empty(&e->waiting)) {
        struct device_task *q = list_entry(e->waiting.next, struct device_task, node);
        list_remove(&q->node);
        e->n_waiting--;
        e->running = q;
        bool stores = q->prepare(q);
        if (stores && r->store != NULL) {
            q->change.done = on_stored;
            store_ask(r->store, &q->change);
            return;
        }
        finish(q, stores ? ERR_SHUTDOWN : q->why);
    }
    device_index_tidy(r, e);
}

void device_task_ask(struct device_task *q)
{
    struct local_devices *r = q->registry;
    struct device_entry *e = q->entry;
    if (e->n_waiting == WAITING_MAX) {
        q->answer(q, ERR_BUSY);
        free(q);
        return;
    }
    list_append(&e->waiting, &q->node);
    e->n_waiting++;
    if (e->running == NULL)
        run_next(r, e);
}

bool device_task_copy(struct device_task *q)
{
    q->why = ERR_NO_MEMORY;
    return device_record_copy(&q->next, &q->entry->record);
}

bool device_task_copy_stored(struct device_task *q)
{
    q->why = ERR_NOT_FOUND;
    if (!q->entry->stored || !device_task_copy(q))
        return false;
    q->change.kind = CHANGE_DEVICE;
    q->change.device = &q->next;
    return true;
}

static void swap_texts(char **a, char **b)
{
    char *kept = *a;
    *a = *b;
    *b = kept;
}

void device_task_swap(struct device_task *q)
{
    struct local_devices *r = q->registry;
    struct device_record *old = &q->entry->record, *next = &q->next;
    struct device_record kept = *old;
    struct texts services = next->services;
    swap_texts(&kept.last_address, &next->last_address);
    swap_texts(&kept.version, &next->version);
    swap_texts(&kept.azure_id, &next->azure_id); /* a key of the map by_azure */
    next->services = kept.services;
    kept.services = services;
    next->last_seen = kept.last_seen;
    r->by_state[kept.state]--;
    r->by_state[next->state]++;
    *old = *next;
    *next = kept;
}
