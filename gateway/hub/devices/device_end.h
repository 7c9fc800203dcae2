/* One device's link at a worker (device_wire.h): a WebSocket on which the device has proven who it
 * is.
 *
 * Whoever is at the other end may be hostile. It can send one message of DEVICE_LINK_MESSAGE_MAX
 * bytes at a time and few of them a second, is sent no more than DEVICE_QUEUED_MAX bytes that it
 * does not take, and is dropped when it is silent for longer than it promised. An idle link holds
 * no block and no buffer. */
#ifndef GATEWAY_HUB_DEVICES_DEVICE_END_H
#define GATEWAY_HUB_DEVICES_DEVICE_END_H

#include "core/device/hub_message.h"
#include "gateway/hub/devices/device_wire.h"

#define DEVICE_QUEUED_MAX 65536 /* bytes of letters that wait for one device */
#define DEVICE_BURST 32         /* messages that a device may send at once */
#define DEVICE_PER_NOTICE 2     /* further ones for each notice that it is sent */
/* Seconds; a device that promises another silence is taken to promise one of these. */
#define DEVICE_PING_LEAST 1
#define DEVICE_PING_MOST 3600
#define DEVICE_PING_USUAL 60 /* when it promises nothing */
/* A link is dropped after two promised silences and so long. */
#define DEVICE_SILENT_MS 10000

/* NULL: no memory, or it does not fit into a message. */
struct device_letter *device_letter_new(const struct hub_message *m);

/* The stream is a buffered one after the WebSocket's handshake. A last letter is followed by close
 * code 1008 and its text. A link is dropped without a Close frame. */
wire_end_new device_end_new;

#endif
