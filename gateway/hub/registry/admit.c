/* Letting ends in by the rules for their tokens. What a first use needs is stored before the client
 * is told. */
#include "gateway/hub/registry/local_internal.h"
#include "gateway/hub/registry/token_rules.h"

#include <stdlib.h>
#include <string.h>

#define WAITING_MAX 16 /* attempts with the same token while its first use is being stored */

/* One attempt. */
struct admit_attempt {
    struct change change;
    struct list node;                /* local_registry.asking or entry->waiting */
    struct local_registry *registry; /* NULL: it has been answered, and waits for `keyed` alone */
    struct entry *entry;             /* pinned once it has to wait for the store */
    struct token_claim claim;
    char *device; /* the claim's */
    enum token_keyed keyed;
    const struct admission *(*denies)(void *ctx, const struct tunnel_record *t);
    void (*done)(void *ctx, struct admission a);
    void *ctx;
};

static const struct tunnel_record *known(const struct entry *e)
{
    return e != NULL && !e->gone ? &e->record : NULL;
}

static struct admission refuse(enum token_verdict v, const struct entry *e)
{
    return token_refusal(v, known(e));
}

static struct admission admit(const struct local_registry *r, const struct entry *e)
{
    return token_admission(&e->record, e->record.expires, timekeeper_now(r->time));
}

static struct entry *find(const struct admit_attempt *v, enum side *side)
{
    struct entry *e = index_by_token(&v->registry->index, v->claim.token, side);
    return e != NULL && !e->opening ? e : NULL;
}

static enum token_verdict check(const struct admit_attempt *v, struct entry **e)
{
    enum side side;
    *e = find(v, &side);
    if (*e == NULL)
        return TOKEN_UNKNOWN;
    bool over = entry_is_over(*e, timekeeper_now(v->registry->time));
    return token_judge(&(*e)->record, side, over, &v->claim, v->keyed);
}

/* ---- waiting for the store ---- */

static void end(struct admit_attempt *v, struct admission a)
{
    list_remove(&v->node);
    v->done(v->ctx, a);
    if (v->entry != NULL)
        entry_unpin(v->entry);
    free(v->device);
    free(v);
}

static void on_use_stored(struct change *c, enum err why);

/* Has its first use stored, after those that came before. */
static void start(struct admit_attempt *v)
{
    struct entry *e = v->entry;
    struct change *c = &v->change;
    enum side side = v->claim.side;
    if (e->admitting[side]) {
        e->n_waiting[side]++;
        list_append(&e->waiting[side], &v->node);
        return;
    }
    e->admitting[side] = true;
    c->kind = CHANGE_USE;
    c->number = e->record.number;
    c->side = side;
    memcpy(c->token[side], v->claim.token, TOKEN_HASH);
    c->has_client = v->claim.has_client;
    memcpy(c->client, v->claim.client, TOKEN_HASH);
    c->done = on_use_stored;
    store_ask(v->registry->store, c);
}

/* Whether the token that was used is still the tunnel's. */
static bool has_token(const struct admit_attempt *v)
{
    enum side side;
    return find(v, &side) == v->entry && !v->entry->gone;
}

static struct admission outcome_of_first(struct admit_attempt *v, enum err why)
{
    struct entry *e = v->entry;
    if (!has_token(v))
        return refuse(TOKEN_UNKNOWN, e);
    if (why == ERR_OK)
        token_use(&e->record, &v->claim);
    if (entry_is_over(e, timekeeper_now(v->registry->time)))
        return refuse(TOKEN_OVER, e);
    return why == ERR_OK ? admit(v->registry, e) : refuse(TOKEN_NOT_STORED, e);
}

/* Ends the attempts that waited. For those with the first one's token its result decides; the
 * others hold the token that has replaced it since then. */
static void end_waiting(struct list *waiting, enum err why)
{
    while (!list_empty(waiting)) {
        struct admit_attempt *v = list_entry(waiting->next, struct admit_attempt, node);
        struct entry *e;
        list_remove(&v->node);
        enum token_verdict verdict = check(v, &e);
        if (verdict == TOKEN_AGAIN)
            end(v, admit(v->registry, e));
        else if (verdict != TOKEN_FIRST)
            end(v, refuse(verdict, e));
        else if (why != ERR_OK)
            end(v, refuse(TOKEN_NOT_STORED, e));
        else
            start(v);
    }
}

static void on_use_stored(struct change *c, enum err why)
{
    struct admit_attempt *v = (struct admit_attempt *)c;
    struct entry *e = v->entry;
    struct list waiting;
    entry_pin(e);
    list_init(&waiting);
    e->admitting[c->side] = false;
    while (!list_empty(&e->waiting[c->side]))
        list_append(&waiting, e->waiting[c->side].next);
    e->n_waiting[c->side] = 0;
    end(v, outcome_of_first(v, why));
    end_waiting(&waiting, why);
    entry_unpin(e);
}

/* ---- deciding ---- */

static void on_keyed(void *ctx, bool keyed);

static void ask_keyed(struct admit_attempt *v, const struct entry *e)
{
    struct local_registry *r = v->registry;
    list_append(&r->asking, &v->node);
    if (r->o.keyed != NULL)
        r->o.keyed(r->o.owner, e->record.thing, on_keyed, v);
    else
        on_keyed(v, false);
}

static void decide(struct admit_attempt *v)
{
    struct entry *e;
    enum token_verdict verdict = check(v, &e);
    if (verdict == TOKEN_ASK) {
        ask_keyed(v, e);
        return;
    }
    if (verdict == TOKEN_FIRST && e->n_waiting[v->claim.side] >= WAITING_MAX)
        verdict = TOKEN_CROWDED;
    const struct admission *denied =
        token_admits(verdict) && v->denies != NULL ? v->denies(v->ctx, &e->record) : NULL;
    if (denied != NULL) {
        struct admission a = *denied;
        a.known = known(e);
        end(v, a);
    } else if (verdict == TOKEN_AGAIN) {
        end(v, admit(v->registry, e));
    } else if (verdict != TOKEN_FIRST) {
        end(v, refuse(verdict, e));
    } else {
        v->entry = e;
        entry_pin(e);
        start(v);
    }
}

static void on_keyed(void *ctx, bool keyed)
{
    struct admit_attempt *v = ctx;
    if (v->registry == NULL) {
        free(v);
        return;
    }
    list_remove(&v->node);
    v->keyed = keyed ? KEYED_YES : KEYED_NO;
    decide(v);
}

/* Their answers are still to come, and free what is left of them. */
void local_admit_end(struct local_registry *r)
{
    while (!list_empty(&r->asking)) {
        struct admit_attempt *v = list_entry(r->asking.next, struct admit_attempt, node);
        list_remove(&v->node);
        v->registry = NULL;
        free(v->device);
        v->done(v->ctx, refuse(TOKEN_ENDING, NULL));
    }
}

static struct admit_attempt *attempt_new(struct local_registry *r,
                                         const struct admission_request *q)
{
    struct admit_attempt *v = calloc(1, sizeof *v);
    if (v == NULL)
        return NULL;
    list_init(&v->node);
    v->registry = r;
    v->denies = q->denies;
    v->claim = (struct token_claim){.side = q->side,
                                    .device_required = q->device_required,
                                    .has_client = q->client_token.p != NULL};
    token_hash(q->token, v->claim.token);
    if (v->claim.has_client)
        token_hash(q->client_token, v->claim.client);
    if (q->device == NULL)
        return v;
    v->claim.device = v->device = strdup(q->device);
    if (v->device != NULL)
        return v;
    free(v);
    return NULL;
}

void local_admit(struct registry *registry, const struct admission_request *q,
                 void (*done)(void *ctx, struct admission a), void *ctx)
{
    struct admit_attempt *v = attempt_new(local_of(registry), q);
    if (v == NULL) {
        done(ctx, refuse(TOKEN_NO_MEMORY, NULL));
        return;
    }
    v->done = done;
    v->ctx = ctx;
    decide(v);
}
