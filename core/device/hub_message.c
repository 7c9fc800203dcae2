#include "core/device/hub_message.h"

#include "core/device/device_name.h"
#include "core/device/device_proof.h"
#include "proto/message_text.h"

#include "device.pb.h"

/* ---- decoding ---- */

/* All texts that a message can have. */
struct views {
    struct span nonce, welcome_device, refused_text, withdrawn;
    struct hub_notice notice;
};

static bool at_most(struct span s, size_t max)
{
    return s.n <= max;
}

static bool is_id(struct span s)
{
    return s.n > 0 && at_most(s, DEVICE_LINK_ID_MAX);
}

static bool notice_fits(const struct hub_notice *n)
{
    for (size_t i = 0; i < n->n_services; i++)
        if (!service_id_is(n->services[i]))
            return false;
    return is_id(n->id) && device_link_token_is(n->access_token) &&
           (n->service.n == 0 || service_id_is(n->service)) &&
           at_most(n->opened_by, DEVICE_LINK_WORDS_MAX) && at_most(n->why, DEVICE_LINK_WORDS_MAX) &&
           at_most(n->tunnel, DEVICE_LINK_WORDS_MAX);
}

/* Exactly one of the alternatives is there, or none that we know. */
static bool is_single(const device_HubMessage *m)
{
    return m->has_challenge + m->has_welcome + m->has_refused + m->has_notice + m->has_withdrawn <=
           1;
}

static enum err take(const device_HubMessage *m, const struct views *v, struct hub_message *out)
{
    bool good = is_single(m);
    out->kind = HUB_MESSAGE_OTHER;
    if (m->has_challenge) {
        out->kind = HUB_MESSAGE_CHALLENGE;
        out->nonce = (const uint8_t *)v->nonce.p;
        good = good && v->nonce.n == DEVICE_NONCE_SIZE;
    } else if (m->has_welcome) {
        out->kind = HUB_MESSAGE_WELCOME;
        out->welcome.enrolled = m->welcome.enrolled;
        out->welcome.pending = m->welcome.pending;
        out->welcome.device = v->welcome_device;
        good = good && device_name_valid(v->welcome_device);
    } else if (m->has_refused) {
        out->kind = HUB_MESSAGE_REFUSED;
        out->refused.reason = (enum device_reason)m->refused.reason;
        out->refused.text = v->refused_text;
        good = good && at_most(v->refused_text, DEVICE_LINK_WORDS_MAX);
    } else if (m->has_notice) {
        out->kind = HUB_MESSAGE_NOTICE;
        out->notice = v->notice;
        out->notice.answer_ms = m->notice.answer_ms;
        good = good && notice_fits(&v->notice);
    } else if (m->has_withdrawn) {
        out->kind = HUB_MESSAGE_WITHDRAWN;
        out->withdrawn = v->withdrawn;
        good = good && is_id(v->withdrawn);
    }
    return good ? ERR_OK : ERR_PROTOCOL;
}

enum err hub_message_decode(const uint8_t *p, size_t n, struct hub_message *out)
{
    struct message_input in = {p, n};
    struct views v = {0};
    struct hub_notice *notice = &v.notice;
    struct message_text nonce = {&in, &v.nonce}, device = {&in, &v.welcome_device},
                        text = {&in, &v.refused_text}, withdrawn = {&in, &v.withdrawn},
                        id = {&in, &notice->id}, token = {&in, &notice->access_token},
                        service = {&in, &notice->service}, by = {&in, &notice->opened_by},
                        why = {&in, &notice->why}, tunnel = {&in, &notice->tunnel};
    struct message_texts services = {&in, notice->services, &notice->n_services,
                                     DEVICE_LINK_SERVICES_MAX};
    device_HubMessage m = {
        .challenge.nonce = message_text_read(&nonce),
        .welcome.device = message_text_read(&device),
        .refused.text = message_text_read(&text),
        .notice.id = message_text_read(&id),
        .notice.access_token = message_text_read(&token),
        .notice.services = message_text_read_all(&services),
        .notice.service = message_text_read(&service),
        .notice.opened_by = message_text_read(&by),
        .notice.why = message_text_read(&why),
        .notice.tunnel = message_text_read(&tunnel),
        .withdrawn.id = message_text_read(&withdrawn),
    };
    pb_istream_t stream = pb_istream_from_buffer(p, n);
    if (n > DEVICE_LINK_MESSAGE_MAX ||
        !pb_decode_ex(&stream, device_HubMessage_fields, &m, PB_DECODE_NOINIT))
        return ERR_PROTOCOL;
    return take(&m, &v, out);
}

/* ---- encoding ---- */

static void put_notice(const struct hub_notice *n, const struct message_texts_out *services,
                       device_Notice *out)
{
    *out = (device_Notice){
        .id = message_text_write(&n->id),
        .access_token = message_text_write(&n->access_token),
        .services = message_text_write_all(services),
        .service = message_text_write(&n->service),
        .opened_by = message_text_write(&n->opened_by),
        .why = message_text_write(&n->why),
        .tunnel = message_text_write(&n->tunnel),
        .answer_ms = n->answer_ms,
    };
}

size_t hub_message_encode(const struct hub_message *message, uint8_t *out, size_t size)
{
    device_HubMessage m = device_HubMessage_init_zero;
    struct span nonce = {(const char *)message->nonce, DEVICE_NONCE_SIZE};
    struct message_texts_out services = {message->notice.services, message->notice.n_services};
    switch (message->kind) {
    case HUB_MESSAGE_CHALLENGE:
        m.has_challenge = true;
        m.challenge.nonce = message_text_write(&nonce);
        break;
    case HUB_MESSAGE_WELCOME:
        m.has_welcome = true;
        m.welcome.enrolled = message->welcome.enrolled;
        m.welcome.pending = message->welcome.pending;
        m.welcome.device = message_text_write(&message->welcome.device);
        break;
    case HUB_MESSAGE_REFUSED:
        m.has_refused = true;
        m.refused.reason = (device_Reason)message->refused.reason;
        m.refused.text = message_text_write(&message->refused.text);
        break;
    case HUB_MESSAGE_NOTICE:
        m.has_notice = true;
        put_notice(&message->notice, &services, &m.notice);
        break;
    case HUB_MESSAGE_WITHDRAWN:
        m.has_withdrawn = true;
        m.withdrawn.id = message_text_write(&message->withdrawn);
        break;
    case HUB_MESSAGE_OTHER:
        return 0;
    }
    pb_ostream_t stream = pb_ostream_from_buffer(out, size);
    return pb_encode(&stream, device_HubMessage_fields, &m) ? stream.bytes_written : 0;
}
