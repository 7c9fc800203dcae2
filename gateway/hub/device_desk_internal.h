/* Private to device_desk*.c: devices' links as the main thread sees them. */
#ifndef GATEWAY_HUB_DEVICE_DESK_INTERNAL_H
#define GATEWAY_HUB_DEVICE_DESK_INTERNAL_H

#include "core/device/device_message.h"
#include "gateway/hub/azure/azure_login.h"
#include "gateway/hub/azure/azure_topics.h"
#include "gateway/hub/device_desk.h"
#include "gateway/hub/hub_internal.h"

/* One name's links: the device link that is the device's, its MQTT clients, those on their way to
 * it, and those that were sent away and have not come back. */
struct device_seat {
    struct list links;
    struct desk_link *current; /* the device link; NULL: there is none */
    /* By which the notices reach the device, and their carrier; NULL: they do not. */
    struct desk_link *noticed;
    const struct notice_carrier *carrier;
    /* MQTT: */
    bool topics_known;    /* from the device's record */
    uint32_t topics;      /* to which the device is subscribed, also while it is away */
    struct list idle;     /* in device_desk.idle while there is no link */
    uint64_t window_from; /* loop_now when `connects` began to count */
    unsigned connects;    /* clients that were let in since then */
    char name[];          /* the key in device_desk.seats */
};

struct desk_link {
    struct list node; /* in its seat */
    struct device_desk *desk;
    struct device_seat *seat;
    uint64_t serial; /* the key in device_desk.links */
    enum device_wire wire;
    size_t worker;
    uint64_t since; /* loop_now when it was let in */
    char client[80];
    bool here;    /* its worker has it, or is about to get it */
    bool pending; /* an operator has to approve the device first */
    bool dismissed;
    bool enrolled; /* just now */
    bool shown;    /* it was told as present */
    /* Of notices by this link; NULL: it has none, as an MQTT client that has not subscribed. */
    const struct notice_carrier *carrier;
    /* MQTT: */
    char *client_id;
    uint32_t topics;     /* to which it is subscribed, or was before it came */
    uint64_t subscribed; /* the number of its last subscription at the desk; 0: before it came */
    struct azure_rids rids;
    /* What the device told last, with memory of its own. */
    struct device_told told;
    struct texts services;
    struct texts tunnels; /* as its Hello named them */
    bool names_tunnels;
};

struct device_desk {
    struct hub *hub;
    bool approve_all, ended;
    struct notices *notices;
    struct timer *timer; /* for the notices */
    struct device_subscriber subscriber;
    struct map links; /* struct desk_link by serial */
    /* device_desk_stand_in; NULL until it is called */
    void (*stand_in)(struct bridge_desk *b, const struct inner_destination *q,
                     void (*done)(void *ctx, enum err why), void *ctx);
    struct map seats; /* struct device_seat by name */
    struct azure_logins logins;
    struct list idle;   /* seats without links, the longest idle first */
    struct list inners; /* tunnels whose destination the hub is to be */
    struct list cuts;   /* questions to the registry of tunnels */
    uint64_t serial, subscriptions;
    size_t mqtt_sessions;
    uint64_t mqtt_refused;        /* subscriptions */
    size_t load[HUB_MAX_WORKERS]; /* links at each worker, and on their way there */
    uint64_t enrolments[ENROL_COUNT];
    uint64_t links_ended;
};

/* ---- device_desk_links.c ---- */

struct device_seat *seat_find(const struct device_desk *d, const char *name);
/* Frees those without links; there are no links any more. */
void desk_seats_free(struct device_desk *d);
struct desk_link *desk_link_find(const struct device_desk *d, uint64_t serial);
/* A link that is let in; its ticket is in *ticket. NULL: no memory. */
struct desk_link *desk_link_new(struct device_desk *d, const char *name, enum device_wire wire,
                                const char *client, struct device_ticket **ticket);
void desk_link_free(struct desk_link *l);
/* Keeps what a device link's Hello says. False: no memory. */
bool desk_link_hello(struct desk_link *l, const struct device_hello *hello);
/* Keeps what the device told. Without memory all stays as it was. */
void desk_link_told(struct desk_link *l, const struct device_status *s);
void desk_link_welcome(const struct desk_link *l);
/* Sends it away: it is not the device's any more. desk_seat_settle has to follow. */
void desk_link_dismiss(struct desk_link *l, enum device_reason reason);
/* Its letter; NULL is logged, as no memory. False: NULL. */
bool desk_link_post(const struct desk_link *l, struct device_letter *letter);
/* Lets notices use the link that is the best now: the device link, else the MQTT client that has
 * subscribed last. To be called when one comes, goes or changes. */
void desk_seat_settle(struct device_desk *d, struct device_seat *s);

/* Copies up to DEVICE_SERVICES_MAX services. False: no memory. */
bool desk_services(struct texts *out, const struct device_status *s);

/* ---- device_desk_mqtt.c ---- */

#define MQTT_PER_DEVICE 8 /* clients of one device; one more takes the place of the oldest */
#define MQTT_CONNECTS 6   /* of one device in MQTT_WINDOW_MS; more of them have to wait */
#define MQTT_WINDOW_MS 10000
#define MQTT_DELAY_MS 2500 /* less than the 3 s after which AWS's clients give up */
/* It is at its worker: older ones with its client id have to go. */
void desk_mqtt_arrive(struct desk_link *l);
void desk_mqtt_said(struct desk_link *l, const uint8_t *p, size_t n);

/* ---- device_desk_inner.c ---- */

/* The notice of a tunnel, for a device that is told of streams only. False: no memory. */
bool desk_inner_deliver(const struct desk_link *l, const struct notice_delivery *n);
/* Ends those that are not the hub's yet; the answers of others may still come. */
void desk_forget_inners(struct device_desk *d);

/* ---- device_desk_reply.c ---- */

/* Answers DEVICE_HELLO or MQTT_HELLO. */
struct desk_reply {
    size_t worker;
    uint64_t pending_id;
    struct device_ticket *ticket; /* NULL: refused */
    enum device_reason reason;
    enum mqtt_code code;
    uint64_t delay_ms;
};
void desk_reply(struct hub *hub, const struct desk_reply *r);
/* The address without its port: "192.0.2.7:4000", "[::1]:4000". */
void desk_address(const char *client, char *out, size_t size);

/* ---- device_desk_notices.c ---- */

/* Makes the notices and their timer. False: no memory; the timer may be there. */
bool desk_open_notices(struct device_desk *d);

/* ---- device_desk_events.c: devices that change ---- */

extern const struct device_events desk_device_events;
/* Ends the questions to the registry of tunnels; their answers may still come. */
void desk_forget_cuts(struct device_desk *d);

/* ---- device_desk_audit.c ---- */

void desk_audit_enrolled(const struct hub *hub, const struct device_record *r, const char *client);
void desk_audit_refused(struct hub *hub, struct span name, const char *client,
                        enum enrol_result result);
/* Notes that it is told as present; g: it is gone. */
void desk_audit_presence(struct desk_link *l, const struct device_gone *g);
void desk_audit_notice(const struct hub *hub, const struct notice_event *e);
/* A device that broke the rules of its link: it is logged once per while. */
void desk_note_misbehaved(struct hub *hub, const char *client, const char *name, enum err why,
                          const char *text);

#endif
