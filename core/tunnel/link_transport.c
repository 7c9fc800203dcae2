#include "core/tunnel/link_transport.h"

#include "core/base/str.h"
#include "core/ws/ws.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <uv.h>

#define PING_SILENCES 3  /* ping periods of the options without a byte: the link is dead */
#define FULL_SILENCES 30 /* ... while it does not take what we have to send either */

/* What our hub says in a Close 1000 to an end whose token was rotated away. */
static const char replaced[] = "the access token was replaced";

/* ---- bytes ---- */

static bool transport_ready(void *ctx)
{
    const struct link_transport *t = ctx;
    return t->ws != NULL && ws_ready(t->ws);
}

static bool transport_send(void *ctx, uint8_t *p, size_t n)
{
    struct link_transport *t = ctx;
    return ws_send(t->ws, p, n);
}

static bool transport_send_parts(void *ctx, const struct span *parts, size_t n)
{
    struct link_transport *t = ctx;
    return ws_send_parts(t->ws, parts, n);
}

static void transport_resume(void *ctx)
{
    struct link_transport *t = ctx;
    if (t->ws != NULL)
        ws_resume(t->ws);
}

static size_t on_data(void *owner, uint8_t *p, size_t n)
{
    struct link_transport *t = owner;
    return session_input_steady(t->session, p, n);
}

static void on_settle(void *owner)
{
    struct link_transport *t = owner;
    session_settle(t->session);
}

static void on_ws_writable(void *owner)
{
    struct link_transport *t = owner;
    session_writable(t->session);
}

/* ---- pings and silence ---- */

static uint64_t now_us(void)
{
    return uv_hrtime() / 1000;
}

/* A stalled session reads nothing, so silence means nothing then, nor just after it. */
static uint64_t silence_ms(struct link_transport *t)
{
    uint64_t now = loop_now(t->loop), heard_at = ws_received_at(t->ws);
    if (session_stalled(t->session))
        t->excused_at = now;
    return now - (heard_at > t->excused_at ? heard_at : t->excused_at);
}

/* The payload is a decimal number, as the reference program demands of pongs that it sees. */
void link_transport_ping(struct link_transport *t)
{
    char text[24];
    t->pinged_at_us = now_us();
    t->pinged_after_ms = silence_ms(t);
    snprintf(text, sizeof text, "%" PRIu64, t->pinged_at_us);
    ws_ping(t->ws, text, strlen(text));
}

static void on_pong(void *owner, const uint8_t *p, size_t n)
{
    struct link_transport *t = owner;
    uint64_t sent;
    if (!str_number((struct span){(const char *)p, n}, UINT64_MAX, &sent) ||
        sent != t->pinged_at_us)
        return;
    t->round_trip_us = now_us() - sent;
    keepalive_answered(&t->keepalive, t->pinged_after_ms);
}

/* A hub that does not take what we send may wait for somebody on the other side, and our pings wait
 * with it. */
bool link_transport_is_dead(struct link_transport *t, uint64_t ping_ms)
{
    uint64_t silences = ws_ready(t->ws) ? PING_SILENCES : FULL_SILENCES;
    return silence_ms(t) > silences * ping_ms;
}

void link_transport_lost(struct link_transport *t, enum err why, const char *text)
{
    char line[300];
    uint64_t silence = silence_ms(t);
    if (!keepalive_lost(&t->keepalive, silence)) {
        t->over(t->owner, why, text, false);
        return;
    }
    snprintf(line, sizeof line,
             "%.160s; twice in a row after %.1f s of silence, so pings go out every %.1f s from "
             "now on",
             text, (double)silence / 1000, (double)t->keepalive.period_ms / 1000);
    t->over(t->owner, why, line, false);
}

/* ---- the end ---- */

/* A Close frame tells us to stop, except for the codes by which a hub says that it goes away. */
static void on_closed(void *owner, enum err why, int code, const char *text)
{
    struct link_transport *t = owner;
    char line[240];
    if (code == 0) {
        snprintf(line, sizeof line, "%s", why == ERR_EOF ? "the hub ended it" : text);
        link_transport_lost(t, why, line);
    } else if (code == 1001 || (code >= 1011 && code <= 1014)) {
        snprintf(line, sizeof line, "the hub closed it: %d %.160s", code, text);
        t->over(t->owner, ERR_LINK_LOST, line, false);
    } else {
        bool orderly = code == 1000 || code == 1005;
        bool goes_on = code == 1000 && strncmp(text, replaced, strlen(replaced)) == 0;
        snprintf(line, sizeof line, "the hub closed the tunnel%s%.160s%s",
                 text[0] != '\0' ? ": " : "", text, goes_on ? "; give this end the new token" : "");
        t->over(t->owner,
                goes_on   ? ERR_TOKEN_REPLACED
                : orderly ? ERR_TUNNEL_CLOSED
                          : ERR_REJECTED,
                line, true);
    }
}

static const struct ws_events ws_events = {
    .data = on_data,
    .settle = on_settle,
    .writable = on_ws_writable,
    .pong = on_pong,
    .closed = on_closed,
};

/* ---- life ---- */

bool link_transport_open(struct link_transport *t, struct stream *s)
{
    t->ws = ws_new(t->loop, s, true, &ws_events, t);
    t->excused_at = loop_now(t->loop);
    return t->ws != NULL;
}

void link_transport_attach(struct link_transport *t, bool native, uint64_t idle_ms)
{
    session_attach(t->session, &(struct transport){
                                   .ready = transport_ready,
                                   .send = transport_send,
                                   .send_parts = transport_send_parts,
                                   .resume = transport_resume,
                                   .native = native,
                                   .stream_idle_ms = idle_ms,
                                   .ctx = t,
                               });
}

void link_transport_drop(struct link_transport *t)
{
    session_settle(t->session);
    ws_free(t->ws);
    t->ws = NULL;
    t->round_trip_us = 0;
}

void link_transport_close(struct link_transport *t)
{
    if (ws_ready(t->ws))
        ws_close(t->ws, 1000, "");
}
