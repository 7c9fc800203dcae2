#include "gateway/hub/devices/local_devices_internal.h"

#include "core/base/random.h"
#include "gateway/hub/devices/device_rules.h"

#include <stdlib.h>
#include <string.h>

#define PURGE_MS 60000

struct invitation_request {
    struct change change; /* first member */
    struct local_devices *registry;
    char *id;
    invitation_done *done; /* NULL: nobody waits for it */
    void *ctx;
};

static struct invitation_entry *find(const struct local_devices *r, struct span id)
{
    struct invitation_entry *e = map_get(&r->by_id, id.p, id.n);
    return e != NULL && !e->opening ? e : NULL;
}

static void drop(struct local_devices *r, struct invitation_entry *e)
{
    map_remove(&r->by_id, e->i.id, strlen(e->i.id));
    map_remove(&r->by_token, e->i.token, TOKEN_HASH);
    list_remove(&e->node);
    invitation_free(&e->i);
    free(e);
}

/* Takes over the contents of *i. */
static enum err add(struct local_devices *r, struct invitation *i, struct invitation_entry **out)
{
    struct invitation_entry *e = calloc(1, sizeof *e);
    if (e == NULL)
        return ERR_NO_MEMORY;
    bool known = map_get(&r->by_id, i->id, strlen(i->id)) != NULL ||
                 map_get(&r->by_token, i->token, TOKEN_HASH) != NULL;
    e->i = *i;
    *i = (struct invitation){0};
    list_init(&e->node);
    if (!known && map_put(&r->by_id, e->i.id, strlen(e->i.id), e)) {
        if (map_put(&r->by_token, e->i.token, TOKEN_HASH, e)) {
            list_append(&r->invitations, &e->node);
            *out = e;
            return ERR_OK;
        }
        map_remove(&r->by_id, e->i.id, strlen(e->i.id));
    }
    invitation_free(&e->i);
    free(e);
    return known ? ERR_PROTOCOL : ERR_NO_MEMORY;
}

enum err invitations_resume(struct local_devices *r, struct invitation *i)
{
    struct invitation_entry *e;
    return add(r, i, &e);
}

void invitations_free(struct local_devices *r)
{
    list_each(node, &r->invitations) drop(r, list_entry(node, struct invitation_entry, node));
    map_free(&r->by_id);
    map_free(&r->by_token);
}

/* ---- enrolment ---- */

enum enrol_result invitations_check(const struct local_devices *r, struct span join_token,
                                    struct span name, struct invitation_entry **out)
{
    uint8_t hash[TOKEN_HASH];
    token_hash(join_token, hash);
    struct invitation_entry *e = map_get(&r->by_token, hash, sizeof hash);
    bool here = e != NULL && !e->opening;
    enum enrol_result result = device_rules_invited(
        here ? &e->i : NULL, here ? e->i.used + e->reserved : 0, name, r->now());
    *out = result == ENROL_NEW ? e : NULL;
    return result;
}

void invitations_settle(struct local_devices *r, const char *id, bool used)
{
    struct invitation_entry *e = find(r, span_of(id));
    if (e == NULL)
        return;
    e->reserved--;
    e->i.used += used;
}

/* ---- changing ---- */

static struct invitation_request *request_new(struct local_devices *r, const char *id,
                                              invitation_done *done, void *ctx)
{
    struct invitation_request *q = calloc(1, sizeof *q);
    char *copy = strdup(id);
    if (q == NULL || copy == NULL) {
        free(q);
        free(copy);
        return NULL;
    }
    q->registry = r;
    q->id = copy;
    q->change.id = copy;
    q->done = done;
    q->ctx = ctx;
    return q;
}

static void answer(struct invitation_request *q, enum err why, const struct invitation *i)
{
    if (q->done != NULL)
        q->done(q->ctx, why, i);
    free(q->id);
    free(q);
}

static void ask(struct invitation_request *q, enum change_kind kind,
                void (*stored)(struct change *c, enum err why))
{
    q->change.kind = kind;
    q->change.done = stored;
    if (q->registry->store != NULL)
        store_ask(q->registry->store, &q->change);
    else
        stored(&q->change, ERR_SHUTDOWN);
}

static void on_invited(struct change *c, enum err why)
{
    struct invitation_request *q = (struct invitation_request *)c;
    struct local_devices *r = q->registry;
    struct invitation_entry *e = map_get(&r->by_id, q->id, strlen(q->id));
    e->opening = false;
    if (why != ERR_OK) {
        drop(r, e);
        e = NULL;
    }
    answer(q, why, e != NULL ? &e->i : NULL);
}

static size_t count_of(const struct local_devices *r, const char *key_id)
{
    size_t n = 0;
    list_each(node, &r->invitations)
    {
        n += strcmp(list_entry(node, struct invitation_entry, node)->i.key_id, key_id) == 0;
    }
    return n;
}

static enum err prepare(struct local_devices *r, struct invitation *i, const char *join_token,
                        size_t max_of_key, struct invitation_entry **out)
{
    char id[UUID_SIZE];
    random_uuid(id);
    if (!device_rules_invite(i, id, join_token, r->now()))
        return ERR_NO_MEMORY;
    if (r->by_id.size >= r->max_invitations ||
        (max_of_key > 0 && count_of(r, i->key_id) >= max_of_key))
        return ERR_LIMIT;
    enum err why = add(r, i, out);
    return why == ERR_PROTOCOL ? ERR_INTERNAL : why;
}

void local_devices_invite(struct device_registry *registry, struct invitation *i,
                          const char *join_token, size_t max_of_key, invitation_done *done,
                          void *ctx)
{
    struct local_devices *r = local_devices_of(registry);
    struct invitation_entry *e = NULL;
    enum err why = prepare(r, i, join_token, max_of_key, &e);
    struct invitation_request *q = why == ERR_OK ? request_new(r, e->i.id, done, ctx) : NULL;
    invitation_free(i);
    if (q == NULL) {
        if (e != NULL)
            drop(r, e);
        done(ctx, why != ERR_OK ? why : ERR_NO_MEMORY, NULL);
        return;
    }
    e->opening = true;
    q->change.invitation = &e->i;
    ask(q, CHANGE_INVITATION, on_invited);
}

static void on_uninvited(struct change *c, enum err why)
{
    struct invitation_request *q = (struct invitation_request *)c;
    struct invitation_entry *e = find(q->registry, span_of(q->id));
    if (why == ERR_OK && e == NULL)
        why = ERR_NOT_FOUND;
    if (why == ERR_OK)
        drop(q->registry, e);
    answer(q, why, NULL);
}

void local_devices_uninvite(struct device_registry *registry, struct span id, invitation_done *done,
                            void *ctx)
{
    struct local_devices *r = local_devices_of(registry);
    const struct invitation_entry *e = find(r, id);
    struct invitation_request *q = e != NULL ? request_new(r, e->i.id, done, ctx) : NULL;
    if (q == NULL)
        done(ctx, e == NULL ? ERR_NOT_FOUND : ERR_NO_MEMORY, NULL);
    else
        ask(q, CHANGE_INVITATION_REMOVE, on_uninvited);
}

/* The list is bounded (max_invitations), and so is the time that this takes. */
void invitations_purge(struct local_devices *r)
{
    int64_t now = r->now();
    if (now - r->purged < PURGE_MS && now >= r->purged)
        return;
    r->purged = now;
    list_each(node, &r->invitations)
    {
        struct invitation_entry *e = list_entry(node, struct invitation_entry, node);
        struct invitation_request *q = !e->opening && e->i.expires + INVITATION_KEEP_MS < now
                                           ? request_new(r, e->i.id, NULL, NULL)
                                           : NULL;
        if (q != NULL)
            ask(q, CHANGE_INVITATION_REMOVE, on_uninvited);
    }
}

/* ---- looking ---- */

void local_devices_invitation(struct device_registry *registry, struct span id,
                              invitation_done *done, void *ctx)
{
    const struct invitation_entry *e = find(local_devices_of(registry), id);
    done(ctx, e != NULL ? ERR_OK : ERR_NOT_FOUND, e != NULL ? &e->i : NULL);
}

void local_devices_invitations(struct device_registry *registry, const struct invitation_page *q,
                               void *ctx)
{
    const struct local_devices *r = local_devices_of(registry);
    const struct invitation_entry *last = q->after.n > 0 ? find(r, q->after) : NULL;
    bool wanted = last != NULL || q->after.n == 0;
    enum err why = wanted ? ERR_OK : ERR_NOT_FOUND;
    const struct list *at = last != NULL ? last->node.next : r->invitations.next;
    for (; wanted && at != &r->invitations; at = at->next) {
        const struct invitation_entry *e = list_entry(at, const struct invitation_entry, node);
        wanted = e->opening || q->each(ctx, &e->i);
    }
    q->done(ctx, why);
}
