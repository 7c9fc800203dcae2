/* What a device has to say to its hub and its WebSocket has not taken yet. */
#ifndef GATEWAY_DESTINATION_DEVICE_OUTBOX_H
#define GATEWAY_DESTINATION_DEVICE_OUTBOX_H

#include "core/base/list.h"
#include "core/device/device_message.h"
#include "core/ws/ws.h"

#define DEVICE_OUTBOX_MAX 256 /* messages that wait for the hub to read */

/* The members are private. */
struct device_outbox {
    struct list messages; /* the first one may be with the WebSocket */
    size_t n;
    bool sending; /* it is */
};
void device_outbox_init(struct device_outbox *o);
/* Wipes what waits, which may hold the join token. The WebSocket must be gone. */
void device_outbox_clear(struct device_outbox *o);

/* False: it is too large, or too much waits, or there is no memory; nothing is changed. */
bool device_outbox_send(struct device_outbox *o, struct ws *ws, const struct device_message *m);
void device_outbox_writable(struct device_outbox *o, struct ws *ws); /* for ws_events.writable */

#endif
