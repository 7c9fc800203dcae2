#include "gateway/hub/device_desk.h"

#include "gateway/hub/device_desk_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- who is let in ---- */

static enum device_reason reason_of(enum enrol_result r)
{
    static const enum device_reason reasons[ENROL_COUNT] = {
        [ENROL_UNKNOWN_DEVICE] = DEVICE_REASON_UNKNOWN_DEVICE,
        [ENROL_TOKEN_UNKNOWN] = DEVICE_REASON_JOIN_TOKEN_UNKNOWN,
        [ENROL_TOKEN_EXPIRED] = DEVICE_REASON_JOIN_TOKEN_EXPIRED,
        [ENROL_TOKEN_USED_UP] = DEVICE_REASON_JOIN_TOKEN_USED_UP,
        [ENROL_NOT_INVITED] = DEVICE_REASON_NAME_NOT_INVITED,
        [ENROL_NAME_TAKEN] = DEVICE_REASON_NAME_TAKEN,
        [ENROL_NAME_INVALID] = DEVICE_REASON_NAME_INVALID,
        [ENROL_DISABLED] = DEVICE_REASON_DISABLED,
        [ENROL_FULL] = DEVICE_REASON_BUSY,
        [ENROL_NOT_STORED] = DEVICE_REASON_BUSY,
    };
    return reasons[r];
}

static void reply(struct hub *hub, const struct message_device_hello *k,
                  struct device_ticket *ticket, enum device_reason reason)
{
    desk_reply(hub, &(struct desk_reply){.worker = k->message.worker,
                                         .pending_id = k->pending_id,
                                         .ticket = ticket,
                                         .reason = reason});
}

static void let_in(struct device_desk *d, const struct message_device_hello *k,
                   enum enrol_result result, const struct device_record *r)
{
    struct device_message m;
    struct device_ticket *ticket;
    struct desk_link *l = NULL;
    if (!d->ended && device_message_decode(k->bytes, k->size, &m) == ERR_OK)
        l = desk_link_new(d, r->name, DEVICE_WIRE_LINK, k->client, &ticket);
    if (l == NULL || !desk_link_hello(l, &m.hello)) {
        if (l != NULL) {
            device_ticket_free(ticket);
            desk_link_free(l);
        }
        reply(d->hub, k, NULL, DEVICE_REASON_BUSY);
        return;
    }
    ticket->ping_s = m.hello.status.ping_s;
    l->pending = r->state == DEVICE_PENDING;
    l->enrolled = result == ENROL_NEW;
    reply(d->hub, k, ticket, DEVICE_REASON_UNKNOWN);
}

static void on_enrolled(void *ctx, enum enrol_result result, const struct device_record *r)
{
    struct message_device_hello *k = ctx;
    struct hub *hub = k->hub;
    struct device_message m;
    hub->desk->enrolments[result]++;
    if (result == ENROL_NEW)
        desk_audit_enrolled(hub, r, k->client);
    if (result == ENROL_NEW || result == ENROL_KNOWN) {
        let_in(hub->desk, k, result, r);
    } else if (device_message_decode(k->bytes, k->size, &m) == ERR_OK) {
        desk_audit_refused(hub, m.hello.device, k->client, result);
        reply(hub, k, NULL, reason_of(result));
    }
    message_free(&k->message);
}

void device_desk_hello(struct hub *hub, void *message)
{
    struct message_device_hello *k = message;
    struct device_message m;
    struct texts services = {0};
    char address[80], version[DEVICE_LINK_WORDS_MAX + 1];
    k->hub = hub;
    if (device_message_decode(k->bytes, k->size, &m) != ERR_OK) {
        message_free(&k->message); /* the frontend has decoded it */
        return;
    }
    if (!desk_services(&services, &m.hello.status)) {
        texts_free(&services);
        reply(hub, k, NULL, DEVICE_REASON_BUSY);
        message_free(&k->message);
        return;
    }
    desk_address(k->client, address, sizeof address);
    snprintf(version, sizeof version, "%.*s", (int)m.hello.status.version.n,
             m.hello.status.version.p != NULL ? m.hello.status.version.p : "");
    struct enrolment e = {.name = m.hello.device,
                          .key = k->certified ? NULL : m.hello.public_key,
                          .join_token = m.hello.join_token,
                          .services = &services,
                          .version = version,
                          .address = address,
                          .approve_all = hub->desk->approve_all};
    device_registry_enrol(hub->devices, &e, on_enrolled, k);
    texts_free(&services);
}

/* ---- links that come and go ---- */

static void seen(const struct desk_link *l)
{
    char address[80];
    desk_address(l->client, address, sizeof address);
    device_registry_seen(l->desk->hub->devices, span_of(l->seat->name),
                         &(struct device_sighting){.address = address,
                                                   .version = l->told.version,
                                                   .services = l->told.services});
}

/* Its last link may be about to go. */
static void tell_left(const struct desk_link *l)
{
    list_each(node, &l->seat->links)
    {
        const struct desk_link *other = list_entry(node, struct desk_link, node);
        if (other->here && !other->dismissed)
            return;
    }
    device_registry_linked(l->desk->hub->devices, span_of(l->seat->name), false);
}

static void arrive(struct desk_link *l)
{
    struct desk_link *before = l->seat->current;
    desk_link_welcome(l);
    l->enrolled = false;
    l->seat->current = l;
    if (before != NULL)
        desk_link_dismiss(before, DEVICE_REASON_REPLACED);
    desk_seat_settle(l->desk, l->seat);
    desk_audit_presence(l, NULL);
}

/* Sends a link on to its worker, unless its device was disabled or removed meanwhile: the device
 * hears that when it comes the next time. */
void device_desk_out(struct hub *hub, void *message)
{
    struct message_device_move *m = message;
    struct desk_link *l = desk_link_find(hub->desk, m->ticket->serial);
    if (l->dismissed || hub->desk->ended) {
        desk_link_free(l);
        message_free(&m->message);
        return;
    }
    m->message.kind = MESSAGE_DEVICE_IN;
    m->message.worker = l->worker;
    hub_post(hub, &m->message);
    l->here = true;
    if (l->wire == DEVICE_WIRE_LINK)
        arrive(l);
    else
        desk_mqtt_arrive(l);
    seen(l);
    device_registry_linked(hub->devices, span_of(l->seat->name), true);
}

static void leave(struct desk_link *l, const struct device_gone *g)
{
    struct device_desk *d = l->desk;
    if (l->seat->current == l)
        l->seat->current = NULL;
    l->dismissed = true;
    desk_seat_settle(d, l->seat);
    if (!d->ended && l->here) {
        seen(l);
        tell_left(l);
    }
    if (l->shown)
        desk_audit_presence(l, g);
    if (g->misbehaved)
        desk_note_misbehaved(d->hub, l->client, l->seat->name, g->why, g->text);
}

void device_desk_gone(struct hub *hub, void *message)
{
    struct message_device_gone *m = message;
    struct desk_link *l = desk_link_find(hub->desk, m->gone.ticket->serial);
    hub->desk->links_ended++;
    leave(l, &m->gone);
    desk_link_free(l);
    message_free(&m->message);
}

/* ---- what devices say ---- */

static void say_status(struct desk_link *l, const struct device_status *s)
{
    desk_link_told(l, s);
    if (l->told.services != NULL && !l->pending)
        notices_told(l->desk->notices, l->seat->name, l, &l->told);
    desk_seat_settle(l->desk, l->seat);
    seen(l);
}

static void say_answer(struct desk_link *l, const struct device_message *m)
{
    char id[DEVICE_LINK_ID_MAX + 1], words[DEVICE_LINK_WORDS_MAX + 1];
    snprintf(id, sizeof id, "%.*s", (int)m->answer.id.n, m->answer.id.p);
    snprintf(words, sizeof words, "%.*s", (int)m->answer.why.n,
             m->answer.why.p != NULL ? m->answer.why.p : "");
    struct notice_reply r = {
        .id = id, .accepted = m->answer.accepted, .code = m->answer.code, .words = words};
    if (notices_answered(l->desk->notices, l->seat->name, l, &r) == NOTICE_NOT_YOURS)
        desk_note_misbehaved(l->desk->hub, l->client, l->seat->name, ERR_FORBIDDEN,
                             "device: it answered a notice that was not given to it");
}

/* A link that was sent away, or whose device is pending, may only tell its state. */
void device_desk_said(struct hub *hub, void *message)
{
    struct message_device_said *said = message;
    struct desk_link *l = desk_link_find(hub->desk, said->serial);
    struct device_message m;
    if (l != NULL && l->wire == DEVICE_WIRE_MQTT && !l->dismissed && !hub->desk->ended)
        desk_mqtt_said(l, said->bytes, said->size);
    if (l != NULL && l->seat->current == l && !hub->desk->ended &&
        device_message_decode(said->bytes, said->size, &m) == ERR_OK) {
        if (m.kind == DEVICE_MESSAGE_STATUS)
            say_status(l, &m.status);
        else if (m.kind == DEVICE_MESSAGE_ANSWER)
            say_answer(l, &m);
    }
    message_free(&said->message);
}

/* ---- life ---- */

struct notices *device_desk_notices(const struct device_desk *d)
{
    return d->notices;
}

void device_desk_connected(struct device_desk *d, const char *tunnel)
{
    if (!d->ended)
        notices_connected(d->notices, tunnel);
}

void device_desk_stand_in(struct device_desk *d,
                          void (*become)(struct bridge_desk *b, const struct inner_destination *q,
                                         void (*done)(void *ctx, enum err why), void *ctx))
{
    d->stand_in = become;
}

void device_desk_approve(struct device_desk *d, bool approve_all)
{
    d->approve_all = approve_all;
}

struct device_desk *device_desk_new(struct hub *hub, bool approve_all)
{
    struct device_desk *d = calloc(1, sizeof *d);
    if (d == NULL)
        return NULL;
    d->hub = hub;
    d->approve_all = approve_all;
    list_init(&d->cuts);
    list_init(&d->idle);
    list_init(&d->inners);
    d->subscriber = (struct device_subscriber){.events = &desk_device_events, .owner = d};
    if (!desk_open_notices(d)) {
        notices_free(d->notices);
        timer_free(d->timer);
        free(d);
        return NULL;
    }
    device_registry_subscribe(hub->devices, &d->subscriber);
    return d;
}

void device_desk_end(struct device_desk *d)
{
    if (d == NULL || d->ended)
        return;
    d->ended = true;
    device_registry_unsubscribe(&d->subscriber);
    desk_forget_cuts(d);
    desk_forget_inners(d);
    notices_free(d->notices);
    d->notices = NULL;
}

void device_desk_free(struct device_desk *d)
{
    size_t at;
    struct desk_link *l;
    if (d == NULL)
        return;
    device_desk_end(d);
    while ((at = 0, l = map_next(&d->links, &at)) != NULL)
        desk_link_free(l); /* their tickets were in messages that were not read */
    desk_seats_free(d);
    map_free(&d->links);
    map_free(&d->seats);
    timer_free(d->timer);
    free(d);
}
