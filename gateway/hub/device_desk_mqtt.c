/* Devices that speak MQTT: who is let in, to which of its topics each is subscribed, and the
 * carriers of their notices.
 *
 * Some clients come back after a loss without subscribing again, also when they have asked for a
 * new session (clean 1). So that a device was subscribed is noted in its record, until it ends that
 * itself, and notices go to its clients whether or not they have subscribed anew. */
#include "gateway/hub/device_desk_internal.h"
#include "gateway/hub/mqtt/mqtt_notice.h"
#include "gateway/hub/mqtt/mqtt_session.h"

#include "core/base/log.h"
#include "core/base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- carriers ---- */

static bool deliver_aws(void *link, const struct notice_delivery *n)
{
    const struct desk_link *l = link;
    char topic[MQTT_NOTIFY_TOPIC_SIZE];
    struct buf json = {.limit = SIZE_MAX / 2};
    struct device_letter *letter = NULL;
    mqtt_notify_topic(l->seat->name, topic);
    if (mqtt_aws_notice(&json, n, l->desk->hub->o.region))
        letter =
            mqtt_letter_new(topic, (struct span){(const char *)json.data, json.size}, n->again);
    buf_wipe(&json);
    return desk_link_post(l, letter);
}

/* Neither cloud's MQTT has words for that. */
static void withdraw_none(void *link, const char *id)
{
    (void)link, (void)id;
}

static const struct notice_carrier aws = {
    .name = "mqtt-aws",
    .wire = "MQTT (AWS)",
    .tunnels = true,
    .deliver = deliver_aws,
    .withdraw = withdraw_none,
};

static bool deliver_azure(void *link, const struct notice_delivery *n)
{
    struct desk_link *l = link;
    char rid[AZURE_RID_SIZE], topic[AZURE_TOPIC_MAX];
    struct azure_stream_topic t = {
        .stream = n->service, .rid = rid, .url = n->url, .token = n->token};
    struct device_letter *letter = NULL;
    if (n->url[0] == '\0')
        return desk_inner_deliver(l, n);
    if (azure_rids_add(&l->rids, n->id, rid) && azure_topic_write(&t, topic, sizeof topic))
        letter = mqtt_letter_new(topic, (struct span){"", 0}, n->again);
    explicit_bzero(topic, sizeof topic);
    return desk_link_post(l, letter);
}

static const struct notice_carrier azure = {
    .name = "mqtt-azure",
    .wire = "MQTT (Azure)",
    .tunnels = true,
    .streams = true,
    .answers = true,
    .deliver = deliver_azure,
    .withdraw = withdraw_none,
};

static const struct notice_carrier *carrier_of(uint32_t topics)
{
    if ((topics & MQTT_STREAMS) != 0)
        return &azure;
    return (topics & MQTT_NOTIFY) != 0 ? &aws : NULL;
}

/* ---- who is let in ---- */

static void refuse(struct hub *hub, const struct message_mqtt_hello *k, enum mqtt_code code)
{
    desk_reply(hub, &(struct desk_reply){
                        .worker = k->message.worker, .pending_id = k->pending_id, .code = code});
}

/* Counts the device's clients; returns how long this one has to wait. Two clients that use the same
 * id would take each other's place as fast as they can. */
static uint64_t delay(struct device_desk *d, struct device_seat *s)
{
    uint64_t now = loop_now(d->hub->o.loop);
    if (now - s->window_from >= MQTT_WINDOW_MS) {
        s->window_from = now;
        s->connects = 0;
    }
    return ++s->connects > MQTT_CONNECTS ? MQTT_DELAY_MS : 0;
}

static void warn_of_storm(const struct desk_link *l)
{
    struct log_field fields[] = {
        {"device", l->seat->name, 0}, {"client", l->client, 0}, {"id", l->client_id, 0}};
    log_event(LOG_WARNING, "its MQTT clients connect again and again; two of them may use one id",
              fields, 3);
}

static void let_in(struct device_desk *d, struct message_mqtt_hello *k,
                   const struct device_record *r)
{
    struct device_ticket *t;
    struct desk_link *l =
        d->ended ? NULL : desk_link_new(d, r->name, DEVICE_WIRE_MQTT, k->client, &t);
    if (l != NULL)
        l->client_id = strdup(k->client_id);
    if (l != NULL && l->client_id != NULL)
        t->client_id = strdup(k->client_id);
    if (l == NULL || l->client_id == NULL || t->client_id == NULL) {
        if (l != NULL) {
            device_ticket_free(t);
            desk_link_free(l);
        }
        refuse(d->hub, k, MQTT_UNAVAILABLE);
        return;
    }
    l->pending = r->state == DEVICE_PENDING;
    if (!l->seat->topics_known)
        l->seat->topics = r->topics; /* later it is the seat that knows first */
    l->seat->topics_known = true;
    l->topics = t->topics = l->seat->topics;
    l->carrier = carrier_of(l->topics);
    t->ping_s = k->keepalive_s;
    t->left_s = k->left_s;
    t->session_present = !k->clean && !k->old && t->topics != 0;
    uint64_t wait = delay(d, l->seat);
    if (l->seat->connects == MQTT_CONNECTS + 1)
        warn_of_storm(l);
    desk_reply(d->hub, &(struct desk_reply){.worker = k->message.worker,
                                            .pending_id = k->pending_id,
                                            .ticket = t,
                                            .delay_ms = wait});
}

static void on_enrolled(void *ctx, enum enrol_result result, const struct device_record *r)
{
    struct message_mqtt_hello *k = ctx;
    struct hub *hub = k->hub;
    hub->desk->enrolments[result]++;
    if (result == ENROL_NEW)
        desk_audit_enrolled(hub, r, k->client);
    if (result == ENROL_NEW || result == ENROL_KNOWN) {
        let_in(hub->desk, k, r);
    } else {
        bool busy = result == ENROL_FULL || result == ENROL_NOT_STORED;
        desk_audit_refused(hub, span_of(k->device), k->client, result);
        refuse(hub, k, busy ? MQTT_UNAVAILABLE : MQTT_NOT_AUTHORIZED);
    }
    message_free(&k->message);
}

/* ---- Azure's signatures ---- */

static int64_t wall(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void refuse_signature(struct hub *hub, const struct message_mqtt_hello *k,
                             const char *reason)
{
    char text[160], name[DEVICE_AZURE_ID_MAX + 1];
    text_copy(span_of(k->device), TEXT_UTF8, name, sizeof name);
    struct log_field fields[] = {
        {"device", name, 0}, {"client", k->client, 0}, {"reason", reason, 0}};
    audit_stranger(hub->audit, "enrol-refuse", fields, 3);
    snprintf(text, sizeof text, "MQTT: %s", reason);
    desk_note_misbehaved(hub, k->client, name, ERR_FORBIDDEN, text);
    refuse(hub, k, MQTT_NOT_AUTHORIZED);
}

static void on_checked(void *ctx, const struct azure_login_answer *a)
{
    struct message_mqtt_hello *k = ctx;
    struct hub *hub = k->hub;
    if (a->verdict != SAS_OK) {
        refuse_signature(hub, k, sas_text(a->verdict));
    } else if (a->device->state == DEVICE_DISABLED) {
        refuse_signature(hub, k, "The device is disabled.");
    } else {
        int64_t left_s = (a->expires - wall()) / 1000;
        k->left_s = left_s < 1 ? 1 : left_s < UINT32_MAX ? (uint32_t)left_s : 0;
        let_in(hub->desk, k, a->device);
    }
    message_free(&k->message);
}

static void check_signature(struct device_desk *d, struct message_mqtt_hello *k)
{
    struct azure_login q = {.azure_id = span_of(k->device),
                            .host = span_of(k->host),
                            .password = {k->password, k->n_password}};
    d->logins = (struct azure_logins){
        .devices = d->hub->devices, .secrets_key = hub_secrets_key(d->hub), .now = wall};
    azure_login_check(&d->logins, &q, on_checked, k);
}

void device_desk_mqtt(struct hub *hub, void *message)
{
    struct message_mqtt_hello *k = message;
    char address[80];
    k->hub = hub;
    if (!k->certified) {
        check_signature(hub->desk, k);
        return;
    }
    desk_address(k->client, address, sizeof address);
    struct enrolment e = {
        .name = span_of(k->device), .address = address, .approve_all = hub->desk->approve_all};
    device_registry_enrol(hub->devices, &e, on_enrolled, k);
}

/* ---- clients that come ---- */

static bool is_client(const struct desk_link *l)
{
    return l->wire == DEVICE_WIRE_MQTT && l->here && !l->dismissed;
}

/* Those with the same id have to go, and the oldest where there are too many. */
static void make_room(const struct desk_link *newest)
{
    size_t n = 0;
    struct desk_link *oldest = NULL;
    list_each(node, &newest->seat->links)
    {
        struct desk_link *l = list_entry(node, struct desk_link, node);
        if (!is_client(l) || l == newest)
            continue;
        if (newest->client_id[0] != '\0' && strcmp(l->client_id, newest->client_id) == 0) {
            desk_link_dismiss(l, DEVICE_REASON_REPLACED);
            continue;
        }
        n++;
        if (oldest == NULL || l->serial < oldest->serial)
            oldest = l;
    }
    if (n >= MQTT_PER_DEVICE)
        desk_link_dismiss(oldest, DEVICE_REASON_REPLACED);
}

void desk_mqtt_arrive(struct desk_link *l)
{
    make_room(l);
    desk_seat_settle(l->desk, l->seat);
    if (l->topics != 0)
        desk_audit_presence(l, NULL);
}

/* ---- what they say ---- */

static void remember(struct desk_link *l)
{
    struct device_seat *s = l->seat;
    uint32_t topics = 0;
    list_each(node, &s->links)
    {
        const struct desk_link *other = list_entry(node, struct desk_link, node);
        if (is_client(other) && other->subscribed > 0)
            topics |= other->topics;
    }
    if (topics == s->topics)
        return;
    s->topics = topics;
    device_registry_topics(l->desk->hub->devices, span_of(s->name), topics, NULL, NULL);
}

static void on_subscribed(struct desk_link *l, uint32_t topics)
{
    l->topics = topics;
    l->carrier = carrier_of(topics);
    l->subscribed = ++l->desk->subscriptions;
    remember(l);
    desk_seat_settle(l->desk, l->seat);
    if (topics != 0 && !l->shown)
        desk_audit_presence(l, NULL);
}

static void on_refused(const struct desk_link *l, struct span filter)
{
    char shown[120], text[300];
    l->desk->mqtt_refused++;
    text_copy(filter, TEXT_UTF8, shown, sizeof shown);
    snprintf(text, sizeof text, "device %s may not subscribe to \"%s\"", l->seat->name, shown);
    desk_note_misbehaved(l->desk->hub, l->client, l->seat->name, ERR_FORBIDDEN, text);
}

static void on_answered(const struct desk_link *l, struct span topic)
{
    struct azure_answer a;
    if (!azure_topic_read_answer(topic, &a))
        return;
    const char *id = azure_rids_find(&l->rids, a.rid);
    struct notice_reply r = {.id = id != NULL ? id : "",
                             .accepted = a.accepted,
                             .code = DEVICE_CODE_REFUSED,
                             .words = ""};
    if (notices_answered(l->desk->notices, l->seat->name, l, &r) == NOTICE_NOT_YOURS)
        desk_note_misbehaved(l->desk->hub, l->client, l->seat->name, ERR_FORBIDDEN,
                             "device: it answered a notice that was not given to it");
}

void desk_mqtt_said(struct desk_link *l, const uint8_t *p, size_t n)
{
    struct mqtt_said s;
    if (!mqtt_said_read(p, n, &s))
        return;
    if (s.kind == MQTT_SAID_SUBSCRIBED)
        on_subscribed(l, s.topics);
    else if (s.kind == MQTT_SAID_REFUSED)
        on_refused(l, s.text);
    else
        on_answered(l, s.text);
}
