#include "gateway/hub/registry/local_internal.h"

#include <stdlib.h>

#define TICK_MS 1000
#define SOON_MS 20 /* until the next tick when more than BACKGROUND_CHANGES_MAX changes are due */
/* This leaves space in the store's queue for changes that callers wait for. */
#define BACKGROUND_CHANGES_MAX 1000

static const char expired[] = "the tunnel has expired";
static const char idle[] = "nobody has used the tunnel for its idle time";

struct background_change {
    struct change change;
    struct local_registry *registry;
    struct entry *entry;
    const char *why; /* of a CLOSE */
};

/* Asks for a background change. False: it cannot be asked for now. */
static bool background_change_ask(struct local_registry *r, struct entry *e, enum change_kind kind,
                                  int64_t at, void (*done)(struct change *c, enum err why))
{
    struct background_change *c =
        r->background_changes < BACKGROUND_CHANGES_MAX ? calloc(1, sizeof *c) : NULL;
    if (c == NULL)
        return false;
    *c = (struct background_change){
        .change = {.kind = kind, .number = e->record.number, .at = at, .done = done},
        .registry = r,
        .entry = e,
        .why = e->end.due < e->record.expires ? idle : expired,
    };
    entry_pin(e);
    r->background_changes++;
    store_ask(r->store, &c->change);
    return true;
}

static void background_change_free(struct background_change *c)
{
    c->registry->background_changes--;
    entry_unpin(c->entry);
    free(c);
}

/* ---- the end of one ---- */

static void count_out(struct local_registry *r, struct entry *e)
{
    heap_remove(&r->heap, &e->end);
    r->n_open--;
    index_opener_remove(&r->index, e);
}

/* Puts e on the list of closed tunnels, at its end or (oldest) at its front, from which tunnels are
 * removed. */
static void closed_add(struct local_registry *r, struct entry *e, bool oldest)
{
    (oldest ? list_prepend : list_append)(&r->closed, &e->closed);
    r->n_closed++;
    r->closed_bytes += e->bytes;
}

static void closed_remove(struct local_registry *r, struct entry *e)
{
    list_remove(&e->closed);
    r->n_closed--;
    r->closed_bytes -= e->bytes;
}

void expiry_resize(struct local_registry *r, struct entry *e, size_t bytes)
{
    if (e->record.closed == 0) {
        index_opener_resize(&r->index, e, bytes);
        return;
    }
    if (list_is_on(&e->closed))
        r->closed_bytes = r->closed_bytes - e->bytes + bytes;
    e->bytes = bytes;
}

void expiry_close(struct local_registry *r, struct entry *e, int64_t at, const char *why)
{
    struct tunnel_record *record = &e->record;
    count_out(r, e);
    record->closed = record->updated = at;
    closed_add(r, e, false);
    registry_tell_ended(&r->registry, &e->record, why);
}

void expiry_remove(struct local_registry *r, struct entry *e, int64_t at, const char *why)
{
    if (e->record.closed == 0) {
        count_out(r, e);
        e->record.closed = at;
        registry_tell_ended(&r->registry, &e->record, why);
    }
    if (list_is_on(&e->closed))
        closed_remove(r, e);
    index_remove(&r->index, e);
    entry_drop(e);
}

/* ---- expiry ---- */

static void on_expiry_stored(struct change *change, enum err why)
{
    struct background_change *c = (struct background_change *)change;
    struct local_registry *r = c->registry;
    struct entry *e = c->entry;
    if (!e->gone && e->record.closed == 0)
        expiry_close(r, e, c->change.at, c->why);
    if (!e->gone && why != ERR_OK)
        list_append(&r->unstored, &e->unstored);
    background_change_free(c);
}

/* Ends a tunnel although that could not be stored, because a full disk must not extend its life. */
static void expire_unstored(struct local_registry *r, struct entry *e)
{
    entry_pin(e);
    list_append(&r->unstored, &e->unstored);
    expiry_close(r, e, timekeeper_wall(r->time, e->end.due),
                 e->end.due < e->record.expires ? idle : expired);
    entry_unpin(e);
}

void expiry_source(struct local_registry *r, struct entry *e, bool connected, int64_t idle_ms)
{
    int64_t ends = timekeeper_now(r->time) + idle_ms;
    bool sooner = e->record.idle_ms > 0 && !connected && ends < e->record.expires;
    e->end.due = sooner ? ends : e->record.expires;
    heap_move(&r->heap, &e->end);
}

/* Closes the tunnels that are due. False: more are due. */
static bool expire(struct local_registry *r, int64_t now)
{
    for (struct heap_node *n; (n = heap_top(&r->heap)) != NULL && n->due <= now;) {
        struct entry *e = list_entry(n, struct entry, end);
        int64_t at = timekeeper_wall(r->time, e->end.due);
        if (e->opening ||
            (r->background_changes >= BACKGROUND_CHANGES_MAX && store_healthy(r->store)))
            return false;
        heap_remove(&r->heap, &e->end);
        if (!store_healthy(r->store) ||
            !background_change_ask(r, e, CHANGE_CLOSE, at, on_expiry_stored))
            expire_unstored(r, e);
    }
    return true;
}

/* A change that fails at once comes back to the list, so the loop has a bound. */
static bool store_again(struct local_registry *r)
{
    for (size_t i = 0; i < BACKGROUND_CHANGES_MAX && !list_empty(&r->unstored); i++) {
        struct entry *e = list_entry(r->unstored.next, struct entry, unstored);
        list_remove(&e->unstored);
        if (!background_change_ask(r, e, CHANGE_CLOSE, e->record.closed, on_expiry_stored)) {
            list_append(&r->unstored, &e->unstored);
            break;
        }
    }
    return list_empty(&r->unstored);
}

/* ---- closed tunnels ---- */

static void on_removal_stored(struct change *change, enum err why)
{
    struct background_change *c = (struct background_change *)change;
    struct local_registry *r = c->registry;
    struct entry *e = c->entry;
    if (!e->gone && why == ERR_OK) {
        expiry_remove(r, e, change->at, "");
    } else if (!e->gone) {
        closed_add(r, e, true);
    }
    background_change_free(c);
}

static bool is_due(const struct local_registry *r, const struct entry *e, int64_t now)
{
    return r->n_closed > r->o.max_closed || r->closed_bytes > r->o.max_closed_bytes ||
           e->record.closed <= now - (int64_t)r->o.keep_closed_ms;
}

static bool remove_old(struct local_registry *r, int64_t now)
{
    for (size_t i = 0; i < BACKGROUND_CHANGES_MAX && !list_empty(&r->closed); i++) {
        struct entry *e = list_entry(r->closed.next, struct entry, closed);
        if (!is_due(r, e, now))
            return true;
        closed_remove(r, e);
        if (!background_change_ask(r, e, CHANGE_REMOVE, now, on_removal_stored)) {
            closed_add(r, e, true);
            break;
        }
    }
    return list_empty(&r->closed);
}

void expiry_tick(void *owner)
{
    struct local_registry *r = owner;
    int64_t now = r->o.now();
    bool done = expire(r, timekeeper_now(r->time));
    timekeeper_tick(r->time);
    if (store_healthy(r->store)) {
        done = store_again(r) && done;
        done = remove_old(r, now) && done;
    }
    timer_start(r->tick, done ? TICK_MS : SOON_MS);
}

/* ---- after a restart ---- */

/* How much of its idle time is left to a tunnel without a source. The clock may have been set. */
static int64_t idle_left(const struct local_registry *r, const struct tunnel_record *t)
{
    const struct record_side *s = &t->sides[SIDE_SOURCE];
    int64_t gone = r->o.now() - (s->changed != 0 ? s->changed : t->created);
    return gone < 0 ? t->idle_ms : gone < t->idle_ms ? t->idle_ms - gone : 0;
}

void expiry_resume(struct local_registry *r, struct entry *e, int64_t now)
{
    struct tunnel_record *record = &e->record;
    if (record->closed != 0) {
        closed_add(r, e, false);
        return;
    }
    r->n_open++;
    if (record->expires > now) {
        expiry_source(r, e, record->sides[SIDE_SOURCE].connected, idle_left(r, record));
        return;
    }
    list_append(&r->unstored, &e->unstored);
    count_out(r, e);
    record->closed = record->updated = timekeeper_wall(r->time, record->expires);
    closed_add(r, e, false);
}

static int by_closing(const void *a, const void *b)
{
    const struct entry *const *x = a, *const *y = b;
    int64_t first = (*x)->record.closed, second = (*y)->record.closed;
    return (first > second) - (first < second);
}

/* Without memory the tunnels stay in the order of creation, and some stay visible for longer. */
void expiry_sort(struct local_registry *r)
{
    struct entry **all = calloc(r->n_closed + 1, sizeof(struct entry *));
    size_t n = 0;
    if (all == NULL)
        return;
    list_each(node, &r->closed) all[n++] = list_entry(node, struct entry, closed);
    qsort(all, n, sizeof(struct entry *), by_closing);
    for (size_t i = 0; i < n; i++)
        list_append(&r->closed, &all[i]->closed);
    free(all);
}
