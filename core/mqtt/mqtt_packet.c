#include "core/mqtt/mqtt_packet.h"

#include "core/mqtt/mqtt_topic.h"

#include <string.h>

#define LENGTH_BYTES 4 /* of a fixed header at most, section 2.2.3 */
/* Section 3.1.2.3 */
#define FLAG_RESERVED 0x01
#define FLAG_CLEAN 0x02
#define FLAG_WILL 0x04
#define FLAG_WILL_QOS 0x18
#define FLAG_WILL_RETAIN 0x20
#define FLAG_PASSWORD 0x40
#define FLAG_USER_NAME 0x80
#define LEVEL_BRIDGE 0x80

/* ---- pieces of a packet ---- */

struct reader {
    const uint8_t *p;
    size_t n;
    bool bad; /* it is shorter than it says */
};

static uint8_t take_byte(struct reader *r)
{
    if (r->n == 0) {
        r->bad = true;
        return 0;
    }
    r->n--;
    return *r->p++;
}

static uint16_t take_number(struct reader *r)
{
    unsigned high = take_byte(r);
    return (uint16_t)(high << 8 | take_byte(r));
}

static struct span take_bytes(struct reader *r)
{
    size_t n = take_number(r);
    if (r->bad || n > r->n) {
        r->bad = true;
        return (struct span){"", 0};
    }
    struct span s = {(const char *)r->p, n};
    r->p += n;
    r->n -= n;
    return s;
}

static struct span take_text(struct reader *r)
{
    struct span s = take_bytes(r);
    r->bad = r->bad || !mqtt_text_valid(s);
    return s;
}

/* ---- packets ---- */

/* What follows in a CONNECT of a level that is known. */
static const char *connect_rest(struct reader *r, uint8_t flags, struct mqtt_connect *c)
{
    bool bad_will = (flags & FLAG_WILL_QOS) == FLAG_WILL_QOS ||
                    (!(flags & FLAG_WILL) && (flags & (FLAG_WILL_QOS | FLAG_WILL_RETAIN)));
    bool lone_password = (flags & FLAG_PASSWORD) && !(flags & FLAG_USER_NAME);
    if ((flags & FLAG_RESERVED) || bad_will || lone_password)
        return "a CONNECT with flags that do not go together";
    c->clean = (flags & FLAG_CLEAN) != 0;
    c->will = (flags & FLAG_WILL) != 0;
    c->keepalive_s = take_number(r);
    c->client_id = take_text(r);
    if (c->will) {
        (void)take_text(r);
        (void)take_bytes(r);
    }
    if (flags & FLAG_USER_NAME)
        c->user_name = take_text(r);
    if (flags & FLAG_PASSWORD)
        c->password = take_bytes(r);
    return NULL;
}

static const char *decode_connect(struct reader *r, struct mqtt_packet *out)
{
    struct span name = take_bytes(r);
    uint8_t level = take_byte(r), flags = 0;
    bool old = span_is(name, "MQIsdp");
    out->connect = (struct mqtt_connect){.level = level & (uint8_t)~LEVEL_BRIDGE,
                                         .bridge = (level & LEVEL_BRIDGE) != 0,
                                         .client_id = {"", 0}};
    if (r->bad || !(old || span_is(name, "MQTT")))
        return "a CONNECT of another protocol";
    if (out->connect.level != (old ? 3 : 4)) {
        out->connect.level =
            out->connect.level == 4 || out->connect.level == 3 ? 0 : out->connect.level;
        r->n = 0; /* what follows is not ours to understand */
        return NULL;
    }
    flags = take_byte(r);
    return connect_rest(r, flags, &out->connect);
}

static const char *decode_publish(struct reader *r, uint8_t flags, struct mqtt_packet *out)
{
    struct mqtt_publish *p = &out->publish;
    *p = (struct mqtt_publish){.topic = take_bytes(r),
                               .qos = flags >> 1 & 3,
                               .dup = (flags & 8) != 0,
                               .retain = (flags & 1) != 0};
    if (p->qos == 3)
        return "a PUBLISH of QoS 3";
    if (p->qos > 0)
        p->id = take_number(r);
    if (!r->bad && p->qos > 0 && p->id == 0)
        return "a packet without an identifier";
    if (!r->bad && !mqtt_topic_valid(p->topic))
        return "a PUBLISH to what is no topic";
    p->payload = r->n;
    r->n = 0;
    return NULL;
}

bool mqtt_filter_next(struct mqtt_filters *f, struct span *filter, uint8_t *qos)
{
    struct reader r = {(const uint8_t *)f->filters.p, f->filters.n, false};
    if (r.n == 0)
        return false;
    *filter = take_bytes(&r);
    *qos = f->with_qos ? take_byte(&r) : 0;
    f->filters = (struct span){(const char *)r.p, r.n};
    return !r.bad;
}

static const char *decode_filters(struct reader *r, bool with_qos, struct mqtt_packet *out)
{
    struct mqtt_filters *f = &out->filters;
    *f = (struct mqtt_filters){.id = take_number(r), .with_qos = with_qos};
    f->filters = (struct span){(const char *)r->p, r->n};
    if (!r->bad && f->id == 0)
        return "a packet without an identifier";
    while (r->n > 0 && !r->bad) {
        (void)take_bytes(r);
        if (with_qos && take_byte(r) > 2)
            return "a subscription of QoS 3";
        f->n++;
    }
    if (!r->bad && f->n == 0)
        return "a packet without a topic filter";
    return f->n > MQTT_FILTERS_MAX ? "more topic filters than a packet may have" : NULL;
}

static const char *decode_id(struct reader *r, struct mqtt_packet *out)
{
    out->id = take_number(r);
    return !r->bad && out->id == 0 ? "a packet without an identifier" : NULL;
}

static const char *decode(uint8_t head, const struct buf *in, struct mqtt_packet *out)
{
    struct reader r = {in->data, in->size, false};
    const char *bad = NULL;
    out->type = head >> 4;
    switch (out->type) {
    case MQTT_CONNECT:
        bad = decode_connect(&r, out);
        break;
    case MQTT_PUBLISH:
        bad = decode_publish(&r, head & 15, out);
        break;
    case MQTT_SUBSCRIBE:
    case MQTT_UNSUBSCRIBE:
        bad = decode_filters(&r, out->type == MQTT_SUBSCRIBE, out);
        break;
    case MQTT_PINGREQ:
    case MQTT_DISCONNECT:
        break;
    default:
        bad = decode_id(&r, out);
        break;
    }
    if (bad == NULL && (r.bad || r.n > 0))
        bad = "a packet that is not as long as it says";
    return bad;
}

/* ---- fixed headers ---- */

/* What the lower four bits have to be (section 2.2.2), but for bits that are free; and how long the
 * rest may be. Rows that are missing are of packets that clients do not send. */
static const struct {
    uint8_t flags, free;
    uint32_t most;
} heads[16] = {
    [MQTT_CONNECT] = {0, 0, MQTT_PACKET_MAX},
    [MQTT_PUBLISH] = {0, 15, MQTT_PACKET_MAX + MQTT_PAYLOAD_MAX},
    [MQTT_PUBACK] = {0, 0, 2},
    [MQTT_PUBREC] = {0, 0, 2},
    [MQTT_PUBREL] = {2, 8, 2}, /* 3.1 has a DUP flag there and in the next two */
    [MQTT_PUBCOMP] = {0, 0, 2},
    [MQTT_SUBSCRIBE] = {2, 8, MQTT_PACKET_MAX},
    [MQTT_UNSUBSCRIBE] = {2, 8, MQTT_PACKET_MAX},
    [MQTT_PINGREQ] = {0, 0, 1}, /* 1: there is such a row */
    [MQTT_DISCONNECT] = {0, 0, 1},
};

static enum mqtt_read fail(struct mqtt_reader *r, enum err why, const char *bad)
{
    r->why = why;
    r->bad = bad;
    buf_wipe(&r->in);
    return MQTT_BAD;
}

/* One byte of the fixed header. False: it is wrong. */
static bool take_head(struct mqtt_reader *r, uint8_t byte)
{
    if (r->head == 0) {
        r->head = byte;
        bool known = heads[byte >> 4].most > 0;
        if (!known || ((byte & 15) & ~heads[byte >> 4].free) != heads[byte >> 4].flags)
            fail(r, ERR_PROTOCOL, "a packet that clients do not send");
        return r->bad == NULL;
    }
    r->size |= (uint32_t)(byte & 127) << r->shift;
    r->shift = (uint8_t)(r->shift + 7);
    r->sized = (byte & 128) == 0;
    if (!r->sized && r->shift == 7 * LENGTH_BYTES)
        fail(r, ERR_PROTOCOL, "a packet whose length has no end");
    else if (r->sized && r->size > heads[r->head >> 4].most)
        fail(r, ERR_TOO_LARGE, "a packet that is too large");
    if (r->sized) {
        r->left = r->size < MQTT_PACKET_MAX ? r->size : MQTT_PACKET_MAX;
        r->skip = r->size - r->left;
    }
    return r->bad == NULL;
}

/* ---- reading ---- */

/* What is kept of the packet. */
static bool take_in(struct mqtt_reader *r, const uint8_t *p, size_t n, size_t *used)
{
    size_t more = n - *used < r->left ? n - *used : r->left;
    r->in.limit = MQTT_PACKET_MAX;
    if (more > 0 && !buf_append(&r->in, p + *used, more)) {
        fail(r, ERR_NO_MEMORY, err_text(ERR_NO_MEMORY));
        return false;
    }
    *used += more;
    r->left -= (uint32_t)more;
    return true;
}

static void take_skipped(struct mqtt_reader *r, size_t n, size_t *used)
{
    size_t more = n - *used < r->skip ? n - *used : r->skip;
    if (r->left == 0) {
        *used += more;
        r->skip -= (uint32_t)more;
    }
}

static enum mqtt_read give(struct mqtt_reader *r, struct mqtt_packet *out)
{
    const char *bad = decode(r->head, &r->in, out);
    if (bad != NULL)
        return fail(r, ERR_PROTOCOL, bad);
    if (out->type == MQTT_PUBLISH)
        out->publish.payload += r->size - r->in.size;
    r->done = true;
    return MQTT_PACKET;
}

enum mqtt_read mqtt_read(struct mqtt_reader *r, const uint8_t *p, size_t n, size_t *used,
                         struct mqtt_packet *out)
{
    *used = 0;
    if (r->bad != NULL)
        return MQTT_BAD;
    if (r->done) {
        mqtt_reader_free(r);
        *r = (struct mqtt_reader){0};
    }
    while (!r->sized && *used < n)
        if (!take_head(r, p[(*used)++]))
            return MQTT_BAD;
    if (!r->sized)
        return MQTT_MORE;
    if (!take_in(r, p, n, used))
        return MQTT_BAD;
    take_skipped(r, n, used);
    return r->left > 0 || r->skip > 0 ? MQTT_MORE : give(r, out);
}

void mqtt_reader_free(struct mqtt_reader *r)
{
    buf_wipe(&r->in);
}
