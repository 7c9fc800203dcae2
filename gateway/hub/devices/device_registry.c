#include "gateway/hub/devices/device_registry_ops.h"

void device_registry_init(struct device_registry *r, const struct device_registry_ops *ops)
{
    r->ops = ops;
    list_init(&r->subscribers);
}

void device_registry_free(struct device_registry *r)
{
    if (r != NULL)
        r->ops->free(r);
}

const char *enrol_result_name(enum enrol_result e)
{
    static const char *const names[ENROL_COUNT] = {
#define X(name, text) [ENROL_##name] = text,
        ENROL_TABLE(X)
#undef X
    };
    return names[e];
}

/* ---- subscribers ---- */

void device_registry_subscribe(struct device_registry *r, struct device_subscriber *s)
{
    list_init(&s->node);
    list_append(&r->subscribers, &s->node);
}

void device_registry_unsubscribe(struct device_subscriber *s)
{
    list_remove(&s->node);
}

static struct device_subscriber *subscriber(struct list *node)
{
    return list_entry(node, struct device_subscriber, node);
}

void device_registry_tell_enrolled(struct device_registry *r, const struct device_record *d)
{
    list_each(node, &r->subscribers)
    {
        const struct device_subscriber *s = subscriber(node);
        if (s->events->enrolled != NULL)
            s->events->enrolled(s->owner, d);
    }
}

void device_registry_tell_changed(struct device_registry *r, const struct device_record *d,
                                  enum device_state before)
{
    list_each(node, &r->subscribers)
    {
        const struct device_subscriber *s = subscriber(node);
        if (s->events->changed != NULL)
            s->events->changed(s->owner, d, before);
    }
}

void device_registry_tell_reset(struct device_registry *r, const struct device_record *d)
{
    list_each(node, &r->subscribers)
    {
        const struct device_subscriber *s = subscriber(node);
        if (s->events->reset != NULL)
            s->events->reset(s->owner, d);
    }
}

void device_registry_tell_removed(struct device_registry *r, const struct device_record *d)
{
    list_each(node, &r->subscribers)
    {
        const struct device_subscriber *s = subscriber(node);
        if (s->events->removed != NULL)
            s->events->removed(s->owner, d);
    }
}

void device_registry_tell_moved(struct device_registry *r, const struct device_record *d)
{
    list_each(node, &r->subscribers)
    {
        const struct device_subscriber *s = subscriber(node);
        if (s->events->moved != NULL)
            s->events->moved(s->owner, d);
    }
}

/* ---- calls ---- */

const struct store_companion *device_registry_companion(struct device_registry *r)
{
    return r->ops->companion(r);
}

void device_registry_limit(struct device_registry *r, size_t max_devices)
{
    r->ops->limit(r, max_devices);
}

struct device_counts device_registry_counts(const struct device_registry *r)
{
    return r->ops->counts(r);
}

void device_registry_each(const struct device_registry *r,
                          void (*take)(void *to, const struct device_record *d), void *to)
{
    r->ops->each(r, take, to);
}

void device_registry_watch(struct device_registry *r)
{
    if (r->ops->watch != NULL)
        r->ops->watch(r);
}

struct device_reading device_registry_reading(const struct device_registry *r)
{
    return r->ops->reading != NULL ? r->ops->reading(r) : (struct device_reading){.whole = true};
}

void device_registry_get(struct device_registry *r, struct span name, device_done *done, void *ctx)
{
    r->ops->get(r, name, done, ctx);
}

void device_registry_get_azure(struct device_registry *r, struct span id, device_done *done,
                               void *ctx)
{
    r->ops->get_azure(r, id, done, ctx);
}

void device_registry_page(struct device_registry *r, const struct device_page *q, void *ctx)
{
    r->ops->page(r, q, ctx);
}

void device_registry_enrol(struct device_registry *r, const struct enrolment *e,
                           void (*done)(void *ctx, enum enrol_result result,
                                        const struct device_record *d),
                           void *ctx)
{
    r->ops->enrol(r, e, done, ctx);
}

void device_registry_create(struct device_registry *r, const struct device_creation *c,
                            device_done *done, void *ctx)
{
    r->ops->create(r, c, done, ctx);
}

void device_registry_topics(struct device_registry *r, struct span name, uint32_t topics,
                            device_done *done, void *ctx)
{
    r->ops->topics(r, name, topics, done, ctx);
}

void device_registry_seen(struct device_registry *r, struct span name,
                          const struct device_sighting *s)
{
    r->ops->seen(r, name, s);
}

void device_registry_linked(struct device_registry *r, struct span name, bool linked)
{
    if (r->ops->linked != NULL)
        r->ops->linked(r, name, linked);
}

void device_registry_look(struct device_registry *r, struct span name)
{
    if (r->ops->look != NULL)
        r->ops->look(r, name);
}

void device_registry_reclaim(struct device_registry *r)
{
    if (r->ops->reclaim != NULL)
        r->ops->reclaim(r);
}

void device_registry_update(struct device_registry *r, struct span name,
                            const struct device_update *u, device_done *done, void *ctx)
{
    r->ops->update(r, name, u, done, ctx);
}

void device_registry_reset(struct device_registry *r, struct span name, device_done *done,
                           void *ctx)
{
    r->ops->reset(r, name, done, ctx);
}

void device_registry_remove(struct device_registry *r, struct span name, device_done *done,
                            void *ctx)
{
    r->ops->remove(r, name, done, ctx);
}

void device_registry_invite(struct device_registry *r, struct invitation *i, const char *join_token,
                            size_t max_of_key, invitation_done *done, void *ctx)
{
    r->ops->invite(r, i, join_token, max_of_key, done, ctx);
}

void device_registry_invitations(struct device_registry *r, const struct invitation_page *q,
                                 void *ctx)
{
    r->ops->invitations(r, q, ctx);
}

void device_registry_invitation(struct device_registry *r, struct span id, invitation_done *done,
                                void *ctx)
{
    r->ops->invitation(r, id, done, ctx);
}

void device_registry_uninvite(struct device_registry *r, struct span id, invitation_done *done,
                              void *ctx)
{
    r->ops->uninvite(r, id, done, ctx);
}
