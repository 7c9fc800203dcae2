/* MQTT packets as a server has them: MQTT 3.1.1 (OASIS, 29 October 2014) and the MQTT 3.1 before
 * it, which old clients speak. Bytes in, in any split, packets out; and the answers that a server
 * gives. No sockets, no clock.
 *
 * Of a PUBLISH the payload is counted and dropped: nothing that clients publish to a hub is of use
 * to it but the topic. */
#ifndef CORE_MQTT_MQTT_PACKET_H
#define CORE_MQTT_MQTT_PACKET_H

#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/base/str.h"

/* Bytes after the fixed header. The payload of a PUBLISH does not count for the first of them. */
#define MQTT_PACKET_MAX 8192
#define MQTT_PAYLOAD_MAX 1048576
#define MQTT_FILTERS_MAX 128 /* of one SUBSCRIBE or UNSUBSCRIBE */

/* Section 2.2.1. Those without a decoder below are sent by servers alone. */
enum mqtt_type {
    MQTT_CONNECT = 1,
    MQTT_CONNACK,
    MQTT_PUBLISH,
    MQTT_PUBACK,
    MQTT_PUBREC,
    MQTT_PUBREL,
    MQTT_PUBCOMP,
    MQTT_SUBSCRIBE,
    MQTT_SUBACK,
    MQTT_UNSUBSCRIBE,
    MQTT_UNSUBACK,
    MQTT_PINGREQ,
    MQTT_PINGRESP,
    MQTT_DISCONNECT
};

/* Section 3.2.2.3. */
enum mqtt_code {
    MQTT_ACCEPTED,
    MQTT_LEVEL_REFUSED,
    MQTT_ID_REFUSED,
    MQTT_UNAVAILABLE,
    MQTT_BAD_LOGIN,
    MQTT_NOT_AUTHORIZED
};

#define MQTT_SUBSCRIPTION_REFUSED 0x80 /* section 3.9.3 */

struct mqtt_connect {
    uint8_t
        level;   /* 4 (3.1.1), 3 (3.1, whose name is MQIsdp); with any other nothing else is set */
    bool bridge; /* the level's bit 0x80, by which brokers say that they are one */
    bool clean, will;
    uint16_t keepalive_s;                       /* 0: none */
    struct span client_id, user_name, password; /* p NULL: not given (never of client_id) */
};
struct mqtt_publish {
    struct span topic; /* not empty, without wildcards */
    uint8_t qos;
    bool dup, retain;
    uint16_t id;    /* 0 with QoS 0, and never else */
    size_t payload; /* bytes */
};
struct mqtt_filters { /* SUBSCRIBE and UNSUBSCRIBE */
    uint16_t id;
    size_t n;            /* 1 to MQTT_FILTERS_MAX */
    struct span filters; /* for mqtt_filter_next */
    bool with_qos;
};
struct mqtt_packet {
    enum mqtt_type type;
    union {
        struct mqtt_connect connect;
        struct mqtt_publish publish;
        struct mqtt_filters filters;
        uint16_t id; /* PUBACK, PUBREC, PUBREL, PUBCOMP */
    };
};

/* Takes the next filter off the front. It may be empty or no filter at all (mqtt_filter_valid); qos
 * is 0 to 2, and 0 for UNSUBSCRIBE. False: there is none left. */
bool mqtt_filter_next(struct mqtt_filters *f, struct span *filter, uint8_t *qos);

/* ---- reading ---- */

/* A zeroed struct is a reader at the start of a connection. Between packets it holds no memory. */
struct mqtt_reader {
    struct buf in;   /* private: the packet that is arriving, without its fixed header */
    uint32_t left;   /* private: bytes of it that are still to come */
    uint32_t size;   /* private */
    uint32_t skip;   /* private: of a PUBLISH, bytes of payload that are still to come */
    uint8_t head;    /* private: its first byte; 0: none came */
    uint8_t shift;   /* private: of the next byte of the length */
    bool sized;      /* private */
    bool done;       /* private: the packet was given out */
    enum err why;    /* after MQTT_BAD: ERR_PROTOCOL, ERR_TOO_LARGE, ERR_NO_MEMORY */
    const char *bad; /* after MQTT_BAD: what it was, in words: "it sent ..." */
};
enum mqtt_read {
    MQTT_MORE,   /* all n bytes are used, and no packet is complete */
    MQTT_PACKET, /* *out is one; its texts are valid until the next call */
    MQTT_BAD     /* the connection has to end; this stays */
};
/* Reads on in p, and sets how many bytes of it are used. */
enum mqtt_read mqtt_read(struct mqtt_reader *r, const uint8_t *p, size_t n, size_t *used,
                         struct mqtt_packet *out);
/* Wipes what it holds, since there may be a password in it. */
void mqtt_reader_free(struct mqtt_reader *r);

/* ---- writing: false when out's limit or memory does not allow it; then it is unchanged ---- */

bool mqtt_put_connack(struct buf *out, bool session_present, enum mqtt_code code);
/* PUBACK, PUBREC, PUBCOMP, UNSUBACK */
bool mqtt_put_ack(struct buf *out, enum mqtt_type type, uint16_t id);
bool mqtt_put_suback(struct buf *out, uint16_t id, const uint8_t *codes, size_t n);
bool mqtt_put_pingresp(struct buf *out);
/* p->qos 0 or 1; p->id not 0 with QoS 1; p->payload is not looked at. */
bool mqtt_put_publish(struct buf *out, const struct mqtt_publish *p, struct span payload);

#endif
