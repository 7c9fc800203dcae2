/* A monitor's streams. */
#include "core/control/monitor_internal.h"

#include "core/base/str.h"

#include <stdlib.h>
#include <string.h>

/* ---- as a row ---- */

static void look(const struct monitor_row *r, struct monitor_counters *out)
{
    const struct monitor_stream *s = monitor_row_stream(r);
    s->look(s->ctx, out);
}

static const char *known(const char *text)
{
    return text != NULL ? text : "";
}

static void texts(const struct monitor_row *r, const char *out[FILTER_TEXTS])
{
    const struct monitor_stream *s = monitor_row_stream(r);
    out[FILTER_CLIENT] = known(s->client);
    out[FILTER_PROCESS] = s->peer.pid != 0 ? s->peer.name : "";
    out[FILTER_USER] = s->user != NULL && s->user[0] != '\0' ? s->user : s->peer.user;
    out[FILTER_SERVICE] = r->service != NULL ? r->service->id : "";
    out[FILTER_TUNNEL] = s->tunnel != NULL ? s->tunnel->name : "";
    out[FILTER_TARGET] = known(s->target);
    out[FILTER_ASKED] = known(s->asked);
    out[FILTER_VIA] = known(s->via);
}

static const struct peer *peer_of_stream(const struct monitor_row *r)
{
    return &monitor_row_stream(r)->peer;
}

static void free_stream(struct monitor_row *r)
{
    struct monitor_stream *s = monitor_row_stream(r);
    if (r->service != NULL)
        r->service->referred--;
    if (s->tunnel != NULL)
        s->tunnel->referred--;
    free(s->client);
    free(s->user);
    free(s->asked);
    free(s->target);
    free(s);
}

static const struct row_kind stream_kind = {look, texts, peer_of_stream, free_stream};

struct monitor_stream *monitor_row_stream(const struct monitor_row *r)
{
    return r->kind == &stream_kind ? list_entry(r, struct monitor_stream, row) : NULL;
}

/* ---- life ---- */

struct monitor_stream *monitor_stream_began(struct monitor *m,
                                            const struct monitor_stream_info *info)
{
    struct monitor_stream *s = m != NULL ? calloc(1, sizeof *s) : NULL;
    if (s == NULL)
        return NULL;
    uint64_t now = monitor_now(m);
    *s = (struct monitor_stream){.client = str_copy(info->client),
                                 .user = str_copy(info->user),
                                 .asked = str_copy(info->asked),
                                 .target = str_copy(info->target),
                                 .via = info->via,
                                 .look = info->look,
                                 .close = info->close,
                                 .ctx = info->ctx,
                                 .requested_ms = now};
    if (info->peer != NULL)
        s->peer = *info->peer;
    monitor_row_begin(&s->row, m, &stream_kind, info->accepted_ms != 0 ? info->accepted_ms : now);
    monitor_group_who(&s->row);
    return s;
}

static void count_opened(struct monitor_service *s)
{
    s->referred++;
    if (++s->counters.open > s->counters.max)
        s->counters.max = s->counters.open;
}

void monitor_stream_opened(struct monitor_stream *s, struct monitor_tunnel *tunnel,
                           const char *service)
{
    if (s == NULL)
        return;
    struct monitor_row *r = &s->row;
    s->opened_ms = monitor_now(r->monitor);
    s->tunnel = tunnel;
    r->service = tunnel != NULL ? monitor_service_get(tunnel, service) : NULL;
    if (tunnel != NULL)
        tunnel->referred++;
    if (r->service != NULL)
        count_opened(r->service);
    monitor_group_where(r);
    struct logged_event e = monitor_row_event(r, "open");
    event_log_add(&r->monitor->event_log, &e);
}

void monitor_stream_target(struct monitor_stream *s, const char *target)
{
    if (s == NULL)
        return;
    free(s->target);
    s->target = str_copy(target);
}

void monitor_stream_answered(struct monitor_stream *s)
{
    if (s != NULL)
        monitor_row_answered(&s->row);
}

void monitor_stream_ended(struct monitor_stream *s, const struct monitor_end *end)
{
    if (s != NULL)
        monitor_row_end(&s->row, end, false);
}
