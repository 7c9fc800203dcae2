/* One MQTT client at a worker (devices/device_wire.h), which has been let in: it is sent CONNACK,
 * and from then on has a session (mqtt_session.h).
 *
 * Whoever is at the other end may be hostile. It may send so much in a second, and is read no
 * further until the next; it is sent no more than MQTT_QUEUED_MAX bytes that it does not take, and
 * is dropped when it is silent for longer than it promised, or does not acknowledge. An idle client
 * holds no block and no buffer. */
#ifndef GATEWAY_HUB_MQTT_MQTT_END_H
#define GATEWAY_HUB_MQTT_MQTT_END_H

#include "gateway/hub/devices/device_wire.h"

#define MQTT_QUEUED_MAX 65536 /* bytes that wait for one client */
/* What a client may send: so many units in a second, and so many at once. A packet costs one and
 * one more for each MQTT_UNIT bytes; one that the hub has to think about, MQTT_COSTLY. */
#define MQTT_RATE 100
#define MQTT_BURST 400
#define MQTT_UNIT 4096
#define MQTT_COSTLY 20

/* The stream is between CONNECT and the next packet. The ticket has wire DEVICE_WIRE_MQTT, and the
 * client's keep-alive as ping_s; what is said are struct mqtt_said (mqtt_notice.h). */
wire_end_new mqtt_end_new;

#endif
