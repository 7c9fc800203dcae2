#include "gateway/hub/mqtt/mqtt_session.h"

#include "core/mqtt/mqtt_topic.h"
#include "gateway/hub/mqtt/mqtt_notice.h"

#include <string.h>

/* ---- topics ---- */

static bool begins(struct span s, const char *with)
{
    size_t n = strlen(with);
    return s.n >= n && memcmp(s.p, with, n) == 0;
}

/* Which topics of notices a filter is for: MQTT_NOTIFY and MQTT_STREAMS. */
static uint32_t topics_of(const struct mqtt_session *s, struct span filter)
{
    char notify[MQTT_NOTIFY_TOPIC_SIZE];
    mqtt_notify_topic(s->device, notify);
    return (mqtt_filter_matches(filter, span_of(notify)) ? MQTT_NOTIFY : 0) |
           (mqtt_filter_matches(filter, span_of(MQTT_ANY_STREAM)) ? MQTT_STREAMS : 0);
}

/* Whether all that the filter is for belongs to the device. */
static bool is_own(const struct mqtt_session *s, struct span filter)
{
    static const char *const spaces[] = {"$aws/things/", "devices/"};
    const char *const names[] = {s->device, s->client_id};
    for (size_t i = 0; i < sizeof spaces / sizeof *spaces; i++) {
        struct span rest = filter, name = span_of(names[i]);
        if (!begins(filter, spaces[i]))
            continue;
        rest.p += strlen(spaces[i]);
        rest.n -= strlen(spaces[i]);
        name = span_cut(&name, '/'); /* a module's topics are below its device's */
        if (name.n > 0 && span_equal(span_cut(&rest, '/'), name))
            return true;
    }
    return begins(filter, "$iothub/");
}

/* ---- what comes ---- */

/* QoS 1 has the next bit. */
static uint32_t with_qos(uint32_t topics, uint8_t qos)
{
    return topics | (qos > 0 ? topics << 1 : 0);
}

static uint8_t subscribe(struct mqtt_session *s, struct span filter, uint8_t qos, uint32_t *topics)
{
    uint32_t wanted = mqtt_filter_valid(filter) ? topics_of(s, filter) : 0;
    if (wanted == 0 && (!mqtt_filter_valid(filter) || !is_own(s, filter))) {
        if (s->n_refused < MQTT_REFUSED_TOLD)
            s->events->refused(s->owner, filter);
        s->n_refused++;
        return MQTT_SUBSCRIPTION_REFUSED;
    }
    *topics = (*topics & ~(wanted | wanted << 1)) | with_qos(wanted, qos);
    return qos > 0 ? 1 : 0;
}

static enum err on_subscribe(struct mqtt_session *s, struct mqtt_filters f, struct buf *out)
{
    uint8_t codes[MQTT_FILTERS_MAX], qos;
    struct span filter;
    uint32_t topics = s->topics, named = 0;
    size_t n = 0;
    while (n < MQTT_FILTERS_MAX && mqtt_filter_next(&f, &filter, &qos)) {
        codes[n] = subscribe(s, filter, qos, &topics);
        if (codes[n++] != MQTT_SUBSCRIPTION_REFUSED)
            named |= topics_of(s, filter);
    }
    if (!mqtt_put_suback(out, f.id, codes, n))
        return ERR_STALLED;
    s->topics = topics;
    if (named != 0)
        s->events->subscribed(s->owner, topics);
    return ERR_OK;
}

static enum err on_unsubscribe(struct mqtt_session *s, struct mqtt_filters f, struct buf *out)
{
    struct span filter;
    uint8_t qos;
    uint32_t topics = s->topics;
    while (mqtt_filter_next(&f, &filter, &qos)) {
        uint32_t ended = mqtt_filter_valid(filter) ? topics_of(s, filter) : 0;
        topics &= ~(ended | ended << 1);
    }
    if (!mqtt_put_ack(out, MQTT_UNSUBACK, f.id))
        return ERR_STALLED;
    if (topics == s->topics)
        return ERR_OK;
    s->topics = topics;
    s->events->subscribed(s->owner, topics);
    return ERR_OK;
}

static enum err on_publish(struct mqtt_session *s, const struct mqtt_publish *p, struct buf *out)
{
    static const enum mqtt_type acks[] = {0, MQTT_PUBACK, MQTT_PUBREC};
    if (p->qos > 0 && !mqtt_put_ack(out, acks[p->qos], p->id))
        return ERR_STALLED;
    if (begins(p->topic, MQTT_ANSWERS) && p->topic.n <= MQTT_TOPIC_NAME_MAX)
        s->events->answered(s->owner, p->topic);
    return ERR_OK;
}

static enum err on_ack(struct mqtt_session *s, uint16_t id)
{
    for (size_t i = 0; i < s->n_flight; i++) {
        if (s->flight[i].id != id)
            continue;
        s->n_flight--;
        memmove(&s->flight[i], &s->flight[i + 1], (s->n_flight - i) * sizeof *s->flight);
        break;
    }
    return ERR_OK;
}

enum err mqtt_session_take(struct mqtt_session *s, const struct mqtt_packet *p, struct buf *out)
{
    switch (p->type) {
    case MQTT_SUBSCRIBE:
        return on_subscribe(s, p->filters, out);
    case MQTT_UNSUBSCRIBE:
        return on_unsubscribe(s, p->filters, out);
    case MQTT_PUBLISH:
        return on_publish(s, &p->publish, out);
    case MQTT_PUBREL:
        return mqtt_put_ack(out, MQTT_PUBCOMP, p->id) ? ERR_OK : ERR_STALLED;
    case MQTT_PUBACK:
        return on_ack(s, p->id);
    case MQTT_PINGREQ:
        return mqtt_put_pingresp(out) ? ERR_OK : ERR_STALLED;
    case MQTT_DISCONNECT:
        return ERR_EOF;
    default:
        return ERR_PROTOCOL;
    }
}

/* ---- what goes ---- */

static uint16_t next_id(struct mqtt_session *s)
{
    s->last_id = s->last_id == UINT16_MAX ? 1 : (uint16_t)(s->last_id + 1);
    for (size_t i = 0; i < s->n_flight; i++)
        if (s->flight[i].id == s->last_id)
            return next_id(s); /* n_flight times at most */
    return s->last_id;
}

enum err mqtt_session_publish(struct mqtt_session *s, struct span topic, struct span payload,
                              bool again, uint32_t now_s, struct buf *out)
{
    uint32_t once = begins(topic, "$aws/") ? MQTT_NOTIFY_ONCE : MQTT_STREAMS_ONCE;
    struct mqtt_publish m = {.topic = topic, .qos = (s->topics & once) != 0};
    if (m.qos > 0 && s->n_flight == MQTT_FLIGHT_MAX)
        return ERR_STALLED;
    if (m.qos > 0) {
        m.id = next_id(s);
        m.dup = again;
    }
    if (!mqtt_put_publish(out, &m, payload))
        return ERR_STALLED;
    if (m.qos > 0) {
        s->flight[s->n_flight].id = m.id;
        s->flight[s->n_flight++].at_s = now_s;
    }
    return ERR_OK;
}

enum err mqtt_session_check(const struct mqtt_session *s, uint32_t heard_s, uint32_t now_s)
{
    uint32_t most = s->keepalive_s;
    if (most == 0 || most > MQTT_KEEPALIVE_MOST)
        most = MQTT_KEEPALIVE_MOST;
    if (now_s - heard_s > most + most / 2)
        return ERR_SILENT;
    if (s->n_flight > 0 && now_s - s->flight[0].at_s > MQTT_ACK_S)
        return ERR_STALLED;
    return ERR_OK;
}
