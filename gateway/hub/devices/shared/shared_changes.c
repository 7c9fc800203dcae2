/* What operators change of a device: state, labels, its key, all of it; and the topics that it is
 * subscribed to. */
#include "gateway/hub/devices/device_requests.h"
#include "gateway/hub/devices/shared/shared_devices_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void answer(struct shared_task *t, enum err why)
{
    const struct shared_device *d = t->device;
    if (t->done != NULL)
        t->done(t->ctx, why, why == ERR_OK && d->known ? &d->record : NULL);
}

/* The request about a device; NULL: `done` has been told why not. */
static void *request_about(struct device_registry *registry, struct span name,
                           const struct shared_task_kind *kind, size_t size, device_done *done,
                           void *ctx)
{
    struct shared_devices *r = shared_devices_of(registry);
    struct shared_device *d = shared_device_take(r, name);
    struct shared_task *t = d != NULL ? shared_task_new(r, d, kind, size) : NULL;
    if (t == NULL) {
        if (d != NULL)
            shared_device_settle(r, d);
        if (done != NULL)
            done(ctx, device_name_valid(name) ? ERR_NO_MEMORY : ERR_NOT_FOUND, NULL);
        return NULL;
    }
    t->done = done;
    t->ctx = ctx;
    return t;
}

/* False: it has ended. */
static bool copy_known(struct shared_task *t)
{
    enum err why = ERR_NOT_FOUND;
    if (t->device->known)
        why = device_record_copy(&t->next, &t->device->record) ? ERR_OK : ERR_NO_MEMORY;
    if (why != ERR_OK)
        shared_task_end(t, why);
    return why == ERR_OK;
}

/* ---- update ---- */

struct update {
    struct shared_task task; /* first member */
    struct kept_update kept;
    enum device_state before;
};

static void decide_update(struct shared_task *t)
{
    struct update *u = (struct update *)t;
    if (!copy_known(t))
        return;
    u->before = t->next.state;
    enum err why = device_rules_update(&t->device->record, &t->next, &u->kept.u, t->ctx);
    if (why == ERR_OK)
        shared_task_put(t, WRITE_RECORD);
    else
        shared_task_end(t, why);
}

static void stored_update(struct shared_task *t)
{
    struct shared_devices *r = t->registry;
    struct shared_device *d = t->device;
    enum device_state before = ((struct update *)t)->before;
    shared_index_state(r, d->record.name, (int)before, (int)d->record.state);
    device_registry_tell_changed(&r->registry, &d->record, before);
    shared_hint(r, d, d->link);
    shared_task_end(t, ERR_OK);
}

static void answer_update(struct shared_task *t, enum err why)
{
    answer(t, why);
    kept_update_drop(&((struct update *)t)->kept);
}

void shared_devices_update(struct device_registry *registry, struct span name,
                           const struct device_update *with, device_done *done, void *ctx)
{
    static const struct shared_task_kind kind = {
        .decide = decide_update, .stored = stored_update, .answer = answer_update};
    struct update *u = request_about(registry, name, &kind, sizeof *u, done, ctx);
    if (u == NULL)
        return;
    if (kept_update_keep(&u->kept, with)) {
        shared_task_start(&u->task);
        return;
    }
    struct shared_device *d = u->task.device;
    answer_update(&u->task, ERR_NO_MEMORY);
    free(u);
    shared_device_settle(shared_devices_of(registry), d);
}

/* ---- topics ---- */

struct subscription {
    struct shared_task task; /* first member */
    uint32_t topics;
};

static void decide_topics(struct shared_task *t)
{
    if (!copy_known(t))
        return;
    t->next.topics = ((struct subscription *)t)->topics;
    shared_task_put(t, WRITE_RECORD);
}

void shared_devices_topics(struct device_registry *registry, struct span name, uint32_t topics,
                           device_done *done, void *ctx)
{
    static const struct shared_task_kind kind = {.decide = decide_topics, .answer = answer};
    struct subscription *s = request_about(registry, name, &kind, sizeof *s, done, ctx);
    if (s == NULL)
        return;
    s->topics = topics;
    shared_task_start(&s->task);
}

/* ---- the use of its invitation, when it loses its key ---- */

static void write_or_drop(struct shared_task *t)
{
    if (t->next.name != NULL)
        shared_task_put(t, WRITE_RECORD);
    else
        shared_task_drop(t);
}

static void on_retired(struct shared_task *t, const struct redis_reply *reply)
{
    (void)reply;
    write_or_drop(t);
}

static void on_counted(struct shared_task *t, const struct redis_reply *reply)
{
    const struct shared_device *d = t->device;
    struct shared_key key = shared_key("iu", d->record.invitation);
    const struct span args[] = {span_of("SREM"), span_of(key.text), span_of(d->fold)};
    (void)reply;
    shared_task_ask(t, args, 3, 1, on_retired);
}

/* The next device of that name uses the invitation once more, and this use stays counted. */
static void on_used(struct shared_task *t, const struct redis_reply *reply)
{
    const struct shared_device *d = t->device;
    struct shared_key key = shared_key("iu", d->record.invitation);
    char used[DEVICE_NAME_MAX + VERSION_SIZE + 2];
    if (redis_integer(reply) != 1) {
        write_or_drop(t);
        return;
    }
    snprintf(used, sizeof used, "%s#%s", d->fold, d->version);
    const struct span args[] = {span_of("SADD"), span_of(key.text), span_of(used)};
    shared_task_ask(t, args, 3, 1, on_counted);
}

static void retire_use(struct shared_task *t)
{
    const struct shared_device *d = t->device;
    struct shared_key key = shared_key("iu", d->record.invitation);
    const struct span args[] = {span_of("SISMEMBER"), span_of(key.text), span_of(d->fold)};
    if (d->record.invitation[0] != '\0')
        shared_task_ask(t, args, 3, 1, on_used);
    else
        write_or_drop(t);
}

/* ---- reset ---- */

static void decide_reset(struct shared_task *t)
{
    if (!copy_known(t))
        return;
    device_rules_reset(&t->next);
    retire_use(t);
}

static void stored_reset(struct shared_task *t)
{
    struct shared_devices *r = t->registry;
    device_registry_tell_reset(&r->registry, &t->device->record);
    shared_hint(r, t->device, t->device->link);
    shared_task_end(t, ERR_OK);
}

void shared_devices_reset(struct device_registry *registry, struct span name, device_done *done,
                          void *ctx)
{
    static const struct shared_task_kind kind = {
        .decide = decide_reset, .stored = stored_reset, .answer = answer};
    struct shared_task *t = request_about(registry, name, &kind, sizeof *t, done, ctx);
    if (t != NULL)
        shared_task_start(t);
}

/* ---- remove ---- */

/* With the claim that its record had: one that was made meanwhile stays. */
static void on_claim(struct shared_task *t, const struct redis_reply *reply)
{
    struct shared_azure *a = (struct shared_azure *)t;
    struct span version = redis_field(reply, 0, "v"), fold = redis_field(reply, 0, "f");
    a->claimed = fold.p != NULL && span_is(fold, t->device->fold);
    snprintf(a->version, sizeof a->version, "%.*s", (int)version.n, version.n > 0 ? version.p : "");
    retire_use(t);
}

static void decide_remove(struct shared_task *t)
{
    const struct device_record *d = &t->device->record;
    if (!t->device->known) {
        shared_task_end(t, ERR_NOT_FOUND);
    } else if (d->azure_id == NULL) {
        retire_use(t);
    } else {
        struct shared_key key = shared_key("az", d->azure_id);
        const struct span args[] = {span_of("HGETALL"), span_of(key.text)};
        shared_task_ask(t, args, 2, 1, on_claim);
    }
}

static void stored_remove(struct shared_task *t)
{
    struct shared_azure *a = (struct shared_azure *)t;
    struct shared_devices *r = t->registry;
    struct shared_device *d = t->device;
    struct device_record gone = d->record;
    char link[NODE_OWNER_SIZE];
    memcpy(link, d->link, sizeof link);
    d->record = (struct device_record){0};
    d->linked = false; /* it is told below, and once */
    shared_device_forget(r, d);
    shared_index_remove(r, d->fold, gone.name);
    shared_index_state(r, gone.name, (int)gone.state, -1);
    if (a->claimed)
        shared_azure_release(a, gone.azure_id);
    device_registry_tell_removed(&r->registry, &gone);
    shared_hint(r, d, link);
    device_record_free(&gone);
    shared_task_end(t, ERR_OK);
}

void shared_devices_remove(struct device_registry *registry, struct span name, device_done *done,
                           void *ctx)
{
    static const struct shared_task_kind kind = {
        .decide = decide_remove, .stored = stored_remove, .answer = answer};
    struct shared_azure *a = request_about(registry, name, &kind, sizeof *a, done, ctx);
    if (a != NULL)
        shared_task_start(&a->task);
}
