/* Makes a device that has symmetric keys, before it was ever here. */
#include "gateway/hub/devices/shared/shared_devices_internal.h"

#include <stdlib.h>
#include <string.h>

struct creation {
    struct shared_azure azure; /* first member */
    struct device_record made;
    bool counted, undone;
};

static struct creation *creation_of(struct shared_task *t)
{
    return (struct creation *)t;
}

static void write_record(struct shared_task *t)
{
    struct creation *n = creation_of(t);
    struct shared_devices *r = t->registry;
    device_record_free(&t->next);
    if (n->azure.taken) {
        shared_task_end(t, ERR_AMBIGUOUS);
    } else if (!device_record_copy(&t->next, &n->made)) {
        shared_task_end(t, ERR_NO_MEMORY);
    } else {
        r->enrolling += !n->counted;
        n->counted = true;
        shared_index_add(r, t->device->fold, n->made.name);
        shared_task_put(t, WRITE_RECORD | WRITE_SEEN);
    }
}

static void on_free_name(struct shared_task *t)
{
    struct creation *n = creation_of(t);
    if (n->azure.taken)
        shared_task_end(t, ERR_AMBIGUOUS);
    else if (shared_index_full(t->registry) || n->made.labels.n > DEVICE_LABELS_MAX)
        shared_task_end(t, ERR_LIMIT);
    else if (n->made.azure_id != NULL && !n->azure.claimed)
        shared_azure_claim(&n->azure, n->made.azure_id, write_record);
    else
        write_record(t);
}

static void decide(struct shared_task *t)
{
    struct creation *n = creation_of(t);
    if (t->device->known)
        shared_task_end(t, ERR_AMBIGUOUS);
    else
        shared_azure_check(&n->azure, n->made.name, false, on_free_name);
}

/* ---- it is written ---- */

static void tell(struct shared_task *t)
{
    struct shared_devices *r = t->registry;
    const struct device_record *d = &t->device->record;
    shared_index_add(r, t->device->fold, d->name); /* a list may have taken it out */
    device_registry_tell_enrolled(&r->registry, d);
    shared_task_end(t, ERR_OK);
}

/* Somebody wanted the same at the same time. */
static void undo(struct shared_task *t)
{
    creation_of(t)->undone = true;
    shared_task_drop(t);
}

static void on_still_free(struct shared_task *t)
{
    if (creation_of(t)->azure.taken)
        undo(t);
    else
        tell(t);
}

static void on_confirmed(struct shared_task *t)
{
    struct creation *n = creation_of(t);
    if (n->azure.taken)
        undo(t);
    else
        shared_azure_check(&n->azure, n->made.name, true, on_still_free);
}

static void stored(struct shared_task *t)
{
    struct creation *n = creation_of(t);
    struct shared_devices *r = t->registry;
    struct shared_device *d = t->device;
    if (n->undone) {
        shared_index_remove(r, d->fold, n->made.name);
        shared_index_state(r, n->made.name, (int)n->made.state, -1);
        shared_device_forget(r, d);
        shared_task_end(t, ERR_AMBIGUOUS);
        return;
    }
    shared_index_state(r, n->made.name, -1, (int)n->made.state);
    n->azure.taken = false;
    if (n->azure.claimed)
        shared_azure_confirm(&n->azure, n->made.azure_id, on_confirmed);
    else
        on_confirmed(t);
}

/* A claim stays when its record is there, or may be, for all that is known. */
static void answer(struct shared_task *t, enum err why)
{
    struct creation *n = creation_of(t);
    const struct shared_device *d = t->device;
    bool used = d->known && str_same(d->record.azure_id, n->made.azure_id);
    t->registry->enrolling -= n->counted;
    if (n->azure.claimed && !used && (why == ERR_AMBIGUOUS || why == ERR_LIMIT))
        shared_azure_release(&n->azure, n->made.azure_id);
    t->done(t->ctx, why, why == ERR_OK ? &d->record : NULL);
    device_record_free(&n->made);
}

static const struct shared_task_kind creating = {
    .decide = decide, .stored = stored, .answer = answer};

void shared_devices_create(struct device_registry *registry, const struct device_creation *with,
                           device_done *done, void *ctx)
{
    struct shared_devices *r = shared_devices_of(registry);
    struct shared_device *d = shared_device_take(r, span_of(with->name));
    struct creation *n = d != NULL ? shared_task_new(r, d, &creating, sizeof *n) : NULL;
    if (n == NULL || !device_rules_create(&n->made, with, nodes_now(r->o.nodes))) {
        if (n != NULL)
            device_record_free(&n->made);
        free(n);
        if (d != NULL)
            shared_device_settle(r, d);
        done(ctx, ERR_NO_MEMORY, NULL);
        return;
    }
    n->azure.task.done = done;
    n->azure.task.ctx = ctx;
    shared_task_start(&n->azure.task);
}
