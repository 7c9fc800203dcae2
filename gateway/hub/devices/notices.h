/* Notices: "somebody wants services S of you; here is your token". This module knows which devices
 * are there, who has to be told what, what they answered, and until when. How a notice reaches a
 * device is its carrier's matter (the device link is one); how a device reaches the hub is not
 * known here at all.
 *
 * A notice is asked for by a call that waits for the answer (notices_ask), or given because a
 * tunnel of the device was opened or its destination's token was replaced, in which case nobody
 * waits: it is kept for NOTICE_KEEP_MS for a device that comes later. A device that comes says
 * which tunnels it has; those on demand (idle_ms > 0) of it that it does not name get a new
 * destination token and a notice, so that a restart of its agent heals them. What its agent has had
 * a notice of, and lost with its token, is told again, by a new token where the first one was used.
 *
 * A notice is for a tunnel, whose destination the device becomes with `token`; or, when it has a
 * `url`, for a stream: one connection, which the device makes to that URL with `token`.
 *
 * Main thread only. Time is passed in: notices_tick does what is due, and `due` says when that is
 * next. All that is kept is bounded: notices for each device and in all. Devices are named by their
 * exact names here. */
#ifndef GATEWAY_HUB_DEVICES_NOTICES_H
#define GATEWAY_HUB_DEVICES_NOTICES_H

#include "core/device/device_reason.h"
#include "gateway/hub/registry/record.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct notices;
struct registry;
struct device_registry;

/* Notices of one device that wait or are kept; more are refused. Of those that wait each
 * `opened_by` gets an equal share when there is not enough for all. */
#define NOTICES_PER_DEVICE 64
/* Open tunnels on demand that may lead from one access key to one device: a device serves 64 at a
 * time, and nobody may take them all. */
#define NOTICE_TUNNELS_PER_KEY 16
#define NOTICES_MAX 20000     /* in all; more are refused, and kept ones make room first */
#define NOTICE_KEEP_MS 600000 /* how long a notice that nobody waits for is kept */
#define NOTICE_GONE_MS 5000   /* how long a device that left in the middle may be away */
#define NOTICE_WORDS_MAX 256  /* bytes of a device's words that are passed on */
#define NOTICE_ID_SIZE 33     /* 32 characters and NUL */
#define NOTICE_AWAITS_MAX                                                                          \
    1000 /* who wait for a device to come; more are told at once that it did not */
/* struct device_told.uptime_s of a device whose wire does not tell it. */
#define NOTICE_UPTIME_UNKNOWN UINT64_MAX

/* ---- asking ---- */

struct notice {
    const char *device;
    const char *tunnel;           /* id; "" for a stream */
    const char *url;              /* a stream's; NULL or "" for a tunnel */
    const char *token;            /* the destination's; a stream's bearer token */
    const struct texts *services; /* all of the tunnel; a stream's name */
    const char *service;          /* the one that is wanted now; "" when that is not known */
    const char *opened_by;        /* for people: an access key's id or name; "" when unknown */
    const char *why;              /* the asker's reason; "" when there is none */
    uint64_t timeout_ms;          /* how long the asker waits */
};

enum notice_result {
    NOTICE_ACCEPTED,
    NOTICE_AWAY,     /* the device is not there, or left and did not come back */
    NOTICE_REJECTED, /* `code` and `words` say why */
    NOTICE_SILENT,   /* it is there, and did not answer in time */
    NOTICE_FULL,     /* too many notices wait, for this device or in all; or there is no memory */
    NOTICE_CROWDED,  /* the asker has NOTICE_TUNNELS_PER_KEY tunnels to the device already */
    NOTICE_UNFIT,    /* it is there by a wire that has no words for such a notice */
    NOTICE_ENDED,    /* its tunnel was closed meanwhile, or the hub ends */
    NOTICE_RESULTS
};
const char *notice_result_name(enum notice_result r); /* "accepted", …, for audit and metrics */

struct notice_answer {
    enum notice_result result;
    enum device_code code; /* NOTICE_REJECTED */
    const char *words; /* NOTICE_REJECTED: the device's own, as it sent them, unchecked; or "" */
    int64_t since;     /* NOTICE_AWAY: ms since 1970 when it left; 0: it was never seen by this
                          hub's process (the device's record may know more) */
    uint64_t took_ms;  /* from the call to the answer */
};
/* Tells the device, waits for its answer, and calls `done` once: perhaps from inside this call, as
 * for a device that is away. Arguments need to live during the call only. When the tunnel ends
 * meanwhile, or the asker has got another answer than NOTICE_ACCEPTED, the device is told that the
 * notice is withdrawn. `done` may call notices_ask. */
void notices_ask(struct notices *n, const struct notice *q,
                 void (*done)(void *ctx, const struct notice_answer *a), void *ctx);

/* Calls `done` once: with true as soon as the device is there, which may be from inside this call;
 * with false when it did not come within timeout_ms, may not be told any more (notices_dropped), or
 * the notices end. `done` may call notices_ask and notices_await. */
void notices_await(struct notices *n, const char *device, uint64_t timeout_ms,
                   void (*done)(void *ctx, bool present), void *ctx);

/* Keeps a notice of which another node was told, and for which nobody waits, as if the tunnel had
 * been opened here. */
void notices_give(struct notices *n, const struct notice *q);
/* The same of one that was handed over and could not be told. Where another one for that
 * tunnel has come meanwhile, with the token that holds, that one stays. */
void notices_give_back(struct notices *n, const struct notice *q);
/* The device is at that node now: what is kept for it is handed over there. */
void notices_hand_over(struct notices *n, const char *device, const char *node);

/* The destination of that tunnel was let in. Where the device's wire has no answers
 * (struct notice_carrier), this is the acceptance of the tunnel's notice; a kept one that was not
 * delivered is over in the same way. */
void notices_connected(struct notices *n, const char *tunnel);

/* ---- presence ---- */

struct device_presence {
    bool present;
    int64_t since; /* ms since 1970, when it came or, when it is away, left */
    const struct notice_carrier *carrier; /* by which it is, or was last, here */
    const char *address;                  /* "address:port" */
    const char *version;   /* of its agent, as it told; "" when it did not. Unchecked text */
    struct texts services; /* as it told */
    bool accepting;        /* false: it says that it rejects everything for now */
    uint64_t uptime_s;     /* of its agent, as of `told`; NOTICE_UPTIME_UNKNOWN */
    int64_t told;          /* ms since 1970 of its last status */
};
/* NULL: this hub's process has not seen the device. A view, valid until the next call here. */
const struct device_presence *notices_presence(const struct notices *n, const char *device);
size_t notices_present(const struct notices *n); /* how many devices are there */

/* ---- carriers ---- */

/* A notice as a carrier delivers it. A view. */
struct notice_delivery {
    const char *id;
    const char *tunnel, *url, *token; /* of tunnel and url one is "" */
    const struct texts *services;
    const char *service, *opened_by, *why;
    uint64_t answer_ms; /* somebody waits for the answer for so long; 0: nobody does */
    bool again;         /* another link of the device has had it */
};
struct notice_carrier {
    const char *name; /* "device-link", for programs */
    const char *wire; /* "device link", for people */
    bool tunnels;     /* it is given notices for tunnels, */
    bool streams;     /* and for streams */
    bool tells;       /* the device tells which services it has */
    bool answers;     /* the device answers; if not, its connecting is the answer */
    /* Neither calls notices from inside. False: it cannot be delivered now (no memory, too much
     * waits); it counts as a device that leaves in the middle. */
    bool (*deliver)(void *link, const struct notice_delivery *d);
    void (*withdraw)(void *link, const char *id);
};

struct device_told {
    const char *version;
    const struct texts *services;
    bool accepting;
    uint64_t uptime_s;
};
struct device_arrival {
    const char *device;
    const struct notice_carrier *carrier;
    void *link;          /* the carrier's own; identifies this presence until notices_left */
    const char *address; /* "address:port" */
    struct device_told status;
    /* An agent that does not name them is an older one: which it has lost is guessed by how long it
     * has run. */
    bool names_tunnels;
    const struct texts *tunnels; /* their ids; NULL: none */
};
/* The device is there, by that link, which replaces another one of it. What waits for it is
 * delivered from inside. False: no memory, and it is not there. */
bool notices_arrived(struct notices *n, const struct device_arrival *a);
/* The following three ignore a link that is not the device's any more. */
void notices_told(struct notices *n, const char *device, const void *link,
                  const struct device_told *s);
void notices_left(struct notices *n, const char *device, const void *link);
struct notice_reply {
    const char *id;
    bool accepted;
    enum device_code code; /* when it is not accepted */
    const char *words;     /* the same; "" for none */
};
/* What came of an answer. Those that are not NOTICE_TAKEN have changed nothing, and are counted. */
enum notice_taken {
    NOTICE_TAKEN,
    NOTICE_LATE,     /* nobody waits for it any more, or it was answered before */
    NOTICE_NOT_YOURS /* no such notice was given to this device */
};
enum notice_taken notices_answered(struct notices *n, const char *device, const void *link,
                                   const struct notice_reply *r);
/* The device is disabled, removed or has a new key: what waits for it ends (NOTICE_AWAY) and what
 * is kept is dropped. forget: its presence, too. */
void notices_dropped(struct notices *n, const char *device, bool forget);

/* ---- life ---- */

/* What happened, for audit log and monitor. */
struct notice_event {
    const char *device, *tunnel, *id;
    const char *opened_by;
    bool asked;    /* a call waits for it */
    bool answered; /* false: it was delivered; true: it is over, with `answer` */
    struct notice_answer answer;
};
struct notices_options {
    struct registry *registry; /* for tunnels' events, and rotating; outlives this */
    /* Says whether there is a device of that name that may be told, so that tunnels for other
     * things keep nothing: calls done(ctx, known, node), perhaps later. node: the other node of the
     * cluster that has its link, or NULL. NULL: all are known, and here or away. */
    void (*known)(void *owner, const char *device,
                  void (*done)(void *ctx, bool known, const char *node), void *ctx);
    /* Gives it to that node, which has the device's link; q is a view. False: it is kept here. May
     * be NULL, and calls nothing of notices. */
    bool (*hand_over)(void *owner, const char *node, const struct notice *q);
    /* Makes a new access token for a destination, terminated, of at most size - 1 bytes. */
    void (*token_new)(char *out, size_t size);
    uint64_t (*now)(void *owner); /* ms, monotonic */
    int64_t (*wall)(void *owner); /* ms since 1970 */
    /* notices_tick has something to do at that time (ms, as `now` has it). Called when that is
     * earlier than before. May be NULL. */
    void (*due)(void *owner, uint64_t at);
    void (*happened)(void *owner,
                     const struct notice_event *e); /* or NULL; must not call notices */
    void *owner;
};
struct notices *notices_new(const struct notices_options *o); /* NULL: no memory */
/* Calls each `done` that waits with NOTICE_ENDED. Must precede registry_free. NULL is fine. */
void notices_free(struct notices *n);

/* Does what is due. Returns when it has to be called again, as `now` has it; UINT64_MAX: when `due`
 * says so. */
uint64_t notices_tick(struct notices *n);

/* Upper ends of the classes of times to NOTICE_ACCEPTED, in milliseconds; one class more is
 * above the last. */
#define NOTICE_CLASSES 9
extern const uint64_t notice_class_ms[NOTICE_CLASSES];

struct notices_counts {
    uint64_t results[NOTICE_RESULTS]; /* of notices, those that nobody waited for as well */
    uint64_t delivered, expired;      /* expired: kept, and the device did not come in time */
    uint64_t late, not_yours;         /* answers that were ignored */
    uint64_t accept_ms;               /* sum of the times to NOTICE_ACCEPTED */
    uint64_t accepted_in[NOTICE_CLASSES + 1];
    size_t waiting, kept; /* now */
};
struct notices_counts notices_counts(const struct notices *n);

#endif
