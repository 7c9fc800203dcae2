/* Private to snapshot.h: the readers of a snapshot's parts, each kind of which is in a file of its
 * own. */
#ifndef CORE_CONTROL_CLIENT_SNAPSHOT_INTERNAL_H
#define CORE_CONTROL_CLIENT_SNAPSHOT_INTERNAL_H

#include "core/control/client/json_reader_internal.h"
#include "core/control/client/snapshot.h"

json_read_value snapshot_read_devices; /* struct snapshot_devices */
json_read_value snapshot_read_nodes;   /* in struct snapshot */
json_read_value snapshot_read_samples; /* struct snapshot_samples */
json_read_value snapshot_read_page;    /* struct snapshot_page */
json_read_value snapshot_read_closed;  /* struct snapshot_closed */
json_read_value snapshot_read_groups;  /* struct snapshot_groups */
json_read_value snapshot_read_then;    /* struct snapshot_then */

bool snapshot_read_streams(struct json_reader *r, const cJSON *array, size_t most, size_t *n,
                           struct snapshot_stream **rows);

#endif
