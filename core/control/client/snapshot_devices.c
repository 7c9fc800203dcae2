/* A hub's devices in a snapshot. */
#include "core/control/client/snapshot_internal.h"

#define DEVICES_MAX 4096
#define TEXTS_MAX 1024 /* of a device's services or labels */

#define STRUCT snapshot_label
static const struct json_member label_members[] = {
    JSON_SAME(key, json_read_text),
    JSON_SAME(value, json_read_text),
};
static const struct snapshot_label no_label = {.key = "", .value = ""};
#undef STRUCT
static const struct json_kind label_kind = {label_members, JSON_COUNT(label_members), &no_label,
                                            sizeof no_label, TEXTS_MAX};

static bool read_labels(struct json_reader *r, const cJSON *array, void *at)
{
    struct snapshot_device *d = at;
    void *items;
    if (!json_read_items(r, array, &label_kind, &d->n_labels, &items))
        return false;
    d->labels = items;
    return true;
}

static bool read_device_services(struct json_reader *r, const cJSON *array, void *at)
{
    struct snapshot_device *d = at;
    return json_read_texts(r, array, TEXTS_MAX, &d->n_services, &d->services);
}

#define STRUCT snapshot_device
static const struct json_member device_members[] = {
    JSON_SAME(device, json_read_text),   JSON_SAME(state, json_read_text),
    JSON_SAME(present, json_read_flag),  JSON_SAME(maintenance, json_read_flag),
    JSON_SAME(since, json_read_real),    JSON_SAME(state_for, json_read_real),
    JSON_SAME(enrolled, json_read_real), JSON_SAME(address, json_read_text),
    JSON_SAME(version, json_read_text),  JSON_SAME(carrier, json_read_text),
    JSON_SAME(node, json_read_text),     {"services", read_device_services, 0},
    {"labels", read_labels, 0},
};
static const struct snapshot_device no_device = {
    .device = "", .state = "", .address = "", .version = "", .carrier = "", .node = ""};
#undef STRUCT
static const struct json_kind device_kind = {device_members, JSON_COUNT(device_members), &no_device,
                                             sizeof no_device, DEVICES_MAX};

static bool read_device_rows(struct json_reader *r, const cJSON *array, void *at)
{
    struct snapshot_devices *d = at;
    void *items;
    if (!json_read_items(r, array, &device_kind, &d->n_rows, &items))
        return false;
    d->rows = items;
    return true;
}

#define STRUCT snapshot_devices
bool snapshot_read_devices(struct json_reader *r, const cJSON *object, void *at)
{
    static const struct json_member members[] = {
        JSON_SAME(total, json_read_count),    JSON_SAME(pending, json_read_count),
        JSON_SAME(away, json_read_count),     JSON_SAME(present, json_read_count),
        JSON_SAME(disabled, json_read_count), JSON_SAME(matching, json_read_rows),
        JSON_SAME(filter, json_read_text),    JSON_SAME(from, json_read_rows),
        JSON_SAME(reading, json_read_flag),   JSON_SAME(lacks, json_read_flag),
        JSON_SAME(read_ago, json_read_real),  {"rows", read_device_rows, 0},
    };
    struct snapshot_devices *d = at;
    d->known = true;
    return json_read_object(r, object, members, JSON_COUNT(members), d);
}
#undef STRUCT
