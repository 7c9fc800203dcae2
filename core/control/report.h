/* Writes a monitor out: the snapshot and the events as JSON (share/doc/control.md is the schema),
 * the counters for Prometheus. */
#ifndef CORE_CONTROL_REPORT_H
#define CORE_CONTROL_REPORT_H

#include "core/base/json_write.h"
#include "core/control/groups.h"
#include "core/control/monitor_devices.h"

#define ROW_PAGE_MAX 4096 /* rows in one answer */

/* A page of streams: as share/doc/control.md says, "Pages". Texts are not NULL. */
struct row_query {
    bool wanted;
    const char *filter, *sort;
    size_t from, limit;
    uint64_t after, find; /* ids; 0: not asked for */
    /* Rows as they were at that moment, and those that were there in so many milliseconds before
     * it; on the program's clock; 0: the present. */
    uint64_t at_ms, during_ms;
};
struct group_query {
    enum group_kind kind; /* GROUP_NONE: not asked for */
    const char *key;      /* only rows of that group; NULL: all */
};

/* {0} wants all streams and nothing else of what is optional. */
struct snapshot_query {
    uint64_t history; /* number of the newest sample (of one second) that the reader has */
    uint64_t tens;    /* the same for samples of ten seconds */
    uint64_t events;  /* number of the newest event that the reader has */
    uint64_t detail;  /* id of the stream whose own history is wanted; 0: not wanted */
    struct device_query devices; /* the rows wanted of a hub's devices; limit 0: counts only */
    struct row_query streams, closed;
    struct group_query groups;
    bool trend;    /* rows have it */
    bool readonly; /* the snapshot says that streams cannot be closed here */
};
/* Writes one complete JSON object. On failure (memory, limit) w->failed is set. */
void report_snapshot(struct monitor *m, const struct snapshot_query *wanted, struct json_writer *w);

struct logged_event;
/* Writes one event, as an object without a name. */
void report_event(const struct logged_event *e, struct json_writer *w);

/* Appends the metrics of a source or destination in Prometheus' text format. */
void report_metrics(struct monitor *m, struct buf *out);

#endif
