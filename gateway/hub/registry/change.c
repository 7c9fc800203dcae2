#include "gateway/hub/registry/change.h"

#include "gateway/hub/registry/database_internal.h"

static struct sql_call call(const struct database *d, enum statement s, int64_t number)
{
    struct sql_call c = {.statement = d->statements[s]};
    sql_put_number(&c, number);
    return c;
}

static int touch(struct database *d, enum statement s, const struct change *change)
{
    struct sql_call c = call(d, s, change->number);
    sql_put_number(&c, change->at);
    return sql_call(&c);
}

static int set_tags(struct database *d, int64_t number, const struct tags *tags)
{
    int result = SQLITE_OK;
    for (size_t i = 0; result == SQLITE_OK && i < tags->n; i++) {
        struct sql_call c = call(d, STATEMENT_TAG, number);
        sql_put_text(&c, tags->items[i].key);
        sql_put_text(&c, tags->items[i].value);
        result = sql_call(&c);
    }
    return result;
}

static int open_tunnel(struct database *d, const struct tunnel_record *r)
{
    struct sql_call c = call(d, STATEMENT_OPEN, r->number);
    sql_put_text(&c, r->id);
    sql_put_text(&c, r->key_id);
    sql_put_text(&c, r->thing);
    sql_put_text(&c, r->description);
    sql_put_number(&c, r->created);
    sql_put_number(&c, r->updated);
    sql_put_number(&c, r->lifetime_minutes);
    sql_put_number(&c, r->expires);
    sql_put_number(&c, r->closed);
    sql_put_number(&c, r->idle_ms);
    return sql_call(&c);
}

static int open_side(struct database *d, const struct tunnel_record *r, enum side side)
{
    const struct record_side *s = &r->sides[side];
    struct sql_call c = call(d, STATEMENT_OPEN_SIDE, r->number);
    sql_put_number(&c, side);
    sql_put_bytes(&c, s->token, TOKEN_HASH);
    sql_put_number(&c, s->used);
    sql_put_bytes(&c, s->has_client ? s->client : NULL, TOKEN_HASH);
    sql_put_number(&c, s->connected);
    sql_put_number(&c, s->changed);
    return sql_call(&c);
}

static int apply_open(struct database *d, const struct change *change)
{
    const struct tunnel_record *r = change->record;
    int result = open_tunnel(d, r);
    for (int side = 0; result == SQLITE_OK && side < SIDE_COUNT; side++)
        result = open_side(d, r, (enum side)side);
    for (size_t i = 0; result == SQLITE_OK && i < r->services.n; i++) {
        struct sql_call c = call(d, STATEMENT_OPEN_SERVICE, r->number);
        sql_put_number(&c, (int64_t)i);
        sql_put_text(&c, r->services.items[i]);
        result = sql_call(&c);
    }
    return result != SQLITE_OK ? result : set_tags(d, r->number, &r->tags);
}

static int apply_close(struct database *d, const struct change *change)
{
    return touch(d, STATEMENT_CLOSE, change);
}

static int apply_remove(struct database *d, const struct change *change)
{
    static const enum statement all[] = {STATEMENT_REMOVE, STATEMENT_REMOVE_SIDES,
                                         STATEMENT_REMOVE_SERVICES, STATEMENT_REMOVE_TAGS};
    int result = SQLITE_OK;
    for (size_t i = 0; result == SQLITE_OK && i < sizeof all / sizeof *all; i++) {
        struct sql_call c = call(d, all[i], change->number);
        result = sql_call(&c);
    }
    return result;
}

static int apply_rotate(struct database *d, const struct change *change)
{
    int result = touch(d, STATEMENT_UPDATE_OPEN, change);
    for (int side = 0; result == SQLITE_OK && side < SIDE_COUNT; side++) {
        if (!change->has_token[side])
            continue;
        struct sql_call c = call(d, STATEMENT_ROTATE, change->number);
        sql_put_number(&c, side);
        sql_put_bytes(&c, change->token[side], TOKEN_HASH);
        result = sql_call(&c);
    }
    return result;
}

static int apply_use(struct database *d, const struct change *change)
{
    struct sql_call c = call(d, STATEMENT_USE, change->number);
    sql_put_number(&c, change->side);
    sql_put_bytes(&c, change->token[change->side], TOKEN_HASH);
    sql_put_bytes(&c, change->has_client ? change->client : NULL, TOKEN_HASH);
    return sql_call(&c);
}

static int apply_tag(struct database *d, const struct change *change)
{
    int result = touch(d, STATEMENT_UPDATE, change);
    for (size_t i = 0; result == SQLITE_OK && i < change->remove.n; i++) {
        struct sql_call c = call(d, STATEMENT_UNTAG, change->number);
        sql_put_text(&c, change->remove.items[i]);
        result = sql_call(&c);
    }
    return result != SQLITE_OK ? result : set_tags(d, change->number, &change->add);
}

static int apply_state(struct database *d, const struct change *change)
{
    struct sql_call c = call(d, STATEMENT_STATE, change->number);
    sql_put_number(&c, change->side);
    sql_put_number(&c, change->connected);
    sql_put_number(&c, change->at);
    return sql_call(&c);
}

/* ---- devices and invitations ---- */

static int apply_device(struct database *d, const struct change *change)
{
    struct sql_call c = {.statement = d->statements[STATEMENT_DEVICE]};
    int result = device_rows_write(&c, change->device);
    if (result != SQLITE_OK || change->id == NULL)
        return result;
    c = (struct sql_call){.statement = d->statements[STATEMENT_INVITATION_USE]};
    sql_put_text(&c, change->id);
    return sql_call(&c);
}

static int apply_device_remove(struct database *d, const struct change *change)
{
    struct sql_call c = {.statement = d->statements[STATEMENT_DEVICE_REMOVE]};
    sql_put_text(&c, change->id);
    return sql_call(&c);
}

static int apply_invitation(struct database *d, const struct change *change)
{
    struct sql_call c = {.statement = d->statements[STATEMENT_INVITATION]};
    return device_rows_write_invitation(&c, change->invitation);
}

static int apply_invitation_remove(struct database *d, const struct change *change)
{
    struct sql_call c = {.statement = d->statements[STATEMENT_INVITATION_REMOVE]};
    sql_put_text(&c, change->id);
    return sql_call(&c);
}

int change_apply(struct database *d, const struct change *c)
{
    static int (*const apply[CHANGE_COUNT])(struct database *, const struct change *) = {
        [CHANGE_OPEN] = apply_open,
        [CHANGE_CLOSE] = apply_close,
        [CHANGE_REMOVE] = apply_remove,
        [CHANGE_ROTATE] = apply_rotate,
        [CHANGE_USE] = apply_use,
        [CHANGE_TAG] = apply_tag,
        [CHANGE_STATE] = apply_state,
        [CHANGE_DEVICE] = apply_device,
        [CHANGE_DEVICE_REMOVE] = apply_device_remove,
        [CHANGE_INVITATION] = apply_invitation,
        [CHANGE_INVITATION_REMOVE] = apply_invitation_remove,
    };
    return apply[c->kind](d, c);
}
