#include "gateway/destination/destination.h"

#include "core/base/log.h"
#include "core/base/service_id.h"
#include "core/net/addresses.h"
#include "core/net/dial.h"
#include "gateway/common/telemetry.h"
#include "gateway/destination/proxy_header.h"
#include "gateway/destination/target.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How each mapping was reached last. Held by the destination, and by conns that dial; without
 * memory they remember nothing. */
struct memories {
    size_t holders;
    struct dial_memory of[]; /* one for each mapping */
};

struct destination {
    struct loop *loop;
    const struct services *services;
    struct memories *memories; /* of the present mappings */
    char *default_host, *bind;
    char *opened_by; /* NULL: not known */
    enum destination_match match;
    unsigned retries;
    uint64_t retry_delay_ms, dial_timeout_ms;
    size_t n_ids;      /* services of the tunnel, by the last list */
    bool useless;      /* none of them is served */
    struct list conns; /* all that are being dialled or open */
    size_t n_visits;
    struct monitor *monitor;
    struct monitor_tunnel *watched;
};

/* One connection and the service it goes to: DIALLING (dial) → attached, or WAITING (timer) for the
 * next try. */
struct forwarded_conn {
    struct list node;
    struct destination *d;
    struct conn *conn;
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

static struct memories *memories_new(const struct services *map)
{
    struct memories *m = calloc(1, sizeof *m + map->n * sizeof *m->of);
    if (m != NULL)
        m->holders = 1;
    return m;
}

static void memories_release(struct memories *m)
{
    if (m != NULL && --m->holders == 0)
        free(m);
}

struct destination *destination_new(struct loop *loop, const struct destination_options *o)
{
    struct destination *d = calloc(1, sizeof *d);
    if (d == NULL)
        return NULL;
    *d = (struct destination){
        .loop = loop,
        .services = o->services,
        .memories = memories_new(o->services),
        .default_host = str_copy(o->default_host != NULL ? o->default_host : "localhost"),
        .bind = str_copy(o->bind),
        .match = o->match,
        .retries = o->retries,
        .retry_delay_ms = o->retry_delay_ms,
        .dial_timeout_ms = o->dial_timeout_ms,
        .monitor = o->monitor,
        .watched = o->watched,
    };
    list_init(&d->conns);
    if (d->default_host == NULL || (o->bind != NULL && d->bind == NULL)) {
        destination_free(d);
        return NULL;
    }
    return d;
}

static void free_conn(struct forwarded_conn *v)
{
    list_remove(&v->node);
    v->d->n_visits--;
    if (v->dial != NULL)
        dial_cancel(v->dial);
    timer_free(v->timer);
    memories_release(v->memories);
    free(v->host);
    free(v);
}

void destination_free(struct destination *d)
{
    if (d == NULL)
        return;
    while (!list_empty(&d->conns))
        conn_abort(list_entry(d->conns.next, struct forwarded_conn, node)->conn, ERR_SHUTDOWN);
    memories_release(d->memories);
    free(d->default_host);
    free(d->bind);
    free(d->opened_by);
    free(d);
}

size_t destination_active(const struct destination *d)
{
    return d->n_visits;
}

/* ---- the tunnel's services against the mappings ---- */

static bool listed(const char *id, const char *const *ids, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(ids[i], id) == 0)
            return true;
    return false;
}

static const char *join(const char *const *ids, size_t n, char *out, size_t size)
{
    size_t used = 0;
    snprintf(out, size, "none");
    for (size_t i = 0; i < n && used < size; i++) {
        char id[2 * SERVICE_ID_MAX];
        int added = snprintf(out + used, size - used, "%s%s", i > 0 ? ", " : "",
                             str_escape(span_of(ids[i]), id, sizeof id));
        used += added > 0 ? (size_t)added : 0;
    }
    return out;
}

/* Mappings to services that the tunnel does not have. */
static size_t superfluous(const struct services *map, const char *const *ids, size_t n,
                          enum log_level level)
{
    size_t found = 0;
    char have[600];
    join(ids, n, have, sizeof have);
    for (size_t i = 0; i < map->n; i++) {
        if (listed(map->items[i].id, ids, n))
            continue;
        log_line(level,
                 "Service \"%s\" is mapped here, but the tunnel does not have it; it has: %s",
                 map->items[i].id, have);
        found++;
    }
    return found;
}

/* Services of the tunnel that nothing is mapped to. */
static size_t missing(const struct services *map, const char *const *ids, size_t n,
                      enum log_level level)
{
    size_t found = 0;
    char id[2 * SERVICE_ID_MAX];
    for (size_t i = 0; i < n; i++) {
        if (services_find(map, ids[i]) != NULL)
            continue;
        str_escape(span_of(ids[i]), id, sizeof id);
        log_line(level,
                 "The tunnel has service \"%s\", but nothing is mapped to it here: map it "
                 "with -d %s=PORT",
                 id, id);
        found++;
    }
    return found;
}

/* With one mapping and at most one service there is no doubt which is meant. */
static const struct service_mapping *find(const struct destination *d, const char *id)
{
    const struct service_mapping *exact = services_find(d->services, id);
    bool only = d->services->n == 1 && (services_unnamed(d->services) || *id == '\0');
    if (exact == NULL && only && d->n_ids <= 1)
        return &d->services->items[0];
    return exact;
}

static void show_services(const struct destination *d, const char *const *ids, size_t n)
{
    size_t count = n > 0 ? n : 1;
    struct monitor_service_info *infos = calloc(count, sizeof *infos);
    char(*targets)[320] = calloc(count, sizeof *targets);
    for (size_t i = 0; infos != NULL && targets != NULL && i < count; i++) {
        infos[i].id = n > 0 ? ids[i] : "";
        const struct service_mapping *s = find(d, infos[i].id);
        if (s != NULL)
            infos[i].target = service_where(s, d->default_host, targets[i], sizeof targets[i]);
    }
    if (infos != NULL && targets != NULL)
        monitor_services(d->watched, infos, count);
    free(infos);
    free(targets);
}

/* "-d SSH1:22" is port 22 of a host of that name. */
static void explain_host(const struct services *map, const char *const *ids, size_t n)
{
    for (size_t i = 0; i < map->n; i++) {
        const struct service_mapping *s = &map->items[i];
        if (s->host == NULL || s->id[0] != '\0' || !listed(s->host, ids, n))
            continue;
        log_warning("-d %s:%d is port %d of a host named %s; for the tunnel's service of that name "
                    "write -d %s=%d",
                    s->host, s->port, s->port, s->host, s->host, s->port);
    }
}

static bool serves_one(const struct destination *d, const char *const *ids, size_t n)
{
    if (n == 0)
        return find(d, "") != NULL;
    for (size_t i = 0; i < n; i++)
        if (find(d, ids[i]) != NULL)
            return true;
    return false;
}

const char *destination_unready(const struct destination *d)
{
    return d->useless ? "No service of the tunnel is mapped to anything here." : NULL;
}

enum err destination_services(struct destination *d, const char *const *ids, size_t n)
{
    const struct services *map = d->services;
    char have[600];
    d->n_ids = n;
    d->useless = !serves_one(d, ids, n);
    if (d->watched != NULL)
        show_services(d, ids, n);
    log_info("Services of the tunnel: %s", join(ids, n, have, sizeof have));
    explain_host(map, ids, n);
    bool any = d->match == DESTINATION_ANY || d->match == DESTINATION_SUBSET;
    if (d->useless && any)
        log_error("Nothing that is mapped here fits the tunnel: none of its services is served");
    if (services_unnamed(map)) {
        if (n > 1)
            log_warning("The mapping here names no service, but the tunnel has several: map each "
                        "with -d SERVICE=PORT,SERVICE=PORT");
        return ERR_OK;
    }
    enum log_level extra = d->match == DESTINATION_EXACT ? LOG_FATAL
                           : d->match == DESTINATION_ANY ? LOG_WARNING
                                                         : LOG_DEBUG;
    bool wrong = superfluous(map, ids, n, extra) > 0 && d->match == DESTINATION_EXACT;
    wrong |= missing(map, ids, n, any ? LOG_WARNING : LOG_FATAL) > 0 && !any;
    if (wrong)
        log_fatal("Wrong configurations detected in local proxy: its mappings and the services of "
                  "the tunnel differ");
    return wrong ? ERR_USAGE : ERR_OK;
}

/* ---- one connection ---- */

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

static void dial(void *owner);

/* The service's first bytes say who the client is. They are fewer than any fresh socket takes at
 * once. False: the service has broken the connection off. */
static bool send_header(const struct forwarded_conn *v, struct stream *s)
{
    uint8_t header[PROXY_HEADER_MAX];
    struct opening o;
    conn_opening(v->conn, &o);
    const struct proxy_header h = {.version = v->proxy,
                                   .client = v->client,
                                   .service = s->name,
                                   .opened_by = v->d->opened_by != NULL ? v->d->opened_by : "",
                                   .asked = o.asked};
    size_t n = proxy_header_write(&h, header);
    return stream_try_write(s, header, n) == n;
}

static void attach(struct forwarded_conn *v, struct stream *s)
{
    if (v->proxy != 0 && !send_header(v, s)) {
        stream_close(s);
        conn_refuse(v->conn, ERR_RESET);
        return;
    }
    v->attached = true;
    monitor_stream_answered(v->watched);
    conn_attach(v->conn, s);
}

static void on_dialled(void *owner, struct stream *s, enum err why)
{
    struct forwarded_conn *v = owner;
    v->dial = NULL;
    if (s != NULL) {
        log_info("Connected to %s for service \"%s\"", v->target, conn_service(v->conn));
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
        conn_refuse(v->conn, why);
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
        conn_refuse(v->conn, ERR_NO_MEMORY);
}

static void show(void *ctx, struct monitor_counters *out)
{
    const struct forwarded_conn *v = ctx;
    telemetry_conn(v->conn, out);
    if (!v->attached)
        out->state = MONITOR_STREAM_CONNECTING;
}

static void close_it(void *ctx)
{
    const struct forwarded_conn *v = ctx;
    conn_abort(v->conn, ERR_OPERATOR);
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
    monitor_stream_opened(v->watched, v->d->watched, conn_service(v->conn));
}

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
        {"service", str_escape(span_of(conn_service(v->conn)), id, sizeof id), 0},
        {v->target[0] != '\0' ? "target" : NULL, v->target, 0},
        {"reason", err_name(why), 0},
        {"text", text, 0},
    };
    log_event(LOG_WARNING, "refused", fields, sizeof fields / sizeof *fields);
}

/* What is dialled for v, or why nothing is. */
static enum err choose(struct forwarded_conn *v)
{
    const struct service_mapping *s = find(v->d, conn_service(v->conn));
    char chosen[TARGETS_HOST], text[TARGET_TEXT];
    union address unused;
    struct opening o;
    conn_opening(v->conn, &o);
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

enum err destination_change(struct destination *d, const struct destination_options *fresh)
{
    char *bind = str_copy(fresh->bind);
    if (fresh->bind != NULL && bind == NULL)
        return ERR_NO_MEMORY;
    free(d->bind);
    d->bind = bind;
    memories_release(d->memories);
    d->memories = memories_new(fresh->services);
    d->services = fresh->services;
    d->retries = fresh->retries;
    d->retry_delay_ms = fresh->retry_delay_ms;
    d->dial_timeout_ms = fresh->dial_timeout_ms;
    return ERR_OK;
}

enum err destination_opened_by(struct destination *d, const char *key)
{
    char *copy = str_copy(key);
    if (key != NULL && copy == NULL)
        return ERR_NO_MEMORY;
    free(d->opened_by);
    d->opened_by = copy;
    return ERR_OK;
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
    v->conn = c;
    list_init(&v->node);
    list_append(&d->conns, &v->node);
    d->n_visits++;
    conn_set_owner(c, &conn_events, v);
    enum err why = choose(v);
    show_conn(v);
    if (why == ERR_OK)
        dial(v);
    else
        conn_refuse(c, why);
}
