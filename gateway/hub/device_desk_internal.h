/* Private to device_desk*.c: devices' links as the main thread sees them. */
#ifndef GATEWAY_HUB_DEVICE_DESK_INTERNAL_H
#define GATEWAY_HUB_DEVICE_DESK_INTERNAL_H

#include "core/device/device_message.h"
#include "gateway/hub/device_desk.h"
#include "gateway/hub/hub_internal.h"

/* One name's links: the one that is the device's, those on their way to it, and those that were
 * sent away and have not come back. */
struct device_seat {
    struct list links;
    struct desk_link *current; /* NULL: the device is not here */
    char name[];               /* the key in device_desk.seats */
};

struct desk_link {
    struct list node; /* in its seat */
    struct device_desk *desk;
    struct device_seat *seat;
    uint64_t serial; /* the key in device_desk.links */
    size_t worker;
    uint64_t since; /* loop_now when it was let in */
    char client[80];
    bool here;    /* its worker has it, or is about to get it */
    bool pending; /* an operator has to approve the device first */
    bool dismissed;
    bool enrolled; /* just now */
    /* What the device told last, with memory of its own. */
    struct device_told told;
    struct texts services;
    struct texts tunnels; /* as its Hello named them */
    bool names_tunnels;
};

/* A question to the registry of devices that may outlive the desk. */
struct desk_reading {
    struct device_desk *desk; /* NULL: it is gone */
};

struct device_desk {
    struct hub *hub;
    bool approve_all, ended;
    struct notices *notices;
    struct timer *timer; /* for the notices */
    struct device_subscriber subscriber;
    struct map links;             /* struct desk_link by serial */
    struct map seats;             /* struct device_seat by name */
    struct map keyed;             /* names of devices that have a key */
    struct desk_reading *reading; /* NULL: they are all known */
    struct list cuts;             /* questions to the registry of tunnels */
    uint64_t serial;
    size_t load[HUB_MAX_WORKERS]; /* links at each worker, and on their way there */
    uint64_t enrolments[ENROL_COUNT];
    uint64_t links_ended;
};

/* ---- device_desk_links.c ---- */

struct device_seat *seat_find(const struct device_desk *d, const char *name);
struct desk_link *desk_link_find(const struct device_desk *d, uint64_t serial);
/* A link that is let in; its ticket is in *ticket. NULL: no memory. */
struct desk_link *desk_link_new(struct device_desk *d, const char *name, const char *client,
                                const struct device_hello *hello, struct device_ticket **ticket);
void desk_link_free(struct desk_link *l);
/* Keeps what the device told. Without memory all stays as it was. */
void desk_link_told(struct desk_link *l, const struct device_status *s);
void desk_link_welcome(const struct desk_link *l);
/* Sends it away: it is not the device's any more. */
void desk_link_dismiss(struct desk_link *l, enum device_reason reason);
/* It is the device's from now on, unless it is pending. */
void desk_link_arrive(struct desk_link *l);

/* Copies up to DEVICE_SERVICES_MAX services. False: no memory. */
bool desk_services(struct texts *out, const struct device_status *s);

/* ---- device_desk_notices.c ---- */

/* Makes the notices and their timer. False: no memory; the timer may be there. */
bool desk_open_notices(struct device_desk *d);

/* ---- device_desk_events.c: devices that change ---- */

extern const struct device_events desk_device_events;
/* Ends the questions to the registry of tunnels; their answers may still come. */
void desk_forget_cuts(struct device_desk *d);

/* ---- device_desk_keyed.c ---- */

/* Learns which devices have keys. False: no memory. */
bool desk_keyed_read(struct device_desk *d);
/* Its record is like that now; there: false when it is gone. */
void desk_keyed_changed(struct device_desk *d, const struct device_record *r, bool there);
void desk_keyed_free(struct device_desk *d);

/* ---- device_desk_audit.c ---- */

void desk_audit_enrolled(const struct hub *hub, const struct device_record *r, const char *client);
void desk_audit_refused(struct hub *hub, struct span name, const char *client,
                        enum enrol_result result);
void desk_audit_presence(const struct desk_link *l, const struct device_gone *g);
void desk_audit_notice(const struct hub *hub, const struct notice_event *e);
/* A device that broke the rules of its link: it is logged once per while. */
void desk_note_misbehaved(struct hub *hub, const char *client, const char *name, enum err why,
                          const char *text);

#endif
