#include "gateway/hub/registry/registry_ops.h"

void registry_init(struct registry *r, const struct registry_ops *ops)
{
    r->ops = ops;
    list_init(&r->subscribers);
}

void registry_free(struct registry *r)
{
    if (r != NULL)
        r->ops->free(r);
}

/* ---- subscribers ---- */

void registry_subscribe(struct registry *r, struct registry_subscriber *s)
{
    list_init(&s->node);
    list_append(&r->subscribers, &s->node);
}

void registry_unsubscribe(struct registry_subscriber *s)
{
    list_remove(&s->node);
}

static struct registry_subscriber *subscriber(struct list *node)
{
    return list_entry(node, struct registry_subscriber, node);
}

void registry_tell_opened(struct registry *r, const struct tunnel_record *t,
                          const char *const token[SIDE_COUNT])
{
    list_each(node, &r->subscribers)
    {
        const struct registry_subscriber *s = subscriber(node);
        if (s->events->opened != NULL)
            s->events->opened(s->owner, t, token);
    }
}

void registry_tell_ended(struct registry *r, const struct tunnel_record *t, const char *why)
{
    list_each(node, &r->subscribers)
    {
        const struct registry_subscriber *s = subscriber(node);
        if (s->events->ended != NULL)
            s->events->ended(s->owner, t, why);
    }
}

void registry_tell_rotated(struct registry *r, const struct tunnel_record *t, enum side side,
                           const char *token)
{
    list_each(node, &r->subscribers)
    {
        const struct registry_subscriber *s = subscriber(node);
        if (s->events->rotated != NULL)
            s->events->rotated(s->owner, t, side, token);
    }
}

void registry_tell_moved(struct registry *r, const struct tunnel_record *t)
{
    list_each(node, &r->subscribers)
    {
        const struct registry_subscriber *s = subscriber(node);
        if (s->events->moved != NULL)
            s->events->moved(s->owner, t);
    }
}

/* ---- calls ---- */

size_t registry_open_count(const struct registry *r)
{
    return r->ops->open_count(r);
}

bool registry_healthy(const struct registry *r)
{
    return r->ops->healthy(r);
}

void registry_get(struct registry *r, struct span id, registry_done *done, void *ctx)
{
    r->ops->get(r, id, done, ctx);
}

void registry_page(struct registry *r, const struct registry_page *q, void *ctx)
{
    r->ops->page(r, q, ctx);
}

void registry_open(struct registry *r, struct tunnel_record *record,
                   const char *const token[SIDE_COUNT], size_t max_open, registry_done *done,
                   void *ctx)
{
    r->ops->open(r, record, token, max_open, done, ctx);
}

void registry_close(struct registry *r, const char *id, bool remove, registry_done *done, void *ctx)
{
    r->ops->close(r, id, remove, "the tunnel was closed", done, ctx);
}

void registry_cut(struct registry *r, const char *id, const char *why, registry_done *done,
                  void *ctx)
{
    r->ops->close(r, id, false, why, done, ctx);
}

void registry_rotate(struct registry *r, const char *id, const char *const token[SIDE_COUNT],
                     registry_done *done, void *ctx)
{
    r->ops->rotate(r, id, token, done, ctx);
}

void registry_tag(struct registry *r, const char *id, const struct tag_change *c,
                  registry_done *done, void *ctx)
{
    r->ops->tag(r, id, c, done, ctx);
}

void registry_admit(struct registry *r, const struct admission_request *q,
                    void (*done)(void *ctx, struct admission a), void *ctx)
{
    r->ops->admit(r, q, done, ctx);
}

void registry_connected(struct registry *r, struct span id, enum side side, bool connected)
{
    r->ops->connected(r, id, side, connected);
}

void registry_look(struct registry *r, const char *id)
{
    r->ops->look(r, id);
}

void registry_reclaim(struct registry *r)
{
    r->ops->reclaim(r);
}
