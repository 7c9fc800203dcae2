#include "gateway/hub/registry/record.h"

#include "core/base/hash.h"

#include <stdlib.h>
#include <string.h>

void token_hash(struct span token, uint8_t out[TOKEN_HASH])
{
    struct hash h;
    hash_begin(&h, HASH_SHA256);
    hash_add(&h, token.p, token.n);
    hash_end(&h, out);
}

/* The approximate overhead of an allocation, in bytes. */
#define ALLOCATION 24

/* Makes space for one more of n items. Arrays have as many places as the next power of two, so they
 * grow only when n is a power of two. NULL: no memory. */
static void *grown(void *items, size_t n, size_t size)
{
    if ((n & (n - 1)) != 0)
        return items;
    return reallocarray(items, n != 0 ? 2 * n : 1, size);
}

bool texts_add(struct texts *t, struct span text)
{
    char *copy = span_dup(text);
    char **items = copy != NULL ? grown(t->items, t->n, sizeof *items) : NULL;
    if (items == NULL) {
        free(copy);
        return false;
    }
    t->items = items;
    t->items[t->n++] = copy;
    return true;
}

bool texts_copy(struct texts *to, const struct texts *from)
{
    for (size_t i = 0; i < from->n; i++)
        if (!texts_add(to, span_of(from->items[i])))
            return false;
    return true;
}

bool texts_have(const struct texts *t, struct span text)
{
    for (size_t i = 0; i < t->n; i++)
        if (span_is(text, t->items[i]))
            return true;
    return false;
}

void texts_free(struct texts *t)
{
    for (size_t i = 0; i < t->n; i++)
        free(t->items[i]);
    free(t->items);
    *t = (struct texts){0};
}

static struct tag *find_tag(const struct tags *t, struct span key)
{
    for (size_t i = 0; i < t->n; i++)
        if (span_is(key, t->items[i].key))
            return &t->items[i];
    return NULL;
}

static bool add_tag(struct tags *t, struct span key, char *value)
{
    char *copy = span_dup(key);
    struct tag *items = copy != NULL ? grown(t->items, t->n, sizeof *items) : NULL;
    if (items == NULL) {
        free(copy);
        return false;
    }
    t->items = items;
    t->items[t->n++] = (struct tag){copy, value};
    return true;
}

bool tags_set(struct tags *t, struct span key, struct span value)
{
    struct tag *known = find_tag(t, key);
    char *copy = span_dup(value);
    if (copy == NULL)
        return false;
    if (known != NULL) {
        free(known->value);
        known->value = copy;
        return true;
    }
    if (add_tag(t, key, copy))
        return true;
    free(copy);
    return false;
}

bool tags_remove(struct tags *t, struct span key)
{
    struct tag *known = find_tag(t, key);
    if (known == NULL)
        return false;
    free(known->key);
    free(known->value);
    t->n--;
    memmove(known, known + 1, (size_t)(t->items + t->n - known) * sizeof *known);
    return true;
}

bool tags_copy(struct tags *to, const struct tags *from)
{
    for (size_t i = 0; i < from->n; i++)
        if (!tags_set(to, span_of(from->items[i].key), span_of(from->items[i].value)))
            return false;
    return true;
}

void tags_free(struct tags *t)
{
    for (size_t i = 0; i < t->n; i++) {
        free(t->items[i].key);
        free(t->items[i].value);
    }
    free(t->items);
    *t = (struct tags){0};
}

static size_t text_size(const char *text)
{
    return text != NULL ? strlen(text) + 1 + ALLOCATION : 0;
}

size_t tags_size(const struct tags *t)
{
    size_t n = t->n * sizeof *t->items;
    for (size_t i = 0; i < t->n; i++)
        n += text_size(t->items[i].key) + text_size(t->items[i].value);
    return n;
}

size_t tunnel_record_size(const struct tunnel_record *r)
{
    size_t n = sizeof *r + text_size(r->id) + text_size(r->key_id) + text_size(r->thing) +
               text_size(r->description) + r->services.n * sizeof *r->services.items;
    for (size_t i = 0; i < r->services.n; i++)
        n += text_size(r->services.items[i]);
    return n + tags_size(&r->tags);
}

void tunnel_record_free(struct tunnel_record *r)
{
    free(r->id);
    free(r->key_id);
    free(r->thing);
    free(r->description);
    texts_free(&r->services);
    tags_free(&r->tags);
    *r = (struct tunnel_record){0};
}
