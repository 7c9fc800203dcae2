#include "core/base/log.h"
#include "gateway/hub/devices/shared/device_json.h"
#include "gateway/hub/devices/shared/shared_devices_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WAITING_MAX 64 /* tasks that may wait for one device's change */

void *shared_task_new(struct shared_devices *r, struct shared_device *d,
                      const struct shared_task_kind *kind, size_t size)
{
    struct shared_task *t = calloc(1, size);
    if (t == NULL)
        return NULL;
    list_init(&t->node);
    t->registry = r;
    t->device = d;
    t->kind = kind;
    return t;
}

/* ---- turns ---- */

static void on_read(void *ctx, enum err why, const struct redis_reply *reply)
{
    struct shared_task *t = ctx;
    if (why == ERR_OK)
        why = shared_device_absorb(t->registry, t->device, reply, 0);
    else if (t->kind->unread != NULL && t->kind->unread(t))
        return;
    if (why == ERR_OK)
        t->kind->decide(t);
    else
        shared_task_end(t, why);
}

static void run_next(struct shared_devices *r, struct shared_device *d)
{
    struct shared_task *t = list_entry(d->waiting.next, struct shared_task, node);
    list_remove(&t->node);
    d->n_waiting--;
    d->running = t;
    if (t->kind->from_memory && d->known)
        t->kind->decide(t);
    else
        shared_devices_read(r, d->fold, on_read, t);
}

void shared_task_start(struct shared_task *t)
{
    struct shared_device *d = t->device;
    if (d->n_waiting == WAITING_MAX) {
        t->kind->answer(t, ERR_BUSY);
        free(t);
        return;
    }
    list_append(&d->waiting, &t->node);
    d->n_waiting++;
    if (d->running == NULL)
        run_next(t->registry, d);
}

/* The answer comes while t is still running, so what its callback asks for waits behind the rest.
 */
void shared_task_end(struct shared_task *t, enum err why)
{
    struct shared_devices *r = t->registry;
    struct shared_device *d = t->device;
    t->kind->answer(t, why);
    device_record_free(&t->next);
    free(t);
    d->running = NULL;
    if (!list_empty(&d->waiting))
        run_next(r, d);
    else
        shared_device_settle(r, d);
}

/* ---- questions ---- */

static void on_answer(void *ctx, enum err why, const struct redis_reply *reply)
{
    struct shared_task *t = ctx;
    if (why == ERR_OK)
        t->step(t, reply);
    else
        shared_task_end(t, why);
}

void shared_task_ask(struct shared_task *t, const struct span *args, size_t n, size_t key,
                     void (*step)(struct shared_task *t, const struct redis_reply *reply))
{
    t->step = step;
    shared_devices_ask(t->registry, args, n, key, on_answer, t);
}

void shared_task_call(struct shared_task *t, const char *function, const char *key,
                      const struct span *args, size_t n,
                      void (*step)(struct shared_task *t, const struct redis_reply *reply))
{
    t->step = step;
    shared_devices_call(t->registry, function, key, args, n, on_answer, t);
}

/* ---- changes ---- */

static void seen_again(struct shared_task *t)
{
    struct shared_device *d = t->device;
    if ((t->writes & WRITE_SEEN) == 0 || (t->writes & WRITE_RECORD) != 0 || d->dirty)
        return;
    d->dirty = true;
    d->dirty_since = loop_now(t->registry->o.loop);
    if (!list_is_on(&d->due))
        list_append(&t->registry->dirty, &d->due);
}

static void changed(struct shared_task *t, struct span version)
{
    struct shared_device *d = t->device;
    if ((t->writes & WRITE_RECORD) != 0)
        shared_device_replace(t->registry, d, &t->next, version);
    else if (!t->drops)
        snprintf(d->version, sizeof d->version, "%.*s", (int)version.n, version.p);
    if ((t->writes & WRITE_LINK) != 0)
        snprintf(d->link, sizeof d->link, "%s", t->link);
    if (t->kind->stored != NULL)
        t->kind->stored(t);
    else
        shared_task_end(t, ERR_OK);
}

/* Somebody else was faster: what is there now is decided about. */
static void conflicted(struct shared_task *t, const struct redis_reply *reply)
{
    seen_again(t);
    enum err why = shared_device_absorb(t->registry, t->device, reply, 2);
    if (why == ERR_OK && ++t->tries == TRIES_MAX)
        why = ERR_BUSY;
    if (why != ERR_OK) {
        shared_task_end(t, why);
        return;
    }
    device_record_free(&t->next);
    t->kind->decide(t);
}

static void on_changed(void *ctx, enum err why, const struct redis_reply *reply)
{
    struct shared_task *t = ctx;
    if (why != ERR_OK) {
        seen_again(t);
        shared_task_end(t, why);
    } else if (redis_integer(redis_item(reply, 0)) == 1) {
        changed(t, redis_text(redis_item(reply, 1)));
    } else {
        conflicted(t, reply);
    }
}

#define PUT_FIXED 3 /* version, request, expiry */
#define PUT_ARGS (PUT_FIXED + 6)

static void send_change(struct shared_task *t)
{
    struct shared_device *d = t->device;
    struct shared_key key = shared_key("d", d->fold);
    bool whole = (t->writes & WRITE_RECORD) != 0;
    struct span args[PUT_ARGS] = {span_of(d->version), span_of(t->request), span_of("")};
    char *record = whole ? device_json_write(&t->next) : NULL;
    bool sees = (t->writes & WRITE_SEEN) != 0;
    char *seen = sees ? device_json_write_seen(whole ? &t->next : &d->record) : NULL;
    size_t n = PUT_FIXED;
    if (record != NULL)
        args[n++] = span_of("r"), args[n++] = span_of(record);
    if (seen != NULL)
        args[n++] = span_of("s"), args[n++] = span_of(seen);
    if ((t->writes & WRITE_LINK) != 0)
        args[n++] = span_of("l"), args[n++] = span_of(t->link);
    if (t->drops)
        shared_devices_call(t->registry, "drop", key.text, args, 1, on_changed, t);
    else if ((whole && record == NULL) || (sees && seen == NULL))
        shared_task_end(t, ERR_NO_MEMORY);
    else
        shared_devices_call(t->registry, whole ? "put" : "keep", key.text, args, n, on_changed, t);
    free(record);
    free(seen);
}

void shared_task_put(struct shared_task *t, unsigned writes)
{
    struct shared_device *d = t->device;
    t->writes = writes;
    t->drops = false;
    random_uuid(t->request);
    if ((writes & WRITE_SEEN) != 0 && (writes & WRITE_RECORD) == 0) {
        d->dirty = false;
        list_remove(&d->due);
    }
    send_change(t);
}

void shared_task_drop(struct shared_task *t)
{
    t->writes = 0;
    t->drops = true;
    send_change(t);
}

/* ---- the rest ---- */

void shared_hint(const struct shared_devices *r, const struct shared_device *d, const char *link)
{
    if (link[0] != '\0' && !nodes_is_self(r->o.nodes, link) && r->o.hint != NULL)
        r->o.hint(r->o.owner, link, "device", d->fold);
}
