/* A registry of devices around another one, which never answers from inside a call and whose
 * records are gone right after the callback, as of one that keeps its devices elsewhere
 * (late_registry.h). For tests of those who ask. */
#ifndef TESTS_UNIT_LATE_DEVICES_H
#define TESTS_UNIT_LATE_DEVICES_H

#include "gateway/hub/devices/device_registry_ops.h"

/* Owns `inner`. Aborts without memory. */
struct device_registry *late_devices_new(struct loop *loop, struct device_registry *inner);

#endif
