/* Pages of streams and of those that have ended, and groups, in a snapshot. */
#include "core/control/client/snapshot_internal.h"

#define CLOSED_MAX 4096
#define GROUPS_MAX 4096

#define STRUCT snapshot_page
#define PAGE_MEMBERS(prefix)                                                                       \
    JSON_AT("total", json_read_rows, prefix total),                                                \
        JSON_AT("matching", json_read_rows, prefix matching),                                      \
        JSON_AT("from", json_read_rows, prefix from),                                              \
        JSON_AT("found", json_read_rows, prefix found),                                            \
        JSON_AT("filter", json_read_text, prefix filter),                                          \
        JSON_AT("sort", json_read_text, prefix sort),                                              \
        JSON_AT("problem", json_read_text, prefix problem)

static const struct snapshot_page empty_page = {
    .known = true, .filter = "", .sort = "", .problem = ""};

bool snapshot_read_page(struct json_reader *r, const cJSON *object, void *at)
{
    static const struct json_member members[] = {PAGE_MEMBERS(), JSON_SAME(at, json_read_real),
                                                 JSON_SAME(lacks, json_read_flag)};
    *(struct snapshot_page *)at = empty_page;
    return json_read_object(r, object, members, JSON_COUNT(members), at);
}
#undef STRUCT

static bool read_closed_rows(struct json_reader *r, const cJSON *array, void *at)
{
    struct snapshot_closed *c = at;
    return snapshot_read_streams(r, array, CLOSED_MAX, &c->n_rows, &c->rows);
}

#define STRUCT snapshot_closed
bool snapshot_read_closed(struct json_reader *r, const cJSON *object, void *at)
{
    static const struct json_member members[] = {PAGE_MEMBERS(page.),
                                                 {"rows", read_closed_rows, 0}};
    ((struct snapshot_closed *)at)->page = empty_page;
    return json_read_object(r, object, members, JSON_COUNT(members), at);
}
#undef STRUCT

#define STRUCT snapshot_then
bool snapshot_read_then(struct json_reader *r, const cJSON *object, void *at)
{
    static const struct json_member members[] = {
        JSON_SAME(open, json_read_count),     JSON_SAME(served, json_read_count),
        JSON_SAME(failed, json_read_count),   JSON_SAME(rated, json_read_flag),
        JSON_SAME(counted, json_read_flag),   JSON_SAME(bytes_down, json_read_count),
        JSON_SAME(bytes_up, json_read_count), JSON_SAME(rate_down, json_read_real),
        JSON_SAME(rate_up, json_read_real),
    };
    ((struct snapshot_then *)at)->known = true;
    return json_read_object(r, object, members, JSON_COUNT(members), at);
}
#undef STRUCT

#define STRUCT snapshot_group
static const struct json_member group_members[] = {
    JSON_SAME(key, json_read_text),         JSON_SAME(other, json_read_flag),
    JSON_SAME(open, json_read_count),       JSON_SAME(served, json_read_count),
    JSON_SAME(refused, json_read_count),    JSON_SAME(failed, json_read_count),
    JSON_SAME(bytes_down, json_read_count), JSON_SAME(bytes_up, json_read_count),
    JSON_SAME(rate_down, json_read_real),   JSON_SAME(rate_up, json_read_real),
    JSON_SAME(peak, json_read_real),        JSON_SAME(then, snapshot_read_then),
};
static const struct snapshot_group no_group = {.key = ""};
#undef STRUCT
static const struct json_kind group_kind = {group_members, JSON_COUNT(group_members), &no_group,
                                            sizeof no_group, GROUPS_MAX};

static bool read_group_rows(struct json_reader *r, const cJSON *array, void *at)
{
    struct snapshot_groups *g = at;
    void *items;
    if (!json_read_items(r, array, &group_kind, &g->n_rows, &items))
        return false;
    g->rows = items;
    return true;
}

#define STRUCT snapshot_groups
bool snapshot_read_groups(struct json_reader *r, const cJSON *object, void *at)
{
    static const struct json_member members[] = {JSON_SAME(by, json_read_text),
                                                 {"rows", read_group_rows, 0}};
    return json_read_object(r, object, members, JSON_COUNT(members), at);
}
#undef STRUCT
