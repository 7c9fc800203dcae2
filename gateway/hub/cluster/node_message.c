#include "gateway/hub/cluster/node_message.h"

#include "core/base/json_write.h"

#include <cjson/cJSON.h>
#include <string.h>

static const char *const names[NODE_CALLS] = {
#define X(name, text) [NODE_CALL_##name] = text,
    NODE_CALL_TABLE(X)
#undef X
};

const char *node_call_name(enum node_call c)
{
    return names[c];
}

enum node_call node_call_of(struct span target)
{
    size_t n = strlen(NODE_PATH);
    if (target.n < n || memcmp(target.p, NODE_PATH, n) != 0)
        return NODE_CALLS;
    struct span rest = {target.p + n, target.n - n};
    for (int i = 0; i < NODE_CALLS; i++)
        if (span_is(rest, names[i]))
            return (enum node_call)i;
    return NODE_CALLS;
}

/* ---- writing ---- */

/* Moves what was written to the end of out. */
static bool finish(struct json_writer *w, struct buf *out)
{
    bool ok = !w->failed && buf_append(out, w->bytes.data, w->bytes.size);
    buf_wipe(&w->bytes); /* there may be a token in it */
    return ok;
}

static const char *const kinds[NODE_LOOKS] = {
#define X(name, text) [NODE_LOOK_##name] = text,
    NODE_LOOK_TABLE(X)
#undef X
};

enum node_look_kind node_look_of(const char *text)
{
    int i = 0;
    while (i < NODE_LOOKS && strcmp(text, kinds[i]) != 0)
        i++;
    return (enum node_look_kind)i;
}

bool node_look_write(const char *from, const struct node_look *looks, size_t n, struct buf *out)
{
    struct json_writer w = {.bytes.limit = NODE_BODY_MAX};
    json_open(&w, NULL, '{');
    json_text(&w, "from", span_of(from));
    json_open(&w, "looks", '[');
    for (size_t i = 0; i < n; i++) {
        json_open(&w, NULL, '{');
        json_text(&w, "kind", span_of(kinds[looks[i].kind]));
        json_text(&w, "id", span_of(looks[i].id));
        json_close(&w, '}');
    }
    json_close(&w, ']');
    json_close(&w, '}');
    return finish(&w, out);
}

bool node_notice_write(const struct notice *q, struct buf *out)
{
    struct json_writer w = {.bytes.limit = NODE_BODY_MAX};
    json_open(&w, NULL, '{');
    json_text(&w, "device", span_of(q->device));
    json_text(&w, "tunnel", span_of(q->tunnel));
    json_text(&w, "token", span_of(q->token));
    json_open(&w, "services", '[');
    for (size_t i = 0; i < q->services->n; i++)
        json_text(&w, NULL, span_of(q->services->items[i]));
    json_close(&w, ']');
    json_text(&w, "opened-by", span_of(q->opened_by));
    json_text(&w, "why", span_of(q->why));
    json_close(&w, '}');
    return finish(&w, out);
}

/* ---- reading ---- */

/* Its text, which may be long but not empty; NULL: it has none. */
static const char *text_of(const cJSON *object, const char *name)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
    return text != NULL && text[0] != '\0' ? text : NULL;
}

static cJSON *parse(struct span body)
{
    return body.n > 0 && body.n <= NODE_BODY_MAX ? cJSON_ParseWithLength(body.p, body.n) : NULL;
}

/* cJSON keeps tokens in memory of its own. */
static void wipe_text(cJSON *object, const char *name)
{
    char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
    if (text != NULL)
        explicit_bzero(text, strlen(text));
}

/* Kinds of a newer version are passed over. */
enum err node_look_read(struct span body,
                        void (*take)(void *ctx, const char *from, const struct node_look *l),
                        void *ctx)
{
    cJSON *j = parse(body);
    const cJSON *looks = cJSON_GetObjectItemCaseSensitive(j, "looks"), *item;
    const char *from = text_of(j, "from");
    size_t n = 0;
    bool good = cJSON_IsArray(looks) && from != NULL;
    if (!good)
        looks = NULL;
    cJSON_ArrayForEach(item, looks)
    {
        const char *kind = text_of(item, "kind");
        struct node_look l = {kind != NULL ? node_look_of(kind) : NODE_LOOKS, text_of(item, "id")};
        if (l.kind < NODE_LOOKS && l.id != NULL && n++ < NODE_LOOKS_MAX)
            take(ctx, from, &l);
    }
    cJSON_Delete(j);
    return good ? ERR_OK : ERR_PROTOCOL;
}

static bool read_services(const cJSON *list, struct texts *out)
{
    const cJSON *item;
    bool ok = true;
    cJSON_ArrayForEach(item, list)
    {
        const char *text = cJSON_GetStringValue(item);
        ok = ok && (text == NULL || texts_add(out, span_of(text)));
    }
    return ok;
}

enum err node_notice_read(struct span body, void (*take)(void *ctx, const struct notice *q),
                          void *ctx)
{
    cJSON *j = parse(body);
    struct texts services = {0};
    const char *by = text_of(j, "opened-by"), *why = text_of(j, "why");
    struct notice q = {.device = text_of(j, "device"),
                       .tunnel = text_of(j, "tunnel"),
                       .token = text_of(j, "token"),
                       .services = &services,
                       .service = "",
                       .opened_by = by != NULL ? by : "",
                       .why = why != NULL ? why : "",
                       .timeout_ms = NOTICE_KEEP_MS};
    bool good = q.device != NULL && q.tunnel != NULL && q.token != NULL;
    bool room = good && read_services(cJSON_GetObjectItemCaseSensitive(j, "services"), &services);
    if (room)
        take(ctx, &q);
    texts_free(&services);
    wipe_text(j, "token");
    cJSON_Delete(j);
    return room ? ERR_OK : good ? ERR_NO_MEMORY : ERR_PROTOCOL;
}
