/* Notices as MQTT carries them: topics, the JSON of AWS, letters for a device's link, and what the
 * link's worker tells of the device. */
#ifndef GATEWAY_HUB_MQTT_MQTT_NOTICE_H
#define GATEWAY_HUB_MQTT_MQTT_NOTICE_H

#include "core/base/buf.h"
#include "gateway/hub/devices/device_wire.h"
#include "gateway/hub/devices/notices.h"

/* A topic of which only a subscription to all streams is for: no stream has such a name. */
#define MQTT_ANY_STREAM "$iothub/streams/POST/\x01/?"
#define MQTT_ANSWERS "$iothub/streams/res/"

#define MQTT_NOTIFY_TOPIC_SIZE 160
/* "$aws/things/NAME/tunnels/notify"; name: of a device, up to 128 bytes. */
void mqtt_notify_topic(const char *name, char out[static MQTT_NOTIFY_TOPIC_SIZE]);

/* AWS's notice: {"clientAccessToken":…,"clientMode":"destination","region":…,"services":[…]}. The
 * caller wipes out. False: no memory, or out's limit. */
bool mqtt_aws_notice(struct buf *out, const struct notice_delivery *n, const char *region);

/* A PUBLISH to a device. NULL: no memory. */
struct device_letter *mqtt_letter_new(const char *topic, struct span payload, bool again);
/* The one after which its link is closed. */
struct device_letter *mqtt_letter_last(void);

/* What a worker tells of an MQTT client. */
enum mqtt_said_kind {
    MQTT_SAID_SUBSCRIBED,
    MQTT_SAID_REFUSED,
    MQTT_SAID_ANSWERED,
    MQTT_SAID_KINDS
};
struct mqtt_said {
    enum mqtt_said_kind kind;
    uint32_t topics;  /* SUBSCRIBED: to which it is now (mqtt_session.h) */
    struct span text; /* REFUSED: the filter, perhaps cut; ANSWERED: the topic */
};
#define MQTT_SAID_TEXT_MAX 256
#define MQTT_SAID_MAX (5 + MQTT_SAID_TEXT_MAX)
size_t mqtt_said_write(const struct mqtt_said *s, uint8_t out[static MQTT_SAID_MAX]);
bool mqtt_said_read(const uint8_t *p, size_t n, struct mqtt_said *out); /* a view of p */

#endif
