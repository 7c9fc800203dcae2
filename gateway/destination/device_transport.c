#include "gateway/destination/device_transport.h"

#include "core/ws/ws.h"

#include <stdio.h>
#include <uv.h>

#define PONG_MS 15000 /* a hub that says nothing for so long after a ping is gone */

/* ---- pings ---- */

static uint64_t now_us(void)
{
    return uv_hrtime() / 1000;
}

static uint64_t silence_ms(const struct device_transport *t)
{
    uint64_t heard = ws_received_at(t->ws), now = loop_now(t->loop);
    return now > heard ? now - heard : 0;
}

/* Sleeps until the next ping is due: whatever comes from the hub puts it off. */
void device_transport_pace(struct device_transport *t)
{
    uint64_t silence = silence_ms(t), period = t->pings.period_ms;
    t->paced = true;
    timer_start(t->timer, silence < period ? period - silence : 1);
}

static void ping(struct device_transport *t)
{
    t->pinged = true;
    t->pinged_us = now_us();
    t->pinged_after_ms = silence_ms(t);
    t->heard_before = ws_received_at(t->ws);
    ws_ping(t->ws, "", 0);
    timer_start(t->timer, PONG_MS);
}

/* A ping that grew the period is followed by the new promise. */
static void on_pong(void *owner, const uint8_t *p, size_t n)
{
    struct device_transport *t = owner;
    (void)p, (void)n;
    if (!t->pinged)
        return;
    t->pinged = false;
    t->round_trip_us = now_us() - t->pinged_us;
    if (device_pings_answered(&t->pings, t->pinged_after_ms))
        t->grown(t->owner);
    if (t->ws != NULL)
        device_transport_pace(t);
}

static void lost_in_silence(struct device_transport *t, enum err why, const char *what)
{
    char text[300];
    uint64_t silence = silence_ms(t);
    if (!t->paced || !device_pings_lost(&t->pings, silence)) {
        t->over(t->owner, why, what);
        return;
    }
    snprintf(text, sizeof text, "%.160s after %.1f s of silence, so pings go out every %.1f s now",
             what, (double)silence / 1000, (double)t->pings.period_ms / 1000);
    t->over(t->owner, why, text);
}

void device_transport_timer(struct device_transport *t)
{
    uint64_t silence = silence_ms(t);
    if (t->pinged && ws_received_at(t->ws) == t->heard_before)
        lost_in_silence(t, ERR_TIMEOUT, "nothing came from the hub any more");
    else if (t->pinged) { /* it said something else: that is an answer as well */
        t->pinged = false;
        device_transport_pace(t);
    } else if (silence >= t->pings.period_ms)
        ping(t);
    else
        device_transport_pace(t);
}

/* ---- messages ---- */

static void on_writable(void *owner)
{
    struct device_transport *t = owner;
    device_outbox_writable(&t->out, t->ws);
}

void device_transport_send(struct device_transport *t, const struct device_message *message)
{
    if (!device_outbox_send(&t->out, t->ws, message))
        t->over(t->owner, ERR_STALLED, "the hub does not take what this device says");
}

static size_t on_data(void *owner, uint8_t *p, size_t n)
{
    struct device_transport *t = owner;
    if (!buf_append(&t->in, p, n)) {
        t->over(t->owner, ERR_TOO_LARGE, "the hub sent too large a message");
        return 0;
    }
    return n;
}

/* The message is taken out first, since the link may be lost by what it says. */
static void on_message_end(void *owner)
{
    struct device_transport *t = owner;
    struct buf in = t->in;
    struct hub_message m;
    t->in = (struct buf){.limit = in.limit};
    if (hub_message_decode(in.data, in.size, &m) != ERR_OK)
        t->over(t->owner, ERR_PROTOCOL, "the hub sent something that is no message");
    else
        t->message(t->owner, &m);
    buf_wipe(&in);
}

static void on_closed(void *owner, enum err why, int code, const char *text)
{
    struct device_transport *t = owner;
    char line[240];
    if (code == 0) {
        snprintf(line, sizeof line, "%.200s", why == ERR_EOF ? "the hub ended it" : text);
        lost_in_silence(t, why, line);
    } else {
        snprintf(line, sizeof line, "the hub closed it: %d %.160s", code, text);
        t->over(t->owner, ERR_LINK_LOST, line);
    }
}

static const struct ws_events ws_events = {
    .data = on_data,
    .message_end = on_message_end,
    .writable = on_writable,
    .pong = on_pong,
    .closed = on_closed,
};

/* ---- life ---- */

void device_transport_init(struct device_transport *t)
{
    t->in.limit = DEVICE_LINK_MESSAGE_MAX;
    device_outbox_init(&t->out);
}

bool device_transport_open(struct device_transport *t, struct stream *s)
{
    t->ws = ws_new(t->loop, s, true, &ws_events, t);
    return t->ws != NULL;
}

void device_transport_close(struct device_transport *t)
{
    if (ws_ready(t->ws))
        ws_close(t->ws, 1000, "");
}

void device_transport_drop(struct device_transport *t)
{
    ws_free(t->ws);
    t->ws = NULL;
    t->paced = t->pinged = false;
    t->round_trip_us = 0;
    device_outbox_clear(&t->out);
    buf_wipe(&t->in);
}
