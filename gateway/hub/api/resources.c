/* The tunnels that calls name by id or ARN, and what the audit log and the access rules need to
 * know of them. */
#include "gateway/hub/api/api_internal.h"

#include "gateway/hub/api/shapes.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOTE_MAX ((size_t)64 * 1024) /* more than a request can hold */

const struct limits *limits_of_call(const struct call *c)
{
    return limits_of(c->api->limits, c->key_id);
}

const char *input_text(const cJSON *object, const char *name)
{
    const cJSON *j = shape_member(object, name);
    return j != NULL ? j->valuestring : NULL;
}

/* ---- names ---- */

void write_arn(struct call *c, const char *name, const char *tunnel_id)
{
    struct buf arn = {.limit = 2048};
    if (buf_printf(&arn, "arn:aws:iot:%s:%s:tunnel/%s", c->api->region, c->api->account, tunnel_id))
        json_text(&c->out, name, (struct span){(const char *)arn.data, arn.size});
    else
        c->out.failed = true;
    buf_free(&arn);
}

static bool is_prefixed(struct span s, const char *prefix)
{
    size_t n = strlen(prefix);
    return s.n > n && memcmp(s.p, prefix, n) == 0;
}

/* Takes the tunnel's id, which may have colons. False: it is not an ARN of a tunnel, or
 * (*elsewhere) not of this hub. */
static bool parse_arn(const struct api *a, const char *arn, struct span *id, bool *elsewhere)
{
    struct span rest = span_of(arn), parts[5];
    for (size_t i = 0; i < 5; i++)
        parts[i] = span_cut(&rest, ':');
    *elsewhere = false;
    if (!span_is(parts[0], "arn") || !is_prefixed(rest, "tunnel/"))
        return false;
    *id = (struct span){rest.p + strlen("tunnel/"), rest.n - strlen("tunnel/")};
    *elsewhere = !span_is(parts[1], "aws") || !span_is(parts[2], "iot") ||
                 !span_is(parts[3], a->region) || !span_is(parts[4], a->account);
    return !*elsewhere;
}

void note_tunnel(struct call *c, const struct tunnel_record *t)
{
    snprintf(c->tunnel, sizeof c->tunnel, "%s", t->id);
    snprintf(c->thing, sizeof c->thing, "%s", t->thing);
}

bool may_operate(struct call *c)
{
    const char *denied = c->key != NULL ? key_denies_operation(c->key, c->operation) : NULL;
    return denied == NULL || REFUSE(c, FAULT_ACCESS_DENIED, "%s", denied);
}

bool named_tunnel(struct call *c, struct span *id)
{
    const char *arn = input_text(c->input, "resourceArn");
    bool elsewhere = false, named = true;
    if (arn == NULL)
        *id = span_of(input_text(c->input, "tunnelId"));
    else
        named = parse_arn(c->api, arn, id, &elsewhere);
    if (named)
        snprintf(c->tunnel, sizeof c->tunnel, "%.*s", (int)id->n, id->p);
    if (!may_operate(c))
        return false;
    if (named)
        return true;
    if (elsewhere)
        return REFUSE(
            c, FAULT_NOT_FOUND,
            "Resource %s is not of this hub, whose tunnels are arn:aws:iot:%s:%s:tunnel/*.", arn,
            c->api->region, c->api->account);
    return REFUSE(c, FAULT_VALIDATION,
                  "Invalid resourceArn '%s': it must be arn:aws:iot:%s:%s:tunnel/TUNNEL-ID.", arn,
                  c->api->region, c->api->account);
}

/* ---- rules ---- */

const char *denial(const struct call *c, const struct access_request *w)
{
    if (c->key_id[0] == '\0')
        return NULL;
    const struct access_key *key =
        c->api->keys != NULL ? keys_find(c->api->keys, span_of(c->key_id)) : NULL;
    return key != NULL ? key_denies(key, w) : "The hub does not have that access key any more.";
}

bool permitted(struct call *c, struct access_request *w, const struct tunnel_record *t)
{
    w->operation = c->operation;
    if (t != NULL) {
        w->thing = t->thing[0] != '\0' ? t->thing : NULL;
        w->services = &t->services;
        w->tags = &t->tags;
    }
    const char *denied = denial(c, w);
    return denied == NULL || REFUSE(c, FAULT_ACCESS_DENIED, "%s", denied);
}

/* ---- the audit log ---- */

static bool keep_note(struct call *c, const char *name, char *text)
{
    size_t i = 0;
    while (i < NOTES_MAX && c->notes[i].name != NULL)
        i++;
    if (text != NULL && i < NOTES_MAX) {
        c->notes[i].name = name;
        c->notes[i].text = text;
        return true;
    }
    free(text);
    answer_error(c, ERR_NO_MEMORY);
    return false;
}

bool note_text(struct call *c, const char *name, const char *text)
{
    return keep_note(c, name, strdup(text));
}

static bool append_item(struct buf *b, const cJSON *item)
{
    if (cJSON_IsString(item))
        return buf_printf(b, "%s", item->valuestring);
    return buf_printf(b, "%s=%s", input_text(item, "key"), input_text(item, "value"));
}

bool note_items(struct call *c, const char *name, const cJSON *items)
{
    struct buf b = {.limit = NOTE_MAX};
    bool fine = true;
    const cJSON *item;
    cJSON_ArrayForEach(item, items)
    {
        fine = fine && (b.size == 0 || buf_append(&b, ",", 1)) && append_item(&b, item);
    }
    char *text = fine ? span_dup((struct span){(const char *)b.data, b.size}) : NULL;
    buf_free(&b);
    return keep_note(c, name, text);
}

/* ---- lists ---- */

bool take_texts(struct call *c, const cJSON *list, struct texts *out)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, list)
    {
        if (!texts_add(out, span_of(item->valuestring))) {
            answer_error(c, ERR_NO_MEMORY);
            return false;
        }
    }
    return true;
}

static bool has_key(const cJSON *from, const cJSON *end, const char *key)
{
    while (from != end && strcmp(input_text(from, "key"), key) != 0)
        from = from->next;
    return from != end;
}

/* The first key that occurs twice. Comparing all pairs is fine, since lists of tags have at most
 * 200 items. */
static const char *key_given_twice(const cJSON *list)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, list)
    {
        const char *key = input_text(item, "key");
        if (has_key(list->child, item, key))
            return key;
    }
    return NULL;
}

bool take_tags(struct call *c, const cJSON *list, struct tags *out)
{
    const char *key = key_given_twice(list);
    const cJSON *item;
    if (key != NULL)
        return REFUSE(c, FAULT_VALIDATION, "Tag key '%s' is given twice.", key);
    cJSON_ArrayForEach(item, list)
    {
        if (!tags_set(out, span_of(input_text(item, "key")), span_of(input_text(item, "value")))) {
            answer_error(c, ERR_NO_MEMORY);
            return false;
        }
    }
    return true;
}

void write_tags(struct call *c, const char *name, const struct tags *tags)
{
    json_open(&c->out, name, '[');
    for (size_t i = 0; i < tags->n; i++) {
        json_open(&c->out, NULL, '{');
        json_text(&c->out, "key", span_of(tags->items[i].key));
        json_text(&c->out, "value", span_of(tags->items[i].value));
        json_close(&c->out, '}');
    }
    json_close(&c->out, ']');
}

void write_summary(struct call *c, const struct tunnel_record *r)
{
    json_text(&c->out, "tunnelId", span_of(r->id));
    write_arn(c, "tunnelArn", r->id);
    json_text(&c->out, "status", span_of(r->closed != 0 ? "CLOSED" : "OPEN"));
    if (r->description[0] != '\0')
        json_text(&c->out, "description", span_of(r->description));
    json_time(&c->out, "createdAt", r->created);
    json_time(&c->out, "lastUpdatedAt", r->updated);
}
