#include "gateway/hub/registry/shared/shared_record.h"

#include "gateway/hub/registry/record_json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIELD(text, what, member, ...)                                                             \
    {                                                                                              \
        .name = (text), .kind = RECORD_##what, .at = offsetof(struct shared_record, member),       \
        __VA_ARGS__                                                                                \
    }
#define TOKEN .size = TOKEN_HASH
#define CLIENT(n)                                                                                  \
    .optional = true, .size = TOKEN_HASH,                                                          \
    .beside = offsetof(struct shared_record, record.sides[n].has_client)

static const struct record_json_field fields[] = {
    FIELD("number", NUMBER, record.number, .min = 1),
    FIELD("key", TEXT, record.key_id, .min = 0),
    FIELD("thing", TEXT, record.thing, .min = 0),
    FIELD("description", TEXT, record.description, .min = 0),
    FIELD("services", TEXTS, record.services, .min = 0),
    FIELD("tags", TAGS, record.tags, .min = 0),
    FIELD("created", NUMBER, record.created, .min = 0),
    FIELD("updated", NUMBER, record.updated, .min = 0),
    FIELD("minutes", NUMBER, record.lifetime_minutes, .min = 1),
    FIELD("idle", NUMBER, record.idle_ms, .min = 0),
    FIELD("expires", NUMBER, record.expires, .min = 0),
    FIELD("closed", NUMBER, record.closed, .min = 0),
    FIELD("why", TEXT, why, .optional = true),
    FIELD("token0", BYTES, record.sides[0].token, TOKEN),
    FIELD("token1", BYTES, record.sides[1].token, TOKEN),
    FIELD("used0", FLAG, record.sides[0].used, .min = 0),
    FIELD("used1", FLAG, record.sides[1].used, .min = 0),
    FIELD("client0", BYTES, record.sides[0].client, CLIENT(0)),
    FIELD("client1", BYTES, record.sides[1].client, CLIENT(1)),
    FIELD("by0", TEXT, used_by[0], .optional = true),
    FIELD("by1", TEXT, used_by[1], .optional = true),
};
#define N_FIELDS (sizeof fields / sizeof *fields)

void shared_record_free(struct shared_record *r)
{
    tunnel_record_free(&r->record);
    free(r->why);
    for (int side = 0; side < SIDE_COUNT; side++)
        free(r->used_by[side]);
    *r = (struct shared_record){0};
}

char *shared_record_write(const struct shared_record *r)
{
    return record_json_write(r, fields, N_FIELDS);
}

enum err shared_record_read(struct shared_record *r, struct span id, struct span text)
{
    enum err why = record_json_read(text, fields, N_FIELDS, r);
    r->record.id = why == ERR_OK ? span_dup(id) : NULL;
    if (why == ERR_OK && r->record.id == NULL)
        why = ERR_NO_MEMORY;
    if (why != ERR_OK)
        shared_record_free(r);
    return why;
}

bool shared_record_set(char **text, const char *to)
{
    char *copy = strdup(to);
    if (copy == NULL)
        return false;
    free(*text);
    *text = copy;
    return true;
}

int64_t shared_due(const struct tunnel_record *t, bool here)
{
    const struct record_side *source = &t->sides[SIDE_SOURCE];
    if (t->idle_ms == 0 || source->connected || here)
        return t->expires;
    int64_t since = source->changed != 0 ? source->changed : t->created;
    return t->idle_ms < t->expires - since ? since + t->idle_ms : t->expires;
}

/* ---- connection states ---- */

void shared_state_write(const struct record_side *s, char out[SHARED_STATE_SIZE])
{
    snprintf(out, SHARED_STATE_SIZE, "%d:%lld", s->connected, (long long)s->changed);
}

void shared_state_read(struct record_side *s, struct span text)
{
    uint64_t changed;
    struct span state = span_cut(&text, ':');
    s->connected = false;
    s->changed = 0;
    if (!str_number(text, INT64_MAX, &changed) || !(span_is(state, "0") || span_is(state, "1")))
        return;
    s->connected = span_is(state, "1");
    s->changed = (int64_t)changed;
}
