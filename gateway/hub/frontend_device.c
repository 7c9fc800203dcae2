/* A device's link at a frontend: the upgrade is answered, the device is challenged, and what it
 * proves is checked, before the main thread hears of it. Whoever proves nothing costs a signature's
 * check, which takes turns with the handshakes of others. */
#include "core/base/random.h"
#include "core/device/device_message.h"
#include "core/device/device_name.h"
#include "core/device/device_proof.h"
#include "core/device/hub_message.h"
#include "core/http/server.h"
#include "core/ws/ws.h"
#include "core/ws/ws_server.h"
#include "gateway/hub/frontend_internal.h"
#include "gateway/hub/hub_protocol.h"
#include "gateway/hub/relay/request.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOST_MAX 256
#define CLOSE_POLICY 1008 /* RFC 6455 section 7.4.1 */

struct device_greeting {
    struct pending_conn *conn;
    struct ws *ws;
    uint8_t nonce[DEVICE_NONCE_SIZE];
    char host[HOST_MAX]; /* the hub's, as the device dialled it */
    struct buf hello;    /* the message that arrives, or has arrived */
    bool refused;        /* the answer is on its way; nothing more is read */
};

/* ---- sending ---- */

static bool send_message(struct device_greeting *g, const struct hub_message *m)
{
    uint8_t out[WS_HEADER_MAX + 1024];
    size_t n = hub_message_encode(m, out + WS_HEADER_MAX, sizeof out - WS_HEADER_MAX);
    if (n > 0 && ws_ready(g->ws))
        ws_send(g->ws, out + WS_HEADER_MAX, n); /* the stream below is buffered */
    return n > 0;
}

/* text: more than the reason's own words, or "". */
static void refuse_with(struct device_greeting *g, enum device_reason reason, const char *text)
{
    struct hub_message m = {.kind = HUB_MESSAGE_REFUSED, .refused = {reason, span_of(text)}};
    g->refused = true;
    send_message(g, &m);
    ws_close(g->ws, CLOSE_POLICY, device_reason_text(reason));
}

/* Refuses for what is seen here; the main thread is told. */
static void refuse(struct device_greeting *g, enum device_reason reason, const char *text)
{
    const char *words = text[0] != '\0' ? text : device_reason_text(reason);
    pending_conn_refused(g->conn, reason == DEVICE_REASON_BUSY ? 503 : 403,
                         reason == DEVICE_REASON_BUSY        ? ERR_NO_MEMORY
                         : reason == DEVICE_REASON_MALFORMED ? ERR_PROTOCOL
                                                             : ERR_FORBIDDEN,
                         words);
    refuse_with(g, reason, text);
}

/* ---- the proof ---- */

/* Asks the main thread, which has the devices. */
static void ask(struct device_greeting *g, bool certified)
{
    struct pending_conn *conn = g->conn;
    struct message_device_hello *m =
        message_new(MESSAGE_DEVICE_HELLO, conn->frontend->o.worker, sizeof *m + g->hello.size);
    if (m == NULL) {
        refuse(g, DEVICE_REASON_BUSY, "");
        return;
    }
    m->pending_id = conn->id;
    m->certified = certified;
    snprintf(m->client, sizeof m->client, "%s", conn->client);
    m->size = g->hello.size;
    memcpy(m->bytes, g->hello.data, m->size);
    buf_wipe(&g->hello);
    pending_conn_ask(conn, &m->message);
}

/* A certificate of the device CA, which TLS has proven, names the device. */
static bool is_certified(const struct device_greeting *g, const struct device_message *m)
{
    const char *name = pending_conn_certified(g->conn);
    return name != NULL && span_is(m->hello.device, name);
}

static bool proves(const struct device_greeting *g, const struct device_message *m,
                   const uint8_t *certificate)
{
    struct device_proof p = {.host = span_of(g->host),
                             .device = m->hello.device,
                             .point = m->hello.public_key,
                             .nonce = g->nonce,
                             .certificate = certificate};
    return device_proof_check(&p, m->hello.signature);
}

/* Our turn: the costly part. */
static void on_turn(void *session)
{
    struct device_greeting *g = session;
    struct device_message m;
    if (g->refused || device_message_decode(g->hello.data, g->hello.size, &m) != ERR_OK)
        return;
    if (proves(g, &m, g->conn->certificate))
        ask(g, false);
    else if (proves(g, &m, g->conn->frontend->last_certificate) ||
             (g->conn->tls == NULL && proves(g, &m, g->conn->frontend->last_shown)))
        refuse(g, DEVICE_REASON_CERTIFICATE_CHANGED, "");
    else
        refuse(g, DEVICE_REASON_BAD_PROOF,
               "the signature is not one of this key for this hub; something between that ends "
               "TLS would have this effect, too");
}

static void hello_came(struct device_greeting *g)
{
    struct device_message m;
    if (device_message_decode(g->hello.data, g->hello.size, &m) != ERR_OK ||
        m.kind != DEVICE_MESSAGE_HELLO)
        refuse(g, DEVICE_REASON_MALFORMED, "the first message is not a Hello");
    else if (!device_name_valid(m.hello.device))
        refuse(g, DEVICE_REASON_NAME_INVALID, DEVICE_NAME_RULE);
    else if (is_certified(g, &m))
        ask(g, true);
    else if (m.hello.public_key == NULL)
        refuse(g, DEVICE_REASON_BAD_PROOF,
               pending_conn_certified(g->conn) == NULL
                   ? "neither a key nor a certificate of the hub's --device-ca says who it is"
                   : "the certificate has another name (CN) than the device");
    else
        pending_conn_await_turn(g->conn, true);
}

/* ---- the WebSocket ---- */

static size_t on_data(void *owner, uint8_t *p, size_t n)
{
    struct device_greeting *g = owner;
    if (!g->refused && !buf_append(&g->hello, p, n))
        refuse(g, DEVICE_REASON_MALFORMED, "the message is too large");
    return n;
}

/* Nothing more is read until it is decided where the link goes on. */
static void on_message_end(void *owner)
{
    struct device_greeting *g = owner;
    if (g->refused)
        return;
    ws_pause(g->ws);
    timer_stop(g->conn->timer);
    hello_came(g);
}

static void on_writable(void *owner)
{
    (void)owner;
}

static void on_closed(void *owner, enum err why, int code, const char *text)
{
    const struct device_greeting *g = owner;
    (void)why, (void)code, (void)text; /* a device that leaves unasked is not reported */
    pending_conn_free(g->conn);
}

static const struct ws_events ws_callbacks = {
    .data = on_data, .message_end = on_message_end, .writable = on_writable, .closed = on_closed};

/* ---- the protocol ---- */

static void end(void *session)
{
    struct device_greeting *g = session;
    ws_free(g->ws);
    buf_wipe(&g->hello);
    free(g);
}

static bool answer_upgrade(struct stream *s, const char *key, const char *channel)
{
    char extra[64];
    snprintf(extra, sizeof extra, "channel-id: %s\r\n", channel);
    return ws_answer(s, &(struct ws_response){
                            .key = span_of(key), .protocol = DEVICE_LINK_PROTOCOL, .extra = extra});
}

static void challenge(struct device_greeting *g)
{
    struct hub_message m = {.kind = HUB_MESSAGE_CHALLENGE, .nonce = g->nonce};
    random_bytes(g->nonce, sizeof g->nonce);
    send_message(g, &m);
    timer_start(g->conn->timer, g->conn->frontend->o.timeout_ms);
}

/* ---- the main thread's decision ---- */

/* The link goes on at a worker; the pending connection is over. */
static void admit(struct pending_conn *conn, struct message_device_reply *m)
{
    struct frontend *f = conn->frontend;
    struct device_greeting *g = conn->session;
    struct device_ticket *ticket = m->ticket;
    m->ticket = NULL;
    struct stream *s = ws_ready(g->ws) ? ws_take(g->ws) : NULL;
    if (s != NULL)
        g->ws = NULL;
    pending_conn_free(conn);
    frontend_hand_device(f, ticket, s);
}

static void on_answer(void *session, struct message_device_reply *m)
{
    struct device_greeting *g = session;
    if (m->ticket != NULL)
        admit(g->conn, m);
    else
        refuse_with(g, m->reason, "");
}

/* Of a connection that HTTPS has upgraded; no listener has it. */
static const struct hub_protocol device_protocol = {
    .end = end, .turn = on_turn, .answer = on_answer};

/* ---- the beginning ---- */

void frontend_greet_device(struct pending_conn *conn, const struct request *r)
{
    struct device_greeting *g = calloc(1, sizeof *g);
    char key[32];
    snprintf(key, sizeof key, "%.*s", (int)r->key.n, r->key.p);
    if (g != NULL)
        snprintf(g->host, sizeof g->host, "%.*s", (int)r->host.n, r->host.p);
    struct stream *s = http_conn_take(conn->session);
    conn->session = NULL;
    if (g == NULL || !answer_upgrade(s, key, conn->channel)) {
        stream_close(s);
    } else {
        g->conn = conn;
        g->hello.limit = DEVICE_LINK_MESSAGE_MAX;
        g->ws = ws_new(conn->frontend->o.loop, s, false, &ws_callbacks, g);
    }
    if (g == NULL || g->ws == NULL) {
        free(g);
        pending_conn_free(conn);
        return;
    }
    conn->protocol = &device_protocol;
    conn->session = g;
    challenge(g);
}
