/* Which devices have their links here, and what those told: Redis is told of it in turn, and once
 * more when that failed. */
#include "gateway/hub/devices/shared/shared_devices_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Brings what Redis has to what is so here. */
struct settling {
    struct shared_task task; /* first member */
    char owner[NODE_OWNER_SIZE], before[NODE_OWNER_SIZE];
    unsigned arrivals; /* of those, which this one tells */
};

static void settle_decide(struct shared_task *t)
{
    struct settling *s = (struct settling *)t;
    struct shared_device *d = t->device;
    const struct nodes *nodes = t->registry->o.nodes;
    bool ours = nodes_is_self(nodes, d->link);
    unsigned writes = d->dirty ? WRITE_SEEN : 0;
    if (d->linked != ours || (d->linked && !d->claimed)) {
        s->arrivals = d->arrivals;
        writes = WRITE_SEEN | WRITE_LINK;
        snprintf(s->owner, sizeof s->owner, "%s", d->linked ? nodes_owner(nodes) : "");
        snprintf(s->before, sizeof s->before, "%s", d->link);
        t->link = s->owner;
    }
    if (d->known && writes != 0)
        shared_task_put(t, writes);
    else
        shared_task_end(t, ERR_OK);
}

static void settle_stored(struct shared_task *t)
{
    struct settling *s = (struct settling *)t;
    struct shared_device *d = t->device;
    if ((t->writes & WRITE_LINK) != 0 && s->owner[0] != '\0') {
        d->claimed = d->linked && d->arrivals == s->arrivals;
        shared_hint(t->registry, d, s->before);
        shared_index_add(t->registry, d->fold, d->record.name); /* in case that it was lost */
    }
    shared_task_end(t, ERR_OK);
}

static void settle(struct shared_devices *r, struct shared_device *d);

static void settle_answer(struct shared_task *t, enum err why)
{
    struct shared_devices *r = t->registry;
    struct shared_device *d = t->device;
    bool ours = why == ERR_OK && nodes_is_self(r->o.nodes, d->link);
    d->settling = false;
    r->settling--;
    if (why == ERR_OK && d->known && (d->linked != ours || (d->linked && !d->claimed)))
        settle(r, d); /* it came or went meanwhile */
    else if (why == ERR_BUSY || why == ERR_NO_MEMORY)
        list_append(&r->due, &d->due);
}

static const struct shared_task_kind settling = {
    .decide = settle_decide, .stored = settle_stored, .answer = settle_answer, .from_memory = true};

static void settle(struct shared_devices *r, struct shared_device *d)
{
    struct settling *s =
        d->settling ? NULL : shared_task_new(r, d, &settling, sizeof(struct settling));
    if (d->settling)
        return;
    if (s == NULL) {
        list_append(&r->due, &d->due);
        return;
    }
    list_remove(&d->due);
    d->settling = true;
    r->settling++;
    shared_task_start(&s->task);
}

/* ---- what the desk tells ---- */

void shared_devices_linked(struct device_registry *registry, struct span name, bool linked)
{
    struct shared_devices *r = shared_devices_of(registry);
    struct shared_device *d = linked ? shared_device_take(r, name) : shared_device_find(r, name);
    if (d == NULL)
        return;
    d->linked = linked;
    d->claimed = d->claimed && !linked; /* a new one is the device's, whoever has it by now */
    d->arrivals += linked;
    d->remembered = true;
    d->left = loop_now(r->o.loop);
    settle(r, d);
}

void shared_devices_seen(struct device_registry *registry, struct span name,
                         const struct device_sighting *s)
{
    struct shared_devices *r = shared_devices_of(registry);
    struct shared_device *d = shared_device_take(r, name);
    if (d != NULL)
        shared_device_see(r, d, s);
}

/* ---- looking again ---- */

static void look_decide(struct shared_task *t)
{
    shared_task_end(t, ERR_OK); /* what was read is taken */
}

static void look_answer(struct shared_task *t, enum err why)
{
    (void)t, (void)why; /* the sweep looks again */
}

static const struct shared_task_kind looking = {.decide = look_decide, .answer = look_answer};

void shared_devices_look(struct device_registry *registry, struct span name)
{
    struct shared_devices *r = shared_devices_of(registry);
    struct shared_device *d = shared_device_find(r, name);
    struct shared_task *t = d != NULL ? shared_task_new(r, d, &looking, sizeof *t) : NULL;
    if (t != NULL)
        shared_task_start(t);
}

void shared_devices_reclaim(struct device_registry *registry)
{
    struct shared_devices *r = shared_devices_of(registry);
    list_each(node, &r->links)
    {
        list_append(&r->due, &list_entry(node, struct shared_device, held)->due);
    }
    shared_links_tick(r);
}

/* ---- from time to time ---- */

/* The version of one device's record; unless it is the one known here, a hint was lost. */
struct glance {
    struct shared_devices *registry;
    char fold[];
};

static void on_version(void *ctx, enum err why, const struct redis_reply *reply)
{
    struct glance *g = ctx;
    struct span version = why == ERR_OK ? redis_text(reply) : (struct span){0};
    const struct shared_device *d =
        why == ERR_OK ? shared_device_find(g->registry, span_of(g->fold)) : NULL;
    if (d != NULL && d->known && d->running == NULL && !span_is(version, d->version))
        shared_devices_look(&g->registry->registry, span_of(g->fold));
    free(g);
}

static void glance_at(struct shared_devices *r, const struct shared_device *d)
{
    size_t n = strlen(d->fold) + 1;
    struct shared_key key = shared_key("d", d->fold);
    const struct span args[] = {span_of("HGET"), span_of(key.text), span_of("v")};
    struct glance *g = malloc(sizeof *g + n);
    if (g == NULL)
        return;
    g->registry = r;
    memcpy(g->fold, d->fold, n);
    shared_devices_ask(r, args, 3, 1, on_version, g);
}

/* Each device whose link is here is looked at once in SWEEP_S, and each that is remembered ten
 * times more rarely: nobody tells this node of those. */
static void sweep(struct shared_devices *r)
{
    size_t links = (r->n_links + SWEEP_S - 1) / SWEEP_S;
    size_t recent = (r->n_recent + 10 * SWEEP_S - 1) / (10 * SWEEP_S);
    for (size_t i = 0; i < links && i < SETTLES_MAX; i++) {
        struct shared_device *d = list_entry(r->links.next, struct shared_device, held);
        list_append(&r->links, &d->held);
        glance_at(r, d);
    }
    for (size_t i = 0; i < recent && i < SETTLES_MAX; i++) {
        struct shared_device *d = list_entry(r->swept.next, struct shared_device, swept);
        list_append(&r->swept, &d->swept);
        glance_at(r, d);
    }
}

static struct shared_device *next_due(struct shared_devices *r)
{
    if (!list_empty(&r->due))
        return list_entry(r->due.next, struct shared_device, due);
    if (list_empty(&r->dirty))
        return NULL;
    struct shared_device *d = list_entry(r->dirty.next, struct shared_device, due);
    return loop_now(r->o.loop) - d->dirty_since >= SEEN_MS ? d : NULL;
}

void shared_links_tick(struct shared_devices *r)
{
    struct shared_device *d;
    if (!redis_up(r->o.redis))
        return;
    while (r->settling < SETTLES_MAX && (d = next_due(r)) != NULL) {
        list_remove(&d->due);
        settle(r, d);
    }
    sweep(r);
}
