/* What Azure's clients call devices: "tunnel:az:{ID}" has the fold of the device that claims the
 * id, and is believed only when that device's record says so, too. A claim is made before the
 * device is written and confirmed after that. So, of two devices that want what is the name of one
 * and the azure_id of the other at the same time, at least one finds out: either the claim is there
 * when the name is looked for once more, after its device is written, or the name is there when it
 * is looked for after the claim is made. */
#include "gateway/hub/devices/shared/shared_devices_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool calls_itself(const struct redis_reply *reply, const char *id)
{
    struct device_record d = {0};
    char link[NODE_OWNER_SIZE];
    bool same = shared_device_read(reply, 0, &d, link) == ERR_OK && str_same(d.azure_id, id);
    device_record_free(&d);
    return same;
}

static void read_device(struct shared_azure *a, struct span fold,
                        void (*step)(struct shared_task *t, const struct redis_reply *reply))
{
    char text[DEVICE_NAME_MAX + 1];
    snprintf(text, sizeof text, "%.*s", (int)fold.n, fold.p);
    struct shared_key key = shared_key("d", text);
    const struct span args[] = {span_of("HGETALL"), span_of(key.text)};
    shared_task_ask(&a->task, args, 2, 1, step);
}

/* ---- is it another's? ---- */

static void check(struct shared_azure *a);

/* The claim is gone, or was confirmed, or made anew, meanwhile. */
static void on_dropped(struct shared_task *t, const struct redis_reply *reply)
{
    struct shared_azure *a = (struct shared_azure *)t;
    a->taken = redis_integer(redis_item(reply, 0)) != 1 && ++t->tries == TRIES_MAX;
    if (a->taken || redis_integer(redis_item(reply, 0)) == 1)
        a->then(t);
    else
        check(a);
}

/* A claim whose device is not there is what an end in between left, or is being made: it is taken
 * away, and whoever makes it finds that out when it confirms it. */
static void on_holder(struct shared_task *t, const struct redis_reply *reply)
{
    struct shared_azure *a = (struct shared_azure *)t;
    struct shared_key key = shared_key("az", a->id);
    const struct span version = span_of(a->other);
    a->taken = calls_itself(reply, a->id);
    if (a->taken)
        a->then(t);
    else
        shared_task_call(t, "drop", key.text, &version, 1, on_dropped);
}

static void on_claim_read(struct shared_task *t, const struct redis_reply *reply)
{
    struct shared_azure *a = (struct shared_azure *)t;
    struct span fold = redis_field(reply, 0, "f"), version = redis_field(reply, 0, "v");
    bool others = fold.p != NULL && !span_is(fold, t->device->fold);
    snprintf(a->other, sizeof a->other, "%.*s", (int)version.n, version.n > 0 ? version.p : "");
    a->taken = a->again && others;
    if (!others || a->again)
        a->then(t);
    else
        read_device(a, fold, on_holder);
}

static void check(struct shared_azure *a)
{
    struct shared_key key = shared_key("az", a->id);
    const struct span args[] = {span_of("HGETALL"), span_of(key.text)};
    shared_task_ask(&a->task, args, 2, 1, on_claim_read);
}

void shared_azure_check(struct shared_azure *a, const char *id, bool again,
                        void (*then)(struct shared_task *t))
{
    a->id = id;
    a->then = then;
    a->again = again;
    check(a);
}

/* ---- claiming ---- */

static void claim(struct shared_azure *a);

/* Another device has that name, and would be called by it. */
static void on_named(struct shared_task *t, const struct redis_reply *reply)
{
    struct shared_azure *a = (struct shared_azure *)t;
    struct device_record d = {0};
    char link[NODE_OWNER_SIZE];
    a->taken = shared_device_read(reply, 0, &d, link) == ERR_OK && str_same(d.name, a->id);
    device_record_free(&d);
    a->then(t);
}

static void claimed(struct shared_azure *a)
{
    char fold[DEVICE_NAME_MAX + 1];
    a->claimed = true;
    if (device_name_fold(span_of(a->id), fold) && strcmp(fold, a->task.device->fold) != 0)
        read_device(a, span_of(fold), on_named);
    else
        a->then(&a->task);
}

static void on_other(struct shared_task *t, const struct redis_reply *reply)
{
    struct shared_azure *a = (struct shared_azure *)t;
    a->taken = calls_itself(reply, a->id) || ++t->tries == TRIES_MAX;
    if (a->taken)
        a->then(t);
    else
        claim(a); /* what an end in between left: it is taken over, if nobody else does */
}

static void on_claimed(struct shared_task *t, const struct redis_reply *reply)
{
    struct shared_azure *a = (struct shared_azure *)t;
    struct span version = redis_text(redis_item(reply, 1)), fold = redis_field(reply, 2, "f");
    snprintf(a->version, sizeof a->version, "%.*s", (int)version.n, version.n > 0 ? version.p : "");
    if (redis_integer(redis_item(reply, 0)) == 1)
        claimed(a);
    else if (!span_is(fold, t->device->fold))
        read_device(a, fold, on_other);
    else if ((a->taken = ++t->tries == TRIES_MAX))
        a->then(t);
    else
        claim(a); /* its own, of before: it becomes a new one, which nobody gives back */
}

static void put_claim(struct shared_azure *a,
                      void (*step)(struct shared_task *t, const struct redis_reply *reply))
{
    struct shared_key key = shared_key("az", a->id);
    char request[UUID_SIZE];
    random_uuid(request);
    const struct span args[] = {span_of(a->version), span_of(request), span_of(""), span_of("f"),
                                span_of(a->task.device->fold)};
    shared_task_call(&a->task, "put", key.text, args, 5, step);
}

static void claim(struct shared_azure *a)
{
    put_claim(a, on_claimed);
}

void shared_azure_claim(struct shared_azure *a, const char *id, void (*then)(struct shared_task *t))
{
    snprintf(a->version, sizeof a->version, "0");
    a->id = id;
    a->then = then;
    a->taken = a->claimed = false;
    claim(a);
}

/* ---- confirming, and giving back ---- */

static void on_confirmed(struct shared_task *t, const struct redis_reply *reply)
{
    struct shared_azure *a = (struct shared_azure *)t;
    struct span version = redis_text(redis_item(reply, 1));
    a->taken = redis_integer(redis_item(reply, 0)) != 1;
    a->claimed = !a->taken;
    if (a->claimed)
        snprintf(a->version, sizeof a->version, "%.*s", (int)version.n, version.p);
    a->then(t);
}

void shared_azure_confirm(struct shared_azure *a, const char *id,
                          void (*then)(struct shared_task *t))
{
    a->id = id;
    a->then = then;
    put_claim(a, on_confirmed);
}

static void on_nothing(void *ctx, enum err why, const struct redis_reply *reply)
{
    (void)ctx, (void)why, (void)reply;
}

void shared_azure_release(const struct shared_azure *a, const char *id)
{
    struct shared_key key = shared_key("az", id);
    const struct span version = span_of(a->version);
    shared_devices_call(a->task.registry, "drop", key.text, &version, 1, on_nothing, NULL);
}

/* ---- looking ---- */

struct lookup {
    struct shared_devices *registry;
    device_done *done;
    void *ctx;
    char id[DEVICE_AZURE_ID_MAX + 1];
};

static void answer(struct lookup *q, enum err why, struct device_record *d, const char *link)
{
    if (why == ERR_OK) {
        shared_device_locate(q->registry, d, link);
        q->done(q->ctx, ERR_OK, d);
    } else {
        q->done(q->ctx, why, NULL);
    }
    free(q);
}

static const struct shared_device *remembered_in(const struct list *held, const char *id)
{
    for (const struct list *at = held->next; at != held; at = at->next) {
        const struct shared_device *d = list_entry(at, const struct shared_device, held);
        if (d->known &&
            strcmp(d->record.azure_id != NULL ? d->record.azure_id : d->record.name, id) == 0)
            return d;
    }
    return NULL;
}

/* Without Redis: whoever was here lately is known as it was. The lists are bounded, and so is what
 * this takes. */
static void answer_from_memory(struct lookup *q, enum err why)
{
    const struct shared_devices *r = q->registry;
    const struct shared_device *d = why == ERR_BUSY ? remembered_in(&r->links, q->id) : NULL;
    if (d == NULL && why == ERR_BUSY)
        d = remembered_in(&r->recent, q->id);
    bool lately = d != NULL && (d->linked || loop_now(r->o.loop) - d->left < REMEMBER_MS);
    struct device_record copy = {0};
    if (lately)
        why = device_record_copy(&copy, &d->record) ? ERR_OK : ERR_NO_MEMORY;
    answer(q, why, &copy, "");
    device_record_free(&copy);
}

static void take_device(struct lookup *q, enum err why, const struct redis_reply *reply, bool named)
{
    struct device_record d = {0};
    char link[NODE_OWNER_SIZE] = "";
    if (why != ERR_OK) {
        answer_from_memory(q, why);
        return;
    }
    why = shared_device_read(reply, 0, &d, link);
    bool same = why == ERR_OK && (named ? d.azure_id == NULL && strcmp(d.name, q->id) == 0
                                        : str_same(d.azure_id, q->id));
    answer(q, why == ERR_OK && !same ? ERR_NOT_FOUND : why, &d, link);
    device_record_free(&d);
}

static void on_by_name(void *ctx, enum err why, const struct redis_reply *reply)
{
    take_device(ctx, why, reply, true);
}

static void on_by_id(void *ctx, enum err why, const struct redis_reply *reply)
{
    take_device(ctx, why, reply, false);
}

static void on_claimant(void *ctx, enum err why, const struct redis_reply *reply)
{
    struct lookup *q = ctx;
    struct span claimant = why == ERR_OK ? redis_field(reply, 0, "f") : (struct span){0};
    char fold[DEVICE_NAME_MAX + 1];
    if (why != ERR_OK)
        answer_from_memory(q, why);
    else if (claimant.p != NULL && device_name_fold(claimant, fold))
        shared_devices_read(q->registry, fold, on_by_id, q);
    else if (device_name_fold(span_of(q->id), fold))
        shared_devices_read(q->registry, fold, on_by_name, q);
    else
        answer(q, ERR_NOT_FOUND, NULL, "");
}

void shared_devices_get_azure(struct device_registry *registry, struct span id, device_done *done,
                              void *ctx)
{
    struct lookup *q = NULL;
    bool possible = id.n > 0 && id.n <= DEVICE_AZURE_ID_MAX && memchr(id.p, '\0', id.n) == NULL;
    if (possible && (q = calloc(1, sizeof *q)) != NULL) {
        *q = (struct lookup){.registry = shared_devices_of(registry), .done = done, .ctx = ctx};
        memcpy(q->id, id.p, id.n);
        struct shared_key key = shared_key("az", q->id);
        const struct span args[] = {span_of("HGETALL"), span_of(key.text)};
        shared_devices_ask(q->registry, args, 2, 1, on_claimant, q);
    } else {
        done(ctx, possible ? ERR_NO_MEMORY : ERR_NOT_FOUND, NULL);
    }
}
