/* A hub's devices, for those who watch it. The hub keeps them; the monitor asks for all of them
 * when a reader wants to see some, and gives a reader no more than the rows that it asks for: a
 * fleet is larger than a screen.
 *
 * Pure, as monitor.h is. */
#ifndef CORE_CONTROL_MONITOR_DEVICES_H
#define CORE_CONTROL_MONITOR_DEVICES_H

#include "core/base/json_write.h"
#include "core/control/monitor.h"

/* In the order in which "away first" shows them. */
enum monitor_device_presence {
    MONITOR_DEVICE_PENDING, /* waits for an operator's approval */
    MONITOR_DEVICE_AWAY,    /* enabled, and not connected */
    MONITOR_DEVICE_PRESENT,
    MONITOR_DEVICE_DISABLED,
    MONITOR_DEVICE_STATES
};

struct monitor_label {
    const char *key, *value;
};

/* One device. Strings that are not known are NULL or "". Times are milliseconds since 1970; 0: not
 * known, or never. */
struct monitor_device {
    const char *name;
    enum monitor_device_presence state;
    bool present;     /* it is connected; a pending device may be, too */
    bool maintenance; /* it is present and accepts nothing at present */
    int64_t since;    /* when it came, or went */
    int64_t enrolled;
    const char *address, *version;
    const char *carrier; /* how it is told of those who want it: "device-link" */
    const char *node;    /* the hub of the cluster to which it is connected */
    const char *const *services;
    size_t n_services, n_labels;
    /* The i-th label of `labels`. */
    struct monitor_label (*label)(const void *labels, size_t i);
    const void *labels;
};

/* What a node of a cluster knows of the devices of all nodes. */
struct monitor_fleet {
    size_t counts[MONITOR_DEVICE_STATES]; /* about, while `whole` is false */
    bool whole;                           /* `each` has all devices, but for `cut` */
    bool cut;                             /* there are more than it can have */
    uint64_t age_ms;                      /* of the oldest that was read of other nodes */
};

struct monitor_device_source {
    /* Calls take for each device, in any order. Strings must live until the loop goes on. */
    void (*each)(void *ctx, void (*take)(void *to, const struct monitor_device *d), void *to);
    /* For a node of a cluster, whose `each` has its own devices, and all of them only for a while
     * after it was called with rows: somebody wants to see some. NULL: `each` has all. False: as
     * NULL. */
    bool (*fleet)(void *ctx, bool rows, struct monitor_fleet *out);
    void *ctx;
};
/* From now on reports have the member "devices". source: copied; NULL: there are no devices to be
 * seen any more. m may be NULL. */
void monitor_devices(struct monitor *m, const struct monitor_device_source *source);

/* ---- what a reader asks for ---- */

#define MONITOR_DEVICES_MAX 4096 /* rows in one answer */

struct device_query {
    /* Words, all of which must fit: "away", "present", "pending", "disabled", "maintenance", one
     * device as device=NAME, a label as KEY=VALUE, and any other text, which the name, the address,
     * the version or a service must have in it, in any case. */
    struct span filter;
    struct span sort; /* "state" (also when it is empty: pending and away first), "device",
                         "state_for", "address", "version", "node"; a '-' in front reverses */
    size_t from;      /* rows to leave out at the beginning */
    size_t limit;     /* rows wanted, at most MONITOR_DEVICES_MAX */
};

/* What was asked for. */
struct monitor_device_page {
    size_t counts[MONITOR_DEVICE_STATES], total;
    size_t matching, from; /* that fit the filter; of these, rows before the first one here */
    bool reading;          /* those of other nodes are being read: not all are here */
    bool lacks;            /* there are more than are here */
    uint64_t age_ms;       /* so long ago those of other nodes were read; 0: they were not */
    size_t n;
    const struct monitor_device *rows;
    struct monitor_device *memory; /* private */
};
const char *monitor_device_state_name(enum monitor_device_presence s);
/* False: the monitor has no source, and *out is empty. The texts of rows live until the loop goes
 * on. */
bool monitor_devices_page(const struct monitor *m, const struct device_query *q,
                          struct monitor_device_page *out);
void monitor_devices_page_free(struct monitor_device_page *p);

#endif
