/* One connection of the tunnel: who may go where, the dial, and what is told of it. */
#include "core/base/log.h"
#include "core/base/service_id.h"
#include "core/net/addresses.h"
#include "core/net/proxy_protocol.h"
#include "gateway/common/telemetry.h"
#include "gateway/destination/destination_internal.h"
#include "gateway/destination/target.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One connection and the service it goes to: DIALLING (dial) → attached, or WAITING (timer) for the
 * next try. */
struct forwarded_conn {
    struct destination_visit visit;
    struct destination *d;
    char *host; /* what is dialled; NULL: there is no such service */
    int port;
    struct memories *memories;
    struct dial_memory *memory; /* in these */
    char target[320];
    char client[64]; /* who is at the source; "": not told */
    int proxy;       /* version of the PROXY header; 0: none */
    struct dial *dial;
    struct timer *timer;
    unsigned tries;
    bool attached;
    struct monitor_stream *watched;
};

static void free_conn(struct forwarded_conn *v)
{
    list_remove(&v->visit.node);
    v->d->n_visits--;
    if (v->dial != NULL)
        dial_cancel(v->dial);
    timer_free(v->timer);
    destination_memories_release(v->memories);
    free(v->host);
    free(v);
}

/* ---- its end ---- */

static void on_ended(void *owner, struct conn *c, const struct conn_stats *stats)
{
    struct forwarded_conn *v = owner;
    char id[2 * SERVICE_ID_MAX];
    const struct log_field fields[] = {
        {v->client[0] != '\0' ? "client" : NULL, v->client, 0},
        {"service", str_escape(span_of(conn_service(c)), id, sizeof id), 0},
        {"target", v->target, 0},
        {"ms", NULL, (int64_t)(loop_now(v->d->loop) - stats->started_ms)},
        {"up", NULL, (int64_t)stats->up},
        {"down", NULL, (int64_t)stats->down},
        {"reason", err_name(stats->why), 0},
    };
    log_event(LOG_INFO, "stream", fields, sizeof fields / sizeof *fields);
    monitor_stream_ended(v->watched, &(struct monitor_end){.why = stats->why});
    free_conn(v);
}

static const struct conn_events conn_events = {.ended = on_ended};

/* ---- the dial ---- */

static void dial(void *owner);

/* The service's first bytes say who the client is. They are fewer than any fresh socket takes at
 * once. False: the service has broken the connection off. */
static bool send_header(const struct forwarded_conn *v, struct stream *s)
{
    uint8_t header[PROXY_HEADER_MAX];
    struct opening o;
    conn_opening(v->visit.conn, &o);
    const struct proxy_header h = {.version = v->proxy,
                                   .client = v->client,
                                   .service = s->name,
                                   .opened_by = v->d->opened_by != NULL ? v->d->opened_by : "",
                                   .asked = o.asked};
    size_t n = proxy_protocol_write(&h, header);
    return stream_try_write(s, header, n) == n;
}

static void attach(struct forwarded_conn *v, struct stream *s)
{
    if (v->proxy != 0 && !send_header(v, s)) {
        stream_close(s);
        conn_refuse(v->visit.conn, ERR_RESET);
        return;
    }
    v->attached = true;
    monitor_stream_answered(v->watched);
    conn_attach(v->visit.conn, s);
}

static void on_dialled(void *owner, struct stream *s, enum err why)
{
    struct forwarded_conn *v = owner;
    v->dial = NULL;
    if (s != NULL) {
        log_info("Connected to %s for service \"%s\"", v->target, conn_service(v->visit.conn));
        attach(v, s); /* v may be gone now */
        return;
    }
    bool again = v->tries++ < v->d->retries;
    log_error("Could not connect to destination %s -- %s%s", v->target, err_text(why),
              again ? "; trying again" : "");
    if (again && v->timer == NULL)
        v->timer = timer_new(v->d->loop, dial, v);
    if (again && v->timer != NULL)
        timer_start(v->timer, v->d->retry_delay_ms);
    else
        conn_refuse(v->visit.conn, why);
}

static void dial(void *owner)
{
    struct forwarded_conn *v = owner;
    const struct destination *d = v->d;
    bool self = d->bind != NULL && strcmp(v->host, d->bind) == 0;
    log_debug("Connecting to %s", v->target);
    v->dial = dial_start(d->loop,
                         &(struct dial_options){
                             .host = v->host,
                             .port = v->port,
                             .bind = self ? NULL : d->bind,
                             .timeout_ms = d->dial_timeout_ms,
                             .memory = v->memory,
                         },
                         on_dialled, v);
    if (v->dial == NULL)
        conn_refuse(v->visit.conn, ERR_NO_MEMORY);
}

/* ---- for who watches ---- */

static void show(void *ctx, struct monitor_counters *out)
{
    const struct forwarded_conn *v = ctx;
    telemetry_conn(v->visit.conn, out);
    if (!v->attached)
        out->state = MONITOR_STREAM_CONNECTING;
}

static void close_it(void *ctx)
{
    const struct forwarded_conn *v = ctx;
    conn_abort(v->visit.conn, ERR_OPERATOR);
}

static void show_conn(struct forwarded_conn *v)
{
    v->watched = monitor_stream_began(
        v->d->monitor,
        &(struct monitor_stream_info){.client = v->client[0] != '\0' ? v->client : NULL,
                                      .target = v->target[0] != '\0' ? v->target : NULL,
                                      .look = show,
                                      .close = close_it,
                                      .ctx = v});
    monitor_stream_opened(v->watched, v->d->watched, conn_service(v->visit.conn));
}

/* ---- its beginning ---- */

/* Copied: the mappings may change while it is dialled. chosen: the host that the source may have
 * named, at v->port; "": there is none. False: no memory. */
static bool take_target(struct forwarded_conn *v, const struct service_mapping *s,
                        const char *chosen)
{
    const struct destination *d = v->d;
    v->proxy = s->proxy;
    if (chosen[0] != '\0') {
        v->host = strdup(chosen);
        return v->host != NULL;
    }
    service_where(s, d->default_host, v->target, sizeof v->target);
    v->host = strdup(s->host != NULL ? s->host : d->default_host);
    v->port = s->port;
    v->memories = d->memories;
    if (v->memories != NULL) {
        v->memories->holders++;
        v->memory = &v->memories->of[s - d->services->items];
    }
    return v->host != NULL;
}

static void log_refusal(const struct forwarded_conn *v, enum err why, const char *text)
{
    char id[2 * SERVICE_ID_MAX];
    const struct log_field fields[] = {
        {v->client[0] != '\0' ? "client" : NULL, v->client, 0},
        {"service", str_escape(span_of(conn_service(v->visit.conn)), id, sizeof id), 0},
        {v->target[0] != '\0' ? "target" : NULL, v->target, 0},
        {"reason", err_name(why), 0},
        {"text", text, 0},
    };
    log_event(LOG_WARNING, "refused", fields, sizeof fields / sizeof *fields);
}

/* What is dialled for v, or why nothing is. */
static enum err choose(struct forwarded_conn *v)
{
    const struct service_mapping *s = destination_find(v->d, conn_service(v->visit.conn));
    char chosen[TARGETS_HOST], text[TARGET_TEXT];
    union address unused;
    struct opening o;
    conn_opening(v->visit.conn, &o);
    if (address_parse(o.client, &unused))
        snprintf(v->client, sizeof v->client, "%.63s", o.client);
    target_where(&o, v->target, sizeof v->target);
    v->port = (int)o.port;
    if (s == NULL)
        return ERR_NO_SERVICE;
    enum err why = target_choose(s, &o, chosen, text);
    if (why != ERR_OK) {
        log_refusal(v, why, text);
        return why;
    }
    return take_target(v, s, chosen) ? ERR_OK : ERR_NO_MEMORY;
}
void destination_incoming(struct destination *d, struct conn *c)
{
    struct forwarded_conn *v = calloc(1, sizeof *v);
    if (v == NULL) {
        log_error("Out of memory: a connection for service \"%s\" is refused", conn_service(c));
        conn_refuse(c, ERR_NO_MEMORY);
        return;
    }
    v->d = d;
    v->visit.conn = c;
    list_init(&v->visit.node);
    list_append(&d->visits, &v->visit.node);
    d->n_visits++;
    conn_set_owner(c, &conn_events, v);
    enum err why = choose(v);
    show_conn(v);
    if (why == ERR_OK)
        dial(v);
    else
        conn_refuse(c, why);
}
