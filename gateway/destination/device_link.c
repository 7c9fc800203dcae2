#include "gateway/destination/device_link.h"

#include "core/base/random.h"
#include "core/base/secret.h"
#include "core/device/device_proof.h"
#include "core/tunnel/backoff.h"
#include "core/tunnel/connector.h"
#include "gateway/destination/device_transport.h"
#include "gateway/destination/hub_way.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RETRY_FIRST_MS 100
#define RETRY_MOST_MS 60000
#define STEADY_MS 5000    /* welcome for so long: the next loss starts the back-off anew */
#define GREETING_MS 30000 /* from the upgrade to the welcome */
#define PROBLEM_SIZE 400

/* GREETED: it has said who it is. */
enum step { WAITING, CONNECTING, GREETING, GREETED, PENDING, UP, FINISHED };

struct device_link {
    struct loop *loop;
    const struct device_link_events *events;
    void *owner;
    const char *user_agent, *version;
    char name[DEVICE_NAME_MAX + 1];
    bool by_key, enrolled;
    struct device_key key;
    uint64_t began_ms;

    struct hub_way way;
    char *join_token; /* these three as given */
    uint64_t ping_ms;
    bool fixed_pings;

    enum step step;
    struct connector *connector; /* CONNECTING */
    struct tls_session tls_session;
    struct reach_memory memory;
    struct device_transport transport; /* from GREETING to UP */
    struct timer *timer;               /* the pause, the greeting, and then the transport's */
    unsigned tries;
    uint64_t since, retry_at, connections;
    enum err why;
    char text[PROBLEM_SIZE];
    bool repeated;
    const char *refusal; /* the last failure was one, for that reason; or NULL */
};

/* ---- ends ---- */

static void drop_transport(struct device_link *l)
{
    connector_cancel(l->connector);
    l->connector = NULL;
    device_transport_drop(&l->transport);
    timer_stop(l->timer);
}

static void remember(struct device_link *l, enum err why, const char *text)
{
    l->repeated = l->why == why && strcmp(l->text, text) == 0;
    l->why = why;
    if (!l->repeated)
        snprintf(l->text, sizeof l->text, "%s", text);
}

static bool is_up(const struct device_link *l)
{
    return l->step == PENDING || l->step == UP;
}

/* Why a try or a link ended, and what comes of it. */
struct loss {
    enum err why;
    enum device_reason reason;
    const char *refusal; /* the reason in words; NULL: nobody has refused it */
    enum device_retry retry;
    const char *text;
    int64_t later_ms; /* -1: nobody asked for a pause */
};

static uint64_t pause_after(struct device_link *l, const struct loss *loss)
{
    uint32_t dice[2];
    bool asked;
    random_bytes(dice, sizeof dice);
    uint64_t first = loss->retry == DEVICE_RETRY_SOON ? RETRY_FIRST_MS : RETRY_MOST_MS;
    return backoff_later(backoff_pause(first, RETRY_MOST_MS, l->tries, dice[0]), loss->later_ms,
                         dice[1], &asked);
}

static void lose(struct device_link *l, const struct loss *loss)
{
    uint64_t now = loop_now(l->loop);
    char text[PROBLEM_SIZE];
    snprintf(text, sizeof text, "%s", loss->text);
    bool was_up = is_up(l), final = loss->retry == DEVICE_RETRY_NEVER && !l->enrolled;
    if (was_up && now - l->since >= STEADY_MS)
        l->tries = 0;
    drop_transport(l);
    if (was_up || final)
        l->since = now;
    remember(l, loss->why, text);
    l->refusal = loss->refusal;
    if (final) {
        l->step = FINISHED;
        l->events->finished(l->owner, loss->reason, text);
        return;
    }
    uint64_t pause = pause_after(l, loss);
    l->step = WAITING;
    l->retry_at = now + pause;
    l->tries++;
    timer_start(l->timer, pause);
    l->events->down(l->owner, loss->why, loss->reason, text);
}

/* What a later try may mend. */
static void lost(void *owner, enum err why, const char *what)
{
    struct device_link *l = owner;
    char text[PROBLEM_SIZE];
    snprintf(text, sizeof text, "the connection to hub %.100s:%d was lost: %.200s", l->way.host,
             l->way.port, what);
    lose(l, &(struct loss){.why = why, .text = text, .later_ms = -1});
}

static void refused(struct device_link *l, enum device_reason reason, struct span words)
{
    char text[PROBLEM_SIZE], safe[200];
    snprintf(text, sizeof text, "the hub refused the device%s%.128s%s: %s%s%s%s",
             l->name[0] != '\0' ? " \"" : "", l->name, l->name[0] != '\0' ? "\"" : "",
             device_reason_text(reason), words.n > 0 ? " (" : "",
             str_escape(words, safe, sizeof safe), words.n > 0 ? ")" : "");
    if (reason == DEVICE_REASON_CERTIFICATE_CHANGED)
        l->tls_session = (struct tls_session){{0}};
    lose(l, &(struct loss){.why = ERR_REJECTED,
                           .reason = reason,
                           .refusal = device_reason_text(reason),
                           .retry = device_reason_retry(reason),
                           .text = text,
                           .later_ms = -1});
}

/* ---- to the hub ---- */

/* What it promises is the longest silence: the period, and a moment for timers. */
static void fill_status(struct device_link *l, struct device_status *out)
{
    *out = (struct device_status){
        .version = span_of(l->version),
        .uptime_s = (loop_now(l->loop) - l->began_ms) / 1000,
        .ping_s = (uint32_t)((l->transport.pings.period_ms + 999) / 1000),
    };
    l->events->status(l->owner, out);
}

void device_link_tell(struct device_link *l)
{
    struct device_message m = {.kind = DEVICE_MESSAGE_STATUS};
    if (!is_up(l))
        return;
    fill_status(l, &m.status);
    device_transport_send(&l->transport, &m);
}

void device_link_answer(struct device_link *l, struct span id, bool accepted, enum device_code code,
                        struct span why)
{
    if (why.n > DEVICE_LINK_WORDS_MAX)
        why.n = DEVICE_LINK_WORDS_MAX;
    if (l->step == UP)
        device_transport_send(&l->transport,
                              &(struct device_message){.kind = DEVICE_MESSAGE_ANSWER,
                                                       .answer = {id, accepted, code, why}});
}

static void on_challenge(struct device_link *l, const uint8_t *nonce)
{
    uint8_t certificate[TLS_FINGERPRINT], signature[P256_SIGNATURE_SIZE];
    struct device_message m = {.kind = DEVICE_MESSAGE_HELLO};
    if (l->step != GREETING) {
        lost(l, ERR_PROTOCOL, "the hub asked twice who this is");
        return;
    }
    m.hello.device = span_of(l->name);
    m.hello.join_token = span_of(l->join_token);
    m.hello.n_tunnels = l->events->tunnels(l->owner, m.hello.tunnels);
    m.hello.names_tunnels = true;
    fill_status(l, &m.hello.status);
    if (l->by_key) {
        tls_peer_fingerprint(ws_stream(l->transport.ws), certificate);
        const struct device_proof proof = {.host = span_of(l->way.host),
                                           .device = m.hello.device,
                                           .point = l->key.point,
                                           .nonce = nonce,
                                           .certificate = certificate};
        device_proof_sign(&proof, l->key.secret, signature);
        m.hello.public_key = l->key.point;
        m.hello.signature = signature;
    }
    l->step = GREETED;
    device_transport_send(&l->transport, &m);
}

/* ---- from the hub ---- */

static void on_welcome(struct device_link *l, const struct hub_message *m)
{
    bool was_up = is_up(l);
    l->enrolled = true;
    l->step = m->welcome.pending ? PENDING : UP;
    l->why = ERR_OK;
    l->text[0] = '\0';
    l->refusal = NULL;
    memcpy(l->name, m->welcome.device.p, m->welcome.device.n);
    l->name[m->welcome.device.n] = '\0';
    if (!was_up) {
        l->since = loop_now(l->loop);
        l->connections++;
        device_transport_pace(&l->transport);
    }
    l->events->welcome(l->owner, m->welcome.device, m->welcome.enrolled, m->welcome.pending);
}

static bool other_name(const struct device_link *l, struct span name)
{
    return l->name[0] != '\0' && !span_is(name, l->name);
}

static void on_message(void *owner, const struct hub_message *m)
{
    struct device_link *l = owner;
    switch (m->kind) {
    case HUB_MESSAGE_CHALLENGE:
        on_challenge(l, m->nonce);
        break;
    case HUB_MESSAGE_WELCOME:
        if (l->step == GREETING)
            lost(l, ERR_PROTOCOL, "the hub welcomed before it asked who this is");
        else if (other_name(l, m->welcome.device))
            lost(l, ERR_PROTOCOL, "the hub welcomed another device");
        else
            on_welcome(l, m);
        break;
    case HUB_MESSAGE_REFUSED:
        refused(l, m->refused.reason, m->refused.text);
        break;
    case HUB_MESSAGE_NOTICE:
        if (l->step == UP)
            l->events->notice(l->owner, &m->notice);
        break;
    case HUB_MESSAGE_WITHDRAWN:
        if (l->step == UP)
            l->events->withdrawn(l->owner, m->withdrawn);
        break;
    case HUB_MESSAGE_OTHER:
        break;
    }
}

static void on_grown(void *owner)
{
    device_link_tell(owner);
}

/* ---- the way there ---- */

static void on_arrived(void *owner, struct stream *s, const struct connector_answer *answer)
{
    struct device_link *l = owner;
    (void)answer; /* a tunnel's */
    l->connector = NULL;
    l->step = GREETING;
    if (!device_transport_open(&l->transport, s))
        lost(l, ERR_NO_MEMORY, err_text(ERR_NO_MEMORY));
    else
        timer_start(l->timer, GREETING_MS);
}

static void on_unreached(void *owner, const struct connector_failure *f)
{
    struct device_link *l = owner;
    char text[PROBLEM_SIZE];
    l->connector = NULL;
    snprintf(text, sizeof text, "%.*s", PROBLEM_SIZE - 1, f->text);
    if (f->final && f->status == 404)
        snprintf(text, sizeof text,
                 "hub %.200s:%d has no devices (HTTP 404): it is older than this agent",
                 l->way.host, l->way.port);
    lose(l, &(struct loss){.why = f->why,
                           .retry = f->final ? DEVICE_RETRY_NEVER : DEVICE_RETRY_SOON,
                           .text = text,
                           .later_ms = f->later_ms});
}

static void connect_to_hub(struct device_link *l)
{
    static const struct connector_events events = {on_arrived, on_unreached};
    struct connector_target target = {
        .memory = &l->memory,
        .tls_session = &l->tls_session,
        .path = DEVICE_LINK_PATH,
        .subprotocol = DEVICE_LINK_PROTOCOL,
        .agent = l->user_agent,
    };
    hub_way_target(&l->way, &target);
    l->step = CONNECTING;
    l->connector = connector_start(l->loop, &target, &events, l);
    if (l->connector == NULL)
        lost(l, ERR_NO_MEMORY, err_text(ERR_NO_MEMORY));
}

static void on_timer(void *owner)
{
    struct device_link *l = owner;
    if (l->step == WAITING)
        connect_to_hub(l);
    else if (l->step == GREETING || l->step == GREETED)
        lost(l, ERR_SILENT, "the hub did not say whether it knows the device");
    else
        device_transport_timer(&l->transport);
}

/* ---- life ---- */

/* What options name and a change replaces. */
static enum err take_options(struct device_link *l, const struct device_link_options *o)
{
    enum err why = hub_way_take(&l->way, o->hub, o->trust, o->identity);
    l->join_token = str_copy(o->join_token);
    l->ping_ms = o->hub->ping_ms;
    l->fixed_pings = o->fixed_pings;
    return why == ERR_OK && o->join_token != NULL && l->join_token == NULL ? ERR_NO_MEMORY : why;
}

static void free_options(struct device_link *l)
{
    hub_way_free(&l->way);
    secret_free(l->join_token);
}

void device_link_free(struct device_link *l)
{
    if (l == NULL)
        return;
    if (is_up(l))
        device_transport_close(&l->transport);
    drop_transport(l);
    timer_free(l->timer);
    free_options(l);
    explicit_bzero(l, sizeof *l);
    free(l);
}

static void begin_pings(struct device_link *l)
{
    device_pings_init(&l->transport.pings, l->ping_ms,
                      l->fixed_pings ? l->ping_ms : DEVICE_PINGS_MOST_MS);
}

struct device_link *device_link_new(const struct device_link_options *o,
                                    const struct device_link_events *events, void *owner,
                                    enum err *why)
{
    struct device_link *l = calloc(1, sizeof *l);
    *why = ERR_NO_MEMORY;
    if (l == NULL)
        return NULL;
    *l = (struct device_link){
        .loop = o->loop,
        .events = events,
        .owner = owner,
        .user_agent = o->user_agent,
        .version = o->version,
        .by_key = o->key != NULL,
        .enrolled = o->enrolled,
        .began_ms = loop_now(o->loop),
        .since = loop_now(o->loop),
        .step = WAITING,
        .timer = timer_new(o->loop, on_timer, l),
    };
    l->transport = (struct device_transport){.loop = o->loop,
                                             .timer = l->timer,
                                             .message = on_message,
                                             .grown = on_grown,
                                             .over = lost,
                                             .owner = l};
    device_transport_init(&l->transport);
    snprintf(l->name, sizeof l->name, "%s", o->name);
    if (o->key != NULL)
        l->key = *o->key;
    *why = take_options(l, o);
    if (*why == ERR_OK && l->timer == NULL)
        *why = ERR_NO_MEMORY;
    if (*why != ERR_OK) {
        device_link_free(l);
        return NULL;
    }
    begin_pings(l);
    timer_start(l->timer, 0);
    return l;
}

enum err device_link_change(struct device_link *l, const struct device_link_options *o)
{
    struct device_link n = {.timer = NULL};
    enum err why = take_options(&n, o);
    if (why != ERR_OK) {
        free_options(&n);
        return why;
    }
    bool anew = !hub_way_same(&l->way, &n.way);
    bool pings = l->ping_ms != n.ping_ms || l->fixed_pings != n.fixed_pings;
    free_options(l);
    l->way = n.way;
    l->join_token = n.join_token;
    l->ping_ms = n.ping_ms;
    l->fixed_pings = n.fixed_pings;
    if (pings || anew)
        begin_pings(l);
    if (anew)
        l->memory = (struct reach_memory){0};
    if (anew || !is_up(l)) {
        drop_transport(l);
        l->step = WAITING;
        l->tries = 0;
        l->since = l->retry_at = loop_now(l->loop);
        timer_start(l->timer, 0);
    }
    return ERR_OK;
}

struct device_link_info device_link_info(const struct device_link *l)
{
    static const enum device_link_phase phases[] = {
        [WAITING] = DEVICE_LINK_WAITING,     [CONNECTING] = DEVICE_LINK_CONNECTING,
        [GREETING] = DEVICE_LINK_CONNECTING, [GREETED] = DEVICE_LINK_CONNECTING,
        [PENDING] = DEVICE_LINK_PENDING,     [UP] = DEVICE_LINK_UP,
        [FINISHED] = DEVICE_LINK_OVER,
    };
    bool begins = l->step == WAITING && l->why == ERR_OK;
    return (struct device_link_info){
        .phase = begins ? DEVICE_LINK_CONNECTING : phases[l->step],
        .since_ms = l->since,
        .retry_ms = l->step == WAITING ? l->retry_at : 0,
        .round_trip_us = l->transport.round_trip_us,
        .connections = l->connections,
        .ping_ms = l->transport.pings.period_ms,
        .why = l->why,
        .text = l->text,
        .repeated = l->repeated,
        .refusal = l->step == WAITING ? l->refusal : NULL,
    };
}

const struct tls_session *device_link_session(const struct device_link *l)
{
    return &l->tls_session;
}
