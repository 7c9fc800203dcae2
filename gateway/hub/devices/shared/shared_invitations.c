/* Invitations: "tunnel:i:{ID}" is one, "tunnel:it:{HEX}" leads from its token's hash to its id, and
 * the set "tunnel:iu:{ID}" has who has used it. All three go by themselves some time after its end;
 * "tunnel:is:{invitations}", all ids in the order of their creation, is put right by lists.
 * "tunnel:ik:{KEY}" has those of an access key until they go. */
#include "gateway/hub/devices/shared/device_json.h"
#include "gateway/hub/devices/shared/shared_devices_internal.h"

#include "core/base/encoding.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER_SIZE 24

static struct shared_key all_ids(void)
{
    return shared_key("is", "invitations");
}

static struct shared_key token_key(const struct invitation *i)
{
    char hex[2 * TOKEN_HASH + 1];
    hex_encode(i->token, TOKEN_HASH, hex);
    return shared_key("it", hex);
}

static void write_number(char out[NUMBER_SIZE], int64_t n)
{
    snprintf(out, NUMBER_SIZE, "%" PRId64, n);
}

/* ---- one request ---- */

struct request {
    struct shared_devices *registry;
    struct invitation i;
    char end[NUMBER_SIZE]; /* when it goes */
    size_t max_of_key;
    bool has_place, listed;
    invitation_done *done;
    void *ctx;
};

static struct request *request_new(struct device_registry *registry, invitation_done *done,
                                   void *ctx)
{
    struct request *q = calloc(1, sizeof *q);
    if (q == NULL)
        return NULL;
    q->registry = shared_devices_of(registry);
    q->done = done;
    q->ctx = ctx;
    return q;
}

static void answer(struct request *q, enum err why, bool shows)
{
    q->done(q->ctx, why, why == ERR_OK && shows ? &q->i : NULL);
    invitation_free(&q->i);
    free(q);
}

static void ask(struct request *q, const struct span *args, size_t n, redis_done *done)
{
    shared_devices_ask(q->registry, args, n, 1, done, q);
}

/* ---- inviting: its token, its place, itself, and its place in the list ---- */

static void give_up(struct request *q, enum err why)
{
    struct shared_key token = token_key(&q->i), place = shared_key("ik", q->i.key_id);
    if (why != ERR_SHUTDOWN) {
        shared_tell(q->registry, "DEL", &token, NULL, NULL);
        if (q->has_place)
            shared_tell(q->registry, "ZREM", &place, q->i.id, NULL);
    }
    answer(q, why, false);
}

static void on_listed(void *ctx, enum err why, const struct redis_reply *reply)
{
    struct request *q = ctx;
    (void)reply;
    if (why == ERR_OK)
        q->registry->counts.invitations++;
    answer(q, why, true);
}

static void on_written(void *ctx, enum err why, const struct redis_reply *reply)
{
    struct request *q = ctx;
    struct shared_key key = all_ids();
    char created[NUMBER_SIZE];
    if (why == ERR_OK && redis_integer(redis_item(reply, 0)) != 1)
        why = ERR_INTERNAL; /* an id twice */
    if (why != ERR_OK) {
        give_up(q, why);
        return;
    }
    write_number(created, q->i.created);
    const struct span args[] = {span_of("ZADD"), span_of(key.text), span_of(created),
                                span_of(q->i.id)};
    ask(q, args, 4, on_listed);
}

static void write_invitation(struct request *q)
{
    struct shared_key key = shared_key("i", q->i.id);
    char *record = invitation_json_write(&q->i);
    const struct span args[] = {span_of("0"), span_of(q->i.id), span_of(q->end), span_of("r"),
                                span_of(record)};
    if (record == NULL)
        give_up(q, ERR_NO_MEMORY);
    else
        shared_devices_call(q->registry, "put", key.text, args, 5, on_written, q);
    free(record);
}

static void on_place(void *ctx, enum err why, const struct redis_reply *reply)
{
    struct request *q = ctx;
    q->has_place = why == ERR_OK && redis_integer(redis_item(reply, 0)) == 1;
    if (why == ERR_OK && !q->has_place)
        why = ERR_LIMIT;
    if (why == ERR_OK)
        write_invitation(q);
    else
        give_up(q, why);
}

static void on_token(void *ctx, enum err why, const struct redis_reply *reply)
{
    struct request *q = ctx;
    struct shared_key key = shared_key("ik", q->i.key_id);
    char now[NUMBER_SIZE], most[NUMBER_SIZE];
    if (why == ERR_OK && redis_text(reply).p == NULL) {
        answer(q, ERR_INTERNAL, false); /* the same 256 bits twice */
        return;
    }
    if (why != ERR_OK) {
        give_up(q, why);
        return;
    }
    write_number(now, nodes_now(q->registry->o.nodes));
    write_number(most, (int64_t)q->max_of_key);
    const struct span args[] = {span_of(now), span_of(q->i.id), span_of(q->end), span_of(most)};
    shared_devices_call(q->registry, "slot", key.text, args, 4, on_place, q);
}

/* Only the hash of the token goes to Redis. */
static void write_token(struct request *q)
{
    struct shared_key key = token_key(&q->i);
    const struct span args[] = {span_of("SET"), span_of(key.text), span_of(q->i.id),
                                span_of("NX"),  span_of("PXAT"),   span_of(q->end)};
    ask(q, args, 6, on_token);
}

static void ask_number(struct request *q);

static bool pass_over(void *ctx, const struct invitation *i)
{
    (void)ctx, (void)i;
    return true;
}

static void on_listed_all(void *ctx, enum err why)
{
    struct request *q = ctx;
    if (why == ERR_OK)
        ask_number(q);
    else
        answer(q, why, false);
}

/* Those that are gone count until a list has met them. */
static void on_number(void *ctx, enum err why, const struct redis_reply *reply)
{
    struct request *q = ctx;
    bool full = why == ERR_OK && (size_t)redis_integer(reply) >= q->registry->max_invitations;
    if (full && !q->listed) {
        q->listed = true;
        shared_devices_invitations(
            &q->registry->registry,
            &(struct invitation_page){.each = pass_over, .done = on_listed_all}, q);
        return;
    }
    if (why == ERR_OK && !full)
        write_token(q);
    else
        answer(q, full ? ERR_LIMIT : why, false);
}

static void ask_number(struct request *q)
{
    struct shared_key key = all_ids();
    const struct span args[] = {span_of("ZCARD"), span_of(key.text)};
    ask(q, args, 2, on_number);
}

void shared_devices_invite(struct device_registry *registry, struct invitation *i,
                           const char *join_token, size_t max_of_key, invitation_done *done,
                           void *ctx)
{
    struct request *q = request_new(registry, done, ctx);
    char id[UUID_SIZE];
    random_uuid(id);
    if (q == NULL || !device_rules_invite(i, id, join_token, nodes_now(q->registry->o.nodes))) {
        free(q);
        invitation_free(i);
        done(ctx, ERR_NO_MEMORY, NULL);
        return;
    }
    q->i = *i;
    *i = (struct invitation){0};
    q->max_of_key = max_of_key;
    write_number(q->end, q->i.expires + INVITATION_KEEP_MS);
    ask_number(q);
}

/* ---- looking at one ---- */

static void on_uses(void *ctx, enum err why, const struct redis_reply *reply)
{
    struct request *q = ctx;
    q->i.used = why == ERR_OK ? redis_integer(reply) : 0;
    answer(q, why, true);
}

/* Makes an invitation of what read_one has brought, and asks about the key of that kind; or says
 * why not. */
static void take_and_ask(struct request *q, enum err why, const struct redis_reply *reply,
                         const char *command, const char *kind, redis_done *then)
{
    if (why == ERR_OK)
        why = shared_invitation_read(reply, &q->i);
    if (why != ERR_OK) {
        answer(q, why, false);
        return;
    }
    struct shared_key key = shared_key(kind, q->i.id);
    const struct span args[] = {span_of(command), span_of(key.text)};
    ask(q, args, 2, then);
}

static void on_read(void *ctx, enum err why, const struct redis_reply *reply)
{
    take_and_ask(ctx, why, reply, "SCARD", "iu", on_uses);
}

/* False: `done` has been told why not. */
static bool read_one(struct device_registry *registry, struct span id, redis_done *then,
                     invitation_done *done, void *ctx)
{
    char text[UUID_SIZE];
    bool possible = id.n > 0 && id.n < sizeof text && memchr(id.p, '\0', id.n) == NULL;
    struct request *q = possible ? request_new(registry, done, ctx) : NULL;
    if (q == NULL) {
        done(ctx, possible ? ERR_NO_MEMORY : ERR_NOT_FOUND, NULL);
        return false;
    }
    snprintf(text, sizeof text, "%.*s", (int)id.n, id.p);
    struct shared_key key = shared_key("i", text);
    const struct span args[] = {span_of("HGETALL"), span_of(key.text)};
    ask(q, args, 2, then);
    return true;
}

void shared_devices_invitation(struct device_registry *registry, struct span id,
                               invitation_done *done, void *ctx)
{
    read_one(registry, id, on_read, done, ctx);
}

/* ---- ending one ---- */

static void on_deleted(void *ctx, enum err why, const struct redis_reply *reply)
{
    struct request *q = ctx;
    struct shared_devices *r = q->registry;
    if (why == ERR_OK && redis_integer(reply) == 0)
        why = ERR_NOT_FOUND; /* somebody else was faster */
    if (why == ERR_OK) {
        struct shared_key token = token_key(&q->i), uses = shared_key("iu", q->i.id);
        struct shared_key ids = all_ids(), place = shared_key("ik", q->i.key_id);
        shared_tell(r, "DEL", &token, NULL, NULL);
        shared_tell(r, "DEL", &uses, NULL, NULL);
        shared_tell(r, "ZREM", &ids, q->i.id, NULL);
        shared_tell(r, "ZREM", &place, q->i.id, NULL);
        r->counts.invitations -= r->counts.invitations > 0;
    }
    answer(q, why, false);
}

static void on_read_to_end(void *ctx, enum err why, const struct redis_reply *reply)
{
    take_and_ask(ctx, why, reply, "DEL", "i", on_deleted);
}

void shared_devices_uninvite(struct device_registry *registry, struct span id,
                             invitation_done *done, void *ctx)
{
    read_one(registry, id, on_read_to_end, done, ctx);
}
