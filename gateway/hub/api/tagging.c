/* TagResource, UntagResource, ListTagsForResource. */
#include "gateway/hub/api/call.h"

#include "gateway/hub/api/shapes.h"

#include <cjson/cJSON.h>

#define TAGS_MAX 200 /* of one tunnel */

static void on_tagged(void *ctx, enum err why, struct tunnel *t)
{
    struct call *c = ctx;
    if (why == ERR_LIMIT)
        answer_fault(c, FAULT_LIMIT_EXCEEDED, "The limit of tags is %d per tunnel.", TAGS_MAX);
    else
        answer_empty(c, why, t);
}

/* The tags that t would have. A key that must see `team=ops` on a tunnel may not change it. */
static bool permitted_after(struct call *c, const struct tunnel *t, const struct tags *add)
{
    const struct tunnel_record *r = &t->record;
    struct tags after = {0};
    struct wish w = {
        .thing = r->thing[0] != '\0' ? r->thing : NULL, .services = &r->services, .tags = &after};
    bool fine = tags_copy(&after, &r->tags) && tags_copy(&after, add);
    if (!fine)
        answer_error(c, ERR_NO_MEMORY);
    fine = fine && permitted(c, &w, NULL);
    tags_free(&after);
    return fine;
}

void tag_resource(struct call *c)
{
    const cJSON *list = shape_member(c->input, "tags");
    struct tunnel *t = named_tunnel(c);
    struct wish w = {0};
    struct tags add = {0};
    if (t != NULL && permitted(c, &w, t) && take_tags(c, list, &add) &&
        permitted_after(c, t, &add) && note_items(c, "tags", list))
        registry_tag(c->api->registry, t->record.id, &add, NULL, on_tagged, c);
    tags_free(&add);
}

void untag_resource(struct call *c)
{
    const cJSON *list = shape_member(c->input, "tagKeys");
    struct tunnel *t = named_tunnel(c);
    struct texts keys = {0};
    struct wish w = {.untag = &keys};
    if (t != NULL && take_texts(c, list, &keys) && permitted(c, &w, t) &&
        note_items(c, "tagKeys", list))
        registry_tag(c->api->registry, t->record.id, NULL, &keys, answer_empty, c);
    texts_free(&keys);
}

void list_tags(struct call *c)
{
    const struct tunnel *t = named_tunnel(c);
    struct wish w = {0};
    if (t == NULL || !permitted(c, &w, t))
        return;
    json_open(&c->out, NULL, '{');
    write_tags(c, &t->record.tags);
    json_close(&c->out, '}');
    answer_ok(c);
}
