/* A monitor's tunnels, and the services in them. */
#include "core/control/monitor_private.h"

#include <stdlib.h>
#include <string.h>

static char *copy(const char *text)
{
    return text != NULL ? strdup(text) : NULL;
}

/* ---- tunnels ---- */

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

static void service_free(struct monitor_service *s)
{
    list_remove(&s->node);
    free(s->id);
    free(s->host);
    free(s->target);
    free(s);
}

void monitor_tunnel_free(struct monitor_tunnel *t)
{
    while (!list_empty(&t->services))
        service_free(list_entry(t->services.next, struct monitor_service, node));
    list_remove(&t->node);
    free(t->name);
    free(t->hub);
    free(t);
}

/* Closed streams and totals may still point to it. */
void monitor_tunnel_remove(struct monitor_tunnel *t)
{
    if (t != NULL)
        t->look = NULL;
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

void monitor_tunnel_event(struct monitor_tunnel *t, enum monitor_link link, enum err why,
                          const char *text)
{
    if (t == NULL)
        return;
    struct monitor *m = t->monitor;
    journal_add(&m->journal, &(struct journal_event){.event = monitor_link_name(link),
                                                     .wall_ms = m->o.wall(m->o.clock),
                                                     .tunnel = t->name,
                                                     .why = why,
                                                     .text = text});
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
    s->id = strdup(id);
    list_init(&s->node);
    list_append(&t->services, &s->node);
    if (s->id == NULL) {
        service_free(s);
        return NULL;
    }
    t->monitor->n_services++;
    return s;
}

static void describe(struct monitor_service *s, const struct monitor_service_info *info)
{
    free(s->host);
    free(s->target);
    s->host = copy(info->host);
    s->target = copy(info->target);
    s->present = true;
}

void monitor_services(struct monitor_tunnel *t, const struct monitor_service_info *infos, size_t n)
{
    if (t == NULL)
        return;
    list_each(node, &t->services) list_entry(node, struct monitor_service, node)->present = false;
    for (size_t i = 0; i < n; i++) {
        struct monitor_service *s = monitor_service_get(t, infos[i].id);
        if (s != NULL)
            describe(s, &infos[i]);
    }
}
