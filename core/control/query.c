#include "core/control/query.h"

#include "core/base/encoding.h"

#include <stdio.h>

static bool value_of(struct span query, const char *name, struct span *out)
{
    while (query.n > 0) {
        struct span value = span_cut(&query, '&'), key = span_cut(&value, '=');
        if (!span_is(key, name))
            continue;
        *out = value;
        return true;
    }
    return false;
}

uint64_t query_number(struct span query, const char *name)
{
    struct span value;
    uint64_t n;
    return value_of(query, name, &value) && str_number(value, INT64_MAX, &n) ? n : 0;
}

size_t query_rows(struct span query, const char *name)
{
    uint64_t n = query_number(query, name);
    return n < INT32_MAX ? (size_t)n : INT32_MAX;
}

const char *query_text(struct span query, const char *name, char out[QUERY_TEXT])
{
    struct span value;
    out[0] = '\0';
    if (!value_of(query, name, &value) || value.n >= QUERY_TEXT)
        return out;
    snprintf(out, QUERY_TEXT, "%.*s", (int)value.n, value.p);
    if (!percent_decode(out))
        out[0] = '\0';
    return out;
}

void query_snapshot(struct span query, struct snapshot_query *out, struct query_texts *texts)
{
    struct span given;
    *out = (struct snapshot_query){
        .history = query_number(query, "history"),
        .tens = query_number(query, "tens"),
        .events = query_number(query, "events"),
        .detail = query_number(query, "detail"),
        .trend = query_number(query, "trend") > 0,
        .streams = {.wanted = value_of(query, "limit", &given),
                    .limit = query_rows(query, "limit"),
                    .from = query_rows(query, "from"),
                    .after = query_number(query, "after"),
                    .find = query_number(query, "find"),
                    .at_ms = query_number(query, "at"),
                    .during_ms = query_number(query, "during"),
                    .filter = query_text(query, "filter", texts->filter),
                    .sort = query_text(query, "sort", texts->sort)},
        .closed = {.wanted = value_of(query, "closed", &given),
                   .limit = query_rows(query, "closed"),
                   .from = query_rows(query, "closed_from"),
                   .filter = query_text(query, "closed_filter", texts->closed_filter),
                   .sort = query_text(query, "closed_sort", texts->closed_sort)},
        .devices = {.limit = query_rows(query, "devices"),
                    .from = query_rows(query, "devices_from"),
                    .filter = span_of(query_text(query, "devices_filter", texts->devices_filter)),
                    .sort = span_of(query_text(query, "devices_sort", texts->devices_sort))},
    };
    if (value_of(query, "groups", &given))
        out->groups.kind = group_kind_of(given);
    if (value_of(query, "group", &given))
        out->groups.key = query_text(query, "group", texts->group);
}
