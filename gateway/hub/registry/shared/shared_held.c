/* The tunnels that this node knows in memory: those with ends here, and for a while after. */
#include "gateway/hub/registry/shared/shared_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct held *held_find(const struct shared *s, struct span id)
{
    return map_get(&s->held, id.p, id.n);
}

/* Walks all of them: it is asked only while Redis is away. */
struct held *held_by_token(const struct shared *s, const uint8_t token[TOKEN_HASH])
{
    list_each(node, &s->order)
    {
        struct held *h = list_entry(node, struct held, node);
        for (int side = 0; side < SIDE_COUNT; side++)
            if (memcmp(h->record.sides[side].token, token, TOKEN_HASH) == 0)
                return h;
    }
    return NULL;
}

void held_drop(struct shared *s, struct held *h)
{
    map_remove(&s->held, h->record.id, strlen(h->record.id));
    s->n_left -= list_is_on(&h->left);
    s->n_open -= h->record.closed == 0;
    list_remove(&h->node);
    list_remove(&h->left);
    list_remove(&h->unsettled);
    heap_remove(&s->due, &h->end);
    tunnel_record_free(&h->record);
    free(h);
}

void held_free_all(struct shared *s)
{
    while (!list_empty(&s->order))
        held_drop(s, list_entry(s->order.next, struct held, node));
    map_free(&s->held);
    heap_free(&s->due);
}

/* ---- keeping ---- */

bool held_copy(struct tunnel_record *to, const struct tunnel_record *from)
{
    *to = *from;
    to->services = (struct texts){0};
    to->tags = (struct tags){0};
    to->id = strdup(from->id);
    to->key_id = strdup(from->key_id);
    to->thing = strdup(from->thing);
    to->description = strdup(from->description);
    if (to->id != NULL && to->key_id != NULL && to->thing != NULL && to->description != NULL &&
        texts_copy(&to->services, &from->services) && tags_copy(&to->tags, &from->tags))
        return true;
    tunnel_record_free(to);
    return false;
}

static struct held *held_new(struct shared *s, const struct tunnel_record *t)
{
    struct held *h = calloc(1, sizeof *h);
    if (h == NULL)
        return NULL;
    list_init(&h->node);
    list_init(&h->left);
    list_init(&h->unsettled);
    h->end.due = INT64_MAX;
    if (held_copy(&h->record, t) && heap_add(&s->due, &h->end) &&
        map_put(&s->held, h->record.id, strlen(h->record.id), h)) {
        list_append(&s->order, &h->node);
        h->looked_at = loop_now(s->o.loop);
        s->n_open += t->closed == 0;
        return h;
    }
    heap_remove(&s->due, &h->end);
    tunnel_record_free(&h->record);
    free(h);
    return NULL;
}

/* Puts another record in the place of the one that is held; its id, which the map has, stays. */
static bool replace(struct shared *s, struct held *h, const struct tunnel_record *t)
{
    struct tunnel_record next;
    if (!held_copy(&next, t))
        return false;
    s->n_open += next.closed == 0;
    s->n_open -= h->record.closed == 0;
    free(next.id);
    next.id = h->record.id;
    h->record.id = NULL;
    tunnel_record_free(&h->record);
    h->record = next;
    return true;
}

void held_arrange(struct shared *s, struct held *h)
{
    bool leaves = !held_has_ends(h) && !(h->opened && h->record.closed == 0);
    if (leaves && !list_is_on(&h->left)) {
        h->left_at = loop_now(s->o.loop);
        list_append(&s->left, &h->left);
        s->n_left++;
    } else if (!leaves && list_is_on(&h->left)) {
        list_remove(&h->left);
        s->n_left--;
    }
    h->end.due = h->record.closed == 0 ? held_due(h) : INT64_MAX;
    heap_move(&s->due, &h->end);
}

struct held *held_keep(struct shared *s, const struct seen *x)
{
    struct held *h = held_find(s, span_of(x->r.record.id));
    if (h == NULL)
        h = held_new(s, &x->r.record);
    else if (!replace(s, h, &x->r.record))
        return NULL;
    if (h == NULL)
        return NULL;
    snprintf(h->owner, sizeof h->owner, "%s", x->owner);
    held_arrange(s, h);
    return h;
}
