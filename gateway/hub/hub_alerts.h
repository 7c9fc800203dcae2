/* What the operator's command (--hook) is told: the main thread's events, and those that are worth
 * one only in sum or over time. */
#ifndef GATEWAY_HUB_HUB_ALERTS_H
#define GATEWAY_HUB_HUB_ALERTS_H

#include "gateway/hub/hooks/hooks.h"

struct hub;
struct tunnel_record;

#define HUB_ALERT_CERTIFICATE_DAYS 14

struct hub_alerts {
    struct hooks *hooks;
    uint64_t refusals;     /* so many in a minute are told */
    uint64_t minute;       /* loop_now when that minute began */
    uint64_t refused;      /* in it */
    bool store_failing;    /* told */
    uint64_t failing_from; /* loop_now */
};

/* False: no memory. */
bool hub_alerts_open(struct hub *hub);
/* As hub->o says now. */
enum err hub_alerts_set(struct hub *hub);
void hub_alerts_tick(struct hub *hub);        /* once a second */
void hub_alerts_watch(const struct hub *hub); /* the hub has another monitor */

/* gone NULL: the device has come. Not to be called for one link of several of a device. */
struct hub_alert_device {
    const char *device, *client, *wire;
    const char *reason; /* NULL: it has come */
    uint64_t seconds;   /* that it was there */
};
void hub_alert_device(struct hub *hub, const struct hub_alert_device *d);
/* why NULL: it was opened. */
void hub_alert_tunnel(struct hub *hub, const struct tunnel_record *t, const char *why);
/* Counts a refusal; the last one that counts is told, with whom it met and why. */
void hub_alert_refused(struct hub *hub, const char *client, const char *reason);
/* Tells how many days the certificate has left, if these are few. */
void hub_alert_certificate(struct hub *hub);

#endif
