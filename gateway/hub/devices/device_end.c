#include "gateway/hub/devices/device_end.h"

#include "core/base/buf.h"
#include "core/device/device_message.h"
#include "core/ws/ws.h"
#include "core/ws/ws_server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLOSE_POLICY 1008 /* RFC 6455 section 7.4.1 */
#define REFILL_MS 1000    /* one more message may come after so long */

struct device_end {
    struct wire_end wire; /* first member */
    struct wire_end_options o;
    struct ws *ws;
    struct device_ticket *ticket;
    struct buf in;        /* the message that is arriving */
    struct list letters;  /* those that wait */
    size_t queued;        /* bytes of them */
    unsigned allowance;   /* messages that may come now */
    unsigned owed;        /* notices without an answer */
    uint64_t refilled_at; /* loop_now */
    uint64_t since, received, sent;
    bool closing;    /* the last letter is on its way */
    bool misbehaved; /* because of what the device sent */
    enum err why;    /* why the hub ends it */
    char text[128];  /* the same in words; "" while it does not */
};

/* ---- letters ---- */

struct device_letter *device_letter_new(const struct hub_message *m)
{
    uint8_t bytes[DEVICE_LINK_MESSAGE_MAX];
    size_t n = hub_message_encode(m, bytes, sizeof bytes);
    struct device_letter *l = n > 0 ? malloc(sizeof *l + WS_HEADER_MAX + n) : NULL;
    if (l != NULL) {
        *l = (struct device_letter){.notice = m->kind == HUB_MESSAGE_NOTICE,
                                    .last = m->kind == HUB_MESSAGE_REFUSED,
                                    .n_room = WS_HEADER_MAX,
                                    .size = n};
        list_init(&l->node);
        memcpy(l->bytes + WS_HEADER_MAX, bytes, n);
    }
    explicit_bzero(bytes, n);
    return l;
}

/* ---- the end ---- */

/* Every way to the end leads here. */
static void end(struct device_end *e, enum err why, const char *text)
{
    bool ours = e->text[0] != '\0';
    struct wire_end_options o = e->o;
    struct device_gone g = {.ticket = e->ticket,
                            .why = ours ? e->why : why,
                            .misbehaved = e->misbehaved,
                            .seconds = (loop_now(o.loop) - e->since) / 1000,
                            .received = e->received,
                            .sent = e->sent};
    snprintf(g.text, sizeof g.text, "%s", ours ? e->text : text);
    list_remove(&e->wire.node);
    while (!list_empty(&e->letters)) {
        struct device_letter *l = list_entry(e->letters.next, struct device_letter, node);
        list_remove(&l->node);
        device_letter_free(l);
    }
    buf_wipe(&e->in);
    ws_free(e->ws);
    free(e);
    o.gone(o.owner, &g);
}

static struct device_end *device_end_of(const struct wire_end *e)
{
    return (struct device_end *)(uintptr_t)e;
}

static void drop(struct wire_end *e, enum err why, const char *text)
{
    end(device_end_of(e), why, text);
}

static void keep_why(struct device_end *e, enum err why, const char *text)
{
    if (e->text[0] != '\0')
        return;
    e->why = why;
    snprintf(e->text, sizeof e->text, "%s", text);
}

/* ---- sending ---- */

/* Closes with what the last letter says. */
static void close_after(struct device_end *e, const struct device_letter *last)
{
    struct hub_message m;
    const char *words = "";
    if (hub_message_decode(last->bytes + WS_HEADER_MAX, last->size, &m) == ERR_OK)
        words = device_reason_text(m.refused.reason);
    keep_why(e, ERR_REJECTED, words);
    ws_close(e->ws, CLOSE_POLICY, words);
}

/* The stream below is a buffered one, so the letter is free after ws_send in any case; its payload
 * is as before, since a server masks nothing. */
static void pump(struct device_end *e)
{
    while (!list_empty(&e->letters) && ws_ready(e->ws)) {
        struct device_letter *l = list_entry(e->letters.next, struct device_letter, node);
        list_remove(&l->node);
        e->queued -= l->size;
        e->sent++;
        ws_send(e->ws, l->bytes + WS_HEADER_MAX, l->size);
        if (l->last)
            close_after(e, l);
        device_letter_free(l);
    }
}

static void send_letter(struct wire_end *wire, struct device_letter *l)
{
    struct device_end *e = device_end_of(wire);
    if (e->closing) {
        device_letter_free(l);
        return;
    }
    e->closing = l->last;
    if (l->notice) {
        e->owed++;
        e->allowance += DEVICE_PER_NOTICE;
    }
    e->queued += l->size;
    list_append(&e->letters, &l->node);
    if (e->queued > DEVICE_QUEUED_MAX)
        end(e, ERR_STALLED, "it does not take what it is sent");
    else
        pump(e);
}

/* Ends the link for what the device has sent; what waits for it is of no use any more. */
static void refuse(struct device_end *e, enum err why, const char *text)
{
    struct hub_message m = {.kind = HUB_MESSAGE_REFUSED,
                            .refused = {DEVICE_REASON_MALFORMED, span_of(text)}};
    struct device_letter *l = device_letter_new(&m);
    e->misbehaved = true;
    keep_why(e, why, text);
    if (l == NULL || !ws_ready(e->ws)) {
        device_letter_free(l);
        e->closing = true;
        ws_close(e->ws, CLOSE_POLICY, text);
        return;
    }
    send_letter(&e->wire, l);
}

/* ---- receiving ---- */

/* Each second gives one more message, up to a burst. */
static bool may_say(struct device_end *e)
{
    uint64_t now = loop_now(e->o.loop), more = (now - e->refilled_at) / REFILL_MS;
    e->refilled_at += more * REFILL_MS;
    if (e->allowance < DEVICE_BURST) {
        uint64_t sum = e->allowance + more;
        e->allowance = sum < DEVICE_BURST ? (unsigned)sum : DEVICE_BURST;
    }
    if (e->allowance == 0)
        return false;
    e->allowance--;
    return true;
}

static size_t on_data(void *owner, uint8_t *p, size_t n)
{
    struct device_end *e = owner;
    if (e->closing)
        return n;
    if (e->in.size + n > DEVICE_LINK_MESSAGE_MAX)
        refuse(e, ERR_TOO_LARGE, "it sent a message of more than 16 KiB");
    else if (!buf_append(&e->in, p, n))
        refuse(e, ERR_NO_MEMORY, err_text(ERR_NO_MEMORY));
    return n;
}

/* What the worker itself learns of a message. False: it does not belong here. */
static bool note(struct device_end *e, const struct device_message *m)
{
    if (m->kind == DEVICE_MESSAGE_STATUS)
        e->ticket->ping_s = m->status.ping_s;
    else if (m->kind == DEVICE_MESSAGE_ANSWER && e->owed > 0)
        e->owed--;
    return m->kind != DEVICE_MESSAGE_HELLO;
}

static void on_message_end(void *owner)
{
    struct device_end *e = owner;
    struct device_message m;
    if (e->closing)
        return;
    e->received++;
    if (!may_say(e))
        refuse(e, ERR_LIMIT, "it sends too many messages");
    else if (device_message_decode(e->in.data, e->in.size, &m) != ERR_OK || !note(e, &m))
        refuse(e, ERR_PROTOCOL, "it sent a message that is not understood");
    else if (m.kind != DEVICE_MESSAGE_OTHER)
        e->o.said(e->o.owner, e->ticket, e->in.data, e->in.size);
    buf_free(&e->in);
}

static void on_writable(void *owner)
{
    pump(owner);
}

static void on_closed(void *owner, enum err why, int code, const char *text)
{
    struct device_end *e = owner;
    char words[WS_WORDS_SIZE];
    ws_closed_words(why, code, text, words);
    if (why == ERR_PROTOCOL || why == ERR_TOO_LARGE)
        e->misbehaved = true; /* it broke the WebSocket's rules */
    end(e, code > 0 ? ERR_CLIENT_CLOSED : why, words);
}

static const struct ws_events ws_callbacks = {
    .data = on_data, .message_end = on_message_end, .writable = on_writable, .closed = on_closed};

/* ---- life ---- */

static uint64_t silence_ms(uint32_t ping_s)
{
    uint64_t s = ping_s != 0 ? ping_s : DEVICE_PING_USUAL;
    s = s < DEVICE_PING_LEAST ? DEVICE_PING_LEAST : s;
    s = s > DEVICE_PING_MOST ? DEVICE_PING_MOST : s;
    return 2 * s * 1000 + DEVICE_SILENT_MS;
}

static void tick(struct wire_end *wire, uint64_t now)
{
    struct device_end *e = device_end_of(wire);
    if (now - ws_received_at(e->ws) >= silence_ms(e->ticket->ping_s))
        end(e, ERR_SILENT, "nothing came from it in time");
}

static bool owes(const struct wire_end *wire)
{
    return device_end_of(wire)->owed > 0;
}

static const struct wire_end_ops ops = {
    .send = send_letter, .drop = drop, .tick = tick, .owes = owes};

struct wire_end *device_end_new(const struct wire_end_options *o, struct device_ticket *t,
                                struct stream *buffered)
{
    struct device_end *e = calloc(1, sizeof *e);
    if (e != NULL)
        e->ws = ws_new(o->loop, buffered, false, &ws_callbacks, e);
    else
        stream_close(buffered);
    if (e == NULL || e->ws == NULL) {
        struct device_gone g = {.ticket = t, .why = ERR_NO_MEMORY, .text = "out of memory"};
        free(e);
        o->gone(o->owner, &g);
        return NULL;
    }
    e->wire.ops = &ops;
    e->o = *o;
    e->ticket = t;
    e->in.limit = DEVICE_LINK_MESSAGE_MAX;
    e->allowance = DEVICE_BURST;
    e->since = e->refilled_at = loop_now(o->loop);
    list_init(&e->letters);
    list_init(&e->wire.node);
    list_append(o->list, &e->wire.node);
    return &e->wire;
}
