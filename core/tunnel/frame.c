#include "core/tunnel/frame.h"

#include "proto/message_text.h"

#include "tunnel.pb.h"

#include <pb_decode.h>
#include <pb_encode.h>
#include <stdio.h>
#include <string.h>

#define PAYLOAD_FIELD tunnel_Message_payload_tag

static const char *const type_names[] = {
    [FRAME_UNKNOWN] = "UNKNOWN",
    [FRAME_DATA] = "DATA",
    [FRAME_STREAM_START] = "STREAM_START",
    [FRAME_STREAM_RESET] = "STREAM_RESET",
    [FRAME_SESSION_RESET] = "SESSION_RESET",
    [FRAME_SERVICE_IDS] = "SERVICE_IDS",
    [FRAME_CONNECTION_START] = "CONNECTION_START",
    [FRAME_CONNECTION_RESET] = "CONNECTION_RESET",
    [FRAME_PEER] = "PEER",
    [FRAME_CONNECTION_OPENED] = "CONNECTION_OPENED",
    [FRAME_CONNECTION_FIN] = "CONNECTION_FIN",
    [FRAME_CREDIT] = "CREDIT",
    [FRAME_RESUME] = "RESUME",
    [FRAME_ECHO] = "ECHO",
    [FRAME_ECHO_REPLY] = "ECHO_REPLY",
};

const char *frame_type_name(int type)
{
    static _Thread_local char other[24];
    if (type >= 0 && (size_t)type < sizeof type_names / sizeof *type_names &&
        type_names[type] != NULL)
        return type_names[type];
    snprintf(other, sizeof other, "type %d", type);
    return other;
}

bool frame_is_native(const struct frame *f)
{
    return (f->type >= FRAME_PEER && f->type <= FRAME_ECHO_REPLY) ||
           (f->stream == 0 && (f->type == FRAME_DATA || f->type == FRAME_CONNECTION_START ||
                               f->type == FRAME_CONNECTION_RESET));
}

/* ---- DATA without nanopb ----
 *
 * Nearly all frames are DATA with one or two ids, of which a session has a hundred thousand a
 * second. These functions read and write what nanopb would, and leave everything else to it. */

enum { TYPE_KEY = 0x08, STREAM_KEY = 0x10, PAYLOAD_KEY = 0x22, CONNECTION_KEY = 0x38 };

/* Reads a varint below 2^31 in its shortest form, from `at` on; returns where it ends, or NULL. */
static const uint8_t *read_varint(const uint8_t *at, const uint8_t *end, uint32_t *out)
{
    *out = 0;
    for (unsigned shift = 0; at < end && shift < 32; shift += 7) {
        uint8_t byte = *at++;
        if (shift == 28 && byte > 7)
            return NULL;
        *out |= (uint32_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return byte != 0 || shift == 0 ? at : NULL;
    }
    return NULL;
}

static const uint8_t *read_field(const uint8_t *at, const uint8_t *end, uint8_t key, uint32_t *out)
{
    *out = 0;
    return at != NULL && at < end && *at == key ? read_varint(at + 1, end, out) : at;
}

/* False: it is something else, or written otherwise. */
static bool decode_data(const uint8_t *p, size_t n, struct frame *out)
{
    uint32_t type, stream, connection, size;
    const uint8_t *end = p + n, *at = read_field(p, end, TYPE_KEY, &type);
    at = read_field(at, end, STREAM_KEY, &stream);
    at = read_field(at, end, CONNECTION_KEY, &connection);
    at = read_field(at, end, PAYLOAD_KEY, &size);
    if (at == NULL || type != FRAME_DATA || size == 0 || size != (size_t)(end - at))
        return false;
    out->type = FRAME_DATA;
    out->stream = (int32_t)stream;
    out->connection = connection;
    out->payload = at;
    out->payload_size = size;
    out->service = out->subprotocol = out->instance = out->device = (struct span){0};
    out->n_services = 0;
    out->ignorable = out->attached = out->left = out->fin = false;
    out->epoch = out->error = out->window = 0;
    out->received = 0;
    return true;
}

static uint8_t *write_field(uint8_t *at, uint8_t key, size_t value)
{
    *at++ = key;
    for (; value >= 0x80; value >>= 7)
        *at++ = (uint8_t)(value | 0x80);
    *at++ = (uint8_t)value;
    return at;
}

#define DATA_HEAD_MAX 20 /* bytes */

static bool is_plain_data(const struct frame *f)
{
    bool says = f->ignorable || f->attached || f->left || f->fin;
    uint64_t counts = f->n_services | f->epoch | f->error | f->received | f->window;
    size_t texts = f->service.n | f->subprotocol.n | f->instance.n | f->device.n;
    return f->type == FRAME_DATA && f->stream >= 0 && !says && counts == 0 && texts == 0;
}

/* Returns the length of the fields in front of the payload. */
static size_t encode_data(const struct frame *f, size_t payload_size, uint8_t *out)
{
    uint8_t *at = write_field(out, TYPE_KEY, FRAME_DATA);
    if (f->stream != 0)
        at = write_field(at, STREAM_KEY, (uint32_t)f->stream);
    if (f->connection != 0)
        at = write_field(at, CONNECTION_KEY, f->connection);
    if (payload_size > 0)
        at = write_field(at, PAYLOAD_KEY, payload_size);
    return (size_t)(at - out);
}

/* ---- decoding: strings and bytes are viewed where they lie ---- */

enum err frame_decode(const uint8_t *p, size_t n, struct frame *out)
{
    struct span payload_view = {0};
    if (decode_data(p, n, out))
        return ERR_OK;
    out->service = out->subprotocol = out->instance = out->device = (struct span){0};
    out->n_services = 0;
    struct message_input in = {p, n};
    struct message_text payload = {&in, &payload_view}, service = {&in, &out->service},
                        subprotocol = {&in, &out->subprotocol}, instance = {&in, &out->instance},
                        device = {&in, &out->device};
    struct message_texts services = {&in, out->services, &out->n_services, FRAME_SERVICES_MAX};
    tunnel_Message m = tunnel_Message_init_zero;
    m.payload = message_text_read(&payload);
    m.serviceId = message_text_read(&service);
    m.availableServiceIds = message_text_read_all(&services);
    m.subprotocol = message_text_read(&subprotocol);
    m.instance = message_text_read(&instance);
    m.device = message_text_read(&device);
    pb_istream_t stream = pb_istream_from_buffer(p, n);
    if (!pb_decode(&stream, tunnel_Message_fields, &m))
        return ERR_PROTOCOL;
    out->payload = (const uint8_t *)payload_view.p;
    out->payload_size = payload_view.n;
    out->type = (int)m.type;
    out->stream = m.streamId;
    out->connection = m.connectionId;
    out->ignorable = m.ignorable;
    out->epoch = m.epoch;
    out->attached = m.attached;
    out->left = m.left;
    out->error = m.error;
    out->received = m.received;
    out->window = m.window;
    out->fin = m.fin;
    return ERR_OK;
}

/* ---- encoding: every field but the payload, then the payload's tag and length ---- */

/* Returns the length of the fields in front of the payload; 0 when it does not fit. */
static size_t encode_fields(const struct frame *f, size_t payload_size, uint8_t *out, size_t size)
{
    struct message_texts_out services = {f->services, f->n_services};
    tunnel_Message m = {
        .type = (tunnel_Message_Type)f->type,
        .streamId = f->stream,
        .ignorable = f->ignorable,
        .connectionId = f->connection,
        .serviceId = message_text_write(&f->service),
        .availableServiceIds = message_text_write_all(&services),
        .epoch = f->epoch,
        .attached = f->attached,
        .left = f->left,
        .subprotocol = message_text_write(&f->subprotocol),
        .instance = message_text_write(&f->instance),
        .device = message_text_write(&f->device),
        .error = f->error,
        .received = f->received,
        .window = f->window,
        .fin = f->fin,
    };
    pb_ostream_t stream = pb_ostream_from_buffer(out, size);
    if (!pb_encode(&stream, tunnel_Message_fields, &m))
        return 0;
    if (payload_size > 0 && (!pb_encode_tag(&stream, PB_WT_STRING, PAYLOAD_FIELD) ||
                             !pb_encode_varint(&stream, payload_size)))
        return 0;
    return stream.bytes_written;
}

/* Writes the length and the fields in front of the payload; 0 when it does not fit. */
static size_t encode_head(const struct frame *f, size_t payload_size, uint8_t *out, size_t size)
{
    if (size < 2)
        return 0;
    size_t fields = is_plain_data(f) && size >= 2 + DATA_HEAD_MAX
                        ? encode_data(f, payload_size, out + 2)
                        : encode_fields(f, payload_size, out + 2, size - 2);
    size_t length = fields + payload_size;
    if (fields == 0 || length > FRAME_MAX - 2)
        return 0;
    out[0] = (uint8_t)(length >> 8);
    out[1] = (uint8_t)length;
    return 2 + fields;
}

size_t frame_wrap(uint8_t *end, const struct frame *f, size_t payload_size)
{
    uint8_t head[FRAME_HEAD_MAX];
    size_t n = encode_head(f, payload_size, head, sizeof head);
    memcpy(end - n, head, n);
    return n;
}

size_t frame_encode(const struct frame *f, uint8_t *out, size_t size)
{
    size_t n = encode_head(f, f->payload_size, out, size);
    if (n == 0 || size - n < f->payload_size)
        return 0;
    if (f->payload_size > 0)
        memcpy(out + n, f->payload, f->payload_size);
    return n + f->payload_size;
}

/* ---- cutting ---- */

static size_t message_size(const uint8_t *p)
{
    return (size_t)p[0] << 8 | p[1];
}

size_t frame_cut(struct frame_cutter *c, uint8_t *p, size_t n, uint8_t **frame, size_t *size)
{
    *frame = NULL;
    *size = 0;
    if (c->have == 0 && n >= 2 && n - 2 >= message_size(p)) {
        *frame = p + 2;
        *size = message_size(p);
        return 2 + *size;
    }
    if (c->memory == NULL || n == 0)
        return 0;
    size_t used = 0;
    while (c->have < 2 && used < n)
        c->memory[c->have++] = p[used++];
    if (c->have < 2)
        return used;
    size_t whole = 2 + message_size(c->memory), take = whole - c->have;
    if (take > n - used)
        take = n - used;
    memcpy(c->memory + c->have, p + used, take);
    c->have += take;
    used += take;
    if (c->have == whole) {
        *frame = c->memory + 2;
        *size = whole - 2;
        c->have = 0;
    }
    return used;
}
