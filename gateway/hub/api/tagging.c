/* TagResource, UntagResource, ListTagsForResource. */
#include "gateway/hub/api/api_internal.h"

#include "gateway/hub/api/shapes.h"

#include <cjson/cJSON.h>

#define TAGS_MAX 200 /* tags that one tunnel may have */

static void on_tagged(void *ctx, enum err why, const struct tunnel_record *t)
{
    struct call *c = ctx;
    if (why == ERR_FORBIDDEN)
        answer_fault(c, FAULT_ACCESS_DENIED, "%s", c->denied);
    else if (why == ERR_LIMIT)
        answer_fault(c, FAULT_LIMIT_EXCEEDED, "The limit of tags is %d per tunnel.", TAGS_MAX);
    else
        answer_empty(c, why, t);
}

/* A key that requires `team=ops` may not remove that tag, nor change a tunnel that has lost it
 * meanwhile. */
static bool permits(void *ctx, const struct tunnel_record *t, const struct tags *after)
{
    struct call *c = ctx;
    struct access_request w = {.operation = c->operation,
                               .thing = t->thing[0] != '\0' ? t->thing : NULL,
                               .services = &t->services,
                               .tags = &t->tags};
    c->denied = denial(c, &w);
    w.tags = after;
    if (c->denied == NULL)
        c->denied = denial(c, &w);
    return c->denied == NULL;
}

static void change(struct call *c, const struct tunnel_record *t, const struct tags *add,
                   const struct texts *remove)
{
    const struct tag_change change = {.add = add, .remove = remove, .permits = permits};
    drop_input(c);
    registry_tag(c->api->registry, t->id, &change, on_tagged, c);
}

void tag_resource(struct call *c, const struct tunnel_record *t)
{
    const cJSON *list = shape_member(c->input, "tags");
    struct access_request w = {0};
    struct tags add = {0};
    if (permitted(c, &w, t) && take_tags(c, list, &add) && note_items(c, "tags", list))
        change(c, t, &add, NULL);
    tags_free(&add);
}

void untag_resource(struct call *c, const struct tunnel_record *t)
{
    const cJSON *list = shape_member(c->input, "tagKeys");
    struct texts keys = {0};
    struct access_request w = {.untag = &keys};
    if (take_texts(c, list, &keys) && permitted(c, &w, t) && note_items(c, "tagKeys", list))
        change(c, t, NULL, &keys);
    texts_free(&keys);
}

void list_tags(struct call *c, const struct tunnel_record *t)
{
    struct access_request w = {0};
    if (!permitted(c, &w, t))
        return;
    json_open(&c->out, NULL, '{');
    write_tags(c, "tags", &t->tags);
    json_close(&c->out, '}');
    answer_ok(c);
}
