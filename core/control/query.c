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

/* 0: it is missing, or not a number. */
static uint64_t number(struct span query, const char *name)
{
    struct span value;
    uint64_t n;
    return value_of(query, name, &value) && str_number(value, INT64_MAX, &n) ? n : 0;
}

/* Decoded; "": it is missing, too long, or has control characters in it. */
static const char *text(struct span query, const char *name, char out[QUERY_TEXT])
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
        .history = number(query, "history"),
        .tens = number(query, "tens"),
        .events = number(query, "events"),
        .detail = number(query, "detail"),
        .trend = number(query, "trend") > 0,
        .streams = {.wanted = value_of(query, "limit", &given),
                    .limit = number(query, "limit"),
                    .from = number(query, "from"),
                    .after = number(query, "after"),
                    .find = number(query, "find"),
                    .filter = text(query, "filter", texts->filter),
                    .sort = text(query, "sort", texts->sort)},
        .closed = {.wanted = value_of(query, "closed", &given),
                   .limit = number(query, "closed"),
                   .from = number(query, "closed_from"),
                   .filter = text(query, "closed_filter", texts->closed_filter),
                   .sort = text(query, "closed_sort", texts->closed_sort)},
        .devices = {.limit = number(query, "devices"),
                    .from = number(query, "devices_from"),
                    .filter = span_of(text(query, "devices_filter", texts->devices_filter)),
                    .sort = span_of(text(query, "devices_sort", texts->devices_sort))},
    };
    if (value_of(query, "groups", &given))
        out->groups.kind = group_kind_of(given);
    if (value_of(query, "group", &given))
        out->groups.key = text(query, "group", texts->group);
}
