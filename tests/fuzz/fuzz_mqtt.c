/* MQTT packets. The oracle: bytes fed whole and fed in pieces give the same packets and the same
 * error; what is given out keeps to its limits; and a topic matches itself. Input: one byte that
 * decides the pieces, then what the client sent. */
#include "core/mqtt/mqtt_packet.h"
#include "core/mqtt/mqtt_topic.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition))                                                                          \
            abort();                                                                               \
    } while (0)

static unsigned next_random(unsigned *seed)
{
    *seed = *seed * 1103515245u + 12345u;
    return *seed >> 16;
}

static void note_text(struct buf *log, struct span s)
{
    MUST(s.p != NULL || s.n == 0);
    MUST(buf_printf(log, "[%zu:", s.n));
    if (s.n > 0)
        MUST(buf_append(log, s.p, s.n));
}

static void note_filters(struct buf *log, struct mqtt_filters f)
{
    struct span filter;
    uint8_t qos;
    size_t n = 0;
    MUST(f.id > 0 && f.n > 0 && f.n <= MQTT_FILTERS_MAX);
    for (; mqtt_filter_next(&f, &filter, &qos); n++) {
        MUST(qos <= 2);
        note_text(log, filter);
        if (mqtt_topic_valid(filter))
            MUST(mqtt_filter_valid(filter) && mqtt_filter_matches(filter, filter));
    }
    MUST(n == f.n);
}

static void note(struct buf *log, const struct mqtt_packet *p)
{
    MUST(buf_printf(log, "<%d", (int)p->type));
    if (p->type == MQTT_CONNECT) {
        const struct mqtt_connect *c = &p->connect;
        MUST(buf_printf(log, " %d %d %d", c->level, c->clean, c->keepalive_s));
        note_text(log, c->client_id);
        note_text(log, c->user_name);
        note_text(log, c->password);
        MUST(c->client_id.p != NULL && (c->password.p == NULL || c->user_name.p != NULL));
    } else if (p->type == MQTT_PUBLISH) {
        MUST(p->publish.qos <= 2 && (p->publish.qos > 0) == (p->publish.id > 0));
        MUST(mqtt_topic_valid(p->publish.topic));
        note_text(log, p->publish.topic);
        MUST(buf_printf(log, " %zu", p->publish.payload));
    } else if (p->type == MQTT_SUBSCRIBE || p->type == MQTT_UNSUBSCRIBE) {
        note_filters(log, p->filters);
    }
}

/* Returns what came of the bytes, as text. seed 0: fed whole. */
static struct buf run(const uint8_t *p, size_t n, unsigned seed)
{
    struct buf log = {.limit = SIZE_MAX};
    struct mqtt_reader r = {0};
    struct mqtt_packet out;
    enum mqtt_read what = MQTT_MORE;
    for (size_t at = 0; at < n && what != MQTT_BAD;) {
        size_t piece = seed == 0 ? n - at : 1 + next_random(&seed) % 9, used;
        piece = piece < n - at ? piece : n - at;
        what = mqtt_read(&r, p + at, piece, &used, &out);
        MUST(used <= piece && (what != MQTT_MORE || used == piece));
        MUST(r.in.size <= MQTT_PACKET_MAX);
        at += used;
        if (what == MQTT_PACKET)
            note(&log, &out);
    }
    if (what == MQTT_BAD)
        MUST(buf_printf(&log, "!%d %s", (int)r.why, r.bad));
    mqtt_reader_free(&r);
    return log;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct buf a = run(data + 1, size - 1, 0);
    struct buf b = run(data + 1, size - 1, 1u + data[0]);
    MUST(a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0));
    buf_free(&a);
    buf_free(&b);
    return 0;
}
