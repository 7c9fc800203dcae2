/* Opening, closing and changing tunnels: each is a change that is stored and applied after that. */
#include "gateway/hub/registry/local_internal.h"
#include "gateway/hub/registry/token_rules.h"

#include "core/base/random.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MINUTE_MS 60000

struct request {
    struct change change;
    struct local_registry *registry;
    struct entry *entry;
    const char *why;               /* of a close: for the tunnel's ends */
    const char *token[SIDE_COUNT]; /* the caller's; NULL: no new token for that side */
    registry_done *done;
    void *ctx;
};

static struct request *request_new(struct local_registry *r, struct entry *e, registry_done *done,
                                   void *ctx)
{
    struct request *q = calloc(1, sizeof *q);
    if (q == NULL)
        return NULL;
    q->change.number = e->record.number;
    q->change.at = r->o.now();
    q->registry = r;
    q->entry = e;
    q->done = done;
    q->ctx = ctx;
    entry_pin(e);
    return q;
}

static void request_free(struct request *q)
{
    explicit_bzero(q->change.token, sizeof q->change.token);
    entry_unpin(q->entry);
    free(q);
}

/* Calls `done` while the tunnel is still pinned. */
static void answer(struct request *q, enum err why, bool with_tunnel)
{
    q->done(q->ctx, why, why == ERR_OK && with_tunnel ? &q->entry->record : NULL);
    request_free(q);
}

/* ---- open ---- */

static char *new_id(void)
{
    char id[UUID_SIZE];
    random_uuid(id);
    return strdup(id);
}

static bool fill_text(char **text)
{
    if (*text == NULL)
        *text = strdup("");
    return *text != NULL;
}

static bool fill_record(struct local_registry *r, struct tunnel_record *record)
{
    int64_t now = r->o.now();
    free(record->id);
    record->id = new_id();
    record->number = ++r->last_number;
    record->created = record->updated = now;
    record->expires = timekeeper_now(r->time) + record->lifetime_minutes * MINUTE_MS;
    record->closed = 0;
    return record->id != NULL && fill_text(&record->key_id) && fill_text(&record->thing) &&
           fill_text(&record->description);
}

static void take_out(struct local_registry *r, struct entry *e)
{
    heap_remove(&r->heap, &e->end);
    index_opener_remove(&r->index, e);
    index_remove(&r->index, e);
    entry_drop(e);
}

static void on_open_stored(struct change *c, enum err why)
{
    struct request *q = (struct request *)c;
    struct local_registry *r = q->registry;
    q->entry->opening = false;
    if (why == ERR_OK) {
        r->n_open++;
        registry_tell_opened(&r->registry, &q->entry->record, q->token);
    } else {
        take_out(r, q->entry);
    }
    answer(q, why, true);
}

/* Adds the entry to index and heap beforehand, so that nothing can fail once it is stored. */
static enum err put_in(struct local_registry *r, struct entry *e)
{
    enum err why = index_add(&r->index, e);
    if (why != ERR_OK) {
        entry_drop(e);
        return why == ERR_PROTOCOL ? ERR_INTERNAL : why;
    }
    if (!index_opener_add(&r->index, e)) {
        index_remove(&r->index, e);
        entry_drop(e);
        return ERR_NO_MEMORY;
    }
    if (heap_add(&r->heap, &e->end)) {
        expiry_source(r, e, false, e->record.idle_ms);
        return ERR_OK;
    }
    take_out(r, e);
    return ERR_NO_MEMORY;
}

static enum err prepare_open(struct local_registry *r, struct tunnel_record *record,
                             size_t max_open, struct entry **out)
{
    if (!fill_text(&record->key_id))
        return ERR_NO_MEMORY;
    if (max_open > 0 && index_opener_count(&r->index, record->key_id) >= max_open)
        return ERR_LIMIT;
    if (!fill_record(r, record))
        return ERR_NO_MEMORY;
    if (tunnel_record_size(record) + index_opener_bytes(&r->index, record->key_id) >
        r->o.max_key_bytes)
        return ERR_TOO_LARGE;
    struct entry *e = entry_new(record);
    if (e == NULL)
        return ERR_NO_MEMORY;
    e->opening = true;
    *out = e;
    return put_in(r, e);
}

void local_open(struct registry *registry, struct tunnel_record *record,
                const char *const token[SIDE_COUNT], size_t max_open, registry_done *done,
                void *ctx)
{
    struct local_registry *r = local_of(registry);
    struct entry *e = NULL;
    for (int side = 0; side < SIDE_COUNT; side++)
        token_hash(span_of(token[side]), record->sides[side].token);
    enum err why = prepare_open(r, record, max_open, &e);
    tunnel_record_free(record);
    struct request *q = why == ERR_OK ? request_new(r, e, done, ctx) : NULL;
    if (q == NULL) {
        if (why == ERR_OK) {
            take_out(r, e);
            why = ERR_NO_MEMORY;
        }
        done(ctx, why, NULL);
        return;
    }
    memcpy(q->token, token, sizeof q->token);
    q->change.kind = CHANGE_OPEN;
    q->change.record = &e->record;
    q->change.done = on_open_stored;
    store_ask(r->store, &q->change);
}

/* ---- close ---- */

static void on_close_stored(struct change *c, enum err why)
{
    struct request *q = (struct request *)c;
    struct entry *e = q->entry;
    if (why == ERR_OK && e->gone)
        why = ERR_NOT_FOUND;
    if (why == ERR_OK && e->record.closed == 0)
        expiry_close(q->registry, e, c->at, q->why);
    answer(q, why, true);
}

static void on_remove_stored(struct change *c, enum err why)
{
    struct request *q = (struct request *)c;
    if (why == ERR_OK && q->entry->gone)
        why = ERR_NOT_FOUND;
    if (why == ERR_OK)
        expiry_remove(q->registry, q->entry, c->at, q->why);
    answer(q, why, false);
}

/* The tunnel's entry and a request about it; NULL: `done` has been told why not. */
static struct request *request_about(struct local_registry *r, const char *id, registry_done *done,
                                     void *ctx)
{
    struct entry *e = index_find(&r->index, span_of(id));
    struct request *q = e != NULL ? request_new(r, e, done, ctx) : NULL;
    if (q == NULL)
        done(ctx, e == NULL ? ERR_NOT_FOUND : ERR_NO_MEMORY, NULL);
    return q;
}

void local_close(struct registry *registry, const char *id, bool remove, const char *why,
                 registry_done *done, void *ctx)
{
    struct local_registry *r = local_of(registry);
    struct request *q = request_about(r, id, done, ctx);
    if (q == NULL)
        return;
    if (!remove && q->entry->record.closed != 0) {
        answer(q, ERR_OK, true);
        return;
    }
    q->why = why;
    q->change.kind = remove ? CHANGE_REMOVE : CHANGE_CLOSE;
    q->change.done = remove ? on_remove_stored : on_close_stored;
    store_ask(r->store, &q->change);
}

/* ---- rotate ---- */

static void set_token(struct local_registry *r, struct entry *e, enum side side,
                      const uint8_t *token)
{
    index_set_token(&r->index, e, side, token);
    token_replace(&e->record, side, token);
}

static void on_rotate_stored(struct change *c, enum err why)
{
    struct request *q = (struct request *)c;
    struct local_registry *r = q->registry;
    struct entry *e = q->entry;
    if (why == ERR_OK && (e->gone || e->record.closed != 0))
        why = e->gone ? ERR_NOT_FOUND : ERR_TUNNEL_CLOSED;
    if (why == ERR_OK)
        e->record.updated = c->at;
    for (int side = 0; why == ERR_OK && side < SIDE_COUNT; side++)
        if (c->has_token[side])
            set_token(r, e, (enum side)side, c->token[side]);
    for (int side = 0; why == ERR_OK && side < SIDE_COUNT; side++)
        if (c->has_token[side])
            registry_tell_rotated(&r->registry, &e->record, (enum side)side, q->token[side]);
    answer(q, why, true);
}

/* ERR_INTERNAL: a tunnel has that token already, so it was not made at random. */
static enum err take_tokens(struct request *q, const char *const token[SIDE_COUNT])
{
    struct change *c = &q->change;
    enum side of;
    for (int side = 0; side < SIDE_COUNT; side++) {
        if (token[side] == NULL)
            continue;
        q->token[side] = token[side];
        c->has_token[side] = true;
        token_hash(span_of(token[side]), c->token[side]);
        if (index_by_token(&q->registry->index, c->token[side], &of) != NULL)
            return ERR_INTERNAL;
    }
    bool both = c->has_token[SIDE_SOURCE] && c->has_token[SIDE_DESTINATION];
    return both && memcmp(c->token[0], c->token[1], TOKEN_HASH) == 0 ? ERR_INTERNAL : ERR_OK;
}

void local_rotate(struct registry *registry, const char *id, const char *const token[SIDE_COUNT],
                  registry_done *done, void *ctx)
{
    struct local_registry *r = local_of(registry);
    struct request *q = request_about(r, id, done, ctx);
    if (q == NULL)
        return;
    enum err why = entry_is_over(q->entry, timekeeper_now(r->time)) ? ERR_TUNNEL_CLOSED
                                                                    : take_tokens(q, token);
    if (why != ERR_OK) {
        answer(q, why, false);
        return;
    }
    q->change.kind = CHANGE_ROTATE;
    q->change.done = on_rotate_stored;
    store_ask(r->store, &q->change);
}
