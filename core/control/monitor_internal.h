/* Private to core/control: what monitor.c (life, ticks), monitor_services.c (tunnels and services)
 * and monitor_streams.c keep, and report.c and report_metrics.c write out. */
#ifndef CORE_CONTROL_MONITOR_INTERNAL_H
#define CORE_CONTROL_MONITOR_INTERNAL_H

#include "core/base/list.h"
#include "core/control/event_log_internal.h"
#include "core/control/history.h"
#include "core/control/monitor.h"
#include "core/net/peer.h"

#define MONITOR_LISTEN_MAX 64
#define STREAM_SECONDS 60 /* of a stream's own history */
#define MEAN_SECONDS 3    /* rows of a table must not jump */
#define FIRST_BYTE_BUCKETS 11

/* Upper bounds in milliseconds; one more bucket takes the rest. */
extern const uint64_t monitor_first_byte_bounds[FIRST_BYTE_BUCKETS];

/* What is counted of the streams of one service, and of all of them. */
struct stream_counters {
    uint64_t open, max, served, refused, failed;
    uint64_t down, up;               /* bytes */
    uint64_t second_down, second_up; /* of them since the last tick */
    uint64_t rate_down, rate_up;     /* bytes per second up to the last tick */
    uint64_t errors[ERR_COUNT], refusals[ERR_COUNT];
};

struct monitor_service {
    struct list node; /* in its tunnel's services */
    char *id, *host, *target;
    bool present;    /* among those that the tunnel has now */
    uint64_t left;   /* when it went: counts up */
    size_t referred; /* streams that point to it, closed ones too */
    struct stream_counters counters;
    uint64_t first_bytes[FIRST_BYTE_BUCKETS + 1];
    uint64_t first_byte_ms; /* sum of those in the buckets */
};

struct monitor_tunnel {
    struct list node; /* in the monitor's tunnels */
    struct monitor *monitor;
    char *name, *hub;
    void (*look)(void *ctx, struct monitor_tunnel_state *out);
    void *ctx;
    uint64_t round_trip_max_us;
    struct list services;
    size_t referred; /* as in a service */
};

/* Bytes of one second each; sample number i is at i % STREAM_SECONDS. */
struct stream_history {
    uint64_t last;
    uint32_t down[STREAM_SECONDS], up[STREAM_SECONDS]; /* 4 GB a second is more than enough */
};

struct monitor_stream {
    struct list node; /* in the monitor's streams, or in its closed ones */
    struct monitor *monitor;
    uint64_t id;
    char *client, *asked, *target, *label;
    const char *via;
    void (*look)(void *ctx, struct monitor_counters *out);
    void (*close)(void *ctx);
    void *ctx;
    struct monitor_tunnel *tunnel;   /* NULL: none (yet) */
    struct monitor_service *service; /* the same */
    bool answered;
    enum err why;                                  /* closed */
    int64_t wall_ms;                               /* when it came */
    uint64_t accepted_ms;                          /* the same on the monitor's clock */
    uint64_t requested_ms, opened_ms, answered_ms; /* 0: not yet */
    uint64_t closed_ms;
    struct monitor_counters counters; /* as last looked at */
    bool first_byte_counted;
    uint64_t tick_down, tick_up; /* counters at the last tick */
    uint64_t rate_down, rate_up, peak_down, peak_up;
    struct stream_history history;
    struct peer peer;
};

struct monitor {
    struct monitor_options o;
    char instance[33];
    uint64_t started_ms, ticked_ms;
    int64_t started_wall_ms;
    char *listen[MONITOR_LISTEN_MAX];
    size_t n_listen;
    size_t (*open_tunnels)(void *ctx); /* NULL: not told */
    void *open_tunnels_ctx;
    int64_t certificate_ends_ms; /* 0: not told */
    struct list tunnels, streams, closed;
    size_t n_closed, n_services;
    uint64_t services_left; /* so many went */
    uint64_t last_stream;
    struct stream_counters total;
    uint64_t forgotten[ERR_COUNT]; /* refusals of services that were let go */
    struct history history;
    struct event_log event_log;
    uint64_t events_dropped; /* not sent to slow readers */
};

static inline uint64_t monitor_now(const struct monitor *m)
{
    return m->o.now(m->o.clock);
}

/* Looks at s and adds what has passed since to its service and the total. */
void monitor_absorb(struct monitor_stream *s);
void monitor_absorb_all(struct monitor *m);
void monitor_stream_free(struct monitor_stream *s);
/* elapsed: milliseconds since the last tick, > 0. */
void monitor_stream_tick(struct monitor_stream *s, uint64_t elapsed);
/* What it goes to, for people; NULL: nothing. */
const char *monitor_stream_service(const struct monitor_stream *s);
/* By id, also a closed one; NULL: none. */
struct monitor_stream *monitor_stream_find(struct monitor *m, uint64_t id);
/* The mean rate of the last MEAN_SECONDS. */
void monitor_stream_mean(const struct monitor_stream *s, uint64_t *down, uint64_t *up);

/* A tunnel's service, made when it is not there; NULL: no memory, or too many. */
struct monitor_service *monitor_service_get(struct monitor_tunnel *t, const char *id);
void monitor_tunnel_free(struct monitor_tunnel *t);
/* Frees those that were removed and that no stream points to. */
void monitor_forget_tunnels(struct monitor *m);
void monitor_tunnel_look(struct monitor_tunnel *t, struct monitor_tunnel_state *out);

const char *monitor_state_name(enum monitor_state s);
const char *monitor_link_name(enum monitor_link l);

#endif
