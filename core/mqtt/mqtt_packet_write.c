#include "core/mqtt/mqtt_packet.h"

#include <string.h>

#define LENGTH_BYTES 4 /* of a fixed header at most, section 2.2.3 */

static bool put(struct buf *out, uint8_t head, const uint8_t *p, uint8_t n)
{
    uint8_t bytes[2 + 4] = {head, n};
    memcpy(bytes + 2, p, n);
    return buf_append(out, bytes, 2u + n);
}

bool mqtt_put_connack(struct buf *out, bool session_present, enum mqtt_code code)
{
    return put(out, MQTT_CONNACK << 4, (const uint8_t[]){session_present, (uint8_t)code}, 2);
}

bool mqtt_put_ack(struct buf *out, enum mqtt_type type, uint16_t id)
{
    return put(out, (uint8_t)(type << 4), (const uint8_t[]){(uint8_t)(id >> 8), (uint8_t)id}, 2);
}

bool mqtt_put_pingresp(struct buf *out)
{
    return put(out, MQTT_PINGRESP << 4, (const uint8_t[]){0}, 0);
}

/* Writes a fixed header to p, which has room for it, and returns its length. */
static size_t put_head(uint8_t *p, uint8_t head, size_t size)
{
    size_t n = 0;
    p[n++] = head;
    do {
        p[n] = size & 127;
        size >>= 7;
        p[n++] |= size > 0 ? 128 : 0;
    } while (size > 0);
    return n;
}

static size_t put_bytes(uint8_t *p, const void *from, size_t n)
{
    if (n > 0)
        memcpy(p, from, n);
    return n;
}

static size_t put_number(uint8_t *p, size_t number)
{
    p[0] = (uint8_t)(number >> 8);
    p[1] = (uint8_t)number;
    return 2;
}

bool mqtt_put_suback(struct buf *out, uint16_t id, const uint8_t *codes, size_t n)
{
    uint8_t *p = buf_room(out, 1 + LENGTH_BYTES + 2 + n);
    if (p == NULL)
        return false;
    size_t at = put_head(p, MQTT_SUBACK << 4, 2 + n);
    at += put_number(p + at, id);
    at += put_bytes(p + at, codes, n);
    buf_added(out, at);
    return true;
}

bool mqtt_put_publish(struct buf *out, const struct mqtt_publish *m, struct span payload)
{
    size_t size = 2 + m->topic.n + (m->qos > 0 ? 2 : 0) + payload.n;
    uint8_t *p = m->topic.n <= UINT16_MAX ? buf_room(out, 1 + LENGTH_BYTES + size) : NULL;
    if (p == NULL)
        return false;
    unsigned flags = (m->dup ? 8u : 0u) | (unsigned)m->qos << 1 | (m->retain ? 1u : 0u);
    size_t at = put_head(p, (uint8_t)(MQTT_PUBLISH << 4 | flags), size);
    at += put_number(p + at, m->topic.n);
    at += put_bytes(p + at, m->topic.p, m->topic.n);
    if (m->qos > 0)
        at += put_number(p + at, m->id);
    at += put_bytes(p + at, payload.p, payload.n);
    buf_added(out, at);
    return true;
}
