/* The hub's devices for those who watch it (core/control/monitor_devices.h). */
#include "core/control/monitor_devices.h"

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

void device_desk_watch(struct device_desk *d, struct monitor *m)
{
    const struct monitor_device_source source = {each, d};
    monitor_devices(m, &source);
}
