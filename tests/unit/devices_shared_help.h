/* Three registries of devices on one redis-server; `devices` (devices_help.h) is the first. */
#ifndef TESTS_UNIT_DEVICES_SHARED_HELP_H
#define TESTS_UNIT_DEVICES_SHARED_HELP_H

#include "gateway/hub/devices/shared/shared_devices.h"
#include "tests/support/redis.h"
#include "tests/unit/devices_contract.h"
#include "tests/unit/nodes_double.h"
#include "tests/unit/redis_faults.h"

#define NODES 3
extern struct redis_test server;
/* A Redis Cluster of three instead of it, with which REDIS_CLI does not get far. */
void start_shards(void);
void flush_servers(void);
void stop_servers(void);
extern struct node {
    struct device_registry *devices;
    struct redis *redis;
    struct nodes *nodes;
    struct device_subscriber subscriber;
    int enrolled, changed, reset, removed, moved;
} node[NODES];
extern const uint8_t *secrets_key; /* that they are opened with */
extern bool hints_get_lost;
extern uint64_t watch_ms; /* 0: as it is by itself */

extern const struct devices_backend shared_backend;

/* `devices` is that node's from now on. */
void at_node(int n);
/* Waits until Redis has what is so at the nodes: no command is on its way. */
void settle(void);
/* The node that has the device's link, as node n sees it: "": none, or n itself. */
const char *where(int n, const char *name);

#endif
