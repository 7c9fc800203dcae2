/* Streams, and the samples of their bytes, in a snapshot. */
#include "core/control/client/snapshot_internal.h"

#include <string.h>

/* ---- samples ---- */

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

static bool read_trend(struct json_reader *r, const cJSON *array, void *at)
{
    struct series s = {0};
    if (!read_series(r, array, &s))
        return false;
    if (s.n > SNAPSHOT_TREND)
        return json_reader_refuse(r, array, "has more than it may hold");
    *(struct snapshot_trend *)at = (struct snapshot_trend){s.n, s.values};
    return true;
}

bool snapshot_read_samples(struct json_reader *r, const cJSON *object, void *at)
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
    if (!json_read_object(r, object, members, JSON_COUNT(members), &parts))
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

/* ---- a stream ---- */

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

#define STRUCT snapshot_stream
static const struct json_member stream_members[] = {
    JSON_SAME(id, json_read_count),
    JSON_SAME(client, json_read_text),
    JSON_SAME(pid, json_read_integer),
    JSON_SAME(process, json_read_text),
    JSON_SAME(uid, json_read_integer),
    JSON_SAME(user, json_read_text),
    JSON_SAME(via, json_read_text),
    JSON_SAME(asked, json_read_text),
    JSON_SAME(service, json_read_text),
    JSON_SAME(tunnel, json_read_text),
    JSON_SAME(target, json_read_text),
    JSON_SAME(stream_id, json_read_integer),
    JSON_SAME(connection_id, json_read_count),
    JSON_SAME(state, read_state),
    JSON_SAME(reason, json_read_text),
    JSON_SAME(closed_for, json_read_real),
    JSON_SAME(closed_at, json_read_real),
    JSON_SAME(idle, json_read_real),
    JSON_SAME(opened, json_read_real),
    JSON_SAME(age, json_read_real),
    JSON_SAME(bytes_down, json_read_count),
    JSON_SAME(bytes_up, json_read_count),
    JSON_SAME(frames_down, json_read_count),
    JSON_SAME(frames_up, json_read_count),
    JSON_SAME(rate_down, json_read_real),
    JSON_SAME(rate_up, json_read_real),
    JSON_SAME(mean_down, json_read_real),
    JSON_SAME(mean_up, json_read_real),
    JSON_SAME(peak_down, json_read_real),
    JSON_SAME(peak_up, json_read_real),
    JSON_SAME(queued_down, json_read_count),
    JSON_SAME(queued_up, json_read_count),
    JSON_SAME(queue_limit, json_read_count),
    JSON_SAME(window_down, json_read_count),
    JSON_SAME(window_up, json_read_count),
    JSON_SAME(resumed, json_read_count),
    JSON_SAME(bound_down, json_read_text),
    JSON_SAME(bound_up, json_read_text),
    JSON_SAME(pauses_down, json_read_count),
    JSON_SAME(paused_down, json_read_real),
    JSON_SAME(pauses_up, json_read_count),
    JSON_SAME(paused_up, json_read_real),
    JSON_SAME(ended_down, json_read_flag),
    JSON_SAME(ended_up, json_read_flag),
    JSON_SAME(counted, json_read_flag),
    JSON_SAME(requested, json_read_real),
    JSON_SAME(started, json_read_real),
    JSON_SAME(answered, json_read_real),
    JSON_SAME(first_byte, json_read_real),
    JSON_SAME(history, snapshot_read_samples),
    JSON_SAME(trend, read_trend),
};
static const struct snapshot_stream no_stream = {.client = "",
                                                 .process = "",
                                                 .user = "",
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

bool snapshot_read_streams(struct json_reader *r, const cJSON *array, size_t most, size_t *n,
                           struct snapshot_stream **rows)
{
    const struct json_kind kind = {stream_members, JSON_COUNT(stream_members), &no_stream,
                                   sizeof no_stream, most};
    void *items;
    if (!json_read_items(r, array, &kind, n, &items))
        return false;
    *rows = items;
    return true;
}
