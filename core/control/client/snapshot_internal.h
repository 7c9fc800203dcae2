/* What the files of snapshot.h share. */
#ifndef CORE_CONTROL_CLIENT_SNAPSHOT_INTERNAL_H
#define CORE_CONTROL_CLIENT_SNAPSHOT_INTERNAL_H

#include "core/control/client/json_reader_internal.h"
#include "core/control/client/snapshot.h"

json_read_value snapshot_read_devices; /* struct snapshot_devices */

#endif
