#include "gateway/hub/client.h"

#include "core/base/log.h"
#include "core/ws/ws.h"
#include "gateway/hub/relay.h"
#include "gateway/hub/spill.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STUCK_FACTOR 10   /* idle limits allowed to a silent client that does not read either */
#define HELD_PING_MS 5000 /* to clients that are not read, whose own pings get no answer */

struct client {
    struct list node;
    struct loop *loop;
    struct ws *ws;
    struct relay *relay; /* NULL once it has left */
    enum side side;
    char name[80], channel[40], tunnel[TUNNEL_TEXT_MAX + 1];
    uint64_t since, alive_at, pinged_at;
    uint64_t received, sent; /* bytes of messages */
    const char *why;         /* why we end it; NULL: we do not */
    char why_text[128];
    struct deferred drop;
};

static void log_connected(const struct client *c, const struct request *r)
{
    struct log_field fields[] = {
        {"tunnel", c->tunnel, 0},        {"side", side_name(c->side), 0}, {"client", c->name, 0},
        {"subprotocol", r->protocol, 0}, {"channel", c->channel, 0},
    };
    log_event(LOG_INFO, "connected", fields, sizeof fields / sizeof *fields);
}

static void log_gone(const struct client *c, const char *why)
{
    struct log_field fields[] = {
        {"tunnel", c->tunnel, 0},
        {"side", side_name(c->side), 0},
        {"client", c->name, 0},
        {"reason", why, 0},
        {"seconds", NULL, (int64_t)((loop_now(c->loop) - c->since) / 1000)},
        {"received", NULL, (int64_t)c->received},
        {"sent", NULL, (int64_t)c->sent},
        {"channel", c->channel, 0},
    };
    log_event(LOG_INFO, "disconnected", fields, sizeof fields / sizeof *fields);
}

static void leave(struct client *c)
{
    struct relay *r = c->relay;
    c->relay = NULL;
    if (r != NULL)
        relay_detach(r, c->side);
}

/* The one end. */
static void client_free(struct client *c, const char *why)
{
    log_gone(c, c->why != NULL ? c->why : why);
    leave(c);
    list_remove(&c->node);
    loop_cancel(&c->drop);
    ws_free(c->ws);
    free(c);
}

static void on_drop(void *owner)
{
    client_free(owner, "dropped");
}

static void keep_why(struct client *c, const char *why)
{
    if (c->why != NULL)
        return;
    snprintf(c->why_text, sizeof c->why_text, "%s", why);
    c->why = c->why_text;
}

void client_close(struct client *c, int code, const char *text)
{
    keep_why(c, text);
    leave(c);
    ws_close(c->ws, code, text);
}

/* ---- as the relay's end ---- */

static bool end_ready(const void *end)
{
    return ws_ready(((const struct client *)end)->ws);
}

static size_t header_size(size_t n)
{
    return n < 126 ? 2 : n < 65536 ? 4 : 10;
}

/* The stream under the WebSocket is a spill: the bytes are free after ws_send in any case. */
static void end_send(void *end, uint8_t *p, size_t n, size_t room)
{
    struct client *c = end;
    c->sent += n;
    if (room >= header_size(n)) {
        ws_send(c->ws, p, n);
        return;
    }
    uint8_t *block = loop_block(c->loop);
    if (block == NULL) {
        keep_why(c, err_text(ERR_NO_MEMORY));
        loop_defer(c->loop, &c->drop);
        return;
    }
    memcpy(block + WS_HEADER_MAX, p, n);
    ws_send(c->ws, block + WS_HEADER_MAX, n);
    loop_unblock(c->loop, block);
}

static void end_resume(void *end)
{
    ws_resume(((struct client *)end)->ws);
}

static void end_reject(void *end, int code, const char *text)
{
    struct client *c = end;
    c->relay = NULL;
    keep_why(c, text);
    if (code == 0)
        loop_defer(c->loop, &c->drop);
    else
        ws_close(c->ws, code, text);
}

static const struct relay_end_ops end_ops = {
    .ready = end_ready, .send = end_send, .resume = end_resume, .reject = end_reject};

/* ---- as the WebSocket's owner ---- */

static size_t on_data(void *owner, uint8_t *p, size_t n)
{
    struct client *c = owner;
    if (c->relay == NULL)
        return n;
    size_t taken = relay_input(c->relay, c->side, p, n, spill_room(ws_stream(c->ws), p));
    c->received += taken;
    return taken;
}

static void on_writable(void *owner)
{
    struct client *c = owner;
    if (c->relay != NULL)
        relay_writable(c->relay, c->side);
}

static void on_closed(void *owner, enum err why, int code, const char *text)
{
    struct client *c = owner;
    char words[256];
    if (code > 0 && text[0] != '\0')
        snprintf(words, sizeof words, "it sent Close %d: %s", code, text);
    else if (code > 0)
        snprintf(words, sizeof words, "it sent Close %d", code);
    else
        snprintf(words, sizeof words, "%s", text[0] != '\0' ? text : err_text(why));
    client_free(c, words);
}

static const struct ws_events ws_callbacks = {
    .data = on_data, .writable = on_writable, .closed = on_closed};

void client_new(struct loop *loop, struct list *clients, struct tunnel *t, const struct request *r,
                struct stream *spill, const char *channel)
{
    struct client *c = calloc(1, sizeof *c);
    if (c == NULL) {
        stream_close(spill);
        return;
    }
    *c = (struct client){.loop = loop, .side = r->side, .since = loop_now(loop)};
    c->alive_at = c->since;
    snprintf(c->name, sizeof c->name, "%s", spill->name);
    snprintf(c->channel, sizeof c->channel, "%s", channel);
    snprintf(c->tunnel, sizeof c->tunnel, "%s", tunnel_name(t));
    list_init(&c->node);
    deferred_init(&c->drop, on_drop, c);
    c->ws = ws_new(loop, spill, false, NULL, 0, &ws_callbacks, c);
    if (c->ws == NULL) {
        free(c);
        return;
    }
    list_append(clients, &c->node);
    log_connected(c, r);
    c->relay = t->relay;
    relay_attach(c->relay, c->side, r->version, &end_ops, c);
}

void clients_drop(struct list *clients, const char *why)
{
    while (!list_empty(clients)) {
        struct client *c = list_entry(clients->next, struct client, node);
        c->relay = NULL; /* nobody is left to be told */
        client_free(c, why);
    }
}

/* A client that is not read because the other end is slow must not take us for dead: its pings lie
 * behind what it sent. The payload is a number, as that of clients' pings. */
static void ping_held(struct client *c, uint64_t now)
{
    char text[24];
    if (!relay_holds(c->relay, c->side) || now - c->pinged_at < HELD_PING_MS)
        return;
    c->pinged_at = now;
    snprintf(text, sizeof text, "%llu", (unsigned long long)now);
    ws_ping(c->ws, text, strlen(text));
}

/* The silence of a client that we do not read, or that does not read us, is excused for a while. */
static void tick(struct client *c, uint64_t now, uint64_t idle_ms)
{
    uint64_t received_at = ws_received_at(c->ws);
    if (c->relay == NULL)
        return;
    ping_held(c, now);
    if (relay_holds(c->relay, c->side) ||
        (!ws_ready(c->ws) && now - received_at < STUCK_FACTOR * idle_ms))
        c->alive_at = now;
    if (received_at > c->alive_at)
        c->alive_at = received_at;
    if (now - c->alive_at >= idle_ms)
        client_free(c, "nothing came from it in time");
}

void clients_tick(struct list *clients, uint64_t now, uint64_t idle_ms)
{
    list_each(node, clients) tick(list_entry(node, struct client, node), now, idle_ms);
}
