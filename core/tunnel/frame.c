#include "core/tunnel/frame.h"

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

/* ---- decoding: strings and bytes are viewed where they lie ---- */

struct decoding {
    struct frame *out;
    uintptr_t begin, end; /* of the input */
};

/* A field of another wire type is decoded from a copy on the stack, which cannot be viewed. */
static bool view(pb_istream_t *stream, const struct decoding *d, struct span *out)
{
    struct span s = {stream->state, stream->bytes_left};
    uintptr_t at = (uintptr_t)s.p;
    if (at < d->begin || at > d->end || s.n > d->end - at || !pb_read(stream, NULL, s.n))
        return false;
    *out = s;
    return true;
}

static bool on_payload(pb_istream_t *stream, const pb_field_t *field, void **arg)
{
    const struct decoding *d = *arg;
    struct span s;
    (void)field;
    if (!view(stream, d, &s))
        return false;
    d->out->payload = (const uint8_t *)s.p;
    d->out->payload_size = s.n;
    return true;
}

/* A text and where its view goes. */
struct viewing {
    const struct decoding *d;
    struct span *out;
};

static bool on_text(pb_istream_t *stream, const pb_field_t *field, void **arg)
{
    const struct viewing *v = *arg;
    (void)field;
    return view(stream, v->d, v->out);
}

static bool on_available_service(pb_istream_t *stream, const pb_field_t *field, void **arg)
{
    const struct decoding *d = *arg;
    struct frame *f = d->out;
    struct span s;
    (void)field;
    if (!view(stream, d, &s))
        return false;
    if (f->n_services < FRAME_SERVICES_MAX)
        f->services[f->n_services++] = s;
    return true;
}

enum err frame_decode(const uint8_t *p, size_t n, struct frame *out)
{
    out->payload = NULL;
    out->payload_size = 0;
    out->service = out->subprotocol = out->instance = out->device = (struct span){0};
    out->n_services = 0;
    struct decoding d = {out, (uintptr_t)p, (uintptr_t)p + n};
    tunnel_Message m = tunnel_Message_init_zero;
    m.payload = (pb_callback_t){.funcs.decode = on_payload, .arg = &d};
    struct viewing service = {&d, &out->service};
    m.serviceId = (pb_callback_t){.funcs.decode = on_text, .arg = &service};
    m.availableServiceIds = (pb_callback_t){.funcs.decode = on_available_service, .arg = &d};
    struct viewing subprotocol = {&d, &out->subprotocol}, instance = {&d, &out->instance},
                   device = {&d, &out->device};
    m.subprotocol = (pb_callback_t){.funcs.decode = on_text, .arg = &subprotocol};
    m.instance = (pb_callback_t){.funcs.decode = on_text, .arg = &instance};
    m.device = (pb_callback_t){.funcs.decode = on_text, .arg = &device};
    pb_istream_t stream = pb_istream_from_buffer(p, n);
    if (!pb_decode(&stream, tunnel_Message_fields, &m))
        return ERR_PROTOCOL;
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

static bool put_text(pb_ostream_t *stream, const pb_field_t *field, void *const *arg)
{
    const struct span *text = *arg;
    return text->n == 0 || (pb_encode_tag_for_field(stream, field) &&
                            pb_encode_string(stream, (const pb_byte_t *)text->p, text->n));
}

static pb_callback_t text_of(const struct span *text)
{
    return (pb_callback_t){.funcs.encode = put_text, .arg = (void *)(uintptr_t)text};
}

static bool put_services(pb_ostream_t *stream, const pb_field_t *field, void *const *arg)
{
    const struct frame *f = *arg;
    for (size_t i = 0; i < f->n_services; i++)
        if (!pb_encode_tag_for_field(stream, field) ||
            !pb_encode_string(stream, (const pb_byte_t *)f->services[i].p, f->services[i].n))
            return false;
    return true;
}

/* Writes the length and the fields in front of the payload; 0 when it does not fit. */
static size_t encode_head(const struct frame *f, size_t payload_size, uint8_t *out, size_t size)
{
    void *arg = (void *)(uintptr_t)f;
    tunnel_Message m = {
        .type = (tunnel_Message_Type)f->type,
        .streamId = f->stream,
        .ignorable = f->ignorable,
        .connectionId = f->connection,
        .serviceId = text_of(&f->service),
        .availableServiceIds = {.funcs.encode = put_services, .arg = arg},
        .epoch = f->epoch,
        .attached = f->attached,
        .left = f->left,
        .subprotocol = text_of(&f->subprotocol),
        .instance = text_of(&f->instance),
        .device = text_of(&f->device),
        .error = f->error,
        .received = f->received,
        .window = f->window,
        .fin = f->fin,
    };
    if (size < 2)
        return 0;
    pb_ostream_t stream = pb_ostream_from_buffer(out + 2, size - 2);
    if (!pb_encode(&stream, tunnel_Message_fields, &m))
        return 0;
    if (payload_size > 0 && (!pb_encode_tag(&stream, PB_WT_STRING, PAYLOAD_FIELD) ||
                             !pb_encode_varint(&stream, payload_size)))
        return 0;
    size_t length = stream.bytes_written + payload_size;
    if (length > FRAME_MAX - 2)
        return 0;
    out[0] = (uint8_t)(length >> 8);
    out[1] = (uint8_t)length;
    return 2 + stream.bytes_written;
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
