/* Makes a device that has symmetric keys, before it was ever here. */
#include "gateway/hub/devices/device_rules.h"
#include "gateway/hub/devices/device_task.h"

#include <stdlib.h>
#include <string.h>

struct creation {
    struct device_task request; /* first member */
    bool reserved;              /* the device counts as one, and its azure_id as taken */
    struct device_record made;  /* taken over by `next` */
};

/* ---- what Azure's clients call devices ---- */

struct device_entry *device_index_azure(const struct local_devices *r, struct span id)
{
    struct device_entry *e = map_get(&r->by_azure, id.p, id.n);
    if (e != NULL)
        return e;
    e = device_index_find(r, id);
    bool named =
        e != NULL && e->stored && e->record.azure_id == NULL && span_is(id, e->record.name);
    return named ? e : NULL;
}

bool device_index_azure_free(const struct local_devices *r, const struct device_entry *e,
                             const struct device_record *d)
{
    const char *name = d->name, *id = d->azure_id;
    if (map_get(&r->by_azure, name, strlen(name)) != NULL)
        return false;
    if (id == NULL)
        return true;
    const struct device_entry *other = device_index_find(r, span_of(id));
    return map_get(&r->by_azure, id, strlen(id)) == NULL &&
           (other == NULL || other == e || (other->stored && strcmp(other->record.name, id) != 0));
}

bool device_index_put_azure(struct local_devices *r, struct device_entry *e, const char *id)
{
    return id == NULL || map_put(&r->by_azure, id, strlen(id), e);
}

void device_index_drop_azure(struct local_devices *r, const char *id)
{
    if (id != NULL)
        map_remove(&r->by_azure, id, strlen(id));
}

/* ---- creation ---- */

static bool prepare(struct device_task *q)
{
    struct creation *n = (struct creation *)q;
    struct local_devices *r = q->registry;
    q->next = n->made;
    n->made = (struct device_record){0};
    q->why = ERR_AMBIGUOUS;
    if (q->entry->stored || !device_index_azure_free(r, q->entry, &q->next))
        return false;
    q->why = ERR_LIMIT;
    if ((r->max_devices > 0 && r->n + r->enrolling >= r->max_devices) ||
        q->next.labels.n > DEVICE_LABELS_MAX)
        return false;
    q->why = ERR_NO_MEMORY;
    if (!device_index_reserve(r) || !device_index_put_azure(r, q->entry, q->next.azure_id))
        return false;
    r->enrolling++;
    n->reserved = true;
    q->change = (struct change){.kind = CHANGE_DEVICE, .device = &q->next};
    return true;
}

static void apply(struct device_task *q)
{
    struct device_entry *e = q->entry;
    e->record = q->next;
    q->next = (struct device_record){0};
    device_index_insert(q->registry, e);
    device_registry_tell_enrolled(&q->registry->registry, &e->record);
}

static void answer(struct device_task *q, enum err why)
{
    struct creation *n = (struct creation *)q;
    if (n->reserved)
        q->registry->enrolling--;
    if (n->reserved && why != ERR_OK)
        device_index_drop_azure(q->registry, q->next.azure_id);
    q->done(q->ctx, why, why == ERR_OK ? &q->entry->record : NULL);
    device_record_free(&n->made);
}

void local_devices_create(struct device_registry *registry, const struct device_creation *with,
                          device_done *done, void *ctx)
{
    struct local_devices *r = local_devices_of(registry);
    struct device_entry *e = device_index_take(r, span_of(with->name));
    struct creation *n = e != NULL ? device_task_new(r, e, sizeof *n) : NULL;
    if (n == NULL || !device_rules_create(&n->made, with, r->now())) {
        if (n != NULL)
            device_record_free(&n->made);
        free(n);
        if (e != NULL)
            device_index_tidy(r, e);
        done(ctx, ERR_NO_MEMORY, NULL);
        return;
    }
    n->request.prepare = prepare;
    n->request.apply = apply;
    n->request.answer = answer;
    n->request.done = done;
    n->request.ctx = ctx;
    device_task_ask(&n->request);
}
