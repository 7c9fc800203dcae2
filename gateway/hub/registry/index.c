#include "gateway/hub/registry/index.h"

#include <stdlib.h>
#include <string.h>

struct opener {
    size_t open, bytes;
    char key_id[];
};

/* The tunnels of one thing, in the order of creation. */
struct thing {
    struct list tunnels;
    char name[];
};

void index_init(struct index *x)
{
    *x = (struct index){0};
    list_init(&x->tunnels);
}

void index_free(struct index *x)
{
    size_t at = 0;
    while (!list_empty(&x->tunnels)) {
        struct entry *e = list_entry(x->tunnels.next, struct entry, node);
        list_remove(&e->node);
        entry_drop(e);
    }
    for (struct opener *o; (o = map_next(&x->openers, &at)) != NULL;)
        free(o);
    at = 0;
    for (struct thing *t; (t = map_next(&x->things, &at)) != NULL;)
        free(t);
    map_free(&x->by_id);
    for (int side = 0; side < SIDE_COUNT; side++)
        map_free(&x->by_token[side]);
    map_free(&x->openers);
    map_free(&x->things);
    free(x->places.items);
}

/* ---- places ---- */

/* The first place with at least that number, or n. */
static size_t place_at(const struct places *p, int64_t number)
{
    size_t low = 0, high = p->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (p->items[middle].number < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool place_add(struct places *p, struct entry *e)
{
    if (p->n == p->capacity) {
        size_t capacity = p->capacity != 0 ? 2 * p->capacity : 16;
        struct place *items = reallocarray(p->items, capacity, sizeof *items);
        if (items == NULL)
            return false;
        p->items = items;
        p->capacity = capacity;
    }
    p->items[p->n++] = (struct place){e->record.number, e};
    return true;
}

static void close_up(struct places *p)
{
    size_t to = 0;
    for (size_t i = 0; i < p->n; i++)
        if (p->items[i].entry != NULL)
            p->items[to++] = p->items[i];
    p->n = to;
    p->empty = 0;
}

static void place_remove(struct places *p, const struct entry *e)
{
    size_t at = place_at(p, e->record.number);
    if (at == p->n || p->items[at].entry != e)
        return;
    p->items[at].entry = NULL;
    if (++p->empty > p->n / 2)
        close_up(p);
}

static struct entry *index_below(const struct index *x, int64_t number)
{
    for (size_t at = place_at(&x->places, number); at > 0; at--)
        if (x->places.items[at - 1].entry != NULL)
            return x->places.items[at - 1].entry;
    return NULL;
}

/* ---- things ---- */

static struct thing *thing_get(const struct index *x, const char *name)
{
    return map_get(&x->things, name, strlen(name));
}

static bool thing_add(struct index *x, struct entry *e)
{
    const char *name = e->record.thing;
    struct thing *t = thing_get(x, name);
    size_t n = strlen(name);
    if (t == NULL) {
        t = calloc(1, sizeof *t + n + 1);
        if (t == NULL)
            return false;
        list_init(&t->tunnels);
        memcpy(t->name, name, n);
        if (!map_put(&x->things, t->name, n, t)) {
            free(t);
            return false;
        }
    }
    list_append(&t->tunnels, &e->of_thing);
    return true;
}

static void thing_remove(struct index *x, struct entry *e)
{
    struct thing *t = thing_get(x, e->record.thing);
    list_remove(&e->of_thing);
    if (t == NULL || !list_empty(&t->tunnels))
        return;
    map_remove(&x->things, t->name, strlen(t->name));
    free(t);
}

static struct entry *older_of_thing(const struct thing *t, const struct list *node)
{
    return node->prev != &t->tunnels ? list_entry(node->prev, struct entry, of_thing) : NULL;
}

struct entry *index_newest(const struct index *x, const char *thing, int64_t below)
{
    const struct thing *t = thing != NULL ? thing_get(x, thing) : NULL;
    if (thing == NULL)
        return index_below(x, below);
    struct entry *e = t != NULL ? older_of_thing(t, &t->tunnels) : NULL;
    while (e != NULL && e->record.number >= below)
        e = older_of_thing(t, &e->of_thing);
    return e;
}

struct entry *index_older(const struct index *x, const char *thing, const struct entry *e)
{
    if (thing != NULL)
        return older_of_thing(thing_get(x, thing), &e->of_thing);
    return e->node.prev != &x->tunnels ? list_entry(e->node.prev, struct entry, node) : NULL;
}

/* ---- tunnels ---- */

static struct entry *find(const struct index *x, struct span id)
{
    return map_get(&x->by_id, id.p, id.n);
}

static bool is_known(const struct index *x, const struct tunnel_record *r)
{
    enum side side;
    return find(x, span_of(r->id)) != NULL ||
           index_by_token(x, r->sides[SIDE_SOURCE].token, &side) != NULL ||
           index_by_token(x, r->sides[SIDE_DESTINATION].token, &side) != NULL ||
           memcmp(r->sides[SIDE_SOURCE].token, r->sides[SIDE_DESTINATION].token, TOKEN_HASH) == 0;
}

enum err index_add(struct index *x, struct entry *e)
{
    struct tunnel_record *r = &e->record;
    if (is_known(x, r))
        return ERR_PROTOCOL;
    bool added = map_put(&x->by_id, r->id, strlen(r->id), e);
    for (int side = 0; added && side < SIDE_COUNT; side++)
        added = map_put(&x->by_token[side], r->sides[side].token, TOKEN_HASH, e);
    if (added && thing_add(x, e) && place_add(&x->places, e)) {
        list_append(&x->tunnels, &e->node);
        return ERR_OK;
    }
    index_remove(x, e);
    return ERR_NO_MEMORY;
}

void index_remove(struct index *x, struct entry *e)
{
    struct tunnel_record *r = &e->record;
    map_remove(&x->by_id, r->id, strlen(r->id));
    for (int side = 0; side < SIDE_COUNT; side++)
        map_remove(&x->by_token[side], r->sides[side].token, TOKEN_HASH);
    place_remove(&x->places, e);
    thing_remove(x, e);
    list_remove(&e->node);
}

/* map_put cannot fail, because an item was just removed. */
void index_set_token(struct index *x, struct entry *e, enum side side, const uint8_t *token)
{
    uint8_t *own = e->record.sides[side].token;
    map_remove(&x->by_token[side], own, TOKEN_HASH);
    memcpy(own, token, TOKEN_HASH);
    map_put(&x->by_token[side], own, TOKEN_HASH, e);
}

struct entry *index_find(const struct index *x, struct span id)
{
    struct entry *e = find(x, id);
    return e != NULL && !e->opening ? e : NULL;
}

/* The time of a look-up tells something of the hashes, from which no token can be derived. */
struct entry *index_by_token(const struct index *x, const uint8_t *token, enum side *side)
{
    for (int i = 0; i < SIDE_COUNT; i++) {
        struct entry *e = map_get(&x->by_token[i], token, TOKEN_HASH);
        *side = (enum side)i;
        if (e != NULL)
            return e;
    }
    return NULL;
}

/* ---- access keys ---- */

static struct opener *opener_get(const struct index *x, const char *key_id)
{
    return map_get(&x->openers, key_id, strlen(key_id));
}

size_t index_opener_count(const struct index *x, const char *key_id)
{
    const struct opener *o = opener_get(x, key_id);
    return o != NULL ? o->open : 0;
}

size_t index_opener_bytes(const struct index *x, const char *key_id)
{
    const struct opener *o = opener_get(x, key_id);
    return o != NULL ? o->bytes : 0;
}

bool index_opener_add(struct index *x, const struct entry *e)
{
    const char *key_id = e->record.key_id;
    struct opener *o = opener_get(x, key_id);
    size_t n = strlen(key_id);
    if (o == NULL) {
        o = calloc(1, sizeof *o + n + 1);
        if (o == NULL)
            return false;
        memcpy(o->key_id, key_id, n);
        if (!map_put(&x->openers, o->key_id, n, o)) {
            free(o);
            return false;
        }
    }
    o->open++;
    o->bytes += e->bytes;
    return true;
}

void index_opener_remove(struct index *x, const struct entry *e)
{
    const char *key_id = e->record.key_id;
    struct opener *o = opener_get(x, key_id);
    if (o == NULL)
        return;
    o->bytes -= e->bytes;
    if (--o->open > 0)
        return;
    map_remove(&x->openers, key_id, strlen(key_id));
    free(o);
}

void index_opener_resize(struct index *x, struct entry *e, size_t bytes)
{
    struct opener *o = opener_get(x, e->record.key_id);
    if (o != NULL)
        o->bytes = o->bytes - e->bytes + bytes;
    e->bytes = bytes;
}
