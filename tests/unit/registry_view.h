/* Looking at tunnels without waiting, for tests of what is built on them: of a registry that has
 * all of its tunnels in memory, and so answers at once. */
#ifndef TESTS_UNIT_REGISTRY_VIEW_H
#define TESTS_UNIT_REGISTRY_VIEW_H

#include "gateway/hub/registry/local_internal.h"

#include <string.h>

/* What a look-up has seen: a record in the registry's memory, good until its next change. */
struct view {
    const struct tunnel_record *found;
    const uint8_t *token; /* only the tunnel that has it, or NULL */
    int done;
};

static inline void view_got(void *ctx, enum err why, const struct tunnel_record *t)
{
    struct view *v = ctx;
    v->found = t;
    v->done += (why == ERR_OK) == (t != NULL);
}

static inline bool view_passed(void *ctx, const struct tunnel_record *t)
{
    struct view *v = ctx;
    bool wanted = v->token == NULL;
    for (int side = 0; v->token != NULL && side < SIDE_COUNT; side++)
        wanted |= memcmp(t->sides[side].token, v->token, TOKEN_HASH) == 0;
    if (wanted)
        v->found = t;
    return !wanted;
}

static inline void view_ended(void *ctx, enum err why)
{
    ((struct view *)ctx)->done += why == ERR_OK;
}

static inline const struct tunnel_record *view_page(struct registry *r, int64_t below,
                                                    const uint8_t *token)
{
    struct view v = {.token = token};
    registry_page(
        r, &(struct registry_page){.below = below, .each = view_passed, .done = view_ended}, &v);
    return v.done == 1 ? v.found : NULL;
}

static inline const struct tunnel_record *registry_find(struct registry *r, struct span id)
{
    struct view v = {0};
    registry_get(r, id, view_got, &v);
    return v.done == 1 ? v.found : NULL;
}

/* The newest one with a number below that. */
static inline const struct tunnel_record *registry_below(struct registry *r, int64_t number)
{
    return view_page(r, number, NULL);
}

/* The next older one than t; NULL: the newest. */
static inline const struct tunnel_record *registry_older(struct registry *r,
                                                         const struct tunnel_record *t)
{
    return registry_below(r, t != NULL ? t->number : INT64_MAX);
}

static inline const struct tunnel_record *registry_by_token(struct registry *r, struct span token)
{
    uint8_t hash[TOKEN_HASH];
    token_hash(token, hash);
    return view_page(r, INT64_MAX, hash);
}

/* Open tunnels of that key, and those being opened. */
static inline size_t registry_count_of(const struct registry *r, const char *key_id)
{
    return index_opener_count(&((const struct local_registry *)r)->index, key_id);
}

#endif
