#include "core/control/client/snapshot.h"

#include "core/control/client/json_reader_internal.h"
#include "core/control/client/snapshot_internal.h"

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

/* ---- objects: the names of share/doc/control.md, in the order in which they are sent ---- */

#define COUNT_MEMBERS(prefix)                                                                      \
    JSON_AT("open", json_read_count, prefix open), JSON_AT("max", json_read_count, prefix max),    \
        JSON_AT("served", json_read_count, prefix served),                                         \
        JSON_AT("failed", json_read_count, prefix failed),                                         \
        JSON_AT("refused", json_read_count, prefix refused),                                       \
        JSON_AT("bytes_down", json_read_count, prefix bytes_down),                                 \
        JSON_AT("bytes_up", json_read_count, prefix bytes_up),                                     \
        JSON_AT("rate_down", json_read_real, prefix rate_down),                                    \
        JSON_AT("rate_up", json_read_real, prefix rate_up),                                        \
        JSON_AT("errors", read_reasons, prefix errors),                                            \
        JSON_AT("refusals", read_reasons, prefix refusals),                                        \
        JSON_AT("then", snapshot_read_then, prefix then)

#define STRUCT snapshot_counts
static bool read_totals(struct json_reader *r, const cJSON *object, void *at)
{
    static const struct json_member members[] = {COUNT_MEMBERS()};
    return json_read_object(r, object, members, JSON_COUNT(members), at);
}
#undef STRUCT

#define STRUCT snapshot_standby
static bool read_standby(struct json_reader *r, const cJSON *object, void *at)
{
    static const struct json_member members[] = {
        JSON_SAME(name, json_read_text),     JSON_SAME(state, json_read_text),
        JSON_SAME(text, json_read_text),     JSON_SAME(accepting, json_read_flag),
        JSON_SAME(tunnels, json_read_count),
    };
    return json_read_object(r, object, members, JSON_COUNT(members), at);
}
#undef STRUCT

#define STRUCT snapshot_store
static bool read_store(struct json_reader *r, const cJSON *object, void *at)
{
    static const struct json_member members[] = {
        JSON_SAME(name, json_read_text),  JSON_SAME(state, json_read_text),
        JSON_SAME(text, json_read_text),  JSON_SAME(state_for, json_read_real),
        JSON_SAME(since, json_read_real),
    };
    return json_read_object(r, object, members, JSON_COUNT(members), at);
}
#undef STRUCT

#define STRUCT snapshot_tunnel
static const struct json_member tunnel_members[] = {
    JSON_SAME(name, json_read_text),           JSON_SAME(hub, json_read_text),
    JSON_SAME(state, json_read_text),          JSON_SAME(state_for, json_read_real),
    JSON_SAME(retry_in, json_read_real),       JSON_SAME(reason, json_read_text),
    JSON_SAME(text, json_read_text),           JSON_SAME(round_trip, json_read_real),
    JSON_SAME(round_trip_max, json_read_real), JSON_SAME(connections, json_read_count),
    JSON_SAME(far_end, json_read_text),        JSON_SAME(far_round_trip, json_read_real),
    JSON_SAME(expires_in, json_read_real),     JSON_SAME(memory_held, json_read_count),
    JSON_SAME(memory_kept, json_read_count),   JSON_SAME(memory_limit, json_read_count),
    JSON_SAME(memory_full, json_read_count),   JSON_SAME(memory_dropped, json_read_count),
    JSON_SAME(memory_short, json_read_flag),
};
static const struct snapshot_tunnel no_tunnel = {
    .name = "", .hub = "", .state = "", .reason = "", .text = "", .far_end = ""};
#undef STRUCT

#define STRUCT snapshot_service
static const struct json_member service_members[] = {
    JSON_SAME(id, json_read_text),         JSON_SAME(tunnel, json_read_text),
    JSON_SAME(host, json_read_text),       JSON_SAME(target, json_read_text),
    JSON_SAME(state, json_read_text),      COUNT_MEMBERS(counts.),
    JSON_SAME(first_byte, json_read_real),
};
static const struct snapshot_service no_service = {
    .id = "", .tunnel = "", .host = "", .target = "", .state = ""};
#undef STRUCT

#define STRUCT snapshot_event
static const struct json_member event_members[] = {
    JSON_SAME(event, json_read_text),       JSON_SAME(number, json_read_count),
    JSON_SAME(time, json_read_real),        JSON_SAME(stream, json_read_count),
    JSON_SAME(client, json_read_text),      JSON_SAME(via, json_read_text),
    JSON_SAME(asked, json_read_text),       JSON_SAME(service, json_read_text),
    JSON_SAME(tunnel, json_read_text),      JSON_SAME(reason, json_read_text),
    JSON_SAME(text, json_read_text),        JSON_SAME(age, json_read_real),
    JSON_SAME(bytes_down, json_read_count), JSON_SAME(bytes_up, json_read_count),
    JSON_SAME(count, json_read_count),
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

/* Defines read_NAMEs: `at` is the snapshot, whose n_NAMEs and NAMEs are filled. */
#define ARRAY_OF(name, limit)                                                                      \
    static const struct json_kind name##_kind = {name##_members, JSON_COUNT(name##_members),       \
                                                 &no_##name, sizeof no_##name, limit};             \
    static bool read_##name##s(struct json_reader *r, const cJSON *array, void *at)                \
    {                                                                                              \
        struct snapshot *s = at;                                                                   \
        void *items;                                                                               \
        if (!json_read_items(r, array, &name##_kind, &s->n_##name##s, &items))                     \
            return false;                                                                          \
        s->name##s = items;                                                                        \
        return true;                                                                               \
    }

ARRAY_OF(tunnel, TUNNELS_MAX)
ARRAY_OF(service, SERVICES_MAX)
ARRAY_OF(event, EVENTS_MAX)

static bool read_streams(struct json_reader *r, const cJSON *array, void *at)
{
    struct snapshot *s = at;
    return snapshot_read_streams(r, array, SNAPSHOT_STREAMS_MAX, &s->n_streams, &s->streams);
}

static bool read_listen(struct json_reader *r, const cJSON *array, void *at)
{
    struct snapshot *s = at;
    return json_read_texts(r, array, LISTEN_MAX, &s->n_listen, &s->listen);
}

/* ---- all of it ---- */

#define STRUCT snapshot
static bool read_history(struct json_reader *r, const cJSON *object, void *at)
{
    static const struct json_member members[] = {
        JSON_SAME(seconds, snapshot_read_samples),
        JSON_SAME(tens, snapshot_read_samples),
    };
    return json_read_object(r, object, members, JSON_COUNT(members), at);
}

static bool read_log(struct json_reader *r, const cJSON *object, void *at)
{
    static const struct json_member members[] = {
        JSON_AT("last", json_read_count, last_event),
        {"list", read_events, 0},
    };
    return json_read_object(r, object, members, JSON_COUNT(members), at);
}

static const struct json_member snapshot_members[] = {
    JSON_SAME(program, json_read_text),
    JSON_SAME(role, json_read_text),
    JSON_SAME(version, json_read_text),
    JSON_SAME(instance, json_read_text),
    JSON_SAME(host, json_read_text),
    JSON_SAME(pid, json_read_integer),
    JSON_SAME(time, json_read_real),
    JSON_SAME(clock, json_read_real),
    JSON_SAME(uptime, json_read_real),
    JSON_SAME(readonly, json_read_flag),
    {"listen", read_listen, 0},
    JSON_SAME(totals, read_totals),
    {"tunnels", read_tunnels, 0},
    {"services", read_services, 0},
    {"streams", read_streams, 0},
    JSON_SAME(streams_page, snapshot_read_page),
    JSON_SAME(closed, snapshot_read_closed),
    JSON_SAME(groups, snapshot_read_groups),
    {"history", read_history, 0},
    {"events", read_log, 0},
    JSON_SAME(open_tunnels, json_read_count),
    JSON_SAME(devices, snapshot_read_devices),
    {"nodes", snapshot_read_nodes, 0},
    JSON_SAME(device, read_standby),
    JSON_SAME(store, read_store),
    JSON_SAME(certificate_ends, json_read_real),
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
           json_read_object(r, root, snapshot_members, JSON_COUNT(snapshot_members), out);
}

static bool read_event(struct json_reader *r, const cJSON *root, struct snapshot *out)
{
    out->events = json_reader_take(r, sizeof *out->events);
    if (out->events == NULL)
        return false;
    out->events[0] = no_event;
    out->n_events = 1;
    return json_read_object(r, root, event_members, JSON_COUNT(event_members), out->events);
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
    *out = (struct snapshot){.program = "",
                             .role = "",
                             .version = "",
                             .instance = "",
                             .host = "",
                             .device = {.state = "", .text = ""},
                             .store = {.state = "", .text = ""},
                             .memory = memory};
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

/* ---- what is told of a moment that has passed ---- */

static void service_then(struct snapshot_service *s)
{
    const struct snapshot_then t = s->counts.then;
    s->past = true;
    s->first_byte = 0;
    s->counts = (struct snapshot_counts){.open = t.open,
                                         .served = t.served,
                                         .failed = t.failed,
                                         .bytes_down = t.bytes_down,
                                         .bytes_up = t.bytes_up,
                                         .rate_down = t.rate_down,
                                         .rate_up = t.rate_up,
                                         .errors = s->counts.errors,
                                         .refusals = s->counts.refusals,
                                         .then = t};
}

static void group_then(struct snapshot_group *g)
{
    const struct snapshot_then t = g->then;
    *g = (struct snapshot_group){.key = g->key,
                                 .other = g->other,
                                 .open = t.open,
                                 .served = t.served,
                                 .failed = t.failed,
                                 .bytes_down = t.bytes_down,
                                 .bytes_up = t.bytes_up,
                                 .rate_down = t.rate_down,
                                 .rate_up = t.rate_up,
                                 .then = t,
                                 .past = true};
}

enum err snapshot_read(struct span json, struct snapshot *out, char *problem, size_t size)
{
    enum err why = read_json(json, read_snapshot, out, problem, size);
    if (why != ERR_OK || !(out->streams_page.at > 0))
        return why;
    for (size_t i = 0; i < out->n_streams; i++)
        out->streams[i].then = true;
    for (size_t i = 0; i < out->n_services; i++)
        service_then(&out->services[i]);
    for (size_t i = 0; i < out->groups.n_rows; i++)
        group_then(&out->groups.rows[i]);
    return why;
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
