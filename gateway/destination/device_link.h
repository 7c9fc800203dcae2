/* A device's link to its hub: connects and proves who the device is, is told of notices and
 * answers them, tells what the device serves, and does all that again when the link is lost, with
 * exponential back-off and jitter. */
#ifndef GATEWAY_DESTINATION_DEVICE_LINK_H
#define GATEWAY_DESTINATION_DEVICE_LINK_H

#include "core/config/hub_config.h"
#include "core/device/device_identity.h"
#include "core/device/device_message.h"
#include "core/device/hub_message.h"
#include "core/net/loop.h"
#include "core/tls/tls.h"

struct device_link;

struct device_link_options {
    struct loop *loop;
    const char *user_agent; /* static */
    const char *version;    /* of the program; static */
    const char *name;       /* the device's; "": the hub takes it from the certificate; copied */
    const struct device_key *key; /* NULL: the certificate says who it is; copied */
    bool enrolled;                /* It was welcome once: nothing that a hub says is final. */

    /* What device_link_change takes. */
    const struct hub_config *hub; /* all that the link needs is copied */
    bool fixed_pings;             /* hub->ping_ms is the period, and does not grow */
    const char *join_token;       /* NULL: none; copied */
    const struct trust *trust;    /* must outlive the link, or the next change */
    struct identity *identity;    /* for a hub that asks, or NULL; a reference is held */
};

/* Texts are sentences of printable ASCII. The link may be freed from inside none of these. */
struct device_link_events {
    /* Fills in services and accepting of what the hub is told; texts must live until the end of
     * this iteration of the loop. */
    void (*status)(void *owner, struct device_status *out);
    /* Fills in the ids of the tunnels that there are; they must live as long. Returns how many. */
    size_t (*tunnels)(void *owner, struct span out[DEVICE_LINK_TUNNELS_MAX]);
    /* The hub knows the device. pending: an operator has to approve it, and it is welcome once more
     * then. enrolled: for the first time. */
    void (*welcome)(void *owner, struct span name, bool enrolled, bool pending);
    void (*notice)(void *owner, const struct hub_notice *n); /* views */
    void (*withdrawn)(void *owner, struct span id);
    /* It will try again. reason: the hub's, or DEVICE_REASON_UNKNOWN. */
    void (*down)(void *owner, enum err why, enum device_reason reason, const char *text);
    /* It will not: a device that was never enrolled was refused. */
    void (*finished)(void *owner, enum device_reason reason, const char *text);
};

/* Connects as soon as the loop runs. NULL: *why (no memory, or the web proxy's URL). */
struct device_link *device_link_new(const struct device_link_options *o,
                                    const struct device_link_events *events, void *owner,
                                    enum err *why);
/* Goes on by other options. A link that is up stays so unless the way to the hub is another. As
 * device_link_new's errors, without effect. */
enum err device_link_change(struct device_link *l, const struct device_link_options *o);
void device_link_free(struct device_link *l); /* NULL is fine */

/* The status is another: tells the hub when it is up. */
void device_link_tell(struct device_link *l);
/* Answers a notice. An answer that cannot leave is lost with the link, and the hub asks again. */
void device_link_answer(struct device_link *l, struct span id, bool accepted, enum device_code code,
                        struct span why);

enum device_link_phase {
    DEVICE_LINK_CONNECTING,
    DEVICE_LINK_PENDING, /* up, and not approved */
    DEVICE_LINK_UP,
    DEVICE_LINK_WAITING, /* for its next try */
    DEVICE_LINK_OVER
};
struct device_link_info {
    enum device_link_phase phase;
    uint64_t since_ms;      /* loop_now when this began; tries that fail change nothing */
    uint64_t retry_ms;      /* WAITING: loop_now of the next try */
    uint64_t round_trip_us; /* of the last ping; 0: not known */
    uint64_t connections;   /* made since the start */
    uint64_t ping_ms;       /* the period now */
    enum err why;           /* the last failure; OK: none since it was up */
    const char *text;       /* the same as a sentence; lives until the next event */
    bool repeated;          /* the failure before was the same one, word by word */
    const char *refusal;    /* WAITING: the hub is there and has refused the device for that reason;
                               NULL: it has not. Static */
};
struct device_link_info device_link_info(const struct device_link *l);

/* The TLS session to resume by other connections to the same hub (struct link_options). */
const struct tls_session *device_link_session(const struct device_link *l);

#endif
