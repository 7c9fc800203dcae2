/* Writes a monitor out: the snapshot and the events as JSON (share/doc/control.md is the schema),
 * the counters for Prometheus. */
#ifndef CORE_CONTROL_REPORT_H
#define CORE_CONTROL_REPORT_H

#include "core/base/json_write.h"
#include "core/control/monitor_devices.h"

struct snapshot_query {
    uint64_t history; /* number of the newest sample (of one second) that the reader has */
    uint64_t tens;    /* the same for samples of ten seconds */
    uint64_t events;  /* number of the newest event that the reader has */
    uint64_t detail;  /* id of the stream whose own history is wanted; 0: not wanted */
    struct device_query devices; /* the rows wanted of a hub's devices; limit 0: counts only */
    bool readonly;               /* the snapshot says that streams cannot be closed here */
};
/* Writes one complete JSON object. On failure (memory, limit) w->failed is set. */
void report_snapshot(struct monitor *m, const struct snapshot_query *wanted, struct json_writer *w);

struct logged_event;
/* Writes one event, as an object without a name. */
void report_event(const struct logged_event *e, struct json_writer *w);

/* Appends the metrics of a source or destination in Prometheus' text format. */
void report_metrics(struct monitor *m, struct buf *out);

#endif
