/* Tags of tunnels. Requests change the tags of one tunnel one after the other, so that each is
 * judged by the result of the one before. */
#include "gateway/hub/registry/local_internal.h"
#include "gateway/hub/registry/tag_rules.h"

#include <stdlib.h>

#define TAGGINGS_MAX 64 /* requests for one tunnel, in progress and waiting */

struct tagging {
    struct change change;
    struct list node; /* entry->taggings */
    struct local_registry *registry;
    struct entry *entry; /* pinned */
    struct tags after;   /* the tunnel's tags after the change, computed when its turn comes */
    bool (*permits)(void *ctx, const struct tunnel_record *t, const struct tags *after);
    registry_done *done;
    void *ctx;
};

static void tagging_free(struct tagging *g)
{
    tags_free(&g->change.add);
    texts_free(&g->change.remove);
    tags_free(&g->after);
    entry_unpin(g->entry);
    free(g);
}

static struct tagging *tagging_new(struct local_registry *r, struct entry *e,
                                   const struct tag_change *c)
{
    struct tagging *g = calloc(1, sizeof *g);
    if (g == NULL)
        return NULL;
    *g = (struct tagging){.registry = r, .entry = e, .permits = c->permits};
    list_init(&g->node);
    entry_pin(e);
    if ((c->add == NULL || tags_copy(&g->change.add, c->add)) &&
        (c->remove == NULL || texts_copy(&g->change.remove, c->remove)))
        return g;
    tagging_free(g);
    return NULL;
}

/* Charges the larger of both states until the result is known. */
static enum err reserve(struct tagging *g)
{
    struct local_registry *r = g->registry;
    struct entry *e = g->entry;
    const struct tunnel_record *record = &e->record;
    size_t after = e->bytes - tags_size(&record->tags) + tags_size(&g->after);
    if (after <= e->bytes)
        return ERR_OK;
    if (record->closed == 0 &&
        index_opener_bytes(&r->index, record->key_id) - e->bytes + after > r->o.max_key_bytes)
        return ERR_TOO_LARGE;
    expiry_resize(r, e, after);
    return ERR_OK;
}

static enum err check(struct tagging *g)
{
    const struct change *c = &g->change;
    const struct tag_change asked = {.add = &c->add, .remove = &c->remove, .permits = g->permits};
    if (g->entry->gone)
        return ERR_NOT_FOUND;
    enum err why = tag_judge(&g->entry->record, &asked, g->ctx, &g->after);
    return why == ERR_OK ? reserve(g) : why;
}

static void finish(struct tagging *g, enum err why)
{
    struct entry *e = g->entry;
    g->done(g->ctx, why, why == ERR_OK ? &e->record : NULL);
    e->tagging = false;
    e->n_taggings--;
    tagging_free(g);
}

static void go_on(struct entry *e);

static void on_tag_stored(struct change *c, enum err why)
{
    struct tagging *g = (struct tagging *)c;
    struct entry *e = g->entry;
    struct tunnel_record *record = &e->record;
    if (why == ERR_OK && e->gone)
        why = ERR_NOT_FOUND;
    if (why == ERR_OK) {
        tags_free(&record->tags);
        record->tags = g->after;
        g->after = (struct tags){0};
        record->updated = c->at;
    }
    expiry_resize(g->registry, e, tunnel_record_size(record));
    entry_pin(e);
    finish(g, why);
    go_on(e);
    entry_unpin(e);
}

static void begin(struct tagging *g)
{
    struct change *c = &g->change;
    enum err why = check(g);
    if (why != ERR_OK) {
        finish(g, why);
        return;
    }
    c->kind = CHANGE_TAG;
    c->number = g->entry->record.number;
    c->at = g->registry->o.now();
    c->done = on_tag_stored;
    store_ask(g->registry->store, c);
}

static void go_on(struct entry *e)
{
    entry_pin(e);
    while (!e->tagging && !list_empty(&e->taggings)) {
        struct tagging *g = list_entry(e->taggings.next, struct tagging, node);
        list_remove(&g->node);
        e->tagging = true;
        begin(g);
    }
    entry_unpin(e);
}

void local_tag(struct registry *registry, const char *id, const struct tag_change *c,
               registry_done *done, void *ctx)
{
    struct local_registry *r = local_of(registry);
    struct entry *e = index_find(&r->index, span_of(id));
    bool full = e != NULL && e->n_taggings >= TAGGINGS_MAX;
    struct tagging *g = e != NULL && !full ? tagging_new(r, e, c) : NULL;
    if (g == NULL) {
        done(ctx, e == NULL ? ERR_NOT_FOUND : full ? ERR_BUSY : ERR_NO_MEMORY, NULL);
        return;
    }
    g->done = done;
    g->ctx = ctx;
    e->n_taggings++;
    list_append(&e->taggings, &g->node);
    go_on(e);
}
