#include "gateway/hub/mqtt/mqtt_end.h"

#include "gateway/hub/mqtt/mqtt_notice.h"
#include "gateway/hub/mqtt/mqtt_session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LEAVING_MS 2000 /* the other end of its stream may take so long */

struct mqtt_end {
    struct wire_end wire; /* first member */
    struct wire_end_options o;
    struct stream *stream;
    struct device_ticket *ticket;
    struct mqtt_session session;
    struct mqtt_reader reader;
    struct buf out;     /* what is to be written next */
    struct buf pending; /* what is being written */
    int allowance;      /* units that it may send now */
    bool paused;        /* it has none left */
    /* Why it ends: the stream is shut down, and its other end awaited. NULL: it does not. */
    const char *leaving;
    enum err leaving_why;
    uint64_t leaving_at; /* loop_now */
    uint64_t heard_at;   /* loop_now when the last bytes came */
    uint64_t since, received, sent;
    uint64_t expires_at; /* loop_now; UINT64_MAX: never */
};

static struct mqtt_end *mqtt_end_of(const struct wire_end *e)
{
    return (struct mqtt_end *)(uintptr_t)e;
}

static uint32_t seconds(const struct mqtt_end *e)
{
    return (uint32_t)(loop_now(e->o.loop) / 1000);
}

/* ---- the end ---- */

/* Every way to the end leads here. */
static void end(struct mqtt_end *e, enum err why, bool misbehaved, const char *text)
{
    struct wire_end_options o = e->o;
    struct device_gone g = {.ticket = e->ticket,
                            .why = why,
                            .misbehaved = misbehaved,
                            .seconds = (loop_now(o.loop) - e->since) / 1000,
                            .received = e->received,
                            .sent = e->sent};
    snprintf(g.text, sizeof g.text, "%s", text);
    list_remove(&e->wire.node);
    stream_close(e->stream);
    mqtt_reader_free(&e->reader);
    buf_wipe(&e->out);
    buf_wipe(&e->pending);
    free(e);
    o.gone(o.owner, &g);
}

/* With close_notify: some clients that miss it end for good (mosquitto_sub 2.0 with OpenSSL 3). */
static void end_gently(struct mqtt_end *e, enum err why, const char *text)
{
    stream_shutdown(e->stream);
    end(e, why, false, text);
}

static void drop(struct wire_end *e, enum err why, const char *text)
{
    end_gently(mqtt_end_of(e), why, text);
}

/* Ends it in order, which a client in a WebSocket may want; what it sends is dropped, and so is
 * what waits for it: nothing may be written to a stream that is shut down. */
static void leave(struct mqtt_end *e, enum err why, const char *text)
{
    buf_wipe(&e->out);
    e->leaving = text;
    e->leaving_why = why;
    e->leaving_at = loop_now(e->o.loop);
    stream_shutdown(e->stream);
    stream_read_on(e->stream, true);
}

/* ---- sending ---- */

/* Writes what waits. Tokens are in it, so it is wiped. */
static void flush(struct mqtt_end *e)
{
    if (e->out.size == 0 || !stream_ready(e->stream))
        return;
    e->pending = e->out;
    e->out = (struct buf){.limit = MQTT_QUEUED_MAX};
    if (stream_write(e->stream, e->pending.data, e->pending.size))
        buf_wipe(&e->pending);
}

static void on_writable(void *owner)
{
    struct mqtt_end *e = owner;
    buf_wipe(&e->pending);
    flush(e);
}

static void send_letter(struct wire_end *wire, struct device_letter *l)
{
    struct mqtt_end *e = mqtt_end_of(wire);
    struct span topic = {(const char *)l->bytes, l->n_topic};
    struct span payload = {(const char *)l->bytes + l->n_topic, l->size - l->n_topic};
    bool last = l->last;
    if (e->leaving != NULL) {
        device_letter_free(l);
        return;
    }
    enum err why =
        last ? ERR_OK
             : mqtt_session_publish(&e->session, topic, payload, l->again, seconds(e), &e->out);
    device_letter_free(l);
    if (last) {
        leave(e, ERR_REJECTED, "the hub sent it away");
    } else if (why != ERR_OK) {
        end(e, why, false, "it does not take what it is sent");
    } else {
        e->sent++;
        flush(e);
    }
}

/* ---- receiving ---- */

static void say(struct mqtt_end *e, const struct mqtt_said *s)
{
    uint8_t bytes[MQTT_SAID_MAX];
    size_t n = mqtt_said_write(s, bytes);
    e->allowance -= MQTT_COSTLY;
    e->o.said(e->o.owner, e->ticket, bytes, n);
}

static void on_subscribed(void *owner, uint32_t topics)
{
    say(owner, &(struct mqtt_said){.kind = MQTT_SAID_SUBSCRIBED, .topics = topics});
}

static void on_refused(void *owner, struct span filter)
{
    say(owner, &(struct mqtt_said){.kind = MQTT_SAID_REFUSED, .text = filter});
}

static void on_answered(void *owner, struct span topic)
{
    say(owner, &(struct mqtt_said){.kind = MQTT_SAID_ANSWERED, .text = topic});
}

static const struct mqtt_session_events session_events = {
    .subscribed = on_subscribed, .refused = on_refused, .answered = on_answered};

/* False: nothing more is to be read; the client may be gone. */
static bool take(struct mqtt_end *e, const struct mqtt_packet *p)
{
    size_t payload = p->type == MQTT_PUBLISH ? p->publish.payload : 0;
    e->received++;
    e->allowance -= 1 + (int)(payload / MQTT_UNIT);
    enum err why = mqtt_session_take(&e->session, p, &e->out);
    if (why == ERR_OK)
        return true;
    if (why == ERR_EOF)
        leave(e, ERR_CLIENT_CLOSED, "it disconnected");
    else if (why == ERR_STALLED)
        end(e, why, false, "it does not take what it is sent");
    else
        end(e, why, true, "it sent a packet that has no place there");
    return false;
}

static void broken(struct mqtt_end *e)
{
    char text[128];
    snprintf(text, sizeof text, "it sent %s", e->reader.bad);
    if (e->reader.why == ERR_NO_MEMORY)
        end(e, ERR_NO_MEMORY, false, err_text(ERR_NO_MEMORY));
    else
        end(e, e->reader.why, true, text);
}

/* Reads up to n bytes, as far as it may send them; returns how many. Negative: it is gone, or is
 * leaving. */
static long read_packets(struct mqtt_end *e, const uint8_t *p, size_t n)
{
    struct mqtt_packet packet;
    enum mqtt_read what = MQTT_PACKET;
    size_t at = 0, used;
    while (what == MQTT_PACKET && e->allowance > 0) {
        what = mqtt_read(&e->reader, p + at, n - at, &used, &packet);
        at += used;
        if (what == MQTT_BAD) {
            broken(e);
            return -1;
        }
        if (what == MQTT_PACKET && !take(e, &packet))
            return -1; /* what it sends after that is dropped */
    }
    return (long)at;
}

static void on_readable(void *owner)
{
    struct mqtt_end *e = owner;
    uint8_t *p;
    long n = stream_peek(e->stream, 1, &p);
    if (e->leaving != NULL && n >= 0) {
        stream_consume(e->stream, (size_t)n);
        return;
    }
    if (e->leaving != NULL) {
        end(e, e->leaving_why, false, e->leaving);
        return;
    }
    if (n < 0) {
        enum err why = (enum err) - n;
        end(e, why == ERR_EOF ? ERR_CLIENT_CLOSED : why, false, err_text(why));
        return;
    }
    if (n == 0)
        return;
    e->heard_at = loop_now(e->o.loop);
    long used = read_packets(e, p, (size_t)n);
    if (used < 0)
        return;
    stream_consume(e->stream, (size_t)used);
    flush(e);
    e->paused = e->allowance <= 0;
    if (e->paused)
        stream_read_on(e->stream, false);
}

static void on_failed(void *owner, enum err why)
{
    struct mqtt_end *e = owner;
    if (e->leaving != NULL)
        end(e, e->leaving_why, false, e->leaving);
    else
        end(e, why, false, err_text(why));
}

static const struct stream_events stream_callbacks = {
    .readable = on_readable, .writable = on_writable, .failed = on_failed};

/* ---- life ---- */

static void tick(struct wire_end *wire, uint64_t now)
{
    struct mqtt_end *e = mqtt_end_of(wire);
    if (e->leaving != NULL) {
        if (now - e->leaving_at >= LEAVING_MS)
            end(e, e->leaving_why, false, e->leaving);
        return;
    }
    if (e->paused) /* it may have said something that is not read yet */
        e->heard_at = now;
    enum err why =
        mqtt_session_check(&e->session, (uint32_t)(e->heard_at / 1000), (uint32_t)(now / 1000));
    if (why != ERR_OK) {
        end_gently(e, why,
                   why == ERR_SILENT ? "nothing came from it in time"
                                     : "it does not acknowledge what it is sent");
        return;
    }
    if (now >= e->expires_at) {
        leave(e, ERR_AUTH, "its signature has expired");
        return;
    }
    e->allowance = e->allowance + MQTT_RATE < MQTT_BURST ? e->allowance + MQTT_RATE : MQTT_BURST;
    if (e->paused && e->allowance > 0) {
        e->paused = false;
        stream_read_on(e->stream, true);
    }
}

static bool owes(const struct wire_end *wire)
{
    const struct mqtt_end *e = mqtt_end_of(wire);
    return e->session.n_flight > 0 && e->leaving == NULL;
}

static const struct wire_end_ops ops = {
    .send = send_letter, .drop = drop, .tick = tick, .owes = owes};

struct wire_end *mqtt_end_new(const struct wire_end_options *o, struct device_ticket *t,
                              struct stream *s)
{
    struct mqtt_end *e = calloc(1, sizeof *e);
    if (e != NULL)
        e->out.limit = MQTT_QUEUED_MAX;
    if (e == NULL || !mqtt_put_connack(&e->out, t->session_present, MQTT_ACCEPTED)) {
        struct device_gone g = {.ticket = t, .why = ERR_NO_MEMORY, .text = "out of memory"};
        free(e);
        stream_close(s);
        o->gone(o->owner, &g);
        return NULL;
    }
    e->wire.ops = &ops;
    e->o = *o;
    e->stream = s;
    e->ticket = t;
    e->session = (struct mqtt_session){.device = t->device,
                                       .client_id = t->client_id,
                                       .topics = t->topics,
                                       .keepalive_s = t->ping_s,
                                       .events = &session_events,
                                       .owner = e};
    e->allowance = MQTT_BURST;
    e->since = e->heard_at = loop_now(o->loop);
    e->expires_at = t->left_s > 0 ? e->since + (uint64_t)t->left_s * 1000 : UINT64_MAX;
    list_init(&e->wire.node);
    list_append(o->list, &e->wire.node);
    stream_set_owner(s, &stream_callbacks, e);
    stream_read_on(s, true);
    flush(e);
    return &e->wire;
}
