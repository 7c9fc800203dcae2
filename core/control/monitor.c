#include "core/control/monitor_internal.h"

#include "core/base/encoding.h"
#include "core/base/random.h"
#include "core/base/str.h"

#include <stdlib.h>
#include <string.h>

/* ---- life ---- */

struct monitor *monitor_new(const struct monitor_options *o)
{
    struct monitor *m = calloc(1, sizeof *m);
    uint8_t instance[16];
    if (m == NULL)
        return NULL;
    m->o = *o;
    m->started_ms = m->ticked_ms = monitor_now(m);
    m->started_wall_ms = o->wall(o->clock);
    random_bytes(instance, sizeof instance);
    hex_encode(instance, sizeof instance, m->instance);
    list_init(&m->tunnels);
    list_init(&m->rows);
    list_init(&m->closed);
    history_init(&m->history);
    for (int k = 0; k < GROUP_KINDS; k++)
        monitor_groups_init(&m->groups[k]);
    bool agent = strcmp(o->role, "destination") == 0;
    m->kept_size = agent ? KEPT_AGENT : KEPT_MAX;
    m->tens = !agent;
    return m;
}

static void free_rows(struct list *rows)
{
    while (!list_empty(rows))
        monitor_row_free(list_entry(rows->next, struct monitor_row, node));
}

void monitor_free(struct monitor *m)
{
    if (m == NULL)
        return;
    free_rows(&m->rows);
    free_rows(&m->closed);
    while (!list_empty(&m->tunnels))
        monitor_tunnel_free(list_entry(m->tunnels.next, struct monitor_tunnel, node));
    for (size_t i = 0; i < m->n_listen; i++)
        free(m->listen[i]);
    free(m->device);
    for (int k = 0; k < GROUP_KINDS; k++)
        monitor_groups_free(&m->groups[k]);
    monitor_kept_free(m);
    event_log_free(&m->event_log);
    free(m);
}

void monitor_listening(struct monitor *m, const char *where)
{
    if (m == NULL || m->n_listen == MONITOR_LISTEN_MAX)
        return;
    m->listen[m->n_listen] = strdup(where);
    if (m->listen[m->n_listen] != NULL)
        m->n_listen++;
}

void monitor_watched(struct monitor *m)
{
    m->watched_ms = monitor_now(m);
}

void monitor_open_tunnels(struct monitor *m, size_t (*count)(void *ctx), void *ctx)
{
    if (m == NULL)
        return;
    m->open_tunnels = count;
    m->open_tunnels_ctx = ctx;
}

void monitor_device(struct monitor *m, const char *name,
                    void (*look)(void *ctx, struct monitor_device_state *out), void *ctx)
{
    if (m == NULL)
        return;
    free(m->device);
    m->device = name != NULL ? strdup(name) : NULL;
    m->device_look = look;
    m->device_ctx = ctx;
}

void monitor_certificate(struct monitor *m, int64_t ends_ms, const char *problem)
{
    if (m == NULL)
        return;
    m->certificate_ends_ms = ends_ms;
    if (problem != NULL)
        event_log_add(&m->event_log, &(struct logged_event){.event = "certificate",
                                                            .wall_ms = m->o.wall(m->o.clock),
                                                            .text = problem});
}

/* ---- time ---- */

static void counters_tick(struct stream_counters *t, uint64_t elapsed)
{
    t->rate_down = t->second_down * 1000 / elapsed;
    t->rate_up = t->second_up * 1000 / elapsed;
    t->second_down = t->second_up = 0;
}

/* Adds a sample for each second that has passed. After a sleep of the machine it is unknown when in
 * that time bytes came, so they are spread evenly. */
static void add_samples(struct monitor *m, uint64_t elapsed)
{
    uint64_t seconds = (elapsed + 500) / 1000;
    uint64_t down = m->total.second_down, up = m->total.second_up;
    if (seconds == 0)
        seconds = 1;
    if (seconds > HISTORY_SECONDS)
        seconds = HISTORY_SECONDS;
    for (uint64_t left = seconds; left > 0; left--) {
        history_add(&m->history, down / left, up / left);
        down -= down / left;
        up -= up / left;
    }
}

static void forget_closed(struct monitor *m, uint64_t now)
{
    while (!list_empty(&m->closed)) {
        struct monitor_row *r = list_entry(m->closed.next, struct monitor_row, node);
        if (m->n_closed <= MONITOR_CLOSED_MAX && now - r->closed_ms < MONITOR_CLOSED_MS)
            return;
        m->n_closed--;
        monitor_row_free(r);
    }
}

void monitor_tick(struct monitor *m)
{
    if (m == NULL)
        return;
    uint64_t now = monitor_now(m), elapsed = now - m->ticked_ms;
    if (elapsed == 0)
        return;
    monitor_absorb_all(m);
    list_each(node, &m->rows) monitor_row_tick(list_entry(node, struct monitor_row, node), elapsed);
    add_samples(m, elapsed);
    counters_tick(&m->total, elapsed);
    for (int k = 0; k < GROUP_KINDS; k++)
        monitor_groups_tick(&m->groups[k], elapsed);
    list_each(node, &m->tunnels)
    {
        struct monitor_tunnel *t = list_entry(node, struct monitor_tunnel, node);
        struct monitor_tunnel_state state;
        monitor_tunnel_look(t, &state);
        list_each(at, &t->services)
            counters_tick(&list_entry(at, struct monitor_service, node)->counters, elapsed);
    }
    m->ticked_ms = now;
    forget_closed(m, now);
    monitor_forget_tunnels(m);
}

/* ---- what happened ---- */

void monitor_refused(struct monitor *m, const struct monitor_refusal *r)
{
    if (m == NULL)
        return;
    if (r->more == 0) {
        m->total.refused++;
        m->total.refusals[r->why]++;
    }
    if (r->untold)
        return;
    event_log_add(&m->event_log,
                  &(struct logged_event){.event = "refuse",
                                         .wall_ms = m->o.wall(m->o.clock),
                                         .client = r->client,
                                         .via = r->via,
                                         .asked = r->asked,
                                         .why = r->why,
                                         .text = r->text != NULL ? r->text : err_text(r->why),
                                         .count = r->more});
}

void monitor_refused_more(struct monitor *m, const char *via, enum err why, uint64_t count,
                          const char *asked)
{
    monitor_refused(
        m, &(struct monitor_refusal){.via = via, .asked = asked, .why = why, .more = count});
}

void monitor_device_changed(struct monitor *m, const struct monitor_device_change *d)
{
    if (m == NULL)
        return;
    event_log_add(&m->event_log, &(struct logged_event){.event = d->event,
                                                        .wall_ms = m->o.wall(m->o.clock),
                                                        .client = d->address,
                                                        .asked = d->name,
                                                        .why = d->why,
                                                        .text = d->text});
}
