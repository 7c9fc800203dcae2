/* Devices' links: where each lives, and what it is told. */
#include "gateway/hub/device_desk_internal.h"
#include "gateway/hub/devices/device_end.h"
#include "gateway/hub/hub_nodes.h"
#include "gateway/hub/mqtt/mqtt_notice.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- seats ---- */

struct device_seat *seat_find(const struct device_desk *d, const char *name)
{
    return map_get(&d->seats, name, strlen(name));
}

static void seat_free(struct device_desk *d, struct device_seat *s)
{
    list_remove(&s->idle);
    map_remove(&d->seats, s->name, strlen(s->name));
    free(s);
}

/* How often a device's MQTT clients connect is remembered for a moment after the last one. */
static void reap_seats(struct device_desk *d)
{
    uint64_t now = loop_now(d->hub->o.loop);
    list_each(node, &d->idle)
    {
        struct device_seat *s = list_entry(node, struct device_seat, idle);
        if (now - s->window_from >= MQTT_WINDOW_MS)
            seat_free(d, s);
    }
}

void desk_seats_free(struct device_desk *d)
{
    while (!list_empty(&d->idle))
        seat_free(d, list_entry(d->idle.next, struct device_seat, idle));
}

static struct device_seat *seat_get(struct device_desk *d, const char *name)
{
    struct device_seat *s = seat_find(d, name);
    size_t n = strlen(name);
    if (s != NULL) {
        list_remove(&s->idle);
        return s;
    }
    reap_seats(d);
    if ((s = calloc(1, sizeof *s + n + 1)) == NULL)
        return NULL;
    memcpy(s->name, name, n);
    list_init(&s->links);
    list_init(&s->idle);
    if (map_put(&d->seats, s->name, n, s))
        return s;
    free(s);
    return NULL;
}

/* Its last link may be gone. */
static void seat_tidy(struct device_desk *d, struct device_seat *s)
{
    if (!list_empty(&s->links))
        return;
    if (s->connects > 0 && !d->ended)
        list_append(&d->idle, &s->idle);
    else
        seat_free(d, s);
}

/* ---- links ---- */

struct desk_link *desk_link_find(const struct device_desk *d, uint64_t serial)
{
    return map_get(&d->links, &serial, sizeof serial);
}

/* Links live at the worker that has the fewest. */
static size_t choose_worker(const struct device_desk *d)
{
    size_t least = 0;
    for (size_t i = 1; i < d->hub->n_workers; i++)
        if (d->load[i] < d->load[least])
            least = i;
    return least;
}

static struct device_ticket *ticket_new(const struct desk_link *l)
{
    struct device_ticket *t = calloc(1, sizeof *t);
    if (t == NULL)
        return NULL;
    t->serial = l->serial;
    t->wire = l->wire;
    snprintf(t->client, sizeof t->client, "%s", l->client);
    t->device = strdup(l->seat->name);
    t->return_message = MESSAGE(struct message_device_gone, MESSAGE_DEVICE_GONE, 0);
    if (t->device != NULL && t->return_message != NULL)
        return t;
    device_ticket_free(t);
    return NULL;
}

struct desk_link *desk_link_new(struct device_desk *d, const char *name, enum device_wire wire,
                                const char *client, struct device_ticket **ticket)
{
    struct device_seat *s = seat_get(d, name);
    struct desk_link *l = s != NULL ? calloc(1, sizeof *l) : NULL;
    if (l == NULL) {
        if (s != NULL)
            seat_tidy(d, s);
        return NULL;
    }
    list_init(&l->node);
    list_append(&s->links, &l->node);
    l->desk = d;
    l->seat = s;
    l->wire = wire;
    l->serial = ++d->serial;
    l->worker = choose_worker(d);
    l->since = loop_now(d->hub->o.loop);
    d->load[l->worker]++;
    d->mqtt_sessions += wire == DEVICE_WIRE_MQTT;
    snprintf(l->client, sizeof l->client, "%s", client);
    *ticket = ticket_new(l);
    if (*ticket != NULL && map_put(&d->links, &l->serial, sizeof l->serial, l))
        return l;
    device_ticket_free(*ticket);
    desk_link_free(l);
    return NULL;
}

static void forget_told(struct desk_link *l)
{
    free((char *)(uintptr_t)l->told.version);
    texts_free(&l->services);
    l->told = (struct device_told){0};
}

void desk_link_free(struct desk_link *l)
{
    struct device_desk *d = l->desk;
    struct device_seat *s = l->seat;
    map_remove(&d->links, &l->serial, sizeof l->serial);
    list_remove(&l->node);
    if (s->current == l)
        s->current = NULL;
    if (s->noticed == l)
        s->noticed = NULL;
    seat_tidy(d, s);
    d->load[l->worker]--;
    d->mqtt_sessions -= l->wire == DEVICE_WIRE_MQTT;
    forget_told(l);
    texts_free(&l->tunnels);
    free(l->client_id);
    azure_rids_free(&l->rids);
    free(l);
}

bool desk_services(struct texts *out, const struct device_status *s)
{
    for (size_t i = 0; i < s->n_services && i < DEVICE_SERVICES_MAX; i++)
        if (!texts_add(out, s->services[i]))
            return false;
    return true;
}

void desk_link_told(struct desk_link *l, const struct device_status *s)
{
    struct texts services = {0};
    char *version = span_dup(s->version);
    if (version == NULL || !desk_services(&services, s)) {
        free(version);
        texts_free(&services);
        return;
    }
    forget_told(l);
    l->services = services;
    l->told = (struct device_told){.version = version,
                                   .services = &l->services,
                                   .accepting = s->accepting,
                                   .uptime_s = s->uptime_s};
}

/* ---- what a device is told ---- */

bool desk_link_post(const struct desk_link *l, struct device_letter *letter)
{
    struct message_device_send *out =
        letter != NULL ? MESSAGE(struct message_device_send, MESSAGE_DEVICE_SEND, l->worker) : NULL;
    if (out == NULL) {
        device_letter_free(letter);
        hub_post(l->desk->hub, NULL); /* logs it */
        return false;
    }
    out->letter = letter;
    out->serial = l->serial;
    hub_post(l->desk->hub, &out->message);
    return true;
}

static void send_message(const struct desk_link *l, const struct hub_message *m)
{
    desk_link_post(l, device_letter_new(m));
}

void desk_link_welcome(const struct desk_link *l)
{
    struct hub_message m = {.kind = HUB_MESSAGE_WELCOME,
                            .welcome = {.enrolled = l->enrolled,
                                        .pending = l->pending,
                                        .device = span_of(l->seat->name)}};
    send_message(l, &m);
}

void desk_link_dismiss(struct desk_link *l, enum device_reason reason)
{
    struct hub_message m = {.kind = HUB_MESSAGE_REFUSED, .refused = {.reason = reason}};
    if (l->dismissed)
        return;
    l->dismissed = true;
    if (l->seat->current == l)
        l->seat->current = NULL;
    if (l->here && l->wire == DEVICE_WIRE_LINK)
        send_message(l, &m);
    else if (l->here)
        desk_link_post(l, mqtt_letter_last());
}

/* ---- the carrier ---- */

static bool deliver(void *link, const struct notice_delivery *n)
{
    const struct desk_link *l = link;
    struct hub_message m = {.kind = HUB_MESSAGE_NOTICE,
                            .notice = {.id = span_of(n->id),
                                       .access_token = span_of(n->token),
                                       .service = span_of(n->service),
                                       .opened_by = span_of(n->opened_by),
                                       .why = span_of(n->why),
                                       .tunnel = span_of(n->tunnel),
                                       .answer_ms = (uint32_t)n->answer_ms}};
    for (size_t i = 0; i < n->services->n && i < DEVICE_LINK_SERVICES_MAX; i++)
        m.notice.services[m.notice.n_services++] = span_of(n->services->items[i]);
    return desk_link_post(l, device_letter_new(&m));
}

static void withdraw(void *link, const char *id)
{
    struct hub_message m = {.kind = HUB_MESSAGE_WITHDRAWN, .withdrawn = span_of(id)};
    send_message(link, &m);
}

static const struct notice_carrier carrier = {
    .name = "device-link",
    .wire = "device link",
    .tunnels = true,
    .tells = true,
    .answers = true,
    .deliver = deliver,
    .withdraw = withdraw,
};

bool desk_link_hello(struct desk_link *l, const struct device_hello *hello)
{
    l->carrier = &carrier;
    l->names_tunnels = hello->names_tunnels;
    for (size_t i = 0; i < hello->n_tunnels; i++)
        if (!texts_add(&l->tunnels, hello->tunnels[i]))
            return false;
    desk_link_told(l, &hello->status);
    return true;
}

/* ---- by which link notices reach the device ---- */

static bool is_better(const struct desk_link *l, const struct desk_link *than)
{
    return than == NULL || l->subscribed > than->subscribed ||
           (l->subscribed == than->subscribed && l->serial > than->serial);
}

static struct desk_link *best_link(const struct device_seat *s)
{
    struct desk_link *best = NULL;
    if (s->current != NULL)
        return s->current->pending ? NULL : s->current;
    list_each(node, &s->links)
    {
        struct desk_link *l = list_entry(node, struct desk_link, node);
        if (l->wire == DEVICE_WIRE_MQTT && l->here && !l->dismissed && !l->pending &&
            l->carrier != NULL && is_better(l, best))
            best = l;
    }
    return best;
}

static bool use_link(struct device_desk *d, struct device_seat *s, struct desk_link *l,
                     const struct notice_carrier *by)
{
    struct device_arrival a = {.device = s->name,
                               .carrier = by,
                               .link = l,
                               .address = l->client,
                               .status = {.accepting = true, .uptime_s = NOTICE_UPTIME_UNKNOWN},
                               .names_tunnels = l->names_tunnels,
                               .tunnels = &l->tunnels};
    if (l->wire == DEVICE_WIRE_LINK)
        a.status = l->told;
    s->noticed = l;
    s->carrier = by;
    if (notices_arrived(d->notices, &a)) {
        hub_tell_arrived(d->hub, s->name);
        return true;
    }
    hub_post(d->hub, NULL); /* logs it; when something changes it is tried again */
    return false;
}

void desk_seat_settle(struct device_desk *d, struct device_seat *s)
{
    struct desk_link *before = s->noticed, *l = best_link(s);
    if (d->ended)
        return;
    const struct notice_carrier *by = l != NULL ? l->carrier : NULL;
    if (l == before && (l == NULL || by == s->carrier))
        return;
    if (l != NULL && use_link(d, s, l, by))
        return;
    s->noticed = NULL;
    if (before != NULL)
        notices_left(d->notices, s->name, before);
}
