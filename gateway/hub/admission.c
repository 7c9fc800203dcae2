/* Who comes in, where to, and who is gone: the office's part in a client's life. */
#include "gateway/hub/office_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char too_many[] =
    "The tunnels of this access key are being connected to too often: try again in a moment.";
static const char no_memory[] = "The hub is out of memory: try again.";

/* What has to be known when the registry has decided. */
struct knock {
    struct office *office;
    struct message_knock *message;
};

/* For the log: "36bbe34e (plant7)", or the id when it has no thing. */
#define LABEL_MAX 160
static void label(const struct tunnel_record *r, char out[LABEL_MAX])
{
    if (r->thing[0] != '\0')
        snprintf(out, LABEL_MAX, "%.8s (%s)", r->id, r->thing);
    else
        snprintf(out, LABEL_MAX, "%s", r->id);
}

/* ---- the audit log ---- */

static void audit_refuse(struct office *o, const char *client, enum side side, int status,
                         const char *text, const struct tunnel *t, const char *channel)
{
    struct log_field fields[] = {
        {"client", client, 0},
        {"side", side < SIDE_COUNT ? side_name(side) : "", 0},
        {"tunnel", t != NULL ? t->record.id : "", 0},
        {"thing", t != NULL ? t->record.thing : "", 0},
        {"channel", channel, 0},
        {"status", NULL, status},
        {"reason", text, 0},
    };
    if (t != NULL)
        audit_event(o->audit, "refuse", fields, sizeof fields / sizeof *fields);
    else
        audit_stranger(o->audit, "refuse", fields, sizeof fields / sizeof *fields);
}

static void audit_connect(struct office *o, const struct ticket *ticket, const struct tunnel *t)
{
    struct log_field fields[] = {
        {"tunnel", t->record.id, 0},          {"thing", t->record.thing, 0},
        {"key", t->record.key_id, 0},         {"side", side_name(ticket->side), 0},
        {"client", ticket->client, 0},        {"channel", ticket->channel, 0},
        {"subprotocol", ticket->protocol, 0},
    };
    audit_event(o->audit, "connect", fields, sizeof fields / sizeof *fields);
}

static void audit_disconnect(struct office *o, const struct departure *d, const struct tunnel *t)
{
    const struct ticket *ticket = d->ticket;
    struct log_field fields[] = {
        {"tunnel", ticket->tunnel, 0},
        {"thing", t != NULL ? t->record.thing : "", 0},
        {"key", t != NULL ? t->record.key_id : "", 0},
        {"side", side_name(ticket->side), 0},
        {"client", ticket->client, 0},
        {"channel", ticket->channel, 0},
        {"reason", d->why, 0},
        {"seconds", NULL, (int64_t)d->seconds},
        {"received", NULL, (int64_t)d->received},
        {"sent", NULL, (int64_t)d->sent},
    };
    audit_event(o->audit, "disconnect", fields, sizeof fields / sizeof *fields);
}

static void note_refused(struct office *o, const char *client, enum side side, int status,
                         const char *text, const struct tunnel *t, const char *channel)
{
    o->refused++;
    refusals_add(o->refusals, loop_now(o->o.loop), client, text);
    audit_refuse(o, client, side, status, text, t, channel);
}

void admission_refused(struct office *o, const struct message_refused *m)
{
    note_refused(o, m->client, m->side, m->status, m->reason, NULL, "");
}

/* ---- verdicts ---- */

static void refuse(struct office *o, const struct message_knock *k, int status, const char *text,
                   const struct tunnel *t)
{
    struct message_verdict *m = MESSAGE(struct message_verdict, MESSAGE_VERDICT, k->message.worker);
    note_refused(o, k->client, k->side, status, text, t, k->channel);
    if (m != NULL) {
        m->visitor = k->visitor;
        m->status = status;
        m->text = text;
    }
    office_post(o, m != NULL ? &m->message : NULL);
}

static bool copy_services(struct ticket *ticket, const struct texts *services)
{
    ticket->services = calloc(services->n + 1, sizeof *ticket->services);
    if (ticket->services == NULL)
        return false;
    for (; ticket->n_services < services->n; ticket->n_services++) {
        ticket->services[ticket->n_services] = strdup(services->items[ticket->n_services]);
        if (ticket->services[ticket->n_services] == NULL)
            return false;
    }
    return true;
}

/* Where a tunnel without ends gets its room: where its first end is, unless that worker has more to
 * do than another. Ends that come in pairs would else all be at the same workers. */
static size_t choose_home(const struct office *o, size_t knocked)
{
    size_t least = knocked;
    for (size_t i = 0; i < o->n_workers; i++)
        if (o->load[i] < o->load[least])
            least = i;
    return o->load[knocked] > o->load[least] + 1 ? least : knocked;
}

static struct ticket *ticket_new(struct office *o, const struct message_knock *k,
                                 const struct tunnel *t)
{
    const struct tunnel_record *r = &t->record;
    char name[LABEL_MAX];
    struct ticket *ticket = calloc(1, sizeof *ticket);
    if (ticket == NULL)
        return NULL;
    ticket->serial = ++o->serial;
    ticket->tunnel = strdup(r->id);
    label(r, name);
    ticket->label = strdup(name);
    ticket->account = accounts_get(o->accounts, r->key_id);
    ticket->way_back = MESSAGE(struct message_left, MESSAGE_LEFT, 0);
    ticket->side = k->side;
    ticket->version = k->version;
    ticket->protocol = k->protocol;
    memcpy(ticket->key, k->key, sizeof ticket->key);
    memcpy(ticket->channel, k->channel, sizeof ticket->channel);
    memcpy(ticket->client, k->client, sizeof ticket->client);
    memcpy(ticket->instance, k->instance, sizeof ticket->instance);
    ticket->device = strdup(r->thing);
    if (ticket->tunnel != NULL && ticket->label != NULL && ticket->device != NULL &&
        ticket->account != NULL && ticket->way_back != NULL && copy_services(ticket, &r->services))
        return ticket;
    ticket_free(ticket);
    return NULL;
}

static void let_in(struct office *o, const struct message_knock *k, struct tunnel *t)
{
    struct message_verdict *m = MESSAGE(struct message_verdict, MESSAGE_VERDICT, k->message.worker);
    struct ticket *ticket = ticket_new(o, k, t);
    if (m == NULL || ticket == NULL) {
        free(m);
        ticket_free(ticket);
        refuse(o, k, 503, no_memory, t);
        return;
    }
    if (t->present == 0)
        t->home = choose_home(o, k->message.worker);
    o->load[t->home]++;
    t->present++;
    ticket->home = t->home;
    t->end[k->side] = ticket->serial;
    o->admitted++;
    registry_connected(o->registry, span_of(t->record.id), k->side, true);
    audit_connect(o, ticket, t);
    m->visitor = k->visitor;
    m->ticket = ticket;
    m->here = t->home == k->message.worker;
    office_post(o, &m->message);
}

static void on_admission(void *ctx, struct admission a)
{
    struct knock *k = ctx;
    if (a.tunnel != NULL)
        let_in(k->office, k->message, a.tunnel);
    else
        refuse(k->office, k->message, a.status, a.text, a.known);
    message_free(&k->message->message);
    free(k);
}

/* Before anything is used up. Who is refused anyway does not count. */
static bool may_connect(struct office *o, const struct admission_request *q, const struct tunnel *t)
{
    if (t == NULL || !registry_would_admit(o->registry, q))
        return true;
    struct account *account = accounts_get(o->accounts, t->record.key_id);
    return account == NULL || account_connect(account, loop_now(o->o.loop));
}

void admission_knock(struct office *o, struct message_knock *m)
{
    struct admission_request q = {
        .side = m->side,
        .token = span_of(m->token),
        .client_token = span_of(m->client_token),
        .device = m->device,
        .device_required = o->device_trust != NULL,
    };
    struct tunnel *t = registry_by_token(o->registry, q.token);
    struct knock *k = calloc(1, sizeof *k);
    if (k == NULL || !may_connect(o, &q, t)) {
        refuse(o, m, 503, k == NULL ? no_memory : too_many, t);
        message_free(&m->message);
        free(k);
        return;
    }
    *k = (struct knock){.office = o, .message = m};
    registry_admit(o->registry, &q, on_admission, k);
}

/* ---- ends on their way, and gone ---- */

static void post_close(struct office *o, const struct tunnel *t, enum side side, int code,
                       const char *why)
{
    struct message_close *m = MESSAGE(struct message_close, MESSAGE_CLOSE, t->home);
    if (m != NULL && (m->tunnel = strdup(t->record.id)) == NULL) {
        free(m);
        m = NULL;
    }
    if (m != NULL) {
        m->side = side;
        m->code = code;
        m->text = why;
    }
    office_post(o, m != NULL ? &m->message : NULL);
}

static void depart(struct office *o, const struct departure *d)
{
    struct tunnel *t = registry_find(o->registry, span_of(d->ticket->tunnel));
    enum side side = d->ticket->side;
    audit_disconnect(o, d, t);
    o->load[d->ticket->home]--;
    if (t == NULL)
        return;
    t->present--;
    if (t->end[side] != d->ticket->serial)
        return;
    t->end[side] = 0;
    registry_connected(o->registry, span_of(t->record.id), side, false);
    /* It may have been lost on its way to the room, where the one that it replaces still is. */
    if (t->present > 0)
        post_close(o, t, side, CLIENT_DROP, "its successor was lost on the way");
}

void admission_left(struct office *o, const struct message_left *m)
{
    depart(o, &m->departure);
}

/* To the room's worker, unless it has lost its place on the way. */
void admission_handed(struct office *o, struct message_client *m)
{
    const struct ticket *ticket = m->ticket;
    const struct tunnel *t = registry_find(o->registry, span_of(ticket->tunnel));
    if (t != NULL && t->record.closed == 0 && t->end[ticket->side] == ticket->serial) {
        m->message.kind = MESSAGE_JOIN;
        m->message.worker = t->home;
        office_post(o, &m->message);
        return;
    }
    struct departure d = {.ticket = m->ticket, .why = "its place was taken meanwhile"};
    depart(o, &d);
    message_free(&m->message);
}

/* ---- tunnels that end ---- */

/* Whoever is on that side has to go; whoever is still on the way there has lost its place. */
static void close_side(struct office *o, struct tunnel *t, enum side side, const char *why)
{
    if (t->present == 0)
        return;
    if (t->end[side] != 0)
        registry_connected(o->registry, span_of(t->record.id), side, false);
    t->end[side] = 0;
    post_close(o, t, side, CLIENT_CLOSE_END, why);
}

static void on_ended(void *owner, struct tunnel *t, const char *why)
{
    char name[LABEL_MAX];
    label(&t->record, name);
    log_info("tunnel %s: %s", name, why);
    for (int side = 0; side < SIDE_COUNT; side++)
        close_side(owner, t, (enum side)side, why);
}

static void on_rotated(void *owner, struct tunnel *t, enum side side)
{
    char name[LABEL_MAX];
    label(&t->record, name);
    log_info("tunnel %s: the %s has a new access token", name, side_name(side));
    close_side(owner, t, side, "the access token was replaced");
}

const struct registry_events admission_events = {.ended = on_ended, .rotated = on_rotated};
