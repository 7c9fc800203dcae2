/* What the hub knows of one MQTT client that it has let in: its subscriptions, what was published
 * to it and not acknowledged, and how long it may be silent. Pure: packets and times in, packets
 * and events out.
 *
 * A client may subscribe to what belongs to its device. Of that only the topics of notices ever
 * bring something; others are granted as well, so that programs which need them go on. What a
 * client publishes is acknowledged and dropped, except for answers to notices. */
#ifndef GATEWAY_HUB_MQTT_MQTT_SESSION_H
#define GATEWAY_HUB_MQTT_MQTT_SESSION_H

#include "core/mqtt/mqtt_packet.h"

/* To which topics of notices a device is subscribed, and how: struct device_record.topics. */
#define MQTT_NOTIFY 0x1u       /* $aws/things/NAME/tunnels/notify */
#define MQTT_NOTIFY_ONCE 0x2u  /* with QoS 1; else with QoS 0 */
#define MQTT_STREAMS 0x4u      /* $iothub/streams/POST/# */
#define MQTT_STREAMS_ONCE 0x8u /* with QoS 1 */

#define MQTT_FLIGHT_MAX 64 /* notices that wait for an acknowledgement */
#define MQTT_ACK_S 20      /* seconds that one may wait */
#define MQTT_KEEPALIVE_MOST                                                                        \
    1800                    /* seconds; who announces more or none is taken to announce these */
#define MQTT_REFUSED_TOLD 8 /* subscriptions of one session of which `refused` tells */
#define MQTT_TOPIC_NAME_MAX                                                                        \
    256 /* bytes of a topic that `answered` tells; longer ones are dropped */

struct mqtt_session_events {
    /* It has subscribed to topics of notices, or has ended that: `topics` are those that it has
     * now. */
    void (*subscribed)(void *owner, uint32_t topics);
    void (*refused)(void *owner, struct span filter); /* it may not have that subscription */
    void (*answered)(void *owner, struct span topic); /* it published to $iothub/streams/res/ */
};

struct mqtt_session {
    const char *device;    /* its name; outlives the session */
    const char *client_id; /* the same */
    uint32_t topics;
    uint32_t keepalive_s;
    const struct mqtt_session_events *events;
    void *owner;
    /* private: */
    uint16_t last_id, n_flight;
    uint16_t n_refused;
    struct {
        uint16_t id;
        uint32_t at_s;
    } flight[MQTT_FLIGHT_MAX]; /* the oldest first */
};

/* Takes a packet that came. ERR_EOF: it was DISCONNECT. Else, when it is not ERR_OK, the client has
 * to be dropped: ERR_PROTOCOL: it may not send that; ERR_STALLED: the answer does not fit into
 * `out`. */
enum err mqtt_session_take(struct mqtt_session *s, const struct mqtt_packet *p, struct buf *out);

/* Publishes to it. The topic is one of notices, and decides with what QoS. again: it was published
 * before, to another client of the device. ERR_STALLED: too much waits already. now_s: seconds. */
enum err mqtt_session_publish(struct mqtt_session *s, struct span topic, struct span payload,
                              bool again, uint32_t now_s, struct buf *out);

/* ERR_SILENT: nothing came since heard_s for too long; ERR_STALLED: it does not acknowledge. */
enum err mqtt_session_check(const struct mqtt_session *s, uint32_t heard_s, uint32_t now_s);

#endif
