#include "core/device/device_message.h"

#include "core/base/p256.h"
#include "proto/message_text.h"

#include "device.pb.h"

#include <string.h>

/* ---- decoding ---- */

/* All texts that a message can have. */
struct views {
    struct span device, public_key, signature, join_token, id, why;
    struct device_status hello, status; /* their texts only */
    struct span tunnels[DEVICE_LINK_TUNNELS_MAX];
    size_t n_tunnels;
};

static bool status_fits(const struct device_status *s)
{
    for (size_t i = 0; i < s->n_services; i++)
        if (!service_id_is(s->services[i]))
            return false;
    return s->version.n <= DEVICE_LINK_WORDS_MAX;
}

/* Bytes of a fixed size, or none. */
static bool take_bytes(struct span s, size_t size, const uint8_t **out)
{
    *out = s.n > 0 ? (const uint8_t *)s.p : NULL;
    return s.n == 0 || s.n == size;
}

static bool take_status(const device_Status *m, const struct device_status *texts,
                        struct device_status *out)
{
    *out = *texts;
    out->uptime_s = m->uptime_s;
    out->accepting = m->accepting;
    out->ping_s = m->ping_s;
    return status_fits(out);
}

static bool take_tunnels(const device_Hello *m, const struct views *v, struct device_hello *out)
{
    out->names_tunnels = m->names_tunnels;
    out->n_tunnels = v->n_tunnels;
    memcpy(out->tunnels, v->tunnels, sizeof out->tunnels);
    for (size_t i = 0; i < v->n_tunnels; i++)
        if (v->tunnels[i].n == 0 || v->tunnels[i].n > DEVICE_LINK_ID_MAX)
            return false;
    return true;
}

static enum err take(const device_DeviceMessage *m, const struct views *v,
                     struct device_message *out)
{
    bool good = m->has_hello + m->has_status + m->has_answer <= 1;
    out->kind = DEVICE_MESSAGE_OTHER;
    if (m->has_hello) {
        out->kind = DEVICE_MESSAGE_HELLO;
        out->hello.device = v->device;
        out->hello.join_token = v->join_token;
        good = take_bytes(v->public_key, P256_POINT_SIZE, &out->hello.public_key) &&
               take_bytes(v->signature, P256_SIGNATURE_SIZE, &out->hello.signature) &&
               take_status(&m->hello.status, &v->hello, &out->hello.status) &&
               take_tunnels(&m->hello, v, &out->hello) && good &&
               (v->public_key.n > 0) == (v->signature.n > 0) &&
               v->device.n <= DEVICE_LINK_NAME_MAX && v->join_token.n <= DEVICE_LINK_TOKEN_MAX;
    } else if (m->has_status) {
        out->kind = DEVICE_MESSAGE_STATUS;
        good = take_status(&m->status, &v->status, &out->status) && good;
    } else if (m->has_answer) {
        out->kind = DEVICE_MESSAGE_ANSWER;
        out->answer.id = v->id;
        out->answer.accepted = m->answer.accepted;
        out->answer.code = (enum device_code)m->answer.code;
        out->answer.why = v->why;
        good = good && v->id.n > 0 && v->id.n <= DEVICE_LINK_ID_MAX &&
               v->why.n <= DEVICE_LINK_WORDS_MAX;
    }
    return good ? ERR_OK : ERR_PROTOCOL;
}

enum err device_message_decode(const uint8_t *p, size_t n, struct device_message *out)
{
    struct message_input in = {p, n};
    struct views v = {0};
    struct message_text device = {&in, &v.device}, public_key = {&in, &v.public_key},
                        signature = {&in, &v.signature}, join_token = {&in, &v.join_token},
                        hello_version = {&in, &v.hello.version},
                        status_version = {&in, &v.status.version}, id = {&in, &v.id},
                        why = {&in, &v.why};
    struct message_texts hello_services = {&in, v.hello.services, &v.hello.n_services,
                                           DEVICE_LINK_SERVICES_MAX},
                         status_services = {&in, v.status.services, &v.status.n_services,
                                            DEVICE_LINK_SERVICES_MAX},
                         tunnels = {&in, v.tunnels, &v.n_tunnels, DEVICE_LINK_TUNNELS_MAX};
    device_DeviceMessage m = {
        .hello.device = message_text_read(&device),
        .hello.public_key = message_text_read(&public_key),
        .hello.signature = message_text_read(&signature),
        .hello.join_token = message_text_read(&join_token),
        .hello.status.services = message_text_read_all(&hello_services),
        .hello.status.version = message_text_read(&hello_version),
        .hello.tunnels = message_text_read_all(&tunnels),
        .status.services = message_text_read_all(&status_services),
        .status.version = message_text_read(&status_version),
        .answer.id = message_text_read(&id),
        .answer.why = message_text_read(&why),
    };
    pb_istream_t stream = pb_istream_from_buffer(p, n);
    if (n > DEVICE_LINK_MESSAGE_MAX ||
        !pb_decode_ex(&stream, device_DeviceMessage_fields, &m, PB_DECODE_NOINIT))
        return ERR_PROTOCOL;
    return take(&m, &v, out);
}

/* ---- encoding ---- */

static void put_status(const struct device_status *s, const struct message_texts_out *services,
                       device_Status *out)
{
    *out = (device_Status){
        .services = message_text_write_all(services),
        .version = message_text_write(&s->version),
        .uptime_s = s->uptime_s,
        .accepting = s->accepting,
        .ping_s = s->ping_s,
    };
}

static struct span bytes_of(const uint8_t *p, size_t n)
{
    return (struct span){(const char *)p, p != NULL ? n : 0};
}

size_t device_message_encode(const struct device_message *message, uint8_t *out, size_t size)
{
    device_DeviceMessage m = device_DeviceMessage_init_zero;
    const struct device_status *status =
        message->kind == DEVICE_MESSAGE_HELLO ? &message->hello.status : &message->status;
    struct message_texts_out services = {status->services, status->n_services};
    struct message_texts_out tunnels = {message->hello.tunnels, message->hello.n_tunnels};
    struct span public_key, signature;
    switch (message->kind) {
    case DEVICE_MESSAGE_HELLO:
        public_key = bytes_of(message->hello.public_key, P256_POINT_SIZE);
        signature = bytes_of(message->hello.signature, P256_SIGNATURE_SIZE);
        m.has_hello = m.hello.has_status = true;
        m.hello.device = message_text_write(&message->hello.device);
        m.hello.public_key = message_text_write(&public_key);
        m.hello.signature = message_text_write(&signature);
        m.hello.join_token = message_text_write(&message->hello.join_token);
        m.hello.tunnels = message_text_write_all(&tunnels);
        m.hello.names_tunnels = message->hello.names_tunnels;
        put_status(status, &services, &m.hello.status);
        break;
    case DEVICE_MESSAGE_STATUS:
        m.has_status = true;
        put_status(status, &services, &m.status);
        break;
    case DEVICE_MESSAGE_ANSWER:
        m.has_answer = true;
        m.answer.id = message_text_write(&message->answer.id);
        m.answer.accepted = message->answer.accepted;
        m.answer.code = (device_Code)message->answer.code;
        m.answer.why = message_text_write(&message->answer.why);
        break;
    case DEVICE_MESSAGE_OTHER:
        return 0;
    }
    pb_ostream_t stream = pb_ostream_from_buffer(out, size);
    return pb_encode(&stream, device_DeviceMessage_fields, &m) ? stream.bytes_written : 0;
}
