#include "core/tunnel/link.h"

#include "core/base/encoding.h"
#include "core/base/random.h"
#include "core/tunnel/backoff.h"
#include "core/tunnel/connector.h"
#include "core/tunnel/link_settings.h"
#include "core/tunnel/link_transport.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STEADY_MS 5000 /* up for so long: the next loss starts the back-off anew */
#define RETRY_MS 500
#define RETRY_NATIVE_MS 100 /* connections wait for it */
#define NOTICE_MS 3600000   /* so long before the tunnel expires it is told */
#define PROBLEM_SIZE 240    /* of the text that is kept */

enum step { WAITING, CONNECTING, UP, FINISHED };

struct link {
    struct loop *loop;
    struct session *session;
    const struct link_events *events;
    void *owner;
    struct link_settings settings;
    bool native; /* the hub took FRAME_NATIVE_PROTOCOL last time */
    bool stays;  /* the last try failed by a redirect */

    enum step step;
    struct stream *ready;        /* WAITING for the first try: what it will go over, or NULL */
    struct connector *connector; /* CONNECTING */
    struct tls_session tls_session;
    struct reach_memory memory;
    struct link_transport transport; /* UP */
    struct timer *timer;             /* the pause before a retry, or the next ping */
    unsigned tries;
    uint64_t since, retry_at, connections;
    enum err why; /* the last failure, and its text; OK: none since it was up */
    char text[PROBLEM_SIZE];
    bool repeated;
    struct timer *notice; /* an hour before the tunnel expires */
    uint64_t expires;     /* loop_now; 0: not known */
    bool noticed;
};

/* ---- ends ---- */

static void drop_transport(struct link *l)
{
    connector_cancel(l->connector);
    l->connector = NULL;
    link_transport_drop(&l->transport);
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
    remember(l, why, text);
    drop_transport(l);
    timer_stop(l->notice);
    session_detach(l->session, why == ERR_TUNNEL_CLOSED ? why : ERR_LINK_LOST);
    l->events->finished(l->owner, why, text);
}

static uint64_t pause_ms(struct link *l, int64_t later_ms, bool *asked)
{
    uint64_t first = l->settings.retry_first_ms;
    uint32_t dice[2];
    if (first == 0)
        first = l->native ? RETRY_NATIVE_MS : RETRY_MS;
    random_bytes(dice, sizeof dice);
    return backoff_later(backoff_pause(first, l->settings.retry_max_ms, l->tries, dice[0]),
                         later_ms, dice[1], asked);
}

static void lost_until(struct link *l, enum err why, const char *text, int64_t later_ms)
{
    bool was_up = l->step == UP, asked;
    uint64_t now = loop_now(l->loop);
    char line[600], told[PROBLEM_SIZE + 60];
    snprintf(line, sizeof line, "the connection to hub %.200s:%d was lost: %.300s",
             l->settings.host, l->settings.port, text);
    /* A native far end that answered shows the same as a while without loss. */
    bool met = session_peer(l->session)->native && session_reachable(l->session);
    if (was_up && (met || now - l->since >= STEADY_MS))
        l->tries = 0;
    drop_transport(l);
    uint64_t pause = pause_ms(l, later_ms, &asked);
    l->step = WAITING;
    l->since = was_up ? now : l->since;
    l->retry_at = now + pause;
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

static void ping(struct link *l)
{
    link_transport_ping(&l->transport);
    timer_start(l->timer, l->transport.keepalive.period_ms);
}

static void on_over(void *owner, enum err why, const char *text, bool final)
{
    if (final)
        finished(owner, why, text);
    else
        lost(owner, why, text);
}

static void on_arrived(void *owner, struct stream *s, const struct connector_answer *answer)
{
    struct link *l = owner;
    expires_in(l, 1000 * answer->left_s);
    l->connector = NULL;
    l->stays = false;
    l->native = answer->native;
    l->tries = l->tries > 0 ? l->tries : 1;
    if (!link_transport_open(&l->transport, s)) {
        lost(l, ERR_NO_MEMORY, err_text(ERR_NO_MEMORY));
        return;
    }
    l->step = UP;
    l->since = loop_now(l->loop);
    l->connections++;
    l->why = ERR_OK;
    l->text[0] = '\0';
    link_transport_attach(&l->transport, answer->native, 1000 * answer->idle_s);
    ping(l);
    l->events->up(l->owner);
}

static void on_connector_failed(void *owner, const struct connector_failure *f)
{
    struct link *l = owner;
    l->connector = NULL;
    l->stays = f->redirected && !l->stays;
    keepalive_doubt(&l->transport.keepalive);
    if (f->final)
        finished(l, f->why, f->text);
    else
        lost_until(l, f->why, f->text, f->later_ms);
}

static void connect_to_hub(struct link *l)
{
    static const struct connector_events events = {on_arrived, on_connector_failed};
    struct link_settings *to = &l->settings;
    struct connector_target target = {
        .host = to->host,
        .port = to->port,
        .proxy = to->proxied ? &to->proxy : NULL,
        .bind = to->bind,
        .memory = &l->memory,
        .trust = to->trust,
        .tls_session = &l->tls_session,
        .identity = to->identity,
        .source = to->role == SESSION_SOURCE,
        .access_token = to->access_token,
        .client_token = to->client_token,
        .subprotocol = to->subprotocol,
        .instance = to->instance,
        .stays = l->stays,
        .agent = to->agent,
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
    else if (link_transport_is_dead(&l->transport, l->settings.ping_ms))
        link_transport_lost(&l->transport, ERR_TIMEOUT, "nothing came from the hub any more");
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

static void free_link(struct link *l)
{
    drop_transport(l);
    timer_free(l->timer);
    timer_free(l->notice);
    if (l->ready != NULL)
        stream_close(l->ready);
    link_settings_free(&l->settings);
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
    *why = l != NULL ? link_settings_init(&l->settings, o) : ERR_NO_MEMORY;
    if (*why != ERR_OK) {
        if (o->ready != NULL)
            stream_close(o->ready);
        free(l);
        return NULL;
    }
    l->loop = loop;
    l->session = session;
    l->events = events;
    l->owner = owner;
    l->transport =
        (struct link_transport){.loop = loop, .session = session, .over = on_over, .owner = l};
    keepalive_init(&l->transport.keepalive, l->settings.ping_ms);
    keep_ready(l, o->ready);
    if (o->tls_session != NULL)
        l->tls_session = *o->tls_session;
    l->timer = timer_new(loop, on_timer, l);
    l->notice = timer_new(loop, on_notice, l);
    if (l->timer == NULL || l->notice == NULL) {
        *why = ERR_NO_MEMORY;
        free_link(l);
        return NULL;
    }
    l->since = loop_now(loop);
    l->step = WAITING;
    timer_start(l->timer, 0);
    return l;
}

static void connect_anew(struct link *l)
{
    bool was_up = l->step == UP;
    drop_transport(l);
    l->step = WAITING;
    l->since = l->retry_at = loop_now(l->loop);
    l->tries = 0;
    l->why = ERR_OK;
    l->text[0] = '\0';
    timer_start(l->timer, 0);
    if (was_up)
        session_lost(l->session);
}

enum err link_change(struct link *l, const struct link_options *o, bool *anew)
{
    struct link_settings n;
    uint64_t ping_ms = l->settings.ping_ms;
    enum err why = link_settings_init(&n, o);
    if (why != ERR_OK)
        return why;
    bool other = link_settings_take(&l->settings, &n);
    link_settings_free(&n);
    if (other || l->settings.ping_ms != ping_ms)
        keepalive_init(&l->transport.keepalive, l->settings.ping_ms);
    *anew = other || l->step == FINISHED;
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
    if (l->step == UP) {
        link_transport_close(&l->transport);
        session_detach(l->session, ERR_SHUTDOWN);
    }
    free_link(l);
}

uint64_t link_round_trip_us(const struct link *l)
{
    return l->transport.round_trip_us;
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
        .round_trip_us = l->transport.round_trip_us,
        .connections = l->connections,
        .expires_ms = l->expires,
        .why = l->why,
        .text = l->text,
        .repeated = l->repeated,
    };
}
