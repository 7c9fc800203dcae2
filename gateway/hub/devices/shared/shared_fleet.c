/* The devices that are known here, and for those who watch this node all of the cluster's. While
 * somebody looks they are read from Redis again and again, FLEET_STEP at a time; when nobody has
 * looked for the options' watch_ms they are forgotten. What is read takes the place of what the
 * reading before had up to that name, so each device is held once. */
#include "gateway/hub/devices/shared/shared_devices_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FLEET_STEP 512     /* devices */
#define FLEET_STEP_MS 100  /* between two steps: some five thousand devices a second */
#define FLEET_REST_MS 2000 /* between two readings; as long as the last one took, if longer */
#define FLEET_RETRY_MS 1000

static void row_free(struct fleet_row *row)
{
    device_record_free(&row->record);
    free(row->link);
}

static void rows_free(struct fleet_rows *l)
{
    for (size_t i = l->first; i < l->n; i++)
        row_free(&l->rows[i]);
    free(l->rows);
    *l = (struct fleet_rows){0};
}

static void forget(struct shared_fleet *f)
{
    rows_free(&f->read);
    rows_free(&f->before);
    f->watched = f->shown = 0;
    f->cut = false;
}

/* ---- keeping what is read ---- */

static bool rows_room(struct fleet_rows *l)
{
    size_t room = l->room > 0 ? 2 * l->room : 64;
    void *more = l->n < l->room ? l->rows : realloc(l->rows, room * sizeof *l->rows);
    if (more == NULL)
        return false;
    if (l->n == l->room)
        l->room = room;
    l->rows = more;
    return true;
}

/* The owner of its link as the nodes know it now, so that a node's death shows at once. */
static char *link_of(const struct shared_devices *r, const struct device_record *d)
{
    const struct node_info *n = d->node != NULL ? nodes_find(r->o.nodes, d->node) : NULL;
    char owner[NODE_OWNER_SIZE] = "";
    if (n != NULL)
        snprintf(owner, sizeof owner, "%s:%llu", n->name, (unsigned long long)n->epoch);
    return strdup(owner);
}

static bool keep(struct shared_devices *r, const struct device_record *d)
{
    struct fleet_rows *l = &r->fleet.read;
    if (l->n == FLEET_MAX || !rows_room(l))
        return false;
    struct fleet_row *row = &l->rows[l->n];
    *row = (struct fleet_row){.link = link_of(r, d)};
    if (row->link == NULL || !device_record_copy(&row->record, d) ||
        !device_record_seal(&row->record, NULL, 0)) {
        row_free(row);
        return false;
    }
    l->n++;
    return true;
}

static void pass_over(struct fleet_rows *l, const char *name)
{
    while (l->first < l->n && strcmp(l->rows[l->first].record.name, name) <= 0)
        row_free(&l->rows[l->first++]);
}

/* Those that are remembered here are looked at rarely: whoever is elsewhere is read again. */
static void look_again(struct shared_devices *r, const struct device_record *d)
{
    struct shared_device *here = shared_device_find(r, span_of(d->name));
    if (here == NULL || here->place != HELD_RECENT || here->running != NULL)
        return;
    shared_device_locate(r, &here->record, here->link);
    const char *node = here->record.node != NULL ? here->record.node : "";
    if (here->record.state != d->state || strcmp(node, d->node != NULL ? d->node : "") != 0)
        shared_devices_look(&r->registry, span_of(d->name));
}

static bool keep_next(void *ctx, const struct device_record *d)
{
    struct shared_devices *r = ctx;
    struct shared_fleet *f = &r->fleet;
    pass_over(&f->before, d->name);
    f->full = !keep(r, d);
    look_again(r, d);
    return !f->full && ++f->taken < FLEET_STEP;
}

/* ---- steps ---- */

static void finish(struct shared_devices *r)
{
    struct shared_fleet *f = &r->fleet;
    rows_free(&f->before);
    f->before = f->read;
    f->read = (struct fleet_rows){0};
    f->cut = f->full;
    f->shown = f->began;
}

static uint64_t rest_of(const struct shared_devices *r)
{
    uint64_t took = loop_now(r->o.loop) - r->fleet.began;
    return took > FLEET_REST_MS ? took : FLEET_REST_MS;
}

static void on_step(void *ctx, enum err why)
{
    struct shared_devices *r = ctx;
    struct shared_fleet *f = &r->fleet;
    bool ends = why == ERR_OK && (f->full || f->taken < FLEET_STEP);
    if (r->ended)
        return;
    if (ends)
        finish(r);
    timer_start(f->timer, why != ERR_OK ? FLEET_RETRY_MS : ends ? rest_of(r) : FLEET_STEP_MS);
}

/* The next step goes on behind the last row that was read. */
static void step(struct shared_devices *r)
{
    struct shared_fleet *f = &r->fleet;
    const struct fleet_rows *l = &f->read;
    const char *after = l->n > 0 ? l->rows[l->n - 1].record.name : "";
    if (l->n == 0)
        f->began = loop_now(r->o.loop);
    f->taken = 0;
    f->full = false;
    shared_devices_page(
        &r->registry, &(struct device_page){.after = after, .each = keep_next, .done = on_step}, r);
}

static void on_timer(void *owner)
{
    struct shared_devices *r = owner;
    if (loop_now(r->o.loop) - r->fleet.watched > r->o.watch_ms)
        forget(&r->fleet);
    else
        step(r);
}

/* ---- for those who watch ---- */

void shared_fleet_watch(struct device_registry *registry)
{
    struct shared_devices *r = shared_devices_of(registry);
    struct shared_fleet *f = &r->fleet;
    bool first = f->watched == 0;
    if (f->timer == NULL)
        f->timer = timer_new(r->o.loop, on_timer, r);
    if (f->timer == NULL || r->ended)
        return;
    f->watched = loop_now(r->o.loop);
    if (first)
        step(r);
}

struct device_reading shared_fleet_reading(const struct device_registry *registry)
{
    const struct shared_devices *r = (const struct shared_devices *)registry;
    const struct shared_fleet *f = &r->fleet;
    return (struct device_reading){.whole = f->shown != 0,
                                   .cut = f->cut,
                                   .age_ms = f->shown != 0 ? loop_now(r->o.loop) - f->shown : 0};
}

/* What is held here is fresher than what was read. */
static void read_of(const struct shared_devices *r, const struct fleet_rows *l,
                    void (*take)(void *to, const struct device_record *d), void *to)
{
    for (size_t i = l->first; i < l->n; i++) {
        struct device_record *d = &l->rows[i].record;
        const struct shared_device *here = shared_device_find(r, span_of(d->name));
        if (here != NULL && here->known && here->place != HELD_NOWHERE)
            continue;
        shared_device_locate(r, d, l->rows[i].link);
        take(to, d);
    }
}

static void each_of(const struct shared_devices *r, const struct list *held,
                    void (*take)(void *to, const struct device_record *d), void *to)
{
    for (const struct list *at = held->next; at != held; at = at->next) {
        struct shared_device *d = list_entry((uintptr_t)at, struct shared_device, held);
        shared_device_locate(r, &d->record, d->link);
        if (d->known)
            take(to, &d->record);
    }
}

void shared_devices_each(const struct device_registry *registry,
                         void (*take)(void *to, const struct device_record *d), void *to)
{
    const struct shared_devices *r = (const struct shared_devices *)registry;
    each_of(r, &r->links, take, to);
    each_of(r, &r->recent, take, to);
    read_of(r, &r->fleet.read, take, to);
    read_of(r, &r->fleet.before, take, to);
}

void shared_fleet_free(struct shared_devices *r)
{
    forget(&r->fleet);
    timer_free(r->fleet.timer);
}
