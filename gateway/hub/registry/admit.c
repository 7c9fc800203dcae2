/* The life of access tokens (share/doc/protocol.md, "Tokens"): which client is admitted with which
 * token. */
#include "gateway/hub/registry/local_internal.h"

#include "core/base/secret.h"

#include <stdlib.h>
#include <string.h>

#define WAITING_MAX 16 /* attempts with the same token while its first use is being stored */

static const char previously_used[] =
    "Invalid access token: The access token was previously used and can not be used again. "
    "Open a new tunnel, and give the client a client token (-i) if it shall be able to reconnect.";
static const char other_client[] =
    "Invalid client token: The provided client token does not match the client token that was "
    "previously set. Connect with the same one, or open a new tunnel.";
static const char unknown_token[] =
    "Invalid access token: no open tunnel has it. The tunnel may have been closed or the token "
    "replaced, or it belongs to another hub: open a new tunnel, or check the token and the "
    "endpoint.";
static const char is_over[] =
    "Invalid access token: its tunnel is closed or has expired. Open a new one.";
static const char is_destination_token[] =
    "Invalid access token: it is the destination's, not the source's. Give this one to the agent "
    "on the device, and the source token to the gateway.";
static const char is_source_token[] = "Invalid access token: it is the source's, not the "
                                      "destination's. Give this one to the gateway, "
                                      "and the destination token to the agent on the device.";
static const char no_certificate[] =
    "This tunnel is a device's: its agent has to show the device's certificate.";
static const char other_device[] =
    "This tunnel is another device's: the common name of the certificate is not the tunnel's thing "
    "name.";
static const char not_stored[] =
    "The hub cannot store that the access token is used: try again in a moment.";
static const char no_memory[] = "The hub is out of memory: try again in a moment.";
static const char too_many[] = "Too many connections at once with this access token.";

/* One attempt. `change` holds what the client sent: side, token[side], client. */
struct admit_attempt {
    struct change change;
    struct list node; /* entry->waiting */
    struct local_registry *registry;
    struct entry *entry; /* pinned once it has to wait */
    const char *device;
    char *own_device; /* copy of the device's name, made when the attempt has to wait */
    bool device_required;
    bool (*excused)(void *ctx, const struct tunnel_record *t);
    void (*done)(void *ctx, struct admission a);
    void *ctx;
};

static struct admission refuse(int status, enum err why, const char *text, const struct entry *e)
{
    return (struct admission){.status = status,
                              .why = why,
                              .text = text,
                              .known = e != NULL && !e->gone ? &e->record : NULL};
}

static struct admission admit(const struct local_registry *r, const struct entry *e)
{
    int64_t left = e->record.expires - timekeeper_now(r->time);
    return (struct admission){
        .tunnel = &e->record, .left_ms = left > 0 ? (uint64_t)left : 0, .known = &e->record};
}

static bool same_hash(const uint8_t a[TOKEN_HASH], const uint8_t b[TOKEN_HASH])
{
    return secret_equal((struct span){(const char *)a, TOKEN_HASH},
                        (struct span){(const char *)b, TOKEN_HASH});
}

/* Decides on a token that was used before: only the same client may use it again. */
static struct admission check_again(const struct admit_attempt *v, struct entry *e)
{
    const struct record_side *s = &e->record.sides[v->change.side];
    if (!s->has_client || !v->change.has_client)
        return refuse(400, ERR_FORBIDDEN, previously_used, e);
    if (!same_hash(s->client, v->change.client))
        return refuse(400, ERR_FORBIDDEN, other_client, e);
    return admit(v->registry, e);
}

/* Decides on a token that belongs to that side of e. Status 0 without a tunnel: the token may be
 * used for the first time. */
static struct admission check_token(const struct admit_attempt *v, struct entry *e, enum side side)
{
    const struct tunnel_record *r = &e->record;
    if (entry_is_over(e, timekeeper_now(v->registry->time)))
        return refuse(403, ERR_FORBIDDEN, is_over, e);
    if (side != v->change.side)
        return refuse(403, ERR_FORBIDDEN,
                      side == SIDE_SOURCE ? is_source_token : is_destination_token, e);
    if (v->device_required && side == SIDE_DESTINATION && r->thing[0] != '\0') {
        if (v->device == NULL && (v->excused == NULL || !v->excused(v->ctx, r)))
            return refuse(403, ERR_FORBIDDEN, no_certificate, e);
        if (v->device != NULL && strcmp(v->device, r->thing) != 0)
            return refuse(403, ERR_FORBIDDEN, other_device, e);
    }
    return r->sides[side].used ? check_again(v, e) : refuse(0, ERR_OK, NULL, e);
}

static struct entry *find(const struct admit_attempt *v, enum side *side)
{
    const struct change *c = &v->change;
    struct entry *e = index_by_token(&v->registry->index, c->token[c->side], side);
    return e != NULL && !e->opening ? e : NULL;
}

static struct admission check(const struct admit_attempt *v, struct entry **e)
{
    enum side side;
    *e = find(v, &side);
    return *e == NULL ? refuse(403, ERR_FORBIDDEN, unknown_token, NULL) : check_token(v, *e, side);
}

static bool is_settled(const struct admission *a)
{
    return a->tunnel != NULL || a->status != 0;
}

/* ---- waiting for the store ---- */

static void end(struct admit_attempt *v, struct admission a)
{
    v->done(v->ctx, a);
    if (v->entry != NULL)
        entry_unpin(v->entry);
    free(v->own_device);
    free(v);
}

static void hold(struct admit_attempt *v, struct entry *e)
{
    v->entry = e;
    entry_pin(e);
}

static void on_use_stored(struct change *c, enum err why);

static void start(struct admit_attempt *v)
{
    struct entry *e = v->entry;
    enum side side = v->change.side;
    if (e->admitting[side]) {
        e->n_waiting[side]++;
        list_append(&e->waiting[side], &v->node);
        return;
    }
    e->admitting[side] = true;
    v->change.kind = CHANGE_USE;
    v->change.number = e->record.number;
    v->change.done = on_use_stored;
    store_ask(v->registry->store, &v->change);
}

/* Whether the token that was used is still the tunnel's. */
static bool has_token(const struct admit_attempt *v)
{
    enum side side;
    return find(v, &side) == v->entry && !v->entry->gone;
}

static void use(struct admit_attempt *v)
{
    const struct change *c = &v->change;
    struct record_side *s = &v->entry->record.sides[c->side];
    s->used = true;
    s->has_client = c->has_client;
    memcpy(s->client, c->client, TOKEN_HASH);
}

static struct admission outcome_of_first(struct admit_attempt *v, enum err why)
{
    struct entry *e = v->entry;
    if (!has_token(v))
        return refuse(403, ERR_FORBIDDEN, unknown_token, e);
    if (why == ERR_OK)
        use(v);
    if (entry_is_over(e, timekeeper_now(v->registry->time)))
        return refuse(403, ERR_FORBIDDEN, is_over, e);
    return why == ERR_OK ? admit(v->registry, e) : refuse(503, ERR_IO, not_stored, e);
}

/* Ends the attempts that waited. For those with the first one's token its result decides; the
 * others hold the token that has replaced it since then. */
static void end_waiting(struct list *waiting, enum err why)
{
    while (!list_empty(waiting)) {
        struct admit_attempt *v = list_entry(waiting->next, struct admit_attempt, node);
        struct entry *e;
        list_remove(&v->node);
        struct admission a = check(v, &e);
        if (is_settled(&a))
            end(v, a);
        else if (why != ERR_OK)
            end(v, refuse(503, ERR_IO, not_stored, e));
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

/* ---- */

static void fill(struct admit_attempt *v, struct local_registry *r,
                 const struct admission_request *q)
{
    struct change *c = &v->change;
    *v = (struct admit_attempt){.registry = r,
                                .device = q->device,
                                .device_required = q->device_required,
                                .excused = q->excused};
    c->side = q->side;
    token_hash(q->token, c->token[q->side]);
    c->has_client = q->client_token.p != NULL;
    if (c->has_client)
        token_hash(q->client_token, c->client);
    list_init(&v->node);
}

static struct admit_attempt *keep(const struct admit_attempt *from)
{
    struct admit_attempt *v = malloc(sizeof *v);
    if (v == NULL)
        return NULL;
    *v = *from;
    list_init(&v->node);
    if (from->device == NULL)
        return v;
    v->device = v->own_device = strdup(from->device);
    if (v->device != NULL)
        return v;
    free(v);
    return NULL;
}

static bool is_full(const struct entry *e, enum side side)
{
    return e->n_waiting[side] >= WAITING_MAX;
}

/* Whether the token admits the client, perhaps after its first use is stored. */
static bool may_enter(const struct admission *a, const struct entry *e, enum side side)
{
    return is_settled(a) ? a->tunnel != NULL : !is_full(e, side);
}

static const struct admission *denial(const struct admission_request *q, const struct admission *a,
                                      const struct entry *e, void *ctx)
{
    return q->denies != NULL && may_enter(a, e, q->side) ? q->denies(ctx, &e->record) : NULL;
}

void local_admit(struct registry *registry, const struct admission_request *q,
                 void (*done)(void *ctx, struct admission a), void *ctx)
{
    struct local_registry *r = local_of(registry);
    struct admit_attempt first, *v;
    struct entry *e;
    fill(&first, r, q);
    first.done = done;
    first.ctx = ctx;
    struct admission a = check(&first, &e);
    const struct admission *denied = denial(q, &a, e, ctx);
    if (denied != NULL)
        done(ctx, refuse(denied->status, denied->why, denied->text, e));
    else if (is_settled(&a))
        done(ctx, a);
    else if (is_full(e, q->side))
        done(ctx, refuse(503, ERR_LIMIT, too_many, e));
    else if ((v = keep(&first)) == NULL)
        done(ctx, refuse(503, ERR_NO_MEMORY, no_memory, e));
    else {
        hold(v, e);
        start(v);
    }
}
