/* A monitor's tunnels, and the services in them. */
#include "core/control/monitor_internal.h"

#include "core/base/str.h"

#include <stdlib.h>
#include <string.h>

/* ---- tunnels ---- */

const char *monitor_link_name(enum monitor_link l)
{
    static const char *const names[] = {"connecting", "up", "no-device", "down", "over"};
    return names[l];
}

struct monitor_tunnel *monitor_tunnel_add(struct monitor *m, const struct monitor_tunnel_info *info)
{
    struct monitor_tunnel *t = m != NULL ? calloc(1, sizeof *t) : NULL;
    if (t == NULL)
        return NULL;
    *t = (struct monitor_tunnel){.monitor = m,
                                 .name = strdup(info->name),
                                 .hub = strdup(info->hub),
                                 .look = info->look,
                                 .ctx = info->ctx};
    list_init(&t->node);
    list_init(&t->services);
    list_append(&m->tunnels, &t->node);
    if (t->name != NULL && t->hub != NULL)
        return t;
    monitor_tunnel_free(t);
    return NULL;
}

static void service_free(struct monitor *m, struct monitor_service *s)
{
    m->n_services--;
    for (size_t i = 0; i < ERR_COUNT; i++)
        m->forgotten[i] += s->counters.refusals[i];
    list_remove(&s->node);
    free(s->id);
    free(s->host);
    free(s->target);
    free(s);
}

void monitor_tunnel_free(struct monitor_tunnel *t)
{
    while (!list_empty(&t->services))
        service_free(t->monitor, list_entry(t->services.next, struct monitor_service, node));
    list_remove(&t->node);
    free(t->name);
    free(t->hub);
    free(t);
}

/* Streams may still point to the tunnel, so it is freed later. */
void monitor_tunnel_remove(struct monitor_tunnel *t)
{
    if (t != NULL)
        t->look = NULL;
}

void monitor_forget_tunnels(struct monitor *m)
{
    list_each(node, &m->tunnels)
    {
        struct monitor_tunnel *t = list_entry(node, struct monitor_tunnel, node);
        if (t->look == NULL && t->referred == 0)
            monitor_tunnel_free(t);
    }
}

void monitor_tunnel_look(struct monitor_tunnel *t, struct monitor_tunnel_state *out)
{
    *out = (struct monitor_tunnel_state){.link = MONITOR_OVER, .why = ERR_SHUTDOWN, .text = ""};
    if (t->look == NULL)
        return;
    *out = (struct monitor_tunnel_state){.text = ""};
    t->look(t->ctx, out);
    if (out->round_trip_us > t->round_trip_max_us)
        t->round_trip_max_us = out->round_trip_us;
}

static void tell(struct monitor_tunnel *t, const char *event, enum err why, const char *text)
{
    if (t == NULL)
        return;
    struct monitor *m = t->monitor;
    event_log_add(&m->event_log, &(struct logged_event){.event = event,
                                                        .wall_ms = m->o.wall(m->o.clock),
                                                        .tunnel = t->name,
                                                        .why = why,
                                                        .text = text});
}

void monitor_tunnel_event(struct monitor_tunnel *t, enum monitor_link link, enum err why,
                          const char *text)
{
    tell(t, monitor_link_name(link), why, text);
}

void monitor_tunnel_ending(struct monitor_tunnel *t, const char *text)
{
    tell(t, "ending", ERR_OK, text);
}

void monitor_tunnel_memory(struct monitor_tunnel *t, const char *text)
{
    tell(t, "memory", ERR_NO_MEMORY, text);
}

void monitor_device_event(struct monitor_tunnel *t, bool there, const char *text)
{
    tell(t, there ? "device" : monitor_link_name(MONITOR_NO_DEVICE),
         there ? ERR_OK : ERR_DEVICE_OFFLINE, text);
}

/* ---- services ---- */

static struct monitor_service *find(const struct monitor_tunnel *t, const char *id)
{
    list_each(node, &t->services)
    {
        struct monitor_service *s = list_entry(node, struct monitor_service, node);
        if (strcmp(s->id, id) == 0)
            return s;
    }
    return NULL;
}

struct monitor_service *monitor_service_get(struct monitor_tunnel *t, const char *id)
{
    struct monitor_service *s = find(t, id);
    if (s != NULL || t->monitor->n_services == MONITOR_SERVICES_MAX)
        return s;
    s = calloc(1, sizeof *s);
    if (s == NULL)
        return NULL;
    t->monitor->n_services++;
    s->id = strdup(id);
    list_init(&s->node);
    list_append(&t->services, &s->node);
    if (s->id != NULL)
        return s;
    service_free(t->monitor, s);
    return NULL;
}

static void describe(struct monitor_service *s, const struct monitor_service_info *info)
{
    free(s->host);
    free(s->target);
    s->host = str_copy(info->host);
    s->target = str_copy(info->target);
    s->present = true;
}

static void arrange(struct monitor_tunnel *t, const struct monitor_service_info *infos, size_t n)
{
    uint64_t left = ++t->monitor->services_left;
    list_each(node, &t->services)
    {
        struct monitor_service *s = list_entry(node, struct monitor_service, node);
        s->left = s->present ? left : s->left;
        s->present = false;
    }
    for (size_t i = 0; i < n; i++) {
        struct monitor_service *s = monitor_service_get(t, infos[i].id);
        if (s != NULL)
            describe(s, &infos[i]);
    }
}

/* Counts the absent services of all tunnels; *first: that of t which went first and which no stream
 * points to, or NULL. */
static size_t absent(struct monitor_tunnel *t, struct monitor_service **first)
{
    size_t n = 0;
    *first = NULL;
    list_each(node, &t->monitor->tunnels)
    {
        struct monitor_tunnel *each = list_entry(node, struct monitor_tunnel, node);
        list_each(at, &each->services)
        {
            struct monitor_service *s = list_entry(at, struct monitor_service, node);
            n += !s->present;
            if (each == t && !s->present && s->referred == 0 &&
                (*first == NULL || s->left < (*first)->left))
                *first = s;
        }
    }
    return n;
}

void monitor_services(struct monitor_tunnel *t, const struct monitor_service_info *infos, size_t n)
{
    struct monitor_service *first;
    if (t == NULL)
        return;
    arrange(t, infos, n);
    while (absent(t, &first) > MONITOR_ABSENT_MAX && first != NULL)
        service_free(t->monitor, first);
}

const char *monitor_service_state(const struct monitor_service *s, enum monitor_link link)
{
    if (!s->present)
        return "offline";
    return link == MONITOR_UP          ? "ready"
           : link == MONITOR_NO_DEVICE ? monitor_link_name(link)
                                       : "offline";
}
