/* Private to core/control and its page: what monitor.c (life, ticks), monitor_services.c (tunnels
 * and services), monitor_rows.c (what streams and a hub's tunnels have in common),
 * monitor_streams.c, monitor_hub_tunnels.c, monitor_groups.c and monitor_kept.c keep, and the
 * report files write out. */
#ifndef CORE_CONTROL_MONITOR_INTERNAL_H
#define CORE_CONTROL_MONITOR_INTERNAL_H

#include "core/base/list.h"
#include "core/control/event_log_internal.h"
#include "core/control/filter/filter.h"
#include "core/control/groups.h"
#include "core/control/history.h"
#include "core/control/monitor.h"
#include "core/control/monitor_devices.h"
#include "core/control/monitor_nodes.h"
#include "core/control/row_history.h"
#include "core/net/peer.h"

#define MONITOR_LISTEN_MAX 64
#define MEAN_SECONDS 3 /* rows of a table must not jump */
#define FIRST_BYTE_BUCKETS 11

/* Upper bounds in milliseconds; one more bucket is for all larger values. */
extern const uint64_t monitor_first_byte_bounds[FIRST_BYTE_BUCKETS];

/* What is counted of the streams of one service, and of all rows. */
struct stream_counters {
    uint64_t open, max, served, refused, failed;
    uint64_t down, up;               /* bytes */
    uint64_t second_down, second_up; /* bytes of these since the last tick */
    uint64_t rate_down, rate_up;     /* bytes per second up to the last tick */
    uint64_t errors[ERR_COUNT], refusals[ERR_COUNT];
};

struct monitor_service {
    struct list node; /* in its tunnel's services */
    char *id, *host, *target;
    bool present;    /* among the services that the tunnel has now */
    uint64_t left;   /* the order in which absent services went: counts up */
    size_t referred; /* streams that point to it, closed ones too */
    struct stream_counters counters;
    uint64_t first_bytes[FIRST_BYTE_BUCKETS + 1];
    uint64_t first_byte_ms; /* sum of the times in the buckets, in milliseconds */
};

struct monitor_tunnel {
    struct list node; /* in the monitor's tunnels */
    struct monitor *monitor;
    char *name, *hub;
    void (*look)(void *ctx, struct monitor_tunnel_state *out);
    void *ctx;
    uint64_t round_trip_max_us;
    struct list services;
    size_t referred; /* streams that point to it, closed ones too */
};

struct monitor_row;
struct row_kind {
    void (*look)(const struct monitor_row *r, struct monitor_counters *out);
    /* Who and what it is; borrowed, and none is NULL. Sets client, process, user, service, tunnel,
     * target, asked and via. */
    void (*texts)(const struct monitor_row *r, const char *out[FILTER_TEXTS]);
    const struct peer *(*peer)(const struct monitor_row *r); /* its client's process */
    void (*free)(struct monitor_row *r);
};

/* What comes, carries bytes and goes: the first member of a stream, and of a hub's tunnel. */
struct monitor_row {
    struct list node; /* in the monitor's rows, or in its closed ones */
    struct monitor *monitor;
    const struct row_kind *kind;
    uint64_t id;
    struct monitor_service *service; /* counts it as well; NULL: none (yet) */
    bool answered;
    enum err why;         /* closed */
    int64_t wall_ms;      /* when it came */
    uint64_t accepted_ms; /* the same on the monitor's clock */
    uint64_t answered_ms; /* 0: not yet */
    uint64_t closed_ms;
    uint64_t moved_ms;                /* when the last byte moved, as far as ticks tell */
    struct monitor_counters counters; /* as `look` gave them last */
    bool first_byte_counted;
    uint64_t tick_down, tick_up; /* counters at the last tick */
    uint64_t rate_down, rate_up, peak_down, peak_up;
    struct group *groups[GROUP_KINDS]; /* that count it as well; NULL: none (yet) */
    struct row_history history;
};

struct monitor_stream {
    struct monitor_row row;
    char *client, *user, *asked, *target;
    const char *via;
    void (*look)(void *ctx, struct monitor_counters *out);
    void (*close)(void *ctx);
    void *ctx;
    struct monitor_tunnel *tunnel;    /* NULL: none (yet) */
    uint64_t requested_ms, opened_ms; /* 0: not yet */
    struct peer peer;
};

struct monitor_hub_tunnel {
    struct monitor_row row;
    char *id, *thing;
    char *ends[MONITOR_SIDES]; /* addresses; "": nobody */
    void (*look)(void *ctx, struct monitor_hub_end out[MONITOR_SIDES]);
    void *ctx;
};

/* A row that has ended, for those who ask what was. */
struct kept_row {
    uint64_t id;
    int64_t wall_ms, closed_wall_ms; /* since 1970: when it came, and when it ended */
    uint64_t age_ms, idle_ms, first_byte_ms;
    uint64_t answered_ms; /* after it came, 1 at least; 0: it was not */
    uint64_t closed_ms;   /* on the monitor's clock */
    uint64_t down, up, peak_down, peak_up;
    pid_t pid; /* 0: not known */
    uid_t uid;
    bool uid_known, got_byte;
    enum err why;
    const char *texts[FILTER_TEXTS]; /* into memory, as a row_kind's */
    char memory[];
};
#define KEPT_TEXT 255 /* bytes of each text that are kept */
#define KEPT_MAX 1000
#define KEPT_AGENT 200 /* an agent is small */

struct monitor {
    struct monitor_options o;
    char instance[33];
    uint64_t started_ms, ticked_ms;
    int64_t started_wall_ms;
    char *listen[MONITOR_LISTEN_MAX];
    size_t n_listen;
    size_t (*open_tunnels)(void *ctx); /* NULL: the number is not reported */
    void *open_tunnels_ctx;
    int64_t certificate_ends_ms; /* 0: not told */
    struct monitor_store {
        const char *name, *text; /* NULL: it has always worked */
        bool failing;
        uint64_t since_ms;     /* on the monitor's clock */
        int64_t since_wall_ms; /* since 1970 */
    } store;
    struct monitor_device_source devices; /* each NULL: there are none to be seen */
    /* Of a program that has them; NULL in all others, which need not have the code. */
    void (*write_devices)(const struct monitor *m, const struct device_query *q,
                          struct json_writer *w);
    void (*write_nodes)(const struct monitor *m, struct json_writer *w);
    void (*write_store)(const struct monitor *m, struct json_writer *w);
    struct monitor_node_source nodes; /* the same */
    char *device;                     /* its name; NULL: this program is none */
    void (*device_look)(void *ctx, struct monitor_device_state *out);
    void *device_ctx;
    struct list tunnels, rows, closed;
    uint64_t watched_ms; /* when somebody last looked at the page; 0: never */
    size_t n_closed, n_services;
    bool tens;              /* rows have them in their histories */
    struct kept_row **kept; /* a ring: row number i is at i % kept_size; NULL: no memory */
    size_t kept_size;
    uint64_t n_kept; /* so many have been kept since the start */
    struct groups groups[GROUP_KINDS];
    uint64_t services_left; /* so many went */
    uint64_t last_row;
    struct stream_counters total;
    uint64_t forgotten[ERR_COUNT]; /* refusals of services that were forgotten */
    struct history history;
    struct event_log event_log;
    uint64_t events_dropped; /* events not sent to slow readers */
};

/* What is to be shown of the store; NULL: nothing. */
const struct monitor_store *monitor_store_shown(const struct monitor *m);

static inline uint64_t monitor_now(const struct monitor *m)
{
    return m->o.now(m->o.clock);
}

/* A new row of m, which is none yet: it gets its number, and is listed. accepted_ms: when it came,
 * on the monitor's clock. */
void monitor_row_begin(struct monitor_row *r, struct monitor *m, const struct row_kind *kind,
                       uint64_t accepted_ms);
void monitor_row_answered(struct monitor_row *r);
/* An event of r, described by its kind. */
struct logged_event monitor_row_event(const struct monitor_row *r, const char *event);
/* orderly: nothing went wrong, whatever the reason is: it counts neither as failed nor, never
 * answered, as refused. */
void monitor_row_end(struct monitor_row *r, const struct monitor_end *end, bool orderly);
void monitor_row_free(struct monitor_row *r);
/* Looks at each and adds what has passed since to its service and the total. */
void monitor_absorb_all(struct monitor *m);
/* elapsed: milliseconds since the last tick, > 0. */
void monitor_row_tick(struct monitor_row *r, uint64_t elapsed);
/* Whether an answered row that ends so has not failed. */
bool monitor_is_orderly(enum err why);
/* By id, also a closed one; NULL: none. */
struct monitor_row *monitor_row_find(struct monitor *m, uint64_t id);
/* The mean rate of the last MEAN_SECONDS. */
void monitor_row_mean(const struct monitor_row *r, uint64_t *down, uint64_t *up);

/* How long no byte has moved, in milliseconds. */
uint64_t monitor_row_idle(const struct monitor_row *r, uint64_t now);
#define TREND_CELLS 8
/* Bytes of both directions in the last ROW_SECONDS, in cells of equal length, the newest last. */
void monitor_row_trend(const struct monitor_row *r, uint64_t out[TREND_CELLS]);

/* The key of that kind of a row with these texts, none of which is NULL; returns out. */
const char *monitor_group_key(const struct monitor *m, enum group_kind kind,
                              const char *const texts[FILTER_TEXTS], char out[GROUP_KEY]);
/* Counts r in the group of that key, and what it has counted elsewhere so far. */
void monitor_group_set(struct monitor_row *r, enum group_kind kind, const char *key);
/* The groups by who its client is (client, user), or by where a stream leads (service, device). */
void monitor_group_who(struct monitor_row *r);
void monitor_group_where(struct monitor_row *r);
void monitor_groups_bytes(struct monitor_row *r, uint64_t down, uint64_t up);
void monitor_groups_served(struct monitor_row *r);
/* r has ended and is in no group any more. */
void monitor_groups_ended(struct monitor_row *r, bool refused, bool failed);

/* Keeps what is to be known of r, which has ended. */
void monitor_keep(struct monitor *m, const struct monitor_row *r);
void monitor_kept_free(struct monitor *m);

/* The stream that r is; NULL: it is a hub's tunnel. */
struct monitor_stream *monitor_row_stream(const struct monitor_row *r);

/* Gets a tunnel's service, and creates it when it is missing; NULL: no memory, or too many. */
struct monitor_service *monitor_service_get(struct monitor_tunnel *t, const char *id);
const char *monitor_service_state(const struct monitor_service *s, enum monitor_link link);
void monitor_tunnel_free(struct monitor_tunnel *t);
/* Frees the tunnels that were removed and that no stream points to. */
void monitor_forget_tunnels(struct monitor *m);
void monitor_tunnel_look(struct monitor_tunnel *t, struct monitor_tunnel_state *out);

const char *monitor_state_name(enum monitor_state s);
const char *monitor_link_name(enum monitor_link l);

#endif
