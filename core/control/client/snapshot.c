#include "core/control/client/snapshot.h"

#include "core/control/client/json_reader_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LISTEN_MAX 1024
#define TUNNELS_MAX 4096
#define SERVICES_MAX 65536
#define EVENTS_MAX 4096

/* Bytes of the structs: what 64 MiB of JSON can turn into, and some more. */
#define MEMORY_MAX ((size_t)256 << 20)
/* For cJSON's tree while it is read. A node takes 64 bytes, and the shortest one that is sent
 * ("0,") two: JSON that is mostly names and numbers needs nine times its size. */
#define TREE_FACTOR 16
#define TREE_MIN ((size_t)1 << 20)

#define COUNT(table) (sizeof(table) / sizeof *(table))

/* ---- parts ---- */

static bool read_reasons(struct json_reader *r, const cJSON *object, void *at)
{
    struct snapshot_reasons *reasons = at;
    const cJSON *item;
    size_t n = 0;
    if (!cJSON_IsObject(object))
        return json_reader_refuse(r, object, "is not an object");
    cJSON_ArrayForEach(item, object) n++;
    if (n > SNAPSHOT_REASONS_MAX)
        return json_reader_refuse(r, object, "has more than it may hold");
    *reasons = (struct snapshot_reasons){.items = json_reader_take(r, n * sizeof *reasons->items)};
    if (reasons->items == NULL)
        return false;
    cJSON_ArrayForEach(item, object)
    {
        struct snapshot_reason *reason = &reasons->items[reasons->n++];
        const cJSON name = {.type = cJSON_String, .valuestring = item->string};
        if (!json_read_text(r, &name, &reason->name) || !json_read_count(r, item, &reason->count))
            return false;
    }
    return true;
}

struct series {
    size_t n;
    uint64_t *values;
};

static bool read_series(struct json_reader *r, const cJSON *array, void *at)
{
    struct series *s = at;
    void *values;
    size_t i = 0;
    if (!json_read_array(r, array, SNAPSHOT_SAMPLES_MAX, sizeof *s->values, &s->n, &values))
        return false;
    s->values = values;
    for (const cJSON *item = array->child; item != NULL; item = item->next)
        if (!json_read_count(r, item, &s->values[i++]))
            return false;
    return true;
}

static bool read_samples(struct json_reader *r, const cJSON *object, void *at)
{
    struct parts {
        uint64_t last;
        struct series down, up;
    } parts = {0};
    static const struct json_member members[] = {
        {"last", json_read_count, offsetof(struct parts, last)},
        {"down", read_series, offsetof(struct parts, down)},
        {"up", read_series, offsetof(struct parts, up)},
    };
    if (!json_read_object(r, object, members, COUNT(members), &parts))
        return false;
    if (parts.down.n != parts.up.n)
        return json_reader_refuse(r, object, "has not as many samples down as up");
    *(struct snapshot_samples *)at =
        (struct snapshot_samples){.last = parts.last > parts.down.n ? parts.last : parts.down.n,
                                  .n = parts.down.n,
                                  .down = parts.down.values,
                                  .up = parts.up.values};
    return true;
}

static const char *const state_names[] = {"connecting", "open", "half", "draining", "closed"};

const char *snapshot_state_name(enum snapshot_state s)
{
    return s < SNAPSHOT_STATE_OTHER ? state_names[s] : "?";
}

static bool read_state(struct json_reader *r, const cJSON *item, void *at)
{
    int state = 0;
    if (!cJSON_IsString(item))
        return json_reader_refuse(r, item, "is not text");
    while (state < SNAPSHOT_STATE_OTHER && strcmp(state_names[state], item->valuestring) != 0)
        state++;
    *(enum snapshot_state *)at = (enum snapshot_state)state;
    return true;
}

/* ---- objects: the names of share/doc/control.md, in the order in which they are sent ---- */

#define AT(name, read, field)                                                                      \
    {                                                                                              \
        name, read, offsetof(struct STRUCT, field)                                                 \
    }
#define SAME(field, read)                                                                          \
    {                                                                                              \
#field, read, offsetof(struct STRUCT, field)                                               \
    }

#define COUNT_MEMBERS(prefix)                                                                      \
    AT("open", json_read_count, prefix open), AT("max", json_read_count, prefix max),              \
        AT("served", json_read_count, prefix served),                                              \
        AT("failed", json_read_count, prefix failed),                                              \
        AT("refused", json_read_count, prefix refused),                                            \
        AT("bytes_down", json_read_count, prefix bytes_down),                                      \
        AT("bytes_up", json_read_count, prefix bytes_up),                                          \
        AT("rate_down", json_read_real, prefix rate_down),                                         \
        AT("rate_up", json_read_real, prefix rate_up), AT("errors", read_reasons, prefix errors),  \
        AT("refusals", read_reasons, prefix refusals)

#define STRUCT snapshot_counts
static bool read_totals(struct json_reader *r, const cJSON *object, void *at)
{
    static const struct json_member members[] = {COUNT_MEMBERS()};
    return json_read_object(r, object, members, COUNT(members), at);
}
#undef STRUCT

#define STRUCT snapshot_tunnel
static const struct json_member tunnel_members[] = {
    SAME(name, json_read_text),           SAME(hub, json_read_text),
    SAME(state, json_read_text),          SAME(state_for, json_read_real),
    SAME(retry_in, json_read_real),       SAME(reason, json_read_text),
    SAME(text, json_read_text),           SAME(round_trip, json_read_real),
    SAME(round_trip_max, json_read_real), SAME(connections, json_read_count),
    SAME(far_end, json_read_text),        SAME(far_round_trip, json_read_real),
    SAME(expires_in, json_read_real),     SAME(memory_held, json_read_count),
    SAME(memory_kept, json_read_count),   SAME(memory_limit, json_read_count),
    SAME(memory_full, json_read_count),   SAME(memory_dropped, json_read_count),
    SAME(memory_short, json_read_flag),
};
static const struct snapshot_tunnel no_tunnel = {
    .name = "", .hub = "", .state = "", .reason = "", .text = "", .far_end = ""};
#undef STRUCT

#define STRUCT snapshot_service
static const struct json_member service_members[] = {
    SAME(id, json_read_text),         SAME(tunnel, json_read_text), SAME(host, json_read_text),
    SAME(target, json_read_text),     SAME(state, json_read_text),  COUNT_MEMBERS(counts.),
    SAME(first_byte, json_read_real),
};
static const struct snapshot_service no_service = {
    .id = "", .tunnel = "", .host = "", .target = "", .state = ""};
#undef STRUCT

#define STRUCT snapshot_stream
static const struct json_member stream_members[] = {
    SAME(id, json_read_count),
    SAME(client, json_read_text),
    SAME(pid, json_read_integer),
    SAME(process, json_read_text),
    SAME(uid, json_read_integer),
    SAME(via, json_read_text),
    SAME(asked, json_read_text),
    SAME(service, json_read_text),
    SAME(tunnel, json_read_text),
    SAME(target, json_read_text),
    SAME(stream_id, json_read_integer),
    SAME(connection_id, json_read_count),
    SAME(state, read_state),
    SAME(reason, json_read_text),
    SAME(closed_for, json_read_real),
    SAME(opened, json_read_real),
    SAME(age, json_read_real),
    SAME(bytes_down, json_read_count),
    SAME(bytes_up, json_read_count),
    SAME(frames_down, json_read_count),
    SAME(frames_up, json_read_count),
    SAME(rate_down, json_read_real),
    SAME(rate_up, json_read_real),
    SAME(mean_down, json_read_real),
    SAME(mean_up, json_read_real),
    SAME(peak_down, json_read_real),
    SAME(peak_up, json_read_real),
    SAME(queued_down, json_read_count),
    SAME(queued_up, json_read_count),
    SAME(queue_limit, json_read_count),
    SAME(window_down, json_read_count),
    SAME(window_up, json_read_count),
    SAME(resumed, json_read_count),
    SAME(bound_down, json_read_text),
    SAME(bound_up, json_read_text),
    SAME(pauses_down, json_read_count),
    SAME(paused_down, json_read_real),
    SAME(pauses_up, json_read_count),
    SAME(paused_up, json_read_real),
    SAME(ended_down, json_read_flag),
    SAME(ended_up, json_read_flag),
    SAME(requested, json_read_real),
    SAME(started, json_read_real),
    SAME(answered, json_read_real),
    SAME(first_byte, json_read_real),
    SAME(history, read_samples),
};
static const struct snapshot_stream no_stream = {.client = "",
                                                 .process = "",
                                                 .via = "",
                                                 .asked = "",
                                                 .service = "",
                                                 .tunnel = "",
                                                 .target = "",
                                                 .reason = "",
                                                 .bound_down = "",
                                                 .bound_up = "",
                                                 .state = SNAPSHOT_STATE_OTHER};
#undef STRUCT

#define STRUCT snapshot_event
static const struct json_member event_members[] = {
    SAME(event, json_read_text),       SAME(number, json_read_count),
    SAME(time, json_read_real),        SAME(stream, json_read_count),
    SAME(client, json_read_text),      SAME(via, json_read_text),
    SAME(asked, json_read_text),       SAME(service, json_read_text),
    SAME(tunnel, json_read_text),      SAME(reason, json_read_text),
    SAME(text, json_read_text),        SAME(age, json_read_real),
    SAME(bytes_down, json_read_count), SAME(bytes_up, json_read_count),
    SAME(count, json_read_count),
};
static const struct snapshot_event no_event = {.event = "",
                                               .client = "",
                                               .via = "",
                                               .asked = "",
                                               .service = "",
                                               .tunnel = "",
                                               .reason = "",
                                               .text = ""};
#undef STRUCT

/* ---- arrays ---- */

/* Describes one kind of item. */
struct kind {
    const struct json_member *members;
    size_t n;
    const void *empty;
    size_t size, most;
};

static bool read_items(struct json_reader *r, const cJSON *array, const struct kind *k, size_t *n,
                       void **items)
{
    if (!json_read_array(r, array, k->most, k->size, n, items))
        return false;
    char *at = *items;
    for (const cJSON *item = array->child; item != NULL; item = item->next, at += k->size) {
        memcpy(at, k->empty, k->size);
        if (!cJSON_IsObject(item))
            return json_reader_refuse(r, array, "holds something that is not an object");
        if (!json_read_object(r, item, k->members, k->n, at))
            return false;
    }
    return true;
}

/* Defines read_NAMEs: `at` is the snapshot, whose n_NAMEs and NAMEs are filled. */
#define ARRAY_OF(name, limit)                                                                      \
    static const struct kind name##_kind = {name##_members, COUNT(name##_members), &no_##name,     \
                                            sizeof no_##name, limit};                              \
    static bool read_##name##s(struct json_reader *r, const cJSON *array, void *at)                \
    {                                                                                              \
        struct snapshot *s = at;                                                                   \
        void *items;                                                                               \
        if (!read_items(r, array, &name##_kind, &s->n_##name##s, &items))                          \
            return false;                                                                          \
        s->name##s = items;                                                                        \
        return true;                                                                               \
    }

ARRAY_OF(tunnel, TUNNELS_MAX)
ARRAY_OF(service, SERVICES_MAX)
ARRAY_OF(stream, SNAPSHOT_STREAMS_MAX)
ARRAY_OF(event, EVENTS_MAX)

static bool read_listen(struct json_reader *r, const cJSON *array, void *at)
{
    struct snapshot *s = at;
    void *items;
    size_t i = 0;
    if (!json_read_array(r, array, LISTEN_MAX, sizeof *s->listen, &s->n_listen, &items))
        return false;
    s->listen = items;
    for (const cJSON *item = array->child; item != NULL; item = item->next)
        if (!json_read_text(r, item, &s->listen[i++]))
            return false;
    return true;
}

/* ---- all of it ---- */

#define STRUCT snapshot
static bool read_history(struct json_reader *r, const cJSON *object, void *at)
{
    static const struct json_member members[] = {
        SAME(seconds, read_samples),
        SAME(tens, read_samples),
    };
    return json_read_object(r, object, members, COUNT(members), at);
}

static bool read_log(struct json_reader *r, const cJSON *object, void *at)
{
    static const struct json_member members[] = {
        AT("last", json_read_count, last_event),
        {"list", read_events, 0},
    };
    return json_read_object(r, object, members, COUNT(members), at);
}

static const struct json_member snapshot_members[] = {
    SAME(program, json_read_text),
    SAME(role, json_read_text),
    SAME(version, json_read_text),
    SAME(instance, json_read_text),
    SAME(host, json_read_text),
    SAME(pid, json_read_integer),
    SAME(time, json_read_real),
    SAME(clock, json_read_real),
    SAME(uptime, json_read_real),
    SAME(readonly, json_read_flag),
    {"listen", read_listen, 0},
    SAME(totals, read_totals),
    {"tunnels", read_tunnels, 0},
    {"services", read_services, 0},
    {"streams", read_streams, 0},
    {"history", read_history, 0},
    {"events", read_log, 0},
    SAME(open_tunnels, json_read_count),
    SAME(certificate_ends, json_read_real),
};
#undef STRUCT

static bool has_schema(struct json_reader *r, const cJSON *root, struct snapshot *out)
{
    const cJSON *schema = cJSON_GetObjectItemCaseSensitive(root, "schema");
    if (!cJSON_IsNumber(schema) || schema->valueint <= 0) {
        r->why = ERR_PROTOCOL;
        snprintf(r->problem, r->size, "there is no schema number in it");
        return false;
    }
    out->schema = schema->valueint;
    if (out->schema == SNAPSHOT_SCHEMA)
        return true;
    r->why = ERR_UNSUPPORTED;
    snprintf(r->problem, r->size, "it is of schema %d, and only %d is known here", out->schema,
             SNAPSHOT_SCHEMA);
    return false;
}

/* Fills *at from the root of the tree. */
typedef bool read_root(struct json_reader *r, const cJSON *root, struct snapshot *out);

static bool read_snapshot(struct json_reader *r, const cJSON *root, struct snapshot *out)
{
    return has_schema(r, root, out) &&
           json_read_object(r, root, snapshot_members, COUNT(snapshot_members), out);
}

static bool read_event(struct json_reader *r, const cJSON *root, struct snapshot *out)
{
    out->events = json_reader_take(r, sizeof *out->events);
    if (out->events == NULL)
        return false;
    out->events[0] = no_event;
    out->n_events = 1;
    return json_read_object(r, root, event_members, COUNT(event_members), out->events);
}

/* ---- cJSON's memory ---- */

/* A tree of a thousand streams is some 80,000 allocations: with malloc and free they take 5.0 ms,
 * and with an arena all of snapshot_read takes 3.2 ms, as long as malloc keeps the pages (the
 * program tells it to). cJSON's hooks belong to the process, so only one thread reads. */
static struct arena *tree_memory;

static void *tree_take(size_t n)
{
    return arena_take(tree_memory, n);
}

static void tree_leave(void *p)
{
    (void)p;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static cJSON *parse(struct arena *tree, struct span json)
{
    cJSON_Hooks hooks = {.malloc_fn = tree_take, .free_fn = tree_leave};
    const char *end = json.p;
    tree_memory = tree;
    cJSON_InitHooks(&hooks);
    cJSON *root = cJSON_ParseWithLengthOpts(json.p, json.n, &end, false);
    cJSON_InitHooks(NULL);
    tree_memory = NULL;
    while (root != NULL && end < json.p + json.n && is_blank(*end))
        end++;
    return root != NULL && end == json.p + json.n && cJSON_IsObject(root) ? root : NULL;
}

static void no_object(struct json_reader *r, const struct arena *tree)
{
    r->why = tree->failed ? ERR_NO_MEMORY : ERR_PROTOCOL;
    snprintf(r->problem, r->size, "%s",
             tree->failed ? err_text(ERR_NO_MEMORY) : "it is not a JSON object");
}

static enum err read_json(struct span json, read_root *read, struct snapshot *out, char *problem,
                          size_t size)
{
    struct arena tree = {.limit = TREE_MIN + TREE_FACTOR * json.n};
    struct arena *memory = calloc(1, sizeof *memory);
    struct json_reader r = {.memory = memory, .problem = problem, .size = size};
    *out = (struct snapshot){0};
    if (memory == NULL) {
        snprintf(problem, size, "%s", err_text(ERR_NO_MEMORY));
        return ERR_NO_MEMORY;
    }
    memory->limit = MEMORY_MAX;
    *out = (struct snapshot){
        .program = "", .role = "", .version = "", .instance = "", .host = "", .memory = memory};
    const cJSON *root = parse(&tree, json);
    if (root == NULL)
        no_object(&r, &tree);
    else
        read(&r, root, out);
    arena_free(&tree);
    if (r.why != ERR_OK) {
        int schema = out->schema;
        snapshot_free(out);
        out->schema = schema;
    }
    return r.why;
}

enum err snapshot_read(struct span json, struct snapshot *out, char *problem, size_t size)
{
    return read_json(json, read_snapshot, out, problem, size);
}

enum err snapshot_read_event(struct span json, struct snapshot *out, char *problem, size_t size)
{
    return read_json(json, read_event, out, problem, size);
}

void snapshot_free(struct snapshot *s)
{
    struct arena *memory = s->memory;
    if (memory != NULL)
        arena_free(memory);
    free(memory);
    *s = (struct snapshot){0};
}
