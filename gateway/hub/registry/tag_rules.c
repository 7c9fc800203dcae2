#include "gateway/hub/registry/tag_rules.h"

enum err tag_judge(const struct tunnel_record *t, const struct tag_change *c, void *ctx,
                   struct tags *after)
{
    if (!tags_copy(after, &t->tags))
        return ERR_NO_MEMORY;
    for (size_t i = 0; c->remove != NULL && i < c->remove->n; i++)
        tags_remove(after, span_of(c->remove->items[i]));
    if (c->add != NULL && !tags_copy(after, c->add))
        return ERR_NO_MEMORY;
    if (c->permits != NULL && !c->permits(ctx, t, after))
        return ERR_FORBIDDEN;
    return after->n > TAGS_MAX ? ERR_LIMIT : ERR_OK;
}
