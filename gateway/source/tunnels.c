#include "gateway/source/tunnels_internal.h"

#include "core/base/log.h"
#include "core/base/process.h"
#include "core/base/text.h"
#include "gateway/common/hub_check.h"
#include "gateway/common/telemetry.h"
#include "gateway/source/device_status.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define RETIRED_MS 30000 /* for clients that wait, and for the last bytes to slow ones */

/* "tunnel plant7", or "tunnel" for the nameless one. */
static const char *title(const struct tunnel *t, char out[160])
{
    char safe[140];
    str_escape(span_of(t->name), safe, sizeof safe);
    snprintf(out, 160, "tunnel%s%s", safe[0] != '\0' ? " " : "", safe);
    return out;
}

/* ---- what the link and the session tell ---- */

static void tell_names(const struct tunnel *t, size_t index)
{
    const struct names_tunnel *list;
    size_t n = tunnels_list(t->set, &list);
    const struct names_tunnel *self = &list[index];
    size_t count = self->n_services > 0 ? self->n_services : 1;
    for (size_t i = 0; i < count; i++) {
        const char *id = self->n_services > 0 ? self->services[i] : "";
        char host[NAMES_HOST];
        if (names_canonical(t->set->names, list, n, index, id, host))
            log_info("  %s (service %s)", host, id[0] != '\0' ? id : "without id");
        else if (host[0] != '\0')
            log_warning("  %s (service %s): not every program accepts this name; give it an alias",
                        host, id);
        else
            log_warning("  service %s: no host name leads to it; give it an alias", id);
    }
}

static size_t index_of(const struct tunnel *t)
{
    for (size_t i = 0; i < t->set->n; i++)
        if (t->set->all[i] == t)
            return i;
    return 0;
}

/* ---- the device ---- */

static void tell_absence(struct tunnel *t)
{
    char name[160], text[DEVICE_STATUS_TEXT];
    if (t->device == DEVICE_AWAY || !session_device_offline(t->session))
        return;
    t->device = DEVICE_AWAY;
    device_status_text(t->session, t->set->loop, false, text);
    log_warning("%s: %s", title(t, name), text);
    monitor_device_event(t->watched, false, text);
}

static void tell_presence(struct tunnel *t)
{
    char name[160], safe[140], text[200];
    bool news = t->device == DEVICE_AWAY;
    if (!session_peer(t->session)->attached)
        return;
    t->device = DEVICE_HERE;
    if (!news)
        return;
    text_copy(span_of(session_peer(t->session)->device), TEXT_ASCII, safe, sizeof safe);
    snprintf(text, sizeof text, "%s%s is connected", safe[0] != '\0' ? "device " : "the device",
             safe);
    log_info("%s: %s", title(t, name), text);
    monitor_device_event(t->watched, true, text);
}

/* It was awaited in vain. */
static void on_absence(void *owner)
{
    struct tunnel *t = owner;
    if (!session_device_offline(t->session))
        return;
    tell_absence(t);
    forwards_give_up(t->set->forwards, t->session);
}

/* Told at once when it leaves. After a hub's restart both ends come back within a moment, either of
 * them first: that is no news. */
static void note_device(struct tunnel *t, bool left)
{
    if (!session_device_offline(t->session)) {
        timer_stop(t->absence);
        tell_presence(t);
        return;
    }
    if (left || t->device == DEVICE_UNKNOWN)
        tell_absence(t);
    timer_start(t->absence, DEVICE_STATUS_WAIT_MS);
}

static void on_peer(void *owner)
{
    note_device(owner, true);
}

/* A host name that leads to a service depends on what the other tunnels have, so all are told anew.
 */
static void show_services(struct tunnels *set)
{
    const struct names_tunnel *list;
    size_t n = tunnels_list(set, &list);
    for (size_t i = 0; i < n; i++) {
        size_t count = list[i].n_services > 0 ? list[i].n_services : list[i].known;
        struct monitor_service_info *infos = calloc(count + 1, sizeof *infos);
        char(*hosts)[NAMES_HOST] = calloc(count + 1, sizeof *hosts);
        for (size_t k = 0; infos != NULL && hosts != NULL && k < count; k++) {
            const char *id = list[i].n_services > 0 ? list[i].services[k] : "";
            names_canonical(set->names, list, n, i, id, hosts[k]);
            infos[k] = (struct monitor_service_info){.id = id,
                                                     .host = hosts[k][0] != '\0' ? hosts[k] : NULL};
        }
        if (infos != NULL && hosts != NULL)
            monitor_services(set->all[i]->watched, infos, count);
        free(infos);
        free(hosts);
    }
}

/* Whether the ids differ from those told last; remembers them. */
static bool is_news(struct tunnel *t, const char *const *ids, size_t n)
{
    struct buf now = {.limit = 65536};
    for (size_t i = 0; i < n; i++)
        buf_append(&now, ids[i], strlen(ids[i]) + 1);
    bool same = t->told_once && now.size == t->told.size &&
                (now.size == 0 || memcmp(now.data, t->told.data, now.size) == 0);
    buf_free(&t->told);
    t->told = now;
    t->told_once = true;
    return !same;
}

static enum err on_services(void *owner, const char *const *ids, size_t n)
{
    struct tunnel *t = owner;
    char name[160], line[200];
    bool news = is_news(t, ids, n);
    if (news)
        snprintf(line, sizeof line, "%s is up, with %zu service%s", title(t, name), n,
                 n == 1 ? "" : "s");
    else
        snprintf(line, sizeof line, "%s is up again", title(t, name));
    log_info("%s%s", line, news ? ":" : "");
    if (news)
        tell_names(t, index_of(t));
    show_services(t->set);
    monitor_tunnel_event(t->watched, MONITOR_UP, ERR_OK, line);
    enum err why = t->mappings != NULL ? mappings_services(t->mappings, ids, n) : ERR_OK;
    if (why != ERR_OK)
        return ERR_USAGE; /* final: connecting anew does not free a port */
    note_device(t, false);
    forwards_wake(t->set->forwards);
    return ERR_OK;
}

static void on_broken(void *owner, enum err why, const char *text)
{
    struct tunnel *t = owner;
    link_drop(t->link, why, text);
}

static void on_up(void *owner)
{
    const struct tunnel *t = owner;
    log_info("Successfully established websocket connection with proxy server: %s", t->hub);
}

static struct link_info present(const struct tunnel *t)
{
    struct link_info now;
    link_get_info(t->link, &now);
    return now;
}

static void on_reachable(void *owner)
{
    struct tunnel *t = owner;
    forwards_wake(t->set->forwards);
}

/* The same failure at every try is told once. */
static void on_down(void *owner, enum err why, const char *text)
{
    struct tunnel *t = owner;
    char name[160];
    bool again = present(t).repeated;
    log_line(again ? LOG_DEBUG : LOG_ERROR, "%s: %s; trying again", title(t, name), text);
    if (!again)
        monitor_tunnel_event(t->watched, MONITOR_DOWN, why, text);
}

static void on_ending(void *owner, uint64_t left_ms)
{
    struct tunnel *t = owner;
    char name[160], text[200];
    log_warning("%s: %s", title(t, name), telemetry_expiry(left_ms, text, sizeof text));
    monitor_tunnel_ending(t->watched, text);
}

static void on_finished(void *owner, enum err why, const char *text)
{
    struct tunnel *t = owner;
    struct tunnels *set = t->set;
    char name[160];
    t->over = true;
    log_line(why == ERR_TUNNEL_CLOSED ? LOG_INFO : LOG_ERROR, "%s: %s", title(t, name), text);
    monitor_tunnel_event(t->watched, MONITOR_OVER, why, text);
    forwards_wake(set->forwards);
    for (size_t i = 0; i < set->n; i++) {
        if (!set->all[i]->over)
            return;
        if (present(set->all[i]).why == ERR_TOKEN_REPLACED)
            why = ERR_TOKEN_REPLACED;
    }
    if (!set->freeing)
        set->finished(set->owner, why);
}

/* ---- names ---- */

size_t tunnels_list(struct tunnels *set, const struct names_tunnel **list)
{
    for (size_t i = 0; i < set->n; i++) {
        const struct tunnel *t = set->all[i];
        struct names_tunnel *out = &set->list[i];
        out->name = t->name;
        out->n_services = session_services(t->session, &out->services);
        out->known = out->n_services > 0 || session_open(t->session);
    }
    *list = set->list;
    return set->n;
}

bool tunnels_is_up(const struct tunnels *set, size_t i)
{
    return session_open(set->all[i]->session);
}

bool tunnels_has_no_device(const struct tunnels *set, size_t i)
{
    return session_device_offline(set->all[i]->session);
}

size_t tunnels_connections(const struct tunnels *set, size_t i)
{
    return session_connections(set->all[i]->session);
}

/* ---- life ---- */

static void tunnel_free(struct tunnel *t)
{
    if (t == NULL)
        return;
    list_remove(&t->retired);
    timer_free(t->end);
    monitor_tunnel_remove(t->watched);
    buf_free(&t->told);
    mappings_free(t->mappings);
    if (t->link != NULL)
        link_free(t->link);
    if (t->session != NULL)
        session_free(t->session);
    timer_free(t->absence);
    if (t->trust != NULL)
        trust_free(t->trust);
    free(t->name);
    free(t->hub);
    free(t);
}

static void on_pressed(void *owner, const char *text)
{
    const struct tunnel *t = owner;
    monitor_tunnel_memory(t->watched, text);
}

static bool make_session(struct tunnel *t, struct loop *loop, const struct tunnel_options *o)
{
    static const struct session_events events = {.services = on_services,
                                                 .broken = on_broken,
                                                 .reachable = on_reachable,
                                                 .pressed = on_pressed,
                                                 .peer = on_peer};
    const struct session_options options = {.role = SESSION_SOURCE,
                                            .version = o->version,
                                            .linger_ms = o->linger_ms,
                                            .stall_ms = o->stall_ms,
                                            .resume_ms = o->resume_ms,
                                            .max_connections = o->max_connections,
                                            .memory = &t->set->budget,
                                            .name = o->name};
    t->session = session_new(loop, &options, &events, t);
    t->absence = timer_new(loop, on_absence, t);
    if (t->session == NULL || t->absence == NULL)
        return false;
    if (o->map == NULL && !o->assign)
        return true;
    const struct mappings_options mapped = {.session = t->session,
                                            .map = o->map,
                                            .bind = o->hub->bind,
                                            .assign = o->assign,
                                            .watched = t->watched,
                                            .forwards = t->set->forwards};
    t->mappings = mappings_new(loop, &mapped);
    return t->mappings != NULL;
}

static struct link_options link_options(const struct tunnel *t, const struct hub_config *hub,
                                        bool native, const struct trust *trust)
{
    const char *proxy = hub->web_proxy;
    if (proxy == NULL)
        proxy = upstream_from_env(hub->host, hub->port, process_environment);
    return (struct link_options){.host = hub->host,
                                 .port = hub->port,
                                 .role = SESSION_SOURCE,
                                 .access_token = hub->access_token,
                                 .client_token = hub->client_token,
                                 .subprotocol = hub->subprotocol,
                                 .instance = native ? t->instance : NULL,
                                 .trust = trust,
                                 .proxy = proxy,
                                 .ping_ms = hub->ping_ms,
                                 .retry_first_ms = hub->retry_ms,
                                 .agent = "tunnel-gateway/" TUNNEL_VERSION};
}

static enum err make_link(struct tunnel *t, struct loop *loop, const struct tunnel_options *o)
{
    static const struct link_events events = {
        .up = on_up, .down = on_down, .ending = on_ending, .finished = on_finished};
    const struct link_options options = link_options(t, o->hub, o->native, t->trust);
    enum err why = ERR_OK;
    t->link = link_new(loop, t->session, &options, &events, t, &why);
    return t->link != NULL ? ERR_OK : why;
}

static void show(void *ctx, struct monitor_tunnel_state *out)
{
    const struct tunnel *t = ctx;
    telemetry_link(t->link, t->session, out);
}

enum err tunnels_add(struct tunnels *set, const struct tunnel_options *o, char *text, size_t size)
{
    char url[300];
    enum err why = ERR_NO_MEMORY;
    if (set->n == TUNNELS_MAX)
        return ERR_LIMIT;
    struct tunnel *t = calloc(1, sizeof *t);
    if (t == NULL)
        return ERR_NO_MEMORY;
    t->set = set;
    t->told.limit = 65536;
    list_init(&t->retired);
    link_instance(t->instance);
    snprintf(text, size, "%s", err_text(why));
    t->name = span_dup(span_of(o->name));
    t->hub = span_dup(span_of(hub_config_url(o->hub, url, sizeof url)));
    if (t->name == NULL || t->hub == NULL)
        goto fail;
    t->watched =
        monitor_tunnel_add(set->monitor, &(struct monitor_tunnel_info){t->name, t->hub, show, t});
    t->trust = hub_check_trust(o->hub, &why, text, size);
    if (t->trust == NULL)
        goto fail;
    if (!make_session(t, set->loop, o)) {
        why = ERR_NO_MEMORY;
        goto fail;
    }
    set->all[set->n++] = t;
    why = make_link(t, set->loop, o);
    if (why == ERR_OK)
        return ERR_OK;
    snprintf(text, size, "the proxy's URL (--web-proxy, or the environment) %s",
             upstream_wrong(why));
    set->n--;
fail:
    tunnel_free(t);
    return why;
}

static struct tunnel *find(const struct tunnels *set, const char *name)
{
    for (size_t i = 0; i < set->n; i++)
        if (strcasecmp(set->all[i]->name, name) == 0)
            return set->all[i];
    return NULL;
}

enum err tunnels_change(struct tunnels *set, const struct tunnel_options *o, char *text,
                        size_t size)
{
    struct tunnel *t = find(set, o->name);
    char name[160];
    bool anew = false;
    enum err why;
    if (t == NULL)
        return ERR_NOT_FOUND;
    struct trust *trust = hub_check_trust(o->hub, &why, text, size);
    if (trust == NULL)
        return why;
    const struct link_options options = link_options(t, o->hub, o->native, trust);
    why = link_change(t->link, &options, &anew);
    if (why != ERR_OK) {
        snprintf(text, size, "the proxy's URL (--web-proxy, or the environment) %s",
                 upstream_wrong(why));
        trust_free(trust);
        return why;
    }
    trust_free(t->trust);
    t->trust = trust;
    t->over = false;
    session_change(t->session, &(struct session_options){.max_connections = o->max_connections,
                                                         .linger_ms = o->linger_ms,
                                                         .stall_ms = o->stall_ms,
                                                         .resume_ms = o->resume_ms});
    if (anew)
        log_info("%s: connects to the hub anew", title(t, name));
    return ERR_OK;
}

static void on_retired(void *owner)
{
    tunnel_free(owner);
}

/* Clients that wait still ask its mappings where to go, and its session may have bytes that slow
 * ones have not taken. Without a timer it stays until the end. */
static void retire(struct tunnel *t)
{
    list_append(&t->set->retired, &t->retired);
    monitor_tunnel_remove(t->watched);
    t->watched = NULL;
    mappings_close(t->mappings);
    session_detach(t->session, ERR_TUNNEL_CLOSED);
    link_free(t->link);
    t->link = NULL;
    t->end = timer_new(t->set->loop, on_retired, t);
    if (t->end != NULL)
        timer_start(t->end, RETIRED_MS);
}

void tunnels_remove(struct tunnels *set, const char *name)
{
    struct tunnel *t = find(set, name);
    if (t == NULL)
        return;
    size_t i = index_of(t);
    memmove(&set->all[i], &set->all[i + 1], (set->n - i - 1) * sizeof set->all[0]);
    set->n--;
    retire(t);
    show_services(set);
    forwards_wake(set->forwards);
}

void tunnels_rules(struct tunnels *set, const struct tunnels_options *fresh)
{
    set->names = fresh->names;
    set->grace_ms = fresh->grace_ms;
    set->traits = fresh->traits;
    show_services(set);
}

struct tunnels *tunnels_new(struct loop *loop, const struct tunnels_options *o)
{
    struct tunnels *set = calloc(1, sizeof *set);
    if (set == NULL)
        return NULL;
    set->loop = loop;
    list_init(&set->retired);
    set->monitor = o->monitor;
    set->forwards = o->forwards;
    tunnels_rules(set, o);
    budget_init(&set->budget, o->memory != 0 ? o->memory : SIZE_MAX / 4);
    set->finished = o->finished;
    set->owner = o->owner;
    return set;
}

void tunnels_free(struct tunnels *set)
{
    if (set == NULL)
        return;
    set->freeing = true;
    for (size_t i = 0; i < set->n; i++)
        tunnel_free(set->all[i]);
    while (!list_empty(&set->retired))
        tunnel_free(list_entry(set->retired.next, struct tunnel, retired));
    budget_free(&set->budget);
    free(set);
}
