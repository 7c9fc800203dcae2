/* What happens in a tunnel, and what log, dashboard and waiting clients are told of it: its
 * services, whether its device is there, its end. */
#include "core/base/log.h"
#include "core/base/text.h"
#include "gateway/source/device_status.h"
#include "gateway/source/tunnels_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

void tunnels_on_absence(void *owner)
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

void tunnels_show(struct tunnels *set)
{
    for (size_t i = 0; i < set->n; i++)
        show_tunnel(set, i);
}

/* No name of another tunnel depends on one that was opened on demand, of which there may be
 * hundreds. */
static void show_change(const struct tunnel *t)
{
    if (t->over != NULL)
        show_tunnel(t->set, tunnels_index(t));
    else
        tunnels_show(t->set);
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
        tell_names(t, tunnels_index(t));
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

const struct tunnel_end_events tunnels_end_events = {
    .services = on_services,
    .reachable = on_reachable,
    .peer = on_peer,
    .finished = on_finished,
};
