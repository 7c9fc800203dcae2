/* A snapshot of a program's control endpoint, read from JSON (share/doc/control.md). Members that
 * the JSON lacks are zero or "" here; unknown ones are ignored. Text may hold anything but NUL: it
 * is valid UTF-8 where the JSON was, and not escaped. Numbers must be in 0 .. 2^53. One thread of a
 * program reads at a time. */
#ifndef CORE_CONTROL_CLIENT_SNAPSHOT_H
#define CORE_CONTROL_CLIENT_SNAPSHOT_H

#include "core/base/err.h"
#include "core/base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SNAPSHOT_SCHEMA 1
#define SNAPSHOT_STREAMS_MAX 65536 /* more are an error, as for all limits below */
#define SNAPSHOT_REASONS_MAX 64
#define SNAPSHOT_SAMPLES_MAX 600

/* Pairs of a reason and a count, in the order of the JSON. */
struct snapshot_reasons {
    size_t n;
    struct snapshot_reason {
        const char *name;
        uint64_t count;
    } * items;
};

/* What a service, a group or all streams were at streams_page.at, as far as it is told. */
struct snapshot_then {
    bool known;          /* open, served and failed are; else nothing is */
    bool rated, counted; /* rates are; bytes are */
    uint64_t open, served, failed, bytes_down, bytes_up;
    double rate_down, rate_up;
};

/* The streams of one service, or all of them. */
struct snapshot_counts {
    uint64_t open, max, served, refused, failed;
    uint64_t bytes_down, bytes_up;
    double rate_down, rate_up;
    struct snapshot_reasons errors, refusals;
    struct snapshot_then then;
};

struct snapshot_tunnel {
    const char *name, *hub, *state, *reason, *text;
    const char *far_end;
    double state_for, retry_in, round_trip, round_trip_max, far_round_trip, expires_in;
    uint64_t connections;
    uint64_t memory_held, memory_kept, memory_limit, memory_full, memory_dropped;
    bool memory_short;
};

struct snapshot_service {
    const char *id, *tunnel, *host, *target, *state;
    struct snapshot_counts counts;
    double first_byte;
    double round_trip; /* far_round_trip of its tunnel, which a reader may fill in */
    bool past;         /* counts are those of streams_page.at, as far as counts.then has them */
};

/* Bytes of each second (or ten); the newest one last. last: its number. */
struct snapshot_samples {
    uint64_t last;
    size_t n; /* as many down as up */
    uint64_t *down, *up;
};

enum snapshot_state {
    SNAPSHOT_CONNECTING,
    SNAPSHOT_OPEN,
    SNAPSHOT_HALF,
    SNAPSHOT_DRAINING,
    SNAPSHOT_CLOSED,
    SNAPSHOT_STATE_OTHER /* a state that only newer programs have */
};

/* Bytes of both directions in the last 60 s, in cells of equal length, the newest last. */
#define SNAPSHOT_TREND 8
struct snapshot_trend {
    size_t n; /* SNAPSHOT_TREND at most; 0: not requested */
    uint64_t *cells;
};

/* Of a hub it is a tunnel: client is its source, target its destination, service its thing, and
 * asked its id. */
struct snapshot_stream {
    uint64_t id;
    const char *client, *process, *user, *via, *asked, *service, *tunnel, *target, *reason;
    int64_t pid, uid; /* pid 0: not known, and then uid is not, either */
    int64_t stream_id;
    uint64_t connection_id;
    enum snapshot_state state;
    double opened, age, closed_for, closed_at;
    double idle;  /* since a byte moved */
    bool then;    /* it is as it was at streams_page.at: queues, windows and such are not known, */
    bool counted; /* and bytes and rates only if this says so */
    uint64_t bytes_down, bytes_up, frames_down, frames_up;
    double rate_down, rate_up, mean_down, mean_up, peak_down, peak_up;
    uint64_t queued_down, queued_up, queue_limit;
    uint64_t window_down, window_up, resumed;
    const char *bound_down, *bound_up;
    uint64_t pauses_down, pauses_up;
    double paused_down, paused_up;
    bool ended_down, ended_up;
    double requested, started, answered, first_byte; /* 0: the stream has not come so far */
    struct snapshot_samples history;                 /* n == 0: not requested */
    struct snapshot_trend trend;
};

/* What of a list was asked for, and is here. */
struct snapshot_page {
    bool known;                   /* a page was asked for; else all of it is here */
    size_t total, matching, from; /* that there are; that fit the filter; rows before these */
    size_t found;                 /* the row of the one that was asked for, from 1; 0: none */
    const char *filter, *sort;    /* as asked for */
    const char *problem; /* the filter is none: a sentence, and there are no rows; "": it is */
    double at;           /* rows are as they were then, on the program's clock; 0: as they are */
    bool lacks;          /* some that were there then are not kept any more */
};

/* The last streams that have ended. */
struct snapshot_closed {
    struct snapshot_page page;
    size_t n_rows;
    struct snapshot_stream *rows;
};

/* What the streams of one client, user, service or device are together, since the start. */
struct snapshot_group {
    const char *key; /* "": those that have none */
    bool other;      /* all whose key was not kept */
    uint64_t open, served, refused, failed, bytes_down, bytes_up;
    double rate_down, rate_up, peak; /* peak: of both directions in the highest second */
    struct snapshot_then then;
    bool past; /* as a service's */
};

struct snapshot_groups {
    const char *by; /* "client", "user", "service", "device"; NULL: not requested */
    size_t n_rows;
    struct snapshot_group *rows; /* most bytes first */
};

struct snapshot_event {
    const char *event; /* "open", "close", "refuse", "up", "down", "over", "dropped", ... */
    uint64_t number;
    double time;
    uint64_t stream; /* id */
    const char *client, *via, *asked, *service, *tunnel, *reason, *text;
    double age;
    uint64_t bytes_down, bytes_up, count;
};

struct snapshot_label {
    const char *key, *value;
};

/* One of a hub's devices. Times are in seconds since 1970; 0: not known. */
struct snapshot_device {
    const char *device, *state, *address, *version, *carrier, *node;
    bool present, maintenance;
    double since, state_for, enrolled;
    size_t n_services, n_labels;
    const char **services;
    struct snapshot_label *labels;
};

/* A hub's devices: how many there are, and the rows that were asked for. */
struct snapshot_devices {
    bool known; /* the program is a hub with devices */
    uint64_t total, pending, away, present, disabled;
    const char *filter;    /* that was asked for; NULL: it is not told */
    size_t matching, from; /* that fit the filter; of these, rows before the first one here */
    /* Of a node of a cluster: those at other nodes are not all here, since they are being read; or
     * since there are too many; else so many seconds ago they were read. */
    bool reading, lacks;
    double read_ago;
    size_t n_rows;
    struct snapshot_device *rows;
};

/* A node of a hub's cluster. */
struct snapshot_node {
    const char *node, *state, *address, *announce, *version;
    bool self; /* the hub that was asked */
    uint64_t epoch, tunnels, ends, devices, bytes;
    /* Of the reader, who compares snapshots: its bytes at times of `clock`, and their number a
     * second since; NAN: not known yet. */
    struct snapshot_node_bytes {
        double clock;
        uint64_t bytes;
    } before, between;
    double rate;
};

/* Where a hub keeps what it must not forget, if it fails or has just done so. */
struct snapshot_store {
    const char *name, *state, *text; /* "redis", "file"; "failing", "works"; name NULL: it works */
    double state_for, since;         /* seconds; since 1970 */
};

/* What an agent stands by as. */
struct snapshot_standby {
    const char *name, *state; /* NULL: it does not; "present", "pending", "refused", "away" */
    const char *text;         /* why it is refused */
    bool accepting;           /* somebody is let in */
    uint64_t tunnels;
};

struct snapshot {
    int schema;
    const char *program, *role, *version, *instance, *host;
    int64_t pid;
    double time, clock, uptime;
    double certificate_ends; /* of a hub: seconds since 1970; 0: not given */
    bool readonly;
    uint64_t open_tunnels; /* of a hub, whether or not they have ends */
    struct snapshot_devices devices;
    size_t n_nodes;
    struct snapshot_node *nodes;
    struct snapshot_standby device;
    struct snapshot_store store;
    size_t n_listen;
    const char **listen;
    struct snapshot_counts totals;
    size_t n_tunnels;
    struct snapshot_tunnel *tunnels;
    size_t n_services;
    struct snapshot_service *services;
    size_t n_streams;
    struct snapshot_stream *streams;
    struct snapshot_page streams_page;
    struct snapshot_closed closed;
    struct snapshot_groups groups;
    struct snapshot_samples seconds, tens;
    uint64_t last_event;
    size_t n_events;
    struct snapshot_event *events;
    void *memory; /* private */
};

/* Reads a snapshot. ERR_PROTOCOL: the JSON is not a snapshot, or exceeds a limit; ERR_UNSUPPORTED:
 * it has another schema (out->schema says which); ERR_NO_MEMORY. problem: a sentence. After an
 * error there is nothing to free. */
enum err snapshot_read(struct span json, struct snapshot *out, char *problem, size_t size);
/* Reads one line of /v1/events in the same way: out->events has it, the rest is empty (schema
 * 0). */
enum err snapshot_read_event(struct span json, struct snapshot *out, char *problem, size_t size);
void snapshot_free(struct snapshot *s); /* zeroed afterwards; a zeroed one is fine */

const char *snapshot_state_name(enum snapshot_state s); /* "connecting", ...; "?" for others */

#endif
