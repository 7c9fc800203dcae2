/* Admission of tunnel ends, the choice of their worker, and their end: the main thread's part in
 * the life of a tunnel's end. */
#include "gateway/hub/hub_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct admission too_many = {
    .status = 503,
    .why = ERR_LIMIT,
    .text =
        "The tunnels of this access key are being connected to too often: try again in a moment."};
static const struct admission no_memory = {
    .status = 503, .why = ERR_NO_MEMORY, .text = "The hub is out of memory: try again."};

/* Names a tunnel in the log: "36bbe34e (plant7)", or the id when it has no thing. */
#define LABEL_MAX 160
static void label(const struct tunnel_record *r, char out[LABEL_MAX])
{
    if (r->thing[0] != '\0')
        snprintf(out, LABEL_MAX, "%.8s (%s)", r->id, r->thing);
    else
        snprintf(out, LABEL_MAX, "%s", r->id);
}

/* ---- the audit log ---- */

/* A client that is not admitted. */
struct refusal {
    const char *client, *channel;
    enum side side; /* SIDE_COUNT when it is unknown */
    int status;
    enum err why;
    const char *text;
    const struct tunnel_record *tunnel; /* or NULL when it is unknown */
};

static void audit_refuse(struct hub *hub, const struct refusal *r)
{
    const struct tunnel_record *t = r->tunnel;
    struct log_field fields[] = {
        {"client", r->client, 0},
        {"side", r->side < SIDE_COUNT ? side_name(r->side) : "", 0},
        {"tunnel", t != NULL ? t->id : "", 0},
        {"thing", t != NULL ? t->thing : "", 0},
        {"channel", r->channel, 0},
        {"status", NULL, r->status},
        {"reason", r->text, 0},
    };
    if (t != NULL)
        audit_event(hub->audit, "refuse", fields, sizeof fields / sizeof *fields);
    else
        audit_stranger(hub->audit, "refuse", fields, sizeof fields / sizeof *fields);
}

static void audit_connect(struct hub *hub, const struct registration *registration,
                          const struct tunnel_record *t)
{
    struct log_field fields[] = {
        {"tunnel", t->id, 0},
        {"thing", t->thing, 0},
        {"key", t->key_id, 0},
        {"side", side_name(registration->side), 0},
        {"client", registration->client, 0},
        {"channel", registration->channel, 0},
        {"subprotocol", registration->protocol, 0},
    };
    audit_event(hub->audit, "connect", fields, sizeof fields / sizeof *fields);
}

static void audit_disconnect(struct hub *hub, const struct end_report *d)
{
    const struct registration *registration = d->registration;
    struct log_field fields[] = {
        {"tunnel", registration->tunnel, 0},
        {"thing", registration->device, 0},
        {"key", account_key(registration->account), 0},
        {"side", side_name(registration->side), 0},
        {"client", registration->client, 0},
        {"channel", registration->channel, 0},
        {"reason", d->text, 0},
        {"seconds", NULL, (int64_t)d->seconds},
        {"received", NULL, (int64_t)d->received},
        {"sent", NULL, (int64_t)d->sent},
    };
    audit_event(hub->audit, "disconnect", fields, sizeof fields / sizeof *fields);
}

static void note_refused(struct hub *hub, const struct refusal *r)
{
    hub->refused++;
    hub_alert_refused(hub, r->client, r->text);
    bool told =
        refusal_log_add(hub->refusal_log, loop_now(hub->o.loop), r->client, r->text, r->why);
    monitor_refused(hub->monitor,
                    &(struct monitor_refusal){.client = r->client,
                                              .asked = r->tunnel != NULL ? r->tunnel->id : NULL,
                                              .why = r->why,
                                              .text = r->text,
                                              .untold = !told});
    audit_refuse(hub, r);
}

void admission_refusal_repeated(void *owner, const struct refusal_repeated *r)
{
    struct hub *hub = owner;
    monitor_refused(hub->monitor,
                    &(struct monitor_refusal){
                        .client = r->address, .why = r->why, .text = r->reason, .more = r->times});
}

void admission_refused(struct hub *hub, void *message)
{
    const struct message_refused *m = message;
    note_refused(hub, &(struct refusal){.client = m->client,
                                        .channel = "",
                                        .side = m->side,
                                        .status = m->status,
                                        .why = m->why,
                                        .text = m->reason});
    message_free(message);
}

/* ---- replies ---- */

static void refuse(struct hub *hub, const struct message_admit_request *k,
                   const struct admission *a)
{
    struct message_admit_reply *m =
        MESSAGE(struct message_admit_reply, MESSAGE_ADMIT_REPLY, k->message.worker);
    note_refused(hub, &(struct refusal){.client = k->client,
                                        .channel = k->channel,
                                        .side = k->side,
                                        .status = a->status,
                                        .why = a->why,
                                        .text = a->text,
                                        .tunnel = a->known});
    if (m != NULL) {
        m->pending_id = k->pending_id;
        m->status = a->status;
        m->text = a->text;
    }
    hub_post(hub, m != NULL ? &m->message : NULL);
}

static bool copy_services(struct registration *registration, const struct texts *services)
{
    registration->services = calloc(services->n + 1, sizeof *registration->services);
    if (registration->services == NULL)
        return false;
    for (; registration->n_services < services->n; registration->n_services++) {
        registration->services[registration->n_services] =
            strdup(services->items[registration->n_services]);
        if (registration->services[registration->n_services] == NULL)
            return false;
    }
    return true;
}

static struct registration *registration_new(struct hub *hub, const struct message_admit_request *k,
                                             const struct admission *a)
{
    const struct tunnel_record *r = a->tunnel;
    char name[LABEL_MAX];
    struct registration *registration = calloc(1, sizeof *registration);
    if (registration == NULL)
        return NULL;
    registration->serial = ++hub->serial;
    registration->tunnel = strdup(r->id);
    label(r, name);
    registration->label = strdup(name);
    registration->account = accounts_get(hub->accounts, r->key_id, loop_now(hub->o.loop));
    registration->return_message = MESSAGE(struct message_detached, MESSAGE_DETACHED, 0);
    registration->side = k->side;
    registration->left_s = a->left_ms / 1000;
    registration->version = k->version;
    registration->protocol = k->protocol;
    memcpy(registration->key, k->key, sizeof registration->key);
    memcpy(registration->channel, k->channel, sizeof registration->channel);
    memcpy(registration->client, k->client, sizeof registration->client);
    memcpy(registration->instance, k->instance, sizeof registration->instance);
    registration->device = strdup(r->thing);
    if (registration->tunnel != NULL && registration->label != NULL &&
        registration->device != NULL && registration->account != NULL &&
        registration->return_message != NULL && copy_services(registration, &r->services))
        return registration;
    registration_free(registration);
    return NULL;
}

/* Frees a presence whose last registration has come back, or whose first one was never made. */
static void drop_empty(struct presence *p)
{
    if (p != NULL && p->present == 0)
        presence_free(p);
}

/* Lets it in: the side is its own from now on. NULL: no memory. */
static struct registration *take_in(struct hub *hub, const struct message_admit_request *k,
                                    const struct admission *a)
{
    const struct tunnel_record *t = a->tunnel;
    struct registration *registration = registration_new(hub, k, a);
    struct presence *p = presence_get(&hub->presences, t->id, hub_least_worker(hub));
    if (registration == NULL || p == NULL) {
        registration_free(registration);
        drop_empty(p);
        return NULL;
    }
    account_hold(registration->account);
    presence_join(p, hub->monitor, t, registration);
    hub->load[p->home]++;
    hub->admitted++;
    registry_connected(hub->registry, span_of(t->id), k->side, true);
    if (k->side == SIDE_DESTINATION)
        device_desk_connected(hub->desk, t->id);
    audit_connect(hub, registration, t);
    return registration;
}

static void admit(struct hub *hub, const struct message_admit_request *k, const struct admission *a)
{
    struct message_admit_reply *m =
        MESSAGE(struct message_admit_reply, MESSAGE_ADMIT_REPLY, k->message.worker);
    struct registration *registration = m != NULL ? take_in(hub, k, a) : NULL;
    if (registration == NULL) {
        free(m);
        struct admission refused = no_memory; /* memory is short, although the token is right */
        refused.known = a->tunnel;
        refuse(hub, k, &refused);
        return;
    }
    m->pending_id = k->pending_id;
    m->registration = registration;
    hub_post(hub, &m->message);
}

static void admit_own(struct hub *hub, const struct message_admit_request *k,
                      const struct admission *a)
{
    struct registration *r = a->tunnel != NULL ? take_in(hub, k, a) : NULL;
    k->own(k->ctx, r, r == NULL && a->tunnel != NULL ? &no_memory : a);
}

/* Another node has the tunnel, whose destination's token the client has shown, or its source's. */
static const struct admission elsewhere = {.status = 503, .why = ERR_BUSY, .text = FORWARD_AGAIN};

static void send_elsewhere(struct message_admit_request *k, const struct admission *a)
{
    const struct forward_client c = {
        .frontend = k->message.worker,
        .pending_id = k->pending_id,
        .client = k->client,
        .channel = k->channel,
        .follows = k->follows,
        .forwarded = k->forwarded,
        .what = "tunnel",
        .id = a->known->id,
        .thing = a->known->thing,
        .side = k->side,
    };
    struct admission refused = elsewhere;
    refused.known = a->known;
    refused.elsewhere = a->elsewhere;
    if (k->own != NULL)
        k->own(k->ctx, NULL, &refused);
    else if (!forward_desk_send(k->hub->forwards, a->elsewhere, &c))
        refuse(k->hub, k, &refused);
}

static void on_admission(void *ctx, struct admission a)
{
    struct message_admit_request *k = ctx;
    if (a.elsewhere != NULL)
        send_elsewhere(k, &a);
    else if (k->own != NULL)
        admit_own(k->hub, k, &a);
    else if (a.tunnel != NULL)
        admit(k->hub, k, &a);
    else
        refuse(k->hub, k, &a);
    message_free(&k->message);
}

/* Checks the account's rate before the token is used up. A client that is refused anyway does not
 * count. */
static const struct admission *on_denies(void *ctx, const struct tunnel_record *t)
{
    const struct message_admit_request *k = ctx;
    uint64_t now = loop_now(k->hub->o.loop);
    struct account *account = accounts_get(k->hub->accounts, t->key_id, now);
    return account == NULL || account_connect(account, now) ? NULL : &too_many;
}

struct keyed_question {
    void (*answer)(void *ctx, bool keyed);
    void *ctx;
    char thing[];
};

/* Devices with keys have proven on their own link who they are, and were given the token there; so
 * were AWS's clients on MQTT, whose programs for tunnels have no certificate to show. */
static void on_device(void *ctx, enum err why, const struct device_record *d)
{
    struct keyed_question *q = ctx;
    q->answer(q->ctx,
              why == ERR_OK && strcmp(d->name, q->thing) == 0 && (d->has_key || d->topics != 0));
    free(q);
}

void admission_keyed(void *owner, const char *thing, void (*answer)(void *ctx, bool keyed),
                     void *ctx)
{
    const struct hub *hub = owner;
    size_t n = strlen(thing);
    struct keyed_question *q = calloc(1, sizeof *q + n + 1);
    if (q == NULL) {
        answer(ctx, false);
        return;
    }
    q->answer = answer;
    q->ctx = ctx;
    memcpy(q->thing, thing, n);
    device_registry_get(hub->devices, span_of(q->thing), on_device, q);
}

void admission_requested(struct hub *hub, void *message)
{
    struct message_admit_request *m = message;
    const struct admission_request q = {
        .side = m->side,
        .token = span_of(m->token),
        .client_token = span_of(m->client_token),
        .device = m->device,
        .device_required = hub->device_trust != NULL,
        .denies = on_denies,
    };
    m->hub = hub;
    registry_admit(hub->registry, &q, on_admission, m);
}

/* ---- ends that move, and ends that are gone ---- */

static void post_close(struct hub *hub, const struct presence *p, enum side side,
                       const struct close_reason *f)
{
    struct message_close *m = MESSAGE(struct message_close, MESSAGE_CLOSE, p->home);
    if (m != NULL && (m->tunnel = strdup(p->tunnel)) == NULL) {
        free(m);
        m = NULL;
    }
    if (m != NULL) {
        m->side = side;
        m->close_reason = *f;
    }
    hub_post(hub, m != NULL ? &m->message : NULL);
}

static void detach(struct hub *hub, const struct end_report *d)
{
    static const struct close_reason orphaned = {RELAY_DROP, ERR_STREAM_REPLACED,
                                                 "its successor was lost on the way"};
    const struct registration *registration = d->registration;
    struct presence *p = presence_of(registration);
    audit_disconnect(hub, d);
    hub->load[p->home]--;
    account_release(registration->account, loop_now(hub->o.loop));
    if (presence_leave(p, d)) {
        registry_connected(hub->registry, span_of(registration->tunnel), registration->side, false);
        /* The end may have been lost on its way to the worker, where the end that it replaces still
         * is. */
        if (p->present > 0)
            post_close(hub, p, registration->side, &orphaned);
    }
    drop_empty(p);
}

void admission_lost(struct hub *hub, struct registration *r, enum err why, const char *text)
{
    struct end_report d = {.registration = r, .why = why};
    snprintf(d.text, sizeof d.text, "%s", text);
    detach(hub, &d);
    registration_free(r);
}

void admission_detached(struct hub *hub, void *message)
{
    detach(hub, &((struct message_detached *)message)->end_report);
    message_free(message);
}

/* Sends an end on to its tunnel's worker, unless it has lost its side on the way. */
void admission_migrate(struct hub *hub, void *message)
{
    struct message_migrate *m = message;
    const struct registration *registration = m->registration;
    const struct presence *p = presence_of(registration);
    if (p->end[registration->side] == registration->serial) {
        m->message.kind = MESSAGE_MIGRATE_IN;
        m->message.worker = p->home;
        hub_post(hub, &m->message);
        return;
    }
    struct end_report d = {.registration = m->registration,
                           .why = ERR_STREAM_REPLACED,
                           .text = "its place was taken meanwhile"};
    detach(hub, &d);
    message_free(&m->message);
}

/* ---- tunnels that end ---- */

/* Sends the end on that side away; one that is still on its way there has lost the side. */
static void dismiss_side(struct hub *hub, const struct tunnel_record *t, enum side side,
                         const struct close_reason *f)
{
    struct presence *p = presence_find(&hub->presences, t->id);
    if (p == NULL)
        return;
    if (presence_dismiss(p, side, f->why, f->text))
        registry_connected(hub->registry, span_of(t->id), side, false);
    post_close(hub, p, side, f);
}

static void close_side(struct hub *hub, const struct tunnel_record *t, enum side side, enum err why,
                       const char *text)
{
    dismiss_side(hub, t, side, &(struct close_reason){RELAY_CLOSE_ENDED, why, text});
}

static void on_opened(void *owner, const struct tunnel_record *t,
                      const char *const token[SIDE_COUNT])
{
    struct hub *hub = owner;
    (void)token;
    api_opened(hub->api, t);
    hub_alert_tunnel(hub, t, NULL);
}

static void on_ended(void *owner, const struct tunnel_record *t, const char *why)
{
    char name[LABEL_MAX];
    label(t, name);
    log_info("tunnel %s: %s", name, why);
    hub_alert_tunnel(owner, t, why);
    for (int side = 0; side < SIDE_COUNT; side++)
        close_side(owner, t, (enum side)side, ERR_TUNNEL_CLOSED, why);
}

static void on_rotated(void *owner, const struct tunnel_record *t, enum side side,
                       const char *token)
{
    char name[LABEL_MAX];
    (void)token;
    label(t, name);
    log_info("tunnel %s: the %s has a new access token", name, side_name(side));
    close_side(owner, t, side, ERR_TOKEN_REPLACED, "the access token was replaced");
}

/* Its ends come back, and are sent to the node that has it now. */
static void on_moved(void *owner, const struct tunnel_record *t)
{
    static const struct close_reason moved = {RELAY_DROP, ERR_STREAM_REPLACED,
                                              "another node has the tunnel now"};
    char name[LABEL_MAX];
    label(t, name);
    log_info("tunnel %s: %s", name, moved.text);
    for (int side = 0; side < SIDE_COUNT; side++)
        dismiss_side(owner, t, (enum side)side, &moved);
}

const struct registry_events admission_events = {
    .opened = on_opened, .ended = on_ended, .rotated = on_rotated, .moved = on_moved};
