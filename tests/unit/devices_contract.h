/* The tests of what every registry of devices has to do (device_registry.h); devices_help.h says
 * which. */
#ifndef TESTS_UNIT_DEVICES_CONTRACT_H
#define TESTS_UNIT_DEVICES_CONTRACT_H

#include "tests/unit/devices_help.h"

/* Runs them, and then n of the registry's own. Returns how many failed. */
int run_devices_contract(const struct CMUnitTest *own, size_t n);

#endif
