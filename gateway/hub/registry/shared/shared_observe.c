/* Telling the subscribers what is new of a tunnel. */
#include "gateway/hub/registry/shared/shared_internal.h"

#include <stdio.h>
#include <string.h>

static void tell_ended(struct shared *s, struct tunnel_record *t, const char *why)
{
    if (t->closed == 0)
        t->closed = t->updated = shared_now(s);
    registry_tell_ended(&s->registry, t, shared_why(why));
}

/* The tunnel is gone from Redis, or was closed. The ends that are here leave meanwhile, so what is
 * held is dropped last. */
static void observe_end(struct shared *s, const char *id, struct seen *x,
                        const struct own_change *own)
{
    struct held *h = held_find(s, span_of(id));
    bool told = h == NULL ? own->closed == NULL : h->record.closed != 0;
    const char *why = own->closed != NULL ? own->closed : x->r.why;
    if (!told && x->r.record.id != NULL) {
        tell_ended(s, &x->r.record, why);
    } else if (!told && h != NULL) {
        struct seen last = {.owner = ""};
        if (held_copy(&last.r.record, &h->record)) {
            tell_ended(s, &last.r.record, why);
            shared_record_free(&last.r);
        }
    }
    h = held_find(s, span_of(id));
    if (h != NULL)
        held_drop(s, h);
}

static void observe_tokens(struct shared *s, const struct seen *x, const struct own_change *own,
                           const bool changed[SIDE_COUNT])
{
    for (int side = 0; side < SIDE_COUNT; side++)
        if (changed[side] || own->rotated[side])
            registry_tell_rotated(&s->registry, &x->r.record, (enum side)side, own->token[side]);
}

void observe(struct shared *s, const char *id, struct seen *x, const struct own_change *own)
{
    struct held *h = held_find(s, span_of(id));
    bool changed[SIDE_COUNT] = {false}, moves = false;
    if (!x->there || x->r.record.closed != 0) {
        observe_end(s, id, x, own);
        return;
    }
    if (h != NULL) {
        for (int side = 0; side < SIDE_COUNT; side++)
            changed[side] =
                memcmp(h->record.sides[side].token, x->r.record.sides[side].token, TOKEN_HASH) != 0;
        moves = held_has_ends(h) && seen_owner(s, x) == OWNER_LIVE;
        held_keep(s, x); /* without memory it is told again the next time */
    }
    observe_tokens(s, x, own, changed);
    if (moves)
        registry_tell_moved(&s->registry, &x->r.record);
}

void observe_expired(struct shared *s, struct held *h)
{
    struct seen nothing = {.version = "0"};
    char id[ID_SIZE];
    snprintf(id, sizeof id, "%s", h->record.id);
    observe(s, id, &nothing, &(struct own_change){.closed = seen_why(&h->record, held_due(h))});
}
