/* The main thread's part in the life of devices' links: who is let in, where each link lives, what
 * devices say and are told, and what has to go when a device is disabled or removed. It is the
 * carriers "device-link" and "mqtt-…" of notices. */
#ifndef GATEWAY_HUB_DEVICE_DESK_H
#define GATEWAY_HUB_DEVICE_DESK_H

#include "gateway/hub/devices/device_registry.h"
#include "gateway/hub/devices/notices.h"

struct buf;
struct device_desk;
struct hub;

/* The hub's registries must be there, and stay until device_desk_free. approve_all: new devices are
 * pending, whatever their invitations say. NULL: no memory. */
struct device_desk *device_desk_new(struct hub *hub, bool approve_all);
/* Ends all notices, and hears no event any more. Must precede registry_free; links may still come
 * back, with device_desk_gone, until device_desk_free. NULL is fine for both. */
void device_desk_end(struct device_desk *d);
void device_desk_free(struct device_desk *d);

/* The destination of that tunnel was let in. */
void device_desk_connected(struct device_desk *d, const char *tunnel);
void device_desk_approve(struct device_desk *d, bool approve_all);
/* How the hub becomes the destination of a tunnel in the place of a device that has streams only:
 * bridge_desk_destination. */
struct bridge_desk;
struct inner_destination;
void device_desk_stand_in(struct device_desk *d,
                          void (*become)(struct bridge_desk *b, const struct inner_destination *q,
                                         void (*done)(void *ctx, enum err why), void *ctx));
struct notices *device_desk_notices(const struct device_desk *d);
/* Shows the devices to those who watch; m outlives the desk, or watches no more before it goes. */
struct monitor;
void device_desk_watch(struct device_desk *d, struct monitor *m);
void device_desk_metrics(const struct device_desk *d, struct buf *out);

/* The receivers of DEVICE_HELLO, MQTT_HELLO, DEVICE_OUT, DEVICE_SAID and DEVICE_GONE. Each takes
 * its message over. */
void device_desk_hello(struct hub *hub, void *message);
void device_desk_mqtt(struct hub *hub, void *message);
void device_desk_out(struct hub *hub, void *message);
void device_desk_said(struct hub *hub, void *message);
void device_desk_gone(struct hub *hub, void *message);

#endif
