/* The hub's inner ends as the main thread sees them: which tunnels the hub is an end of, and for
 * whom. */
#include "core/base/secret.h"
#include "core/tunnel/frame.h"
#include "gateway/hub/bridge_desk_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IDLE_MS 60000 /* a source without bridges leaves its tunnel after that time */
/* A device that has accepted is on its way to the tunnel for so long at most. */
#define ARRIVAL_MS 15000

/* One who waits for the admission. Both `done` may be NULL. */
struct waiter {
    struct list node;
    void (*source)(void *ctx, enum err why, struct bridge *b);
    void (*destination)(void *ctx, enum err why);
    void *ctx;
};

static uint64_t now_of(const struct bridge_desk *d)
{
    return loop_now(d->hub->o.loop);
}

/* ---- those that are there ---- */

static struct desk_inner *find(const struct bridge_desk *d, uint64_t serial)
{
    list_each(node, &d->inners)
    {
        struct desk_inner *i = list_entry(node, struct desk_inner, node);
        if (i->serial == serial)
            return i;
    }
    return NULL;
}

static struct desk_inner *find_source(const struct bridge_desk *d, const struct inner_source *s)
{
    list_each(node, &d->inners)
    {
        struct desk_inner *i = list_entry(node, struct desk_inner, node);
        if (i->role == SESSION_SOURCE && !i->leaving && strcmp(i->device, s->device) == 0 &&
            strcmp(i->service, s->service) == 0 && strcmp(i->policy, s->policy) == 0)
            return i;
    }
    return NULL;
}

static void inner_free(struct desk_inner *i)
{
    list_remove(&i->node);
    secret_free(i->token);
    free(i->device);
    free(i->service);
    free(i->policy);
    free(i->tunnel);
    free(i);
}

static struct desk_inner *inner_new(struct bridge_desk *d, enum session_role role,
                                    const struct inner_source *s)
{
    struct desk_inner *i = calloc(1, sizeof *i);
    if (i == NULL)
        return NULL;
    list_init(&i->node);
    list_init(&i->waiters);
    list_append(&d->inners, &i->node);
    i->desk = d;
    i->serial = ++d->inner_serial;
    i->role = role;
    i->since = i->idle_since = now_of(d);
    i->device = strdup(s->device);
    i->service = strdup(s->service);
    i->policy = strdup(s->policy);
    i->tunnel = strdup(s->tunnel);
    i->token = strdup(s->token);
    snprintf(i->client, sizeof i->client, "%s", s->client != NULL ? s->client : "127.0.0.1:0");
    if (i->device != NULL && i->service != NULL && i->policy != NULL && i->tunnel != NULL &&
        i->token != NULL)
        return i;
    inner_free(i);
    return NULL;
}

void desk_inner_bridge(struct bridge_desk *d, const struct bridge *b, bool began)
{
    struct desk_inner *i = b->inner.end != 0 ? find(d, b->inner.end) : NULL;
    if (i == NULL)
        return;
    i->bridges += began ? 1 : (size_t)-1;
    i->idle_since = now_of(d);
}

/* ---- answers ---- */

struct bridge *bridge_desk_make(struct bridge_desk *d, const struct bridge_spec *spec,
                                enum err *why)
{
    *why = ERR_SHUTDOWN;
    struct bridge *b =
        d->ended ? NULL : bridge_new(d->bridges, spec, loop_now(d->hub->o.loop), why);
    if (b != NULL)
        desk_inner_bridge(d, b, true);
    return b;
}

static void answer_source(struct desk_inner *i, const struct waiter *w)
{
    enum err why;
    const struct bridge_spec spec = {
        .device = i->device,
        .stream = i->service,
        .policy = i->policy,
        .inner = {.end = i->serial, .worker = i->worker, .side = BRIDGE_DEVICE}};
    struct bridge *b = bridge_desk_make(i->desk, &spec, &why);
    w->source(w->ctx, why, b);
}

static void answer_all(struct desk_inner *i, enum err why)
{
    while (!list_empty(&i->waiters)) {
        struct waiter *w = list_entry(i->waiters.next, struct waiter, node);
        list_remove(&w->node);
        if (w->source != NULL && why == ERR_OK)
            answer_source(i, w);
        else if (w->source != NULL)
            w->source(w->ctx, why, NULL);
        else if (w->destination != NULL)
            w->destination(w->ctx, why);
        free(w);
    }
}

static bool wait_for(struct desk_inner *i, const struct waiter *who)
{
    struct waiter *w = malloc(sizeof *w);
    if (w == NULL)
        return false;
    *w = *who;
    list_init(&w->node);
    list_append(&i->waiters, &w->node);
    return true;
}

/* ---- admission ---- */

static void on_admitted(void *ctx, struct registration *r, const struct admission *a)
{
    struct desk_inner *i = ctx;
    struct bridge_desk *d = i->desk;
    if (a->elsewhere != NULL && !d->ended)
        i->ready = desk_inner_pass_on(i, a->elsewhere);
    secret_free(i->token);
    i->token = NULL;
    enum err why = r != NULL                 ? ERR_OK
                   : i->ready                ? ERR_OK
                   : a->elsewhere != NULL    ? ERR_NO_DESCRIPTORS
                   : a->why == ERR_NO_MEMORY ? ERR_NO_MEMORY
                                             : ERR_REJECTED;
    if (r != NULL) {
        i->worker = presence_of(r)->home;
        i->ready = !d->ended && desk_inner_start(i, r);
        if (!i->ready) {
            why = d->ended ? ERR_SHUTDOWN : ERR_NO_DESCRIPTORS;
            admission_lost(d->hub, r, why, err_text(why));
        }
    }
    answer_all(i, why);
    if (!i->ready)
        inner_free(i);
}

/* False: no memory, and nothing has happened. */
static bool ask_admission(struct desk_inner *i, const char *token)
{
    struct hub *hub = i->desk->hub;
    struct message_admit_request *m =
        MESSAGE(struct message_admit_request, MESSAGE_ADMIT_REQUEST, 0);
    if (m == NULL)
        return false;
    m->side = i->role == SESSION_SOURCE ? SIDE_SOURCE : SIDE_DESTINATION;
    m->version = 3;
    m->protocol = FRAME_NATIVE_PROTOCOL;
    m->own = on_admitted;
    m->ctx = i;
    snprintf(m->client, sizeof m->client, "%s", INNER_CLIENT);
    snprintf(m->channel, sizeof m->channel, "inner-%llu", (unsigned long long)i->serial);
    desk_inner_name(m->instance);
    m->token = strdup(token);
    m->device = strdup(i->device); /* the hub knows the device */
    if (m->token == NULL || m->device == NULL) {
        message_free(&m->message);
        return false;
    }
    admission_requested(hub, m);
    return true;
}

/* Makes an inner end and has it admitted; `who` is answered, perhaps from inside. */
static void begin(struct bridge_desk *d, enum session_role role, const struct inner_source *s,
                  const struct waiter *who)
{
    struct desk_inner *i = d->ended ? NULL : inner_new(d, role, s);
    if (i != NULL && wait_for(i, who) && ask_admission(i, s->token))
        return;
    enum err why = d->ended ? ERR_SHUTDOWN : ERR_NO_MEMORY;
    bool answered = i != NULL && !list_empty(&i->waiters);
    if (answered)
        answer_all(i, why);
    else if (who->source != NULL)
        who->source(who->ctx, why, NULL);
    else
        who->destination(who->ctx, why);
    if (i != NULL)
        inner_free(i);
}

/* ---- the contract ---- */

bool bridge_desk_has_source(const struct bridge_desk *d, const struct inner_source *s)
{
    const struct desk_inner *i = find_source(d, s);
    const struct presence *p =
        i != NULL && i->ready ? presence_find(&d->hub->presences, i->tunnel) : NULL;
    if (p == NULL)
        return false;
    bool on_its_way = !p->met && now_of(d) - i->since < ARRIVAL_MS;
    return p->end[SIDE_DESTINATION] != 0 || on_its_way;
}

void bridge_desk_source(struct bridge_desk *d, const struct inner_source *s,
                        void (*done)(void *ctx, enum err why, struct bridge *b), void *ctx)
{
    const struct waiter who = {.source = done, .ctx = ctx};
    struct desk_inner *i = find_source(d, s);
    bool other = i != NULL && s->tunnel != NULL && strcmp(i->tunnel, s->tunnel) != 0;
    if (i == NULL || other) {
        if (s->tunnel != NULL)
            begin(d, SESSION_SOURCE, s, &who);
        else
            done(ctx, ERR_TUNNEL_CLOSED, NULL);
    } else if (i->ready) {
        answer_source(i, &who);
    } else if (!wait_for(i, &who)) {
        done(ctx, ERR_NO_MEMORY, NULL);
    }
}

void bridge_desk_destination(struct bridge_desk *d, const struct inner_destination *q,
                             void (*done)(void *ctx, enum err why), void *ctx)
{
    const struct inner_source s = {.device = q->device,
                                   .service = "",
                                   .policy = q->policy,
                                   .tunnel = q->tunnel,
                                   .token = q->token,
                                   .client = q->client};
    begin(d, SESSION_DESTINATION, &s, &(struct waiter){.destination = done, .ctx = ctx});
}

void bridge_desk_on_wanted(struct bridge_desk *d,
                           void (*wanted)(void *owner, const struct bridge_spec *spec), void *owner)
{
    d->wanted = wanted;
    d->wanted_owner = owner;
}

void bridge_desk_refuse(struct bridge_desk *d, const struct bridge_inner *inner, enum err why)
{
    struct message_inner_refuse *m =
        MESSAGE(struct message_inner_refuse, MESSAGE_INNER_REFUSE, inner->worker);
    if (d->ended) {
        free(m);
        return;
    }
    if (m != NULL) {
        m->inner = inner->end;
        m->connection = inner->connection;
        m->why = why;
    }
    hub_post(d->hub, m != NULL ? &m->message : NULL);
}

/* ---- what workers tell ---- */

void bridge_desk_inner_wanted(struct hub *hub, void *message)
{
    const struct message_inner_wanted *m = message;
    struct bridge_desk *d = hub->bridges;
    const struct desk_inner *i = find(d, m->inner);
    const struct bridge_inner inner = {.end = m->inner,
                                       .connection = m->connection,
                                       .worker = m->message.worker,
                                       .side = BRIDGE_SERVICE};
    if (i == NULL || d->wanted == NULL)
        bridge_desk_refuse(d, &inner, ERR_DEVICE_OFFLINE);
    else
        d->wanted(d->wanted_owner, &(struct bridge_spec){.device = i->device,
                                                         .stream = m->service,
                                                         .policy = i->policy,
                                                         .inner = inner});
    message_free(message);
}

static bool is_of_connection(void *ctx, const struct bridge *b)
{
    const struct message_inner_wanted *m = ctx;
    return b->inner.end == m->inner && b->inner.connection == m->connection;
}

void bridge_desk_inner_left(struct hub *hub, void *message)
{
    bridges_end_if(hub->bridges->bridges, is_of_connection, message, BRIDGE_WITHDRAWN,
                   "the client has left");
    message_free(message);
}

static bool is_of_inner(void *ctx, const struct bridge *b)
{
    return b->inner.end == *(const uint64_t *)ctx;
}

void bridge_desk_inner_gone(struct hub *hub, void *message)
{
    struct message_inner *m = message;
    struct desk_inner *i = find(hub->bridges, m->inner);
    bridges_end_if(hub->bridges->bridges, is_of_inner, &m->inner, BRIDGE_BROKEN,
                   "the tunnel has ended");
    if (i != NULL)
        inner_free(i);
    message_free(message);
}

/* ---- time ---- */

void desk_inners_tick(struct bridge_desk *d)
{
    list_each(node, &d->inners)
    {
        struct desk_inner *i = list_entry(node, struct desk_inner, node);
        if (i->role != SESSION_SOURCE || !i->ready || i->leaving || i->bridges > 0 ||
            now_of(d) - i->idle_since < IDLE_MS)
            continue;
        struct message_inner *m = MESSAGE(struct message_inner, MESSAGE_INNER_LEAVE, i->worker);
        i->leaving = m != NULL;
        if (m != NULL)
            m->inner = i->serial;
        hub_post(d->hub, m != NULL ? &m->message : NULL);
    }
}

void desk_inners_free(struct bridge_desk *d)
{
    while (!list_empty(&d->inners))
        inner_free(list_entry(d->inners.next, struct desk_inner, node));
}
