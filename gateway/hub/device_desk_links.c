/* Devices' links: where each lives, and what it is told. */
#include "gateway/hub/device_desk_internal.h"
#include "gateway/hub/devices/device_end.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- seats ---- */

struct device_seat *seat_find(const struct device_desk *d, const char *name)
{
    return map_get(&d->seats, name, strlen(name));
}

static struct device_seat *seat_get(struct device_desk *d, const char *name)
{
    struct device_seat *s = seat_find(d, name);
    size_t n = strlen(name);
    if (s != NULL || (s = calloc(1, sizeof *s + n + 1)) == NULL)
        return s;
    memcpy(s->name, name, n);
    list_init(&s->links);
    if (map_put(&d->seats, s->name, n, s))
        return s;
    free(s);
    return NULL;
}

static void seat_settle(struct device_desk *d, struct device_seat *s)
{
    if (!list_empty(&s->links))
        return;
    map_remove(&d->seats, s->name, strlen(s->name));
    free(s);
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

static struct device_ticket *ticket_new(const struct desk_link *l, uint32_t ping_s)
{
    struct device_ticket *t = calloc(1, sizeof *t);
    if (t == NULL)
        return NULL;
    t->serial = l->serial;
    t->ping_s = ping_s;
    snprintf(t->client, sizeof t->client, "%s", l->client);
    t->device = strdup(l->seat->name);
    t->return_message = MESSAGE(struct message_device_gone, MESSAGE_DEVICE_GONE, 0);
    if (t->device != NULL && t->return_message != NULL)
        return t;
    device_ticket_free(t);
    return NULL;
}

static bool note_tunnels(struct desk_link *l, const struct device_hello *hello)
{
    l->names_tunnels = hello->names_tunnels;
    for (size_t i = 0; i < hello->n_tunnels; i++)
        if (!texts_add(&l->tunnels, hello->tunnels[i]))
            return false;
    return true;
}

struct desk_link *desk_link_new(struct device_desk *d, const char *name, const char *client,
                                const struct device_hello *hello, struct device_ticket **ticket)
{
    struct device_seat *s = seat_get(d, name);
    struct desk_link *l = s != NULL ? calloc(1, sizeof *l) : NULL;
    if (l == NULL) {
        if (s != NULL)
            seat_settle(d, s);
        return NULL;
    }
    list_init(&l->node);
    list_append(&s->links, &l->node);
    l->desk = d;
    l->seat = s;
    l->serial = ++d->serial;
    l->worker = choose_worker(d);
    l->since = loop_now(d->hub->o.loop);
    d->load[l->worker]++;
    snprintf(l->client, sizeof l->client, "%s", client);
    *ticket = ticket_new(l, hello->status.ping_s);
    if (*ticket != NULL && note_tunnels(l, hello) &&
        map_put(&d->links, &l->serial, sizeof l->serial, l)) {
        desk_link_told(l, &hello->status);
        return l;
    }
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
    seat_settle(d, s);
    d->load[l->worker]--;
    forget_told(l);
    texts_free(&l->tunnels);
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

static bool post_letter(const struct desk_link *l, const struct hub_message *m)
{
    struct message_device_send *out =
        MESSAGE(struct message_device_send, MESSAGE_DEVICE_SEND, l->worker);
    if (out != NULL)
        out->letter = device_letter_new(m);
    if (out == NULL || out->letter == NULL) {
        free(out);
        return false;
    }
    out->serial = l->serial;
    hub_post(l->desk->hub, &out->message);
    return true;
}

static void send_message(const struct desk_link *l, const struct hub_message *m)
{
    if (!post_letter(l, m))
        hub_post(l->desk->hub, NULL); /* logs it */
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
    if (l->here)
        send_message(l, &m);
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
    return post_letter(l, &m);
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
    .answers = true,
    .deliver = deliver,
    .withdraw = withdraw,
};

/* ---- arriving ---- */

void desk_link_arrive(struct desk_link *l)
{
    struct device_desk *d = l->desk;
    l->seat->current = l;
    if (l->pending)
        return;
    struct device_arrival a = {.device = l->seat->name,
                               .carrier = &carrier,
                               .link = l,
                               .address = l->client,
                               .status = l->told,
                               .names_tunnels = l->names_tunnels,
                               .tunnels = &l->tunnels};
    if (!notices_arrived(d->notices, &a))
        hub_post(d->hub, NULL); /* logs it; the device's next status brings it again */
}
