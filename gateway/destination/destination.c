#include "gateway/destination/destination_internal.h"

#include "core/base/log.h"
#include "core/base/service_id.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct memories *memories_new(const struct services *map)
{
    struct memories *m = calloc(1, sizeof *m + map->n * sizeof *m->of);
    if (m != NULL)
        m->holders = 1;
    return m;
}

void destination_memories_release(struct memories *m)
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
    list_init(&d->visits);
    if (d->default_host == NULL || (o->bind != NULL && d->bind == NULL)) {
        destination_free(d);
        return NULL;
    }
    return d;
}

void destination_free(struct destination *d)
{
    if (d == NULL)
        return;
    while (!list_empty(&d->visits))
        conn_abort(list_entry(d->visits.next, struct destination_visit, node)->conn, ERR_SHUTDOWN);
    destination_memories_release(d->memories);
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
const struct service_mapping *destination_find(const struct destination *d, const char *id)
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
        const struct service_mapping *s = destination_find(d, infos[i].id);
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
        return destination_find(d, "") != NULL;
    for (size_t i = 0; i < n; i++)
        if (destination_find(d, ids[i]) != NULL)
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
enum err destination_change(struct destination *d, const struct destination_options *fresh)
{
    char *bind = str_copy(fresh->bind);
    if (fresh->bind != NULL && bind == NULL)
        return ERR_NO_MEMORY;
    free(d->bind);
    d->bind = bind;
    destination_memories_release(d->memories);
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
