/* When devices were last here, and what they told: in memory at once, in the store soon. */
#include "gateway/hub/devices/device_rules.h"
#include "gateway/hub/devices/device_task.h"

void sighting_apply(struct local_devices *r, struct device_entry *e,
                    const struct device_sighting *s)
{
    device_rules_see(&e->record, s, r->now());
    list_append(&r->dirty, &e->dirty);
}

void local_devices_seen(struct device_registry *registry, struct span name,
                        const struct device_sighting *s)
{
    struct local_devices *r = local_devices_of(registry);
    struct device_entry *e = device_index_find(r, name);
    if (e != NULL && e->stored)
        sighting_apply(r, e, s);
}

/* ---- storing ---- */

static void apply(struct device_task *q)
{
    (void)q; /* it is in memory already */
}

static void answer(struct device_task *q, enum err why)
{
    struct local_devices *r = q->registry;
    r->flushing--;
    if (why != ERR_OK && q->entry->stored)
        list_append(&r->dirty, &q->entry->dirty);
}

bool sightings_flush(struct local_devices *r, size_t most)
{
    for (size_t i = 0; i < most && !list_empty(&r->dirty) && r->flushing < most; i++) {
        struct device_entry *e = list_entry(r->dirty.next, struct device_entry, dirty);
        struct device_task *q = device_task_new(r, e, sizeof *q);
        if (q == NULL)
            return false;
        q->prepare = device_task_copy_stored;
        q->apply = apply;
        q->answer = answer;
        list_remove(&e->dirty);
        r->flushing++;
        device_task_ask(q);
    }
    return list_empty(&r->dirty);
}
