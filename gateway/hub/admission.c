/* Admission of tunnel ends, and the choice of their worker. */
#include "gateway/hub/admission_internal.h"

#include <stdlib.h>
#include <string.h>

static const struct admission too_many = {
    .status = 503,
    .why = ERR_LIMIT,
    .text =
        "The tunnels of this access key are being connected to too often: try again in a moment."};
static const struct admission no_memory = {
    .status = 503, .why = ERR_NO_MEMORY, .text = "The hub is out of memory: try again."};

/* ---- replies ---- */

static void refuse(struct hub *hub, const struct message_admit_request *k,
                   const struct admission *a)
{
    struct message_admit_reply *m =
        MESSAGE(struct message_admit_reply, MESSAGE_ADMIT_REPLY, k->message.worker);
    admission_note_refused(hub, &(struct admission_refusal){.client = k->client,
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
    char name[ADMISSION_LABEL_MAX];
    struct registration *registration = calloc(1, sizeof *registration);
    if (registration == NULL)
        return NULL;
    registration->serial = ++hub->serial;
    registration->tunnel = strdup(r->id);
    admission_label(r, name);
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

/* Lets it in: the side is its own from now on. NULL: no memory. */
static struct registration *take_in(struct hub *hub, const struct message_admit_request *k,
                                    const struct admission *a)
{
    const struct tunnel_record *t = a->tunnel;
    struct registration *registration = registration_new(hub, k, a);
    struct presence *p = presence_get(&hub->presences, t->id, hub_least_worker(hub));
    if (registration == NULL || p == NULL) {
        registration_free(registration);
        admission_drop_empty(p);
        return NULL;
    }
    account_hold(registration->account);
    presence_join(p, hub->monitor, t, registration);
    hub->load[p->home]++;
    hub->admitted++;
    registry_connected(hub->registry, span_of(t->id), k->side, true);
    if (k->side == SIDE_DESTINATION)
        device_desk_connected(hub->desk, t->id);
    admission_note_connected(hub, registration, t);
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
