#include "gateway/hub/relay/relay_end.h"

#include "core/base/log.h"
#include "core/ws/ws.h"
#include "core/ws/ws_server.h"
#include "gateway/hub/relay/buffered_stream.h"
#include "gateway/hub/relay/relay.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STUCK_FACTOR 10   /* idle times allowed to a silent client that does not read either */
#define CLOSE_NORMAL 1000 /* RFC 6455 section 7.4.1 */
/* Interval of pings to clients that are not read, whose own pings get no answer. */
#define HELD_PING_MS 5000

struct relay_end {
    struct list node;
    struct relay_end_options o;
    struct ws *ws;
    struct relay *relay; /* NULL once the end has left */
    struct registration *registration;
    uint64_t since, alive_at, pinged_at, took_at;
    uint64_t full_at;        /* loop_now when it stopped taking bytes; 0: it takes them */
    uint64_t received, sent; /* bytes of messages */
    bool goodbye;            /* the client has ended its side itself */
    enum err why;            /* why the hub ends it */
    char text[128];          /* `why` in words; "" while the hub does not end it */
    struct deferred drop;
};

static void log_connected(const struct registration *t)
{
    struct log_field fields[] = {
        {"tunnel", t->label, 0},         {"side", side_name(t->side), 0}, {"client", t->client, 0},
        {"subprotocol", t->protocol, 0}, {"channel", t->channel, 0},
    };
    log_event(LOG_INFO, "connected", fields, sizeof fields / sizeof *fields);
}

static void log_gone(const struct end_report *d)
{
    const struct registration *t = d->registration;
    struct log_field fields[] = {
        {"tunnel", t->label, 0},
        {"side", side_name(t->side), 0},
        {"client", t->client, 0},
        {"reason", d->text, 0},
        {"seconds", NULL, (int64_t)d->seconds},
        {"received", NULL, (int64_t)d->received},
        {"sent", NULL, (int64_t)d->sent},
        {"channel", t->channel, 0},
    };
    log_event(LOG_INFO, "disconnected", fields, sizeof fields / sizeof *fields);
}

static void leave(struct relay_end *c)
{
    struct relay *r = c->relay;
    c->relay = NULL;
    if (r != NULL && c->goodbye)
        relay_leave(r, c->registration->side);
    else if (r != NULL)
        relay_detach(r, c->registration->side);
}

/* Frees the end and reports it. Every way to the end leads here. */
static void relay_end_free(struct relay_end *c, enum err why, const char *text)
{
    bool ours = c->text[0] != '\0';
    struct end_report d = {.registration = c->registration,
                           .why = ours ? c->why : why,
                           .seconds = (loop_now(c->o.loop) - c->since) / 1000,
                           .received = c->received,
                           .sent = c->sent};
    struct relay_end_options o = c->o;
    snprintf(d.text, sizeof d.text, "%s", ours ? c->text : text);
    log_gone(&d);
    leave(c);
    list_remove(&c->node);
    loop_cancel(&c->drop);
    ws_free(c->ws);
    free(c);
    stat_add(&o.stats->clients, (uint64_t)-1);
    o.gone(o.owner, &d);
}

static void on_drop(void *owner)
{
    relay_end_free(owner, ERR_INTERNAL, "dropped");
}

static void keep_why(struct relay_end *c, enum err why, const char *text)
{
    if (c->text[0] != '\0')
        return;
    c->why = why;
    snprintf(c->text, sizeof c->text, "%s", text);
}

/* Defers a drop, because the maker of the end still uses it. */
static void end_later(struct relay_end *c, enum err why, const char *text)
{
    keep_why(c, why, text);
    loop_defer(c->o.loop, &c->drop);
}

void relay_end_close(struct relay_end *c, const struct close_reason *f)
{
    if (f->code == RELAY_DROP) {
        relay_end_free(c, f->why, f->text);
        return;
    }
    keep_why(c, f->why, f->text);
    leave(c);
    ws_close(c->ws, f->code, f->text);
}

const struct registration *relay_end_registration(const struct relay_end *c)
{
    return c->registration;
}

struct relay_end *relay_end_at(struct list *node)
{
    return list_entry(node, struct relay_end, node);
}

/* ---- as the relay's end ---- */

static bool end_is_ready(const void *end)
{
    return ws_ready(((const struct relay_end *)end)->ws);
}

uint64_t relay_end_full_ms(const struct relay_end *c, uint64_t now)
{
    return c->full_at != 0 && !ws_ready(c->ws) ? now - c->full_at : 0;
}

static void send_to_end(void *end, const uint8_t *p, size_t n)
{
    struct relay_end *c = end;
    struct span message = {(const char *)p, n};
    c->sent += n;
    ws_send_parts(c->ws, &message, 1);
    if (!ws_ready(c->ws))
        c->full_at = loop_now(c->o.loop);
}

static void resume_end(void *end)
{
    ws_resume(((struct relay_end *)end)->ws);
}

static void reject_end(void *end, int code, const char *text)
{
    struct relay_end *c = end;
    c->relay = NULL;
    if (code == 0) {
        end_later(c, ERR_NO_MEMORY, text);
        return;
    }
    keep_why(c, ERR_PROTOCOL, text);
    ws_close(c->ws, code, text);
}

static const struct relay_end_ops end_ops = {
    .ready = end_is_ready, .send = send_to_end, .resume = resume_end, .reject = reject_end};

/* ---- as the WebSocket's owner ---- */

static size_t on_data(void *owner, uint8_t *p, size_t n)
{
    struct relay_end *c = owner;
    if (c->relay == NULL)
        return n;
    enum side side = c->registration->side;
    size_t taken = relay_input(c->relay, side, p, n);
    c->received += taken;
    stat_add(&c->registration->traffic->received[side], taken);
    *c->o.active = loop_now(c->o.loop);
    stat_add(side == SIDE_SOURCE ? &c->o.stats->from_source : &c->o.stats->from_destination, taken);
    return taken;
}

static void on_writable(void *owner)
{
    struct relay_end *c = owner;
    c->full_at = 0;
    if (c->relay != NULL)
        relay_writable(c->relay, c->registration->side);
}

static void on_closed(void *owner, enum err why, int code, const char *text)
{
    struct relay_end *c = owner;
    char words[WS_WORDS_SIZE];
    ws_closed_words(why, code, text, words);
    c->goodbye = code == CLOSE_NORMAL;
    relay_end_free(c, code > 0 ? ERR_CLIENT_CLOSED : why, words);
}

static const struct ws_events ws_callbacks = {
    .data = on_data, .writable = on_writable, .closed = on_closed};

/* "" while the limit is none. */
static void write_idle(const struct registration *t, char out[48])
{
    uint64_t idle_s = atomic_load(&t->account->stream_idle_s);
    out[0] = '\0';
    if (idle_s > 0)
        snprintf(out, 48, "tunnel-stream-idle: %" PRIu64 "\r\n", idle_s);
}

/* The hub's own end has asked for nothing. */
static bool answer(struct stream *s, const struct registration *t)
{
    char extra[160], idle[48];
    if (t->key[0] == '\0')
        return true;
    write_idle(t, idle);
    snprintf(extra, sizeof extra, "channel-id: %s\r\ntunnel-expires-in: %" PRIu64 "\r\n%s",
             t->channel, t->left_s, idle);
    return ws_answer(
        s, &(struct ws_response){.key = span_of(t->key), .protocol = t->protocol, .extra = extra});
}

void relay_end_new(const struct relay_end_options *o, struct registration *registration,
                   struct stream *buffered)
{
    struct relay_end *c = calloc(1, sizeof *c);
    if (c == NULL) {
        struct end_report d = {
            .registration = registration, .why = ERR_NO_MEMORY, .text = "out of memory"};
        stream_close(buffered);
        o->gone(o->owner, &d);
        return;
    }
    *c = (struct relay_end){.o = *o, .registration = registration, .since = loop_now(o->loop)};
    c->alive_at = c->since;
    deferred_init(&c->drop, on_drop, c);
    list_init(&c->node);
    list_append(o->list, &c->node);
    stat_add(&o->stats->clients, 1);
    log_connected(registration);
    if (answer(buffered, registration))
        c->ws = ws_new(o->loop, buffered, false, &ws_callbacks, c);
    else
        stream_close(buffered);
    if (c->ws == NULL) {
        end_later(c, ERR_NO_MEMORY, err_text(ERR_NO_MEMORY));
        return;
    }
    c->relay = o->relay;
    relay_attach(c->relay, registration->side,
                 &(struct relay_peer){.version = registration->version,
                                      .protocol = registration->protocol,
                                      .instance = registration->instance,
                                      .device = registration->device},
                 &end_ops, c);
}

/* A client that is not read because the other end is slow must not take the hub for dead: its pings
 * lie behind what it sent. The payload is a number, as that of clients' pings. */
static void ping_held(struct relay_end *c, uint64_t now)
{
    char text[24];
    if (!relay_holds(c->relay, c->registration->side) || now - c->pinged_at < HELD_PING_MS)
        return;
    c->pinged_at = now;
    snprintf(text, sizeof text, "%llu", (unsigned long long)now);
    ws_ping(c->ws, text, strlen(text));
}

/* A client that is not read, or does not read, may be silent for a while; when the other end holds
 * it up, it may be silent for as long as it takes what it is sent. Two ends that hold up each other
 * are both dropped. */
void relay_end_tick(struct relay_end *c, uint64_t now, uint64_t idle_ms)
{
    if (c->relay == NULL)
        return;
    uint64_t received_at = ws_received_at(c->ws);
    bool held = relay_holds(c->relay, c->registration->side), takes = ws_ready(c->ws);
    ping_held(c, now);
    if (takes)
        c->took_at = now;
    uint64_t seen_at = held && c->took_at > received_at ? c->took_at : received_at;
    if (takes ? held : now - seen_at < STUCK_FACTOR * idle_ms)
        c->alive_at = now;
    if (received_at > c->alive_at)
        c->alive_at = received_at;
    if (now - c->alive_at >= idle_ms)
        relay_end_free(c, ERR_SILENT, "nothing came from it in time");
}
