#include "gateway/source/tunnels_internal.h"

#include "core/base/log.h"
#include "core/base/text.h"
#include "gateway/source/device_status.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define RETIRED_MS 30000 /* for clients that wait, and for the last bytes to slow ones */

/* ---- services ---- */

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
    char text[DEVICE_STATUS_TEXT];
    if (t->device == DEVICE_AWAY || !session_device_offline(t->session))
        return;
    t->device = DEVICE_AWAY;
    device_status_text(t->session, t->set->loop, false, text);
    log_warning("%s: %s", t->title, text);
    monitor_device_event(t->watched, false, text);
}

static void tell_presence(struct tunnel *t)
{
    char safe[140], text[200];
    bool news = t->device == DEVICE_AWAY;
    if (!session_peer(t->session)->attached)
        return;
    t->device = DEVICE_HERE;
    if (!news)
        return;
    text_copy(span_of(session_peer(t->session)->device), TEXT_ASCII, safe, sizeof safe);
    snprintf(text, sizeof text, "%s%s is connected", safe[0] != '\0' ? "device " : "the device",
             safe);
    log_info("%s: %s", t->title, text);
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
 * them first: that is no news. Nor is it in a tunnel on demand, whose device has only just
 * accepted. */
static void note_device(struct tunnel *t, bool left)
{
    if (!session_device_offline(t->session)) {
        timer_stop(t->absence);
        tell_presence(t);
        return;
    }
    if (left || (t->device == DEVICE_UNKNOWN && t->over == NULL))
        tell_absence(t);
    timer_start(t->absence, DEVICE_STATUS_WAIT_MS);
}

static void on_peer(void *owner)
{
    note_device(owner, true);
}

static void show_tunnel(struct tunnels *set, size_t i)
{
    const struct names_tunnel *list;
    size_t n = tunnels_list(set, &list);
    size_t count = list[i].n_services > 0 ? list[i].n_services : list[i].known;
    struct monitor_service_info *infos = calloc(count + 1, sizeof *infos);
    char(*hosts)[NAMES_HOST] = calloc(count + 1, sizeof *hosts);
    for (size_t k = 0; infos != NULL && hosts != NULL && k < count; k++) {
        const char *id = list[i].n_services > 0 ? list[i].services[k] : "";
        names_canonical(set->names, list, n, i, id, hosts[k]);
        infos[k] =
            (struct monitor_service_info){.id = id, .host = hosts[k][0] != '\0' ? hosts[k] : NULL};
    }
    if (infos != NULL && hosts != NULL)
        monitor_services(set->all[i]->watched, infos, count);
    free(infos);
    free(hosts);
}

/* A host name that leads to a service depends on what the other tunnels have, so all are told anew.
 */
static void show_services(struct tunnels *set)
{
    for (size_t i = 0; i < set->n; i++)
        show_tunnel(set, i);
}

/* No name of another tunnel depends on one that was opened on demand, of which there may be
 * hundreds. */
static void show_change(const struct tunnel *t)
{
    if (t->over != NULL)
        show_tunnel(t->set, index_of(t));
    else
        show_services(t->set);
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
    char line[200];
    bool news = is_news(t, ids, n);
    if (news)
        snprintf(line, sizeof line, "%s is up, with %zu service%s", t->title, n, n == 1 ? "" : "s");
    else
        snprintf(line, sizeof line, "%s is up again", t->title);
    log_info("%s%s", line, news ? ":" : "");
    if (news)
        tell_names(t, index_of(t));
    show_change(t);
    monitor_tunnel_event(t->watched, MONITOR_UP, ERR_OK, line);
    enum err why = t->mappings != NULL ? mappings_services(t->mappings, ids, n) : ERR_OK;
    if (why != ERR_OK)
        return ERR_USAGE; /* final: connecting anew does not free a port */
    note_device(t, false);
    forwards_wake(t->set->forwards);
    return ERR_OK;
}

static void on_reachable(void *owner)
{
    struct tunnel *t = owner;
    forwards_wake(t->set->forwards);
}

static void on_finished(void *owner, enum err why)
{
    struct tunnel *t = owner;
    struct tunnels *set = t->set;
    if (t->over != NULL) {
        t->over(t->owner, why, tunnel_end_info(t->end).text);
        return;
    }
    forwards_wake(set->forwards);
    for (size_t i = 0; i < set->n && set->all[i]->over == NULL; i++) {
        const struct link_info now = tunnel_end_info(set->all[i]->end);
        if (now.phase != LINK_OVER)
            return;
        if (now.why == ERR_TOKEN_REPLACED)
            why = ERR_TOKEN_REPLACED;
    }
    if (!set->freeing)
        set->finished(set->owner, why);
}

static const struct tunnel_end_events end_events = {
    .services = on_services,
    .reachable = on_reachable,
    .peer = on_peer,
    .finished = on_finished,
};

/* ---- names ---- */

size_t tunnels_list(struct tunnels *set, const struct names_tunnel **list)
{
    for (size_t i = 0; i < set->n; i++) {
        const struct tunnel *t = set->all[i];
        struct names_tunnel *out = &set->list[i];
        out->name = t->hidden ? "" : t->name;
        out->n_services = session_services(t->session, &out->services);
        out->known = out->n_services > 0 || session_open(t->session);
        out->on_demand = t->over != NULL;
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

void *tunnels_owner(const struct tunnels *set, size_t i)
{
    return set->all[i]->owner;
}

size_t tunnels_connections(const struct tunnels *set, size_t i)
{
    return session_connections(set->all[i]->session);
}

/* ---- life ---- */

static void tunnel_free(struct tunnel *t)
{
    list_remove(&t->retired);
    timer_free(t->retiring);
    buf_free(&t->told);
    mappings_free(t->mappings);
    tunnel_end_free(t->end);
    timer_free(t->absence);
    free(t->name);
    free(t);
}

static bool make_mappings(struct tunnel *t, const struct tunnel_options *o)
{
    const struct mappings_options mapped = {.session = t->session,
                                            .map = o->map,
                                            .bind = o->end.hub->bind,
                                            .assign = o->assign,
                                            .watched = t->watched,
                                            .forwards = t->set->forwards};
    if (o->map == NULL && !o->assign)
        return true;
    t->mappings = mappings_new(t->set->loop, &mapped);
    return t->mappings != NULL;
}

static bool name_it(struct tunnel *t, const char *name)
{
    char safe[140];
    str_escape(span_of(name), safe, sizeof safe);
    snprintf(t->title, sizeof t->title, "tunnel%s%s", safe[0] != '\0' ? " " : "", safe);
    t->name = strdup(name);
    return t->name != NULL;
}

static enum err make_parts(struct tunnel *t, const struct tunnel_options *o, char *text,
                           size_t size)
{
    enum err why = ERR_NO_MEMORY;
    struct tunnel_end_options end = o->end;
    t->absence = timer_new(t->set->loop, on_absence, t);
    if (t->absence == NULL || !name_it(t, o->name)) {
        if (end.ready != NULL)
            stream_close(end.ready);
        snprintf(text, size, "%s", err_text(why));
        return why;
    }
    end.loop = t->set->loop;
    end.monitor = t->set->monitor;
    end.memory = &t->set->budget;
    end.name = t->name;
    end.title = t->title;
    t->end = tunnel_end_new(&end, &end_events, t, &why, text, size);
    if (t->end == NULL)
        return why;
    t->session = tunnel_end_session(t->end);
    t->watched = tunnel_end_watched(t->end);
    return make_mappings(t, o) ? ERR_OK : ERR_NO_MEMORY;
}

static enum err make_room(struct tunnels *set)
{
    if (set->n < set->room)
        return ERR_OK;
    if (set->n == TUNNELS_MAX)
        return ERR_LIMIT;
    size_t room = set->room > 0 ? 2 * set->room : 8;
    struct tunnel **all = realloc(set->all, room * sizeof *all);
    set->all = all != NULL ? all : set->all;
    struct names_tunnel *list = all != NULL ? realloc(set->list, room * sizeof *list) : NULL;
    if (list == NULL)
        return ERR_NO_MEMORY;
    set->list = list;
    set->room = room;
    return ERR_OK;
}

static void insert(struct tunnels *set, struct tunnel *t)
{
    size_t at = set->n;
    while (t->over == NULL && at > 0 && set->all[at - 1]->over != NULL)
        at--;
    memmove(&set->all[at + 1], &set->all[at], (set->n - at) * sizeof set->all[0]);
    set->all[at] = t;
    set->n++;
}

enum err tunnels_add(struct tunnels *set, const struct tunnel_options *o, char *text, size_t size)
{
    enum err why = make_room(set);
    struct tunnel *t = why == ERR_OK ? calloc(1, sizeof *t) : NULL;
    if (t == NULL) {
        why = why == ERR_OK ? ERR_NO_MEMORY : why;
        snprintf(text, size, "%s", why == ERR_LIMIT ? "too many tunnels" : err_text(why));
        if (o->end.ready != NULL)
            stream_close(o->end.ready);
        return why;
    }
    *t = (struct tunnel){.set = set, .told.limit = 65536, .over = o->over, .owner = o->owner};
    list_init(&t->retired);
    why = make_parts(t, o, text, size);
    if (why == ERR_OK)
        insert(set, t);
    else
        tunnel_free(t);
    return why;
}

static struct tunnel *find(const struct tunnels *set, const char *name)
{
    for (size_t i = 0; i < set->n && set->all[i]->over == NULL; i++)
        if (strcasecmp(set->all[i]->name, name) == 0)
            return set->all[i];
    return NULL;
}

enum err tunnels_change(struct tunnels *set, const struct tunnel_options *o, char *text,
                        size_t size)
{
    const struct tunnel *t = find(set, o->name);
    return t != NULL ? tunnel_end_change(t->end, &o->end, text, size) : ERR_NOT_FOUND;
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
    t->watched = NULL;
    mappings_close(t->mappings);
    tunnel_end_retire(t->end);
    t->retiring = timer_new(t->set->loop, on_retired, t);
    if (t->retiring != NULL)
        timer_start(t->retiring, RETIRED_MS);
}

static void take_out(struct tunnels *set, struct tunnel *t)
{
    size_t i = index_of(t);
    memmove(&set->all[i], &set->all[i + 1], (set->n - i - 1) * sizeof set->all[0]);
    set->n--;
    bool on_demand = t->over != NULL;
    retire(t);
    if (!on_demand)
        show_services(set);
    forwards_wake(set->forwards);
}

void tunnels_remove(struct tunnels *set, const char *name)
{
    struct tunnel *t = find(set, name);
    if (t != NULL)
        take_out(set, t);
}

static struct tunnel *find_owner(const struct tunnels *set, const void *owner)
{
    for (size_t i = 0; i < set->n; i++)
        if (set->all[i]->over != NULL && set->all[i]->owner == owner)
            return set->all[i];
    return NULL;
}

void tunnels_drop(struct tunnels *set, const void *owner)
{
    struct tunnel *t = find_owner(set, owner);
    if (t != NULL)
        take_out(set, t);
}

void tunnels_hide(struct tunnels *set, const void *owner)
{
    struct tunnel *t = find_owner(set, owner);
    if (t != NULL)
        t->hidden = true;
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
    free(set->all);
    free(set->list);
    free(set);
}
