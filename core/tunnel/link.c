#include "core/tunnel/link.h"

#include "core/base/encoding.h"
#include "core/base/random.h"
#include "core/base/secret.h"
#include "core/base/str.h"
#include "core/tunnel/backoff.h"
#include "core/tunnel/connector.h"
#include "core/tunnel/keepalive.h"
#include "core/ws/ws.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SUBPROTOCOL "aws.iot.securetunneling-3.0"
#define STEADY_MS 5000 /* up for so long: the next loss starts the back-off anew */
#define RETRY_MS 500
#define RETRY_NATIVE_MS 100 /* connections wait for it */
#define NOTICE_MS 3600000   /* so long before the tunnel expires it is told */
#define PING_SILENCES 3     /* ping periods of the options without a byte: the link is dead */
#define FULL_SILENCES 30    /* ... while it does not take what we have to send either */
#define PROBLEM_SIZE 240    /* of the text that is kept */

/* What our hub says in a Close 1000 to an end whose token was rotated away. */
static const char replaced[] = "the access token was replaced";

enum step { WAITING, CONNECTING, UP, FINISHED };

struct link {
    struct loop *loop;
    struct session *session;
    const struct link_events *events;
    void *owner;
    char *host, *access_token, *client_token, *subprotocol, *instance, *bind, *agent;
    int port;
    enum session_role role;
    const struct trust *trust;
    struct identity *identity; /* held; NULL: none */
    struct upstream proxy;
    bool proxied;
    uint64_t ping_ms, retry_first_ms, retry_max_ms;
    struct keepalive keepalive; /* from ping_ms on */
    bool native;                /* the hub took FRAME_NATIVE_PROTOCOL last time */
    bool stays;                 /* the last try failed by a redirect */

    enum step step;
    struct stream *ready;        /* WAITING for the first try: what it will go over, or NULL */
    struct connector *connector; /* CONNECTING */
    struct tls_session tls_session;
    struct reach_memory memory;
    struct ws *ws;       /* UP */
    struct timer *timer; /* the pause before a retry, or the next ping */
    unsigned tries;
    uint64_t since, retry_at, connections;
    enum err why; /* the last failure, and its text; OK: none since it was up */
    char text[PROBLEM_SIZE];
    bool repeated;
    uint64_t excused_at; /* silence before this moment does not count */
    uint64_t pinged_at_us, pinged_after_ms, round_trip_us;
    struct timer *notice; /* an hour before the tunnel expires */
    uint64_t expires;     /* loop_now; 0: not known */
    bool noticed;
};

/* ---- ends ---- */

static void drop_transport(struct link *l)
{
    session_settle(l->session);
    connector_cancel(l->connector);
    ws_free(l->ws);
    l->connector = NULL;
    l->ws = NULL;
    timer_stop(l->timer);
}

static void remember(struct link *l, enum err why, const char *text)
{
    char now[PROBLEM_SIZE] = "";
    snprintf(now, sizeof now, "%s", text[0] != '\0' ? text : err_text(why));
    l->repeated = l->why == why && strcmp(l->text, now) == 0;
    l->why = why;
    memcpy(l->text, now, sizeof now);
}

static void finished(struct link *l, enum err why, const char *text)
{
    l->step = FINISHED;
    l->since = loop_now(l->loop);
    l->round_trip_us = 0;
    remember(l, why, text);
    drop_transport(l);
    timer_stop(l->notice);
    session_detach(l->session, why == ERR_TUNNEL_CLOSED ? why : ERR_LINK_LOST);
    l->events->finished(l->owner, why, text);
}

static uint64_t pause_ms(struct link *l, int64_t later_ms, bool *asked)
{
    uint64_t first = l->retry_first_ms;
    uint32_t dice[2];
    if (first == 0)
        first = l->native ? RETRY_NATIVE_MS : RETRY_MS;
    random_bytes(dice, sizeof dice);
    return backoff_later(backoff_pause(first, l->retry_max_ms, l->tries, dice[0]), later_ms,
                         dice[1], asked);
}

static void lost_until(struct link *l, enum err why, const char *text, int64_t later_ms)
{
    bool was_up = l->step == UP, asked;
    uint64_t now = loop_now(l->loop);
    char line[600], told[PROBLEM_SIZE + 60];
    snprintf(line, sizeof line, "the connection to hub %.200s:%d was lost: %.300s", l->host,
             l->port, text);
    /* A native far end that answered shows the same as a while without loss. */
    bool met = session_peer(l->session)->native && session_reachable(l->session);
    if (was_up && (met || now - l->since >= STEADY_MS))
        l->tries = 0;
    drop_transport(l);
    uint64_t pause = pause_ms(l, later_ms, &asked);
    l->step = WAITING;
    l->since = was_up ? now : l->since;
    l->retry_at = now + pause;
    l->round_trip_us = 0;
    remember(l, why, was_up ? line : text);
    timer_start(l->timer, pause);
    l->tries++;
    if (was_up)
        session_lost(l->session);
    if (asked) { /* not remembered: the same refusal with another wait is the same */
        snprintf(told, sizeof told, "%.*s; as it asked, the next try is in %" PRIu64 " s",
                 PROBLEM_SIZE, text, (pause + 999) / 1000);
        l->events->down(l->owner, why, told);
    } else {
        l->events->down(l->owner, why, was_up ? line : text);
    }
}

static void lost(struct link *l, enum err why, const char *text)
{
    lost_until(l, why, text, -1);
}

/* Errors that no later try can mend by itself: of the hub's refusal, and of what
 * session_events.services found wrong in the configuration. */
static bool is_final(enum err why)
{
    return why == ERR_REJECTED || why == ERR_TUNNEL_CLOSED || why == ERR_USAGE ||
           why == ERR_NO_SERVICE || why == ERR_ADDRESS_IN_USE || why == ERR_PERMISSION;
}

void link_drop(struct link *l, enum err why, const char *text)
{
    char copy[200];
    snprintf(copy, sizeof copy, "%s", text);
    if (is_final(why))
        finished(l, why, copy);
    else
        lost(l, why, copy);
}

/* ---- up ---- */

static bool transport_ready(void *ctx)
{
    const struct link *l = ctx;
    return l->ws != NULL && ws_ready(l->ws);
}

static bool transport_send(void *ctx, uint8_t *p, size_t n)
{
    struct link *l = ctx;
    return ws_send(l->ws, p, n);
}

static bool transport_send_parts(void *ctx, const struct span *parts, size_t n)
{
    struct link *l = ctx;
    return ws_send_parts(l->ws, parts, n);
}

static void transport_resume(void *ctx)
{
    struct link *l = ctx;
    if (l->ws != NULL)
        ws_resume(l->ws);
}

static size_t on_data(void *owner, uint8_t *p, size_t n)
{
    struct link *l = owner;
    return session_input_steady(l->session, p, n);
}

static void on_settle(void *owner)
{
    struct link *l = owner;
    session_settle(l->session);
}

static void on_ws_writable(void *owner)
{
    struct link *l = owner;
    session_writable(l->session);
}

static uint64_t now_us(void)
{
    return uv_hrtime() / 1000;
}

/* A stalled session reads nothing, so silence means nothing then, nor just after it. */
static uint64_t silence_ms(struct link *l)
{
    uint64_t now = loop_now(l->loop), heard_at = ws_received_at(l->ws);
    if (session_stalled(l->session))
        l->excused_at = now;
    return now - (heard_at > l->excused_at ? heard_at : l->excused_at);
}

/* The payload is a decimal number, as the reference program demands of pongs that it sees. */
static void ping(struct link *l)
{
    char text[24];
    l->pinged_at_us = now_us();
    l->pinged_after_ms = silence_ms(l);
    snprintf(text, sizeof text, "%" PRIu64, l->pinged_at_us);
    ws_ping(l->ws, text, strlen(text));
    timer_start(l->timer, l->keepalive.period_ms);
}

static void on_pong(void *owner, const uint8_t *p, size_t n)
{
    struct link *l = owner;
    uint64_t sent;
    if (!str_number((struct span){(const char *)p, n}, UINT64_MAX, &sent) ||
        sent != l->pinged_at_us)
        return;
    l->round_trip_us = now_us() - sent;
    keepalive_answered(&l->keepalive, l->pinged_after_ms);
}

/* A hub that does not take what we send may wait for somebody on the other side, and our pings wait
 * with it. */
static bool is_dead(struct link *l)
{
    uint64_t silences = ws_ready(l->ws) ? PING_SILENCES : FULL_SILENCES;
    return silence_ms(l) > silences * l->ping_ms;
}

/* Nobody said why: it may be the silence itself. */
static void lost_in_silence(struct link *l, enum err why, const char *text)
{
    char line[300];
    uint64_t silence = silence_ms(l);
    if (!keepalive_lost(&l->keepalive, silence)) {
        lost(l, why, text);
        return;
    }
    snprintf(line, sizeof line,
             "%.160s; twice in a row after %.1f s of silence, so pings go out every %.1f s from "
             "now on",
             text, (double)silence / 1000, (double)l->keepalive.period_ms / 1000);
    lost(l, why, line);
}

/* A Close frame tells us to stop, except for the codes by which a hub says that it goes away. */
static void on_closed(void *owner, enum err why, int code, const char *text)
{
    struct link *l = owner;
    char line[240];
    if (code == 0) {
        snprintf(line, sizeof line, "%s", why == ERR_EOF ? "the hub ended it" : text);
        lost_in_silence(l, why, line);
    } else if (code == 1001 || (code >= 1011 && code <= 1014)) {
        snprintf(line, sizeof line, "the hub closed it: %d %.160s", code, text);
        lost(l, ERR_LINK_LOST, line);
    } else {
        bool orderly = code == 1000 || code == 1005;
        bool goes_on = code == 1000 && strncmp(text, replaced, strlen(replaced)) == 0;
        snprintf(line, sizeof line, "the hub closed the tunnel%s%.160s%s",
                 text[0] != '\0' ? ": " : "", text, goes_on ? "; give this end the new token" : "");
        finished(l,
                 goes_on   ? ERR_TOKEN_REPLACED
                 : orderly ? ERR_TUNNEL_CLOSED
                           : ERR_REJECTED,
                 line);
    }
}

static const struct ws_events ws_events = {
    .data = on_data,
    .settle = on_settle,
    .writable = on_ws_writable,
    .pong = on_pong,
    .closed = on_closed,
};

static void on_notice(void *owner)
{
    struct link *l = owner;
    uint64_t now = loop_now(l->loop);
    l->noticed = true;
    if (l->events->ending != NULL)
        l->events->ending(l->owner, l->expires > now ? l->expires - now : 0);
}

/* The hub tells it at each connection; the last one counts. */
static void expires_in(struct link *l, uint64_t left_ms)
{
    if (left_ms == 0)
        return;
    l->expires = loop_now(l->loop) + left_ms;
    if (!l->noticed)
        timer_start(l->notice, left_ms > NOTICE_MS ? left_ms - NOTICE_MS : 0);
}

/* What comes may be another tunnel, which ends at another time and has not been warned of. */
static void forget_end(struct link *l)
{
    timer_stop(l->notice);
    l->expires = 0;
    l->noticed = false;
}

static void on_arrived(void *owner, struct stream *s, const struct connector_answer *answer)
{
    struct link *l = owner;
    expires_in(l, 1000 * answer->left_s);
    l->connector = NULL;
    l->stays = false;
    l->native = answer->native;
    l->tries = l->tries > 0 ? l->tries : 1;
    l->ws = ws_new(l->loop, s, true, &ws_events, l);
    if (l->ws == NULL) {
        lost(l, ERR_NO_MEMORY, err_text(ERR_NO_MEMORY));
        return;
    }
    l->step = UP;
    l->since = l->excused_at = loop_now(l->loop);
    l->connections++;
    l->why = ERR_OK;
    l->text[0] = '\0';
    session_attach(l->session, &(struct transport){
                                   .ready = transport_ready,
                                   .send = transport_send,
                                   .send_parts = transport_send_parts,
                                   .resume = transport_resume,
                                   .native = answer->native,
                                   .stream_idle_ms = 1000 * answer->idle_s,
                                   .ctx = l,
                               });
    ping(l);
    l->events->up(l->owner);
}

static void on_connector_failed(void *owner, const struct connector_failure *f)
{
    struct link *l = owner;
    l->connector = NULL;
    l->stays = f->redirected && !l->stays;
    keepalive_doubt(&l->keepalive);
    if (f->final)
        finished(l, f->why, f->text);
    else
        lost_until(l, f->why, f->text, f->later_ms);
}

static void connect_to_hub(struct link *l)
{
    static const struct connector_events events = {on_arrived, on_connector_failed};
    struct connector_target target = {
        .host = l->host,
        .port = l->port,
        .proxy = l->proxied ? &l->proxy : NULL,
        .bind = l->bind,
        .memory = &l->memory,
        .trust = l->trust,
        .tls_session = &l->tls_session,
        .identity = l->identity,
        .source = l->role == SESSION_SOURCE,
        .access_token = l->access_token,
        .client_token = l->client_token,
        .subprotocol = l->subprotocol,
        .instance = l->instance,
        .stays = l->stays,
        .agent = l->agent,
        .ready = l->ready,
    };
    l->ready = NULL;
    l->step = CONNECTING;
    l->connector = connector_start(l->loop, &target, &events, l);
    if (l->connector == NULL)
        lost(l, ERR_NO_MEMORY, err_text(ERR_NO_MEMORY));
}

static void on_timer(void *owner)
{
    struct link *l = owner;
    if (l->step == WAITING)
        connect_to_hub(l);
    else if (is_dead(l))
        lost_in_silence(l, ERR_TIMEOUT, "nothing came from the hub any more");
    else
        ping(l);
}

/* ---- life ---- */

void link_instance(char out[LINK_INSTANCE_SIZE])
{
    uint8_t bytes[16];
    random_bytes(bytes, sizeof bytes);
    base64_encode(bytes, sizeof bytes, out, true);
}

static char *copy_of(const char *text, bool *ok)
{
    char *copy = text != NULL ? strdup(text) : NULL;
    if (text != NULL && copy == NULL)
        *ok = false;
    return copy;
}

static void free_link(struct link *l)
{
    drop_transport(l);
    timer_free(l->timer);
    timer_free(l->notice);
    if (l->ready != NULL)
        stream_close(l->ready);
    if (l->proxied)
        upstream_free(&l->proxy);
    secret_free(l->access_token);
    secret_free(l->client_token);
    free(l->host);
    free(l->subprotocol);
    free(l->instance);
    free(l->bind);
    free(l->agent);
    identity_free(l->identity);
    free(l);
}

static void on_ready_failed(void *owner, enum err why)
{
    struct link *l = owner;
    (void)why; /* the first try dials then, and tells */
    stream_close(l->ready);
    l->ready = NULL;
}

/* It is not read until the first try, so that nothing but a failure is told. */
static void keep_ready(struct link *l, struct stream *ready)
{
    static const struct stream_events events = {.failed = on_ready_failed};
    l->ready = ready;
    if (ready == NULL)
        return;
    stream_set_owner(ready, &events, l);
    stream_read_on(ready, false);
}

struct link *link_new(struct loop *loop, struct session *session, const struct link_options *o,
                      const struct link_events *events, void *owner, enum err *why)
{
    struct link *l = calloc(1, sizeof *l);
    bool ok = true;
    *why = ERR_NO_MEMORY;
    if (l == NULL) {
        if (o->ready != NULL)
            stream_close(o->ready);
        return NULL;
    }
    *l = (struct link){
        .loop = loop,
        .session = session,
        .events = events,
        .owner = owner,
        .host = copy_of(o->host, &ok),
        .port = o->port,
        .role = o->role,
        .access_token = copy_of(o->access_token, &ok),
        .client_token = copy_of(o->client_token, &ok),
        .subprotocol = copy_of(o->subprotocol != NULL ? o->subprotocol : SUBPROTOCOL, &ok),
        .instance = copy_of(o->instance, &ok),
        .bind = copy_of(o->bind, &ok),
        .agent = copy_of(o->agent != NULL ? o->agent : "tunnel/" TUNNEL_VERSION, &ok),
        .trust = o->trust,
        .identity = o->identity != NULL ? identity_ref(o->identity) : NULL,
        .ping_ms = o->ping_ms != 0 ? o->ping_ms : 20000,
        .retry_first_ms = o->retry_first_ms,
        .retry_max_ms = o->retry_max_ms != 0 ? o->retry_max_ms : 10000,
    };
    keep_ready(l, o->ready);
    if (o->tls_session != NULL)
        l->tls_session = *o->tls_session;
    keepalive_init(&l->keepalive, l->ping_ms);
    l->timer = timer_new(loop, on_timer, l);
    l->notice = timer_new(loop, on_notice, l);
    if (l->timer == NULL || l->notice == NULL || !ok) {
        free_link(l);
        return NULL;
    }
    if (o->proxy != NULL) {
        *why = upstream_parse(o->proxy, &l->proxy);
        l->proxied = *why == ERR_OK;
        if (!l->proxied) {
            free_link(l);
            return NULL;
        }
    }
    *why = ERR_OK;
    l->since = loop_now(loop);
    l->step = WAITING;
    timer_start(l->timer, 0);
    return l;
}

static bool same_proxy(const struct link *a, const struct link *b)
{
    return a->proxied == b->proxied && (!a->proxied || upstream_same(&a->proxy, &b->proxy));
}

/* Takes from n what o named; true: it is another way than before. */
static bool take_options(struct link *l, struct link *n)
{
    char **const texts[][2] = {{&l->host, &n->host},
                               {&l->access_token, &n->access_token},
                               {&l->client_token, &n->client_token},
                               {&l->subprotocol, &n->subprotocol},
                               {&l->bind, &n->bind}};
    bool other = l->port != n->port || !same_proxy(l, n);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        char *text = *texts[i][0];
        other = other || !str_same(text, *texts[i][1]);
        *texts[i][0] = *texts[i][1];
        *texts[i][1] = text;
    }
    if (other || l->ping_ms != n->ping_ms)
        l->keepalive = n->keepalive;
    const struct link old = *l;
    l->port = n->port;
    l->proxy = n->proxy;
    l->proxied = n->proxied;
    l->identity = n->identity;
    l->trust = n->trust;
    l->ping_ms = n->ping_ms;
    l->retry_first_ms = n->retry_first_ms;
    l->retry_max_ms = n->retry_max_ms;
    n->proxy = old.proxy;
    n->proxied = old.proxied;
    n->identity = old.identity;
    return other;
}

static void connect_anew(struct link *l)
{
    bool was_up = l->step == UP;
    drop_transport(l);
    l->step = WAITING;
    l->since = l->retry_at = loop_now(l->loop);
    l->round_trip_us = 0;
    l->tries = 0;
    l->why = ERR_OK;
    l->text[0] = '\0';
    timer_start(l->timer, 0);
    if (was_up)
        session_lost(l->session);
}

enum err link_change(struct link *l, const struct link_options *o, bool *anew)
{
    enum err why;
    struct link *n = link_new(l->loop, l->session, o, l->events, l->owner, &why);
    if (n == NULL)
        return why;
    *anew = take_options(l, n) || l->step == FINISHED;
    free_link(n);
    if (*anew) {
        l->memory = (struct reach_memory){0};
        forget_end(l);
    }
    if (*anew || l->step != UP)
        connect_anew(l);
    return ERR_OK;
}

void link_free(struct link *l)
{
    bool was_up = l->step == UP;
    if (was_up && ws_ready(l->ws))
        ws_close(l->ws, 1000, "");
    if (was_up)
        session_detach(l->session, ERR_SHUTDOWN);
    free_link(l);
}

uint64_t link_round_trip_us(const struct link *l)
{
    return l->round_trip_us;
}

void link_get_info(const struct link *l, struct link_info *out)
{
    static const enum link_phase phases[] = {
        [WAITING] = LINK_WAITING,
        [CONNECTING] = LINK_CONNECTING,
        [UP] = LINK_UP,
        [FINISHED] = LINK_OVER,
    };
    bool begins = l->step == WAITING && l->why == ERR_OK;
    *out = (struct link_info){
        .phase = begins ? LINK_CONNECTING : phases[l->step],
        .since_ms = l->since,
        .retry_ms = l->step == WAITING ? l->retry_at : 0,
        .round_trip_us = l->round_trip_us,
        .connections = l->connections,
        .expires_ms = l->expires,
        .why = l->why,
        .text = l->text,
        .repeated = l->repeated,
    };
}
