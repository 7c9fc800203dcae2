/* What operators change of a device: state, labels, its key, all of it. */
#include "gateway/hub/devices/device_requests.h"
#include "gateway/hub/devices/device_rules.h"
#include "gateway/hub/devices/device_task.h"

#include <stdlib.h>

static void answer(struct device_task *q, enum err why)
{
    const struct device_entry *e = q->entry;
    if (q->done != NULL)
        q->done(q->ctx, why, why == ERR_OK && e->stored ? &e->record : NULL);
}

/* The request about a device that there is; NULL: `done` has been told why not. */
static void *request_about(struct device_registry *registry, struct span name, size_t size,
                           device_done *done, void *ctx)
{
    struct local_devices *r = local_devices_of(registry);
    struct device_entry *e = device_index_find(r, name);
    struct device_task *q = e != NULL ? device_task_new(r, e, size) : NULL;
    if (q == NULL) {
        if (done != NULL)
            done(ctx, e == NULL ? ERR_NOT_FOUND : ERR_NO_MEMORY, NULL);
        return NULL;
    }
    q->answer = answer;
    q->done = done;
    q->ctx = ctx;
    return q;
}

/* ---- update ---- */

struct update {
    struct device_task request; /* first member */
    struct kept_update kept;
    enum device_state before;
};

static bool prepare_update(struct device_task *q)
{
    struct update *u = (struct update *)q;
    if (!device_task_copy_stored(q))
        return false;
    u->before = q->next.state;
    q->why = device_rules_update(&q->entry->record, &q->next, &u->kept.u, q->ctx);
    return q->why == ERR_OK;
}

static void apply_update(struct device_task *q)
{
    device_task_swap(q);
    device_registry_tell_changed(&q->registry->registry, &q->entry->record,
                                 ((struct update *)q)->before);
}

static void answer_update(struct device_task *q, enum err why)
{
    struct update *u = (struct update *)q;
    answer(q, why);
    kept_update_drop(&u->kept);
}

void local_devices_update(struct device_registry *registry, struct span name,
                          const struct device_update *with, device_done *done, void *ctx)
{
    struct update *u = request_about(registry, name, sizeof *u, done, ctx);
    if (u == NULL)
        return;
    u->request.prepare = prepare_update;
    u->request.apply = apply_update;
    u->request.answer = answer_update;
    if (kept_update_keep(&u->kept, with)) {
        device_task_ask(&u->request);
        return;
    }
    answer_update(&u->request, ERR_NO_MEMORY);
    free(u);
}

/* ---- reset ---- */

static bool prepare_reset(struct device_task *q)
{
    if (!device_task_copy_stored(q))
        return false;
    device_rules_reset(&q->next);
    return true;
}

static void apply_reset(struct device_task *q)
{
    device_task_swap(q);
    device_registry_tell_reset(&q->registry->registry, &q->entry->record);
}

void local_devices_reset(struct device_registry *registry, struct span name, device_done *done,
                         void *ctx)
{
    struct device_task *q = request_about(registry, name, sizeof *q, done, ctx);
    if (q == NULL)
        return;
    q->prepare = prepare_reset;
    q->apply = apply_reset;
    device_task_ask(q);
}

/* ---- topics ---- */

struct subscription {
    struct device_task request; /* first member */
    uint32_t topics;
};

static bool prepare_topics(struct device_task *q)
{
    if (!device_task_copy_stored(q))
        return false;
    q->next.topics = ((struct subscription *)q)->topics;
    return true;
}

void local_devices_topics(struct device_registry *registry, struct span name, uint32_t topics,
                          device_done *done, void *ctx)
{
    struct subscription *s = request_about(registry, name, sizeof *s, done, ctx);
    if (s == NULL)
        return;
    s->topics = topics;
    s->request.prepare = prepare_topics;
    s->request.apply = device_task_swap;
    device_task_ask(&s->request);
}

/* ---- remove ---- */

static bool prepare_remove(struct device_task *q)
{
    if (!device_task_copy_stored(q)) /* its name must live until it is stored */
        return false;
    q->change.kind = CHANGE_DEVICE_REMOVE;
    q->change.id = q->next.name;
    return true;
}

static void apply_remove(struct device_task *q)
{
    struct device_entry *e = q->entry;
    device_index_remove(q->registry, e);
    device_index_drop_azure(q->registry, e->record.azure_id);
    device_registry_tell_removed(&q->registry->registry, &e->record);
    device_record_free(&e->record);
}

void local_devices_remove(struct device_registry *registry, struct span name, device_done *done,
                          void *ctx)
{
    struct device_task *q = request_about(registry, name, sizeof *q, done, ctx);
    if (q == NULL)
        return;
    q->prepare = prepare_remove;
    q->apply = apply_remove;
    device_task_ask(q);
}
