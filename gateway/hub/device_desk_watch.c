/* The hub's devices for those who watch it (core/control/monitor_devices.h). */
#include "core/control/monitor_devices.h"

#include "gateway/hub/cluster/nodes.h"
#include "gateway/hub/device_desk_internal.h"

struct walk {
    const struct device_desk *desk;
    void (*take)(void *to, const struct monitor_device *d);
    void *to;
};

static struct monitor_label label_at(const void *labels, size_t i)
{
    const struct tags *t = labels;
    return (struct monitor_label){t->items[i].key, t->items[i].value};
}

static enum monitor_device_presence state_of(const struct device_record *r, bool present)
{
    switch (r->state) {
    case DEVICE_PENDING:
        return MONITOR_DEVICE_PENDING;
    case DEVICE_DISABLED:
        return MONITOR_DEVICE_DISABLED;
    default:
        return present ? MONITOR_DEVICE_PRESENT : MONITOR_DEVICE_AWAY;
    }
}

/* A device that waits for approval has a link and no presence yet. */
static bool waits(const struct device_desk *d, const struct device_record *r)
{
    const struct device_seat *s = r->state == DEVICE_PENDING ? seat_find(d, r->name) : NULL;
    return s != NULL && s->current != NULL;
}

static void on_record(void *to, const struct device_record *r)
{
    const struct walk *w = to;
    const struct device_presence *p = notices_presence(w->desk->notices, r->name);
    bool here = p != NULL && p->present;
    bool elsewhere = !here && r->node != NULL, present = here || elsewhere;
    bool waiting = waits(w->desk, r);
    if (elsewhere)
        p = NULL; /* what was so while its link was here */
    struct monitor_device d = {
        .name = r->name,
        .state = state_of(r, present),
        .present = present || waiting,
        .maintenance = here && !p->accepting,
        .since = p != NULL ? p->since : r->last_seen,
        .enrolled = r->enrolled,
        .address = p != NULL ? p->address : r->last_address,
        .version = r->version,
        .carrier = here ? p->carrier->name : NULL,
        .node = elsewhere         ? r->node
                : here || waiting ? w->desk->hub->o.cluster.node
                                  : NULL,
        .services = (const char *const *)r->services.items,
        .n_services = r->services.n,
        .n_labels = r->labels.n,
        .label = label_at,
        .labels = &r->labels,
    };
    w->take(w->to, &d);
}

static void each(void *ctx, void (*take)(void *to, const struct monitor_device *d), void *to)
{
    const struct device_desk *d = ctx;
    struct walk w = {d, take, to};
    if (!d->ended)
        device_registry_each(d->hub->devices, on_record, &w);
}

/* ---- in a cluster ---- */

static void add_present(void *to, const struct node_info *n)
{
    size_t *present = to;
    if (n->state != NODE_DEAD)
        *present += (size_t)n->figures.devices;
}

/* Counts of all nodes' devices, by what they tell each other and the registry counts. */
static void count_fleet(const struct hub *hub, size_t out[MONITOR_DEVICE_STATES])
{
    struct device_counts c = device_registry_counts(hub->devices);
    size_t enabled = c.by_state[DEVICE_ENABLED], present = 0;
    nodes_each(hub->nodes, add_present, &present);
    present = present < enabled ? present : enabled;
    out[MONITOR_DEVICE_PENDING] = c.by_state[DEVICE_PENDING];
    out[MONITOR_DEVICE_DISABLED] = c.by_state[DEVICE_DISABLED];
    out[MONITOR_DEVICE_PRESENT] = present;
    out[MONITOR_DEVICE_AWAY] = enabled - present;
}

static bool fleet(void *ctx, bool rows, struct monitor_fleet *out)
{
    const struct device_desk *d = ctx;
    if (d->ended || d->hub->nodes == NULL)
        return false;
    if (rows)
        device_registry_watch(d->hub->devices);
    struct device_reading r = device_registry_reading(d->hub->devices);
    *out = (struct monitor_fleet){.whole = r.whole, .cut = r.cut, .age_ms = r.age_ms};
    count_fleet(d->hub, out->counts);
    return true;
}

void device_desk_watch(struct device_desk *d, struct monitor *m)
{
    const struct monitor_device_source source = {each, fleet, d};
    monitor_devices(m, &source);
}
