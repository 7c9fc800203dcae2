/* What is going on in this program, kept for those who watch it: its tunnels, services and streams,
 * or at a hub the tunnels with both their ends; totals, ten minutes of history second by second and
 * an hour before that, and the last events. The roles tell it what happens; report.h writes it out.
 *
 * Pure: no sockets, and time is passed in. It adds no cost to a byte on its way: counters stay
 * where they are counted, and are read once a second (monitor_tick) and for each report.
 *
 * Every function takes NULL in place of a monitor, tunnel or stream and does nothing then, so that
 * a program that is not watched needs no branches, and running out of memory costs the view, never
 * the stream. down: device to client; up: client to device. */
#ifndef CORE_CONTROL_MONITOR_H
#define CORE_CONTROL_MONITOR_H

#include "core/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct monitor;

/* ---- life ---- */

struct monitor_options {
    const char *program;          /* "tunnel-gateway"; static, as all strings here */
    const char *role;             /* "source", "destination" or "hub" */
    const char *version;          /* of the program */
    uint64_t (*now)(void *clock); /* monotonic milliseconds */
    int64_t (*wall)(void *clock); /* milliseconds since 1970 */
    void *clock;
};

struct monitor *monitor_new(const struct monitor_options *o); /* NULL: no memory */
/* Frees the monitor with its streams and tunnels, so streams must be ended before. NULL is fine. */
void monitor_free(struct monitor *m);
/* Takes the next sample; to be called once a second. A late call counts for the time that has
 * really passed. */
void monitor_tick(struct monitor *m);
/* Adds an address where clients find this program; copied. */
void monitor_listening(struct monitor *m, const char *where);

/* Somebody looks at the page, for whom clients' processes are worth a search. */
void monitor_watched(struct monitor *m);

/* For a hub: sets what counts the open tunnels, whether or not an end of them is here; it is called
 * for each report. count NULL: the number is no longer reported. */
void monitor_open_tunnels(struct monitor *m, size_t (*count)(void *ctx), void *ctx);

/* For an agent that stands by as a device. */
struct monitor_device_state {
    bool present;   /* its hub knows that it is there */
    bool pending;   /* it waits for an operator's approval */
    bool accepting; /* it lets somebody in */
    size_t tunnels; /* open now */
    /* Its hub is there and has refused it, for that reason; NULL: it has not. */
    const char *refusal;
};
/* Sets the device's name and what tells its state, which is called for each report, with *out
 * zeroed. name NULL: there is no device any more. */
void monitor_device(struct monitor *m, const char *name,
                    void (*look)(void *ctx, struct monitor_device_state *out), void *ctx);

/* For a hub: sets when its certificate ends, in milliseconds since 1970. problem: what its clients
 * will object to, which becomes an event; NULL: there is no problem. */
void monitor_certificate(struct monitor *m, int64_t ends_ms, const char *problem);

/* For a hub: where it keeps what it must not forget has stopped to work, or works again. name:
 * "redis" or "file"; text: a sentence, which becomes an event. Both are static. What is told twice
 * is one change. */
void monitor_store(struct monitor *m, const char *name, bool failing, const char *text);
#define MONITOR_STORE_MS 60000 /* for so long it is shown that it works again */

/* ---- tunnels: an end of one, with its link to a hub ---- */

/* NO_DEVICE: a source is connected to its hub, which says that the device is not. */
enum monitor_link { MONITOR_CONNECTING, MONITOR_UP, MONITOR_NO_DEVICE, MONITOR_DOWN, MONITOR_OVER };

struct monitor_tunnel_state {
    enum monitor_link link; /* DOWN: waits for its next try; OVER: there will be no further try */
    uint64_t since_ms;      /* on the monitor's clock: when this state began */
    uint64_t retry_ms;      /* DOWN: when the next try begins, on the monitor's clock */
    uint64_t far_round_trip_us; /* microseconds to the other end and back; 0: not known */
    const char *far_end;        /* the other end's subprotocol; NULL, "": not known */
    uint64_t round_trip_us;     /* microseconds of the last ping to the hub; 0: not known */
    uint64_t connections;       /* connections made to the hub since the start */
    uint64_t expires_ms;        /* when the tunnel expires, on the monitor's clock; 0: not known */
    struct monitor_memory {
        uint64_t held, kept; /* bytes that wait for local sides, and for the other end */
        uint64_t limit;      /* the most that each of them may be */
        uint64_t full;       /* how often the memory was used up */
        uint64_t dropped;    /* connections dropped because of that */
        bool is_short;       /* it is used up now, and connections wait */
    } memory;
    enum err why;     /* the reason when the state is not UP */
    const char *text; /* the same as a sentence of printable ASCII, or "" */
};

struct monitor_tunnel;
struct monitor_tunnel_info {
    const char *name; /* "": the unnamed one */
    const char *hub;  /* "wss://hub.example:443" */
    /* Fills *out, which is zeroed; called at each tick and report. */
    void (*look)(void *ctx, struct monitor_tunnel_state *out);
    void *ctx;
};
struct monitor_tunnel *monitor_tunnel_add(struct monitor *m,
                                          const struct monitor_tunnel_info *info);
/* Ends the calls of look. The tunnel is shown as over as long as streams of it are listed. */
void monitor_tunnel_remove(struct monitor_tunnel *t);

struct monitor_service_info {
    const char *id;   /* "": the only service of a tunnel without service ids */
    const char *host; /* source: the host name that leads to it; NULL: there is no such name */
    /* Destination: the address dialled; NULL: nothing is mapped to the service. */
    const char *target;
};
/* Sets the tunnel's services (strings are copied). A service that is not among them any more keeps
 * its counters and is not listed until it comes back. At most MONITOR_ABSENT_MAX of these are kept,
 * the last ones to go, since a hub may name others as often as it likes. */
void monitor_services(struct monitor_tunnel *t, const struct monitor_service_info *infos, size_t n);

/* ---- streams: what one client gets ---- */

/* The names of these on the screen, in JSON and in metrics: "connecting", "open", "half",
 * "draining", "closed". */
enum monitor_state {
    MONITOR_STREAM_CONNECTING, /* the far end has not answered */
    MONITOR_STREAM_OPEN,       /* both directions */
    MONITOR_STREAM_HALF,       /* one side has finished sending */
    MONITOR_STREAM_DRAINING,   /* ended; bytes that are held are still being delivered */
    MONITOR_STREAM_CLOSED      /* gone; listed for MONITOR_CLOSED_MS */
};
#define MONITOR_CLOSED_MS 5000
#define MONITOR_CLOSED_MAX 256 /* closed streams that are listed, the newest ones */
#define MONITOR_SERVICES_MAX 4096
#define MONITOR_ABSENT_MAX 256 /* absent services that are kept, in all tunnels together */

struct monitor_counters {
    enum monitor_state state;
    uint64_t up, down; /* payload bytes */
    uint64_t frames_up, frames_down;
    /* Milliseconds from the opening in the tunnel to the first byte of the device; valid when
     * answered. */
    uint64_t first_byte_ms;
    bool answered;
    size_t queued_up, queued_down; /* bytes held now */
    size_t queue_limit;            /* bytes that may be held in each direction; 0: not known */
    /* How often, and for how many milliseconds in all, bytes had to wait: up, since the tunnel took
     * no more; down, since the client did not. */
    uint64_t pauses_up, pauses_down, paused_up_ms, paused_down_ms;
    uint64_t window_up, window_down; /* bytes that may be in flight; 0: not known */
    /* What limits its bytes now: "path", "window", "budget", "reader"; static; NULL: nothing. */
    const char *bound_up, *bound_down;
    unsigned resumed;          /* how many connections to the hub it has outlived */
    bool ended_up, ended_down; /* that direction has ended */
    int32_t stream_id;         /* the protocol's; 0: it has none */
    uint32_t connection_id;
};

struct monitor_stream;
struct peer; /* core/net/peer.h */

struct monitor_stream_info {
    const char *client;      /* "127.0.0.1:50312"; NULL: not known (destination) */
    uint64_t accepted_ms;    /* when it came, on the monitor's clock; 0: just now */
    const struct peer *peer; /* who that is, if it can be found out; copied; NULL: not known */
    const char *user;        /* the name that it gave at the proxy; NULL, "": none */
    const char *via;         /* "socks5", "socks4", "connect", "http", "port"; static; NULL: none */
    const char *asked;       /* what the client asked for, as it said it; NULL: nothing */
    const char *target;      /* what is dialled, or to be dialled by the far end; NULL: nothing */
    /* Fills *out, which is zeroed. Not called after monitor_stream_ended. */
    void (*look)(void *ctx, struct monitor_counters *out);
    /* Ends the stream now, with ERR_OPERATOR; calls monitor_stream_ended from inside. NULL: it
     * cannot be ended so. */
    void (*close)(void *ctx);
    void *ctx;
};
/* Adds a client whose request is complete. All strings are copied. */
struct monitor_stream *monitor_stream_began(struct monitor *m,
                                            const struct monitor_stream_info *info);
/* The stream is being opened in that tunnel, towards that service. tunnel NULL: it is dialled
 * directly. */
void monitor_stream_opened(struct monitor_stream *s, struct monitor_tunnel *tunnel,
                           const char *service);
/* A host behind the device was named, which becomes the stream's target. */
void monitor_stream_target(struct monitor_stream *s, const char *target);
/* The far end has answered: the client was told that its connection stands. */
void monitor_stream_answered(struct monitor_stream *s);
struct monitor_end {
    enum err why;
    const char *text; /* the reason as told to the client; NULL: that of `why` */
    /* The final counters (their state is ignored); NULL: `look` is called once more. */
    const struct monitor_counters *last;
    /* A refusal like others just before: it is counted and is no event (monitor_refused_more). */
    bool untold;
};
/* The stream has ended; the last call for s. A stream that was never answered counts as refused,
 * not as served. */
void monitor_stream_ended(struct monitor_stream *s, const struct monitor_end *end);

/* ---- at a hub: tunnels with an end here ---- */

enum monitor_side { MONITOR_SOURCE, MONITOR_DESTINATION, MONITOR_SIDES };

struct monitor_hub_end {
    bool here;
    uint64_t bytes; /* of messages that came from that side */
};
struct monitor_hub_tunnel;
struct monitor_hub_tunnel_info {
    const char *id;
    const char *thing;               /* NULL, "": none */
    const char *ends[MONITOR_SIDES]; /* addresses of those that are here; NULL: nobody */
    /* Fills out, which is zeroed. Not called after monitor_hub_tunnel_ended. */
    void (*look)(void *ctx, struct monitor_hub_end out[MONITOR_SIDES]);
    void *ctx;
};
/* Its first end has come. All strings are copied. */
struct monitor_hub_tunnel *monitor_hub_tunnel_began(struct monitor *m,
                                                    const struct monitor_hub_tunnel_info *info);
/* Who is at that end now; copied. "": nobody. */
void monitor_hub_tunnel_address(struct monitor_hub_tunnel *t, enum monitor_side side,
                                const char *address);
/* Both ends are here: it counts as served. */
void monitor_hub_tunnel_met(struct monitor_hub_tunnel *t);
/* Its last end has gone, the last call for t. text: the reason in words; NULL: that of why.
 * orderly: nothing went wrong, whatever the reason is: it counts neither as failed nor, its ends
 * never having met, as refused. */
void monitor_hub_tunnel_ended(struct monitor_hub_tunnel *t, enum err why, const char *text,
                              bool orderly);

/* ---- what happened ---- */

/* A client that never became a stream. */
struct monitor_refusal {
    const char *client, *via, *asked;
    enum err why;
    const char *text; /* NULL: that of `why` */
    /* As in struct monitor_end: a browser whose every request goes to the gateway asks for hundreds
     * of foreign names. */
    bool untold;
    uint64_t more; /* > 0: how many like this one were untold; they are counted already */
};
void monitor_refused(struct monitor *m, const struct monitor_refusal *r);
/* Tells of `count` further refusals of the same kind, which were not told; asked: by the last of
 * them. It is the same as monitor_refused with `more`. */
void monitor_refused_more(struct monitor *m, const char *via, enum err why, uint64_t count,
                          const char *asked);

/* Tells what happened to a tunnel, in a sentence: up, down (why), over (why). */
void monitor_tunnel_event(struct monitor_tunnel *t, enum monitor_link link, enum err why,
                          const char *text);
/* Tells that the tunnel expires soon, in a sentence. */
void monitor_tunnel_ending(struct monitor_tunnel *t, const char *text);
/* Tells that the tunnel's memory is used up. */
void monitor_tunnel_memory(struct monitor_tunnel *t, const char *text);
/* Tells that the tunnel's device has come ("device") or is not there ("no-device"), in a
 * sentence. */
void monitor_device_event(struct monitor_tunnel *t, bool there, const char *text);

/* Tells what happened to a device at a hub. */
struct monitor_device_change {
    const char *event; /* "device-enrolled", "device-present", "device-away"; static */
    const char *name;
    const char *address; /* "192.0.2.7:4000"; NULL: not known */
    enum err why;        /* ERR_OK: no error */
    const char *text;    /* more about it; NULL: nothing */
};
void monitor_device_changed(struct monitor *m, const struct monitor_device_change *d);

#endif
