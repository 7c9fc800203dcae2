#include "gateway/source/mappings.h"

#include "core/base/log.h"
#include "core/net/listener.h"
#include "gateway/source/device_status.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct mapping {
    struct list node;
    struct mappings *set;
    char *id;
    const struct service_mapping *from; /* NULL: a port that the system chooses */
    struct listener *listener;          /* NULL: the tunnel has no such service any more */
};

struct mappings {
    struct loop *loop;
    struct session *session;
    struct services map;
    char *bind;
    bool exact, assign, tells;
    struct monitor_tunnel *watched;
    struct forwards *forwards;
    bool own_forwards;
    struct list all;
};

/* ---- clients ---- */

/* A mapped port has no protocol to say anything in: the connection itself is the answer. */
static bool answer_port(enum err why, const char *text, struct buf *out)
{
    (void)why, (void)text, (void)out;
    return true;
}

static const struct reply_format reply_port = {
    .protocol = "port", .patient = false, .answer = answer_port};

static enum err resolve(void *owner, const struct forward_question *q, struct forward_target *out,
                        char text[FORWARD_TEXT])
{
    struct mapping *m = owner;
    (void)q;
    if (m->listener == NULL) {
        snprintf(text, FORWARD_TEXT, "%s", err_text(ERR_NO_SERVICE));
        return ERR_NO_SERVICE;
    }
    struct session *s = m->set->session;
    *out = (struct forward_target){.session = s,
                                   .service = m->id,
                                   .watched = m->set->watched,
                                   .awaited = device_status_is_awaited(s, m->set->loop)};
    if (m->from != NULL && m->from->target != NULL) {
        snprintf(out->host, sizeof out->host, "%s", m->from->target);
        out->port = (uint32_t)m->from->target_port;
    }
    if (!session_device_offline(s))
        return session_reachable(s) ? ERR_OK : ERR_HUB_DOWN;
    device_status_text(s, m->set->loop, false, text);
    return ERR_DEVICE_OFFLINE;
}

static void tell_end(void *ctx)
{
    log_info("Disconnected from: %s", (const char *)ctx);
    free(ctx);
}

/* Returns what tell_end tells, or NULL. */
static char *tell_begin(const struct mapping *m, const struct listener *l, const struct stream *s)
{
    char name[sizeof s->name];
    if (!m->set->tells)
        return NULL;
    str_escape(span_of(s->name), name, sizeof name);
    log_info("Accepted tcp connection on port %d from %s", listener_port(l), name);
    return strdup(name);
}

/* Holds the listener while its service has as many clients as it may have; newcomers wait in the
 * kernel's queue. */
static void watch_room(struct mapping *m)
{
    if (m->listener != NULL)
        listener_hold(m->listener, session_full(m->set->session, m->id));
}

static void on_room(void *owner)
{
    struct mappings *set = owner;
    list_each(node, &set->all) watch_room(list_entry(node, struct mapping, node));
}

static void on_accepted(void *owner, struct listener *l, struct stream *s)
{
    struct mapping *m = owner;
    char asked[24], *told = tell_begin(m, l, s);
    snprintf(asked, sizeof asked, "%d", listener_port(l));
    forward_start(m->set->forwards, s,
                  &(struct forward_options){.format = &reply_port,
                                            .question = {.host = span_of(asked)},
                                            .resolve = resolve,
                                            .owner = m,
                                            .tap = {.ctx = told},
                                            .tap_free = told != NULL ? tell_end : NULL});
    watch_room(m);
}

/* ---- listeners ---- */

static struct mapping *find(const struct mappings *set, const char *id,
                            const struct service_mapping *from)
{
    list_each(node, &set->all)
    {
        struct mapping *m = list_entry(node, struct mapping, node);
        if (m->from == from && strcmp(m->id, id) == 0)
            return m;
    }
    return NULL;
}

static struct mapping *make(struct mappings *set, const char *id,
                            const struct service_mapping *from)
{
    struct mapping *m = calloc(1, sizeof *m);
    if (m == NULL)
        return NULL;
    m->set = set;
    m->from = from;
    m->id = span_dup(span_of(id));
    if (m->id == NULL) {
        free(m);
        return NULL;
    }
    list_init(&m->node);
    list_append(&set->all, &m->node);
    return m;
}

/* Writes ", PLC to 10.0.7.20:502", or "". */
static void write_target(const struct mapping *m, char *out, size_t size)
{
    char target[TARGETS_HOST + 10];
    out[0] = '\0';
    if (m->from != NULL && m->from->target != NULL)
        snprintf(out, size, ", %s%sto %s", m->id, m->id[0] != '\0' ? " " : "",
                 service_target(m->from, target, sizeof target));
}

static void tell(const struct mapping *m)
{
    char target[256];
    int port = listener_port(m->listener);
    bool assigned = m->from == NULL || m->from->port == 0;
    write_target(m, target, sizeof target);
    if (port == 0) {
        log_info("Listening for new connection on %s%s", listener_name(m->listener), target);
        return;
    }
    if (assigned && m->set->tells) { /* scripts read the second of these two records */
        log_info("Listen port assigned for service id %s. New port mapping:", m->id);
        log_info("%s = %d", m->id, port);
    } else if (assigned) {
        log_info("Listen port assigned for service id %s. New port mapping: %s = %d", m->id, m->id,
                 port);
    }
    log_info("Listening for new connection on port %d%s", port, target);
}

static enum err open_listener(struct mappings *set, const char *id,
                              const struct service_mapping *from)
{
    static const struct listener_events events = {.accepted = on_accepted};
    const struct service_mapping any = {.id = NULL, .host = NULL, .port = 0};
    struct mapping *m = find(set, id, from);
    char where[300];
    if (m != NULL && m->listener != NULL)
        return ERR_OK;
    if (m == NULL && (m = make(set, id, from)) == NULL)
        return ERR_NO_MEMORY;
    service_where(from != NULL ? from : &any, set->bind, where, sizeof where);
    enum err why = ERR_OK;
    m->listener = listener_new(set->loop, where, &events, m, &why);
    if (m->listener == NULL) {
        log_error("Cannot listen on %s for service id \"%s\": %s", where, id,
                  listener_problem(where, why));
        return why;
    }
    tell(m);
    return ERR_OK;
}

/* ---- the map against the tunnel ---- */

static bool has(const char *const *ids, size_t n, const char *id)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(ids[i], id) == 0)
            return true;
    return false;
}

static void join(const char *const *ids, size_t n, struct buf *out)
{
    for (size_t i = 0; i < n; i++)
        buf_printf(out, "%s%s", i > 0 ? ", " : "", ids[i]);
    if (n == 0)
        buf_printf(out, "none");
    if (!buf_append(out, "", 1) && out->size > 0)
        out->data[out->size - 1] = '\0';
}

static enum err wrong(const char *id, const char *const *ids, size_t n)
{
    struct buf have = {.limit = 2048};
    join(ids, n, &have);
    log_error(
        "Wrong configurations detected in local proxy: service id \"%s\" %s; the tunnel has: %s",
        id, has(ids, n, id) ? "has no mapping" : "is not in the tunnel",
        have.data != NULL ? (const char *)have.data : "");
    buf_free(&have);
    return ERR_USAGE;
}

static enum err check(const struct mappings *set, const char *const *ids, size_t n)
{
    for (size_t i = 0; i < set->map.n; i++)
        if (!set->assign && !has(ids, n, set->map.items[i].id))
            return wrong(set->map.items[i].id, ids, n);
    for (size_t i = 0; set->exact && !set->assign && i < n; i++)
        if (services_find(&set->map, ids[i]) == NULL)
            return wrong(ids[i], ids, n);
    return ERR_OK;
}

static void close_vanished(struct mappings *set, const char *const *ids, size_t n)
{
    list_each(node, &set->all)
    {
        struct mapping *m = list_entry(node, struct mapping, node);
        if (m->listener == NULL || m->id[0] == '\0' || has(ids, n, m->id))
            continue;
        log_warning("The tunnel has no service id \"%s\" any more: port %d is closed", m->id,
                    listener_port(m->listener));
        listener_free(m->listener);
        m->listener = NULL;
    }
}

/* `-s 5555` means the tunnel's only service; with none or several, messages carry no service id. */
static enum err open_unnamed(struct mappings *set, const char *const *ids, size_t n)
{
    if (n > 1)
        log_warning("The tunnel has %zu services and the mapping names none: the far end decides",
                    n);
    return open_listener(set, n == 1 ? ids[0] : "", &set->map.items[0]);
}

/* All ports of one service; with `assign` it has at least one. */
static enum err open_service(struct mappings *set, const char *id)
{
    enum err why = ERR_OK;
    for (size_t i = 0; why == ERR_OK && i < set->map.n; i++)
        if (strcmp(set->map.items[i].id, id) == 0)
            why = open_listener(set, id, &set->map.items[i]);
    return why == ERR_OK && set->assign && services_find(&set->map, id) == NULL
               ? open_listener(set, id, NULL)
               : why;
}

enum err mappings_services(struct mappings *set, const char *const *ids, size_t n)
{
    enum err why = ERR_OK;
    if (services_unnamed(&set->map)) {
        why = open_unnamed(set, ids, n);
    } else {
        why = check(set, ids, n);
        if (why == ERR_OK)
            close_vanished(set, ids, n);
        for (size_t i = 0; why == ERR_OK && i < n; i++)
            why = open_service(set, ids[i]);
    }
    if (why == ERR_OK && set->own_forwards)
        forwards_wake(set->forwards);
    return why;
}

/* ---- life ---- */

static bool copy_map(struct services *to, const struct services *from)
{
    if (from == NULL || from->n == 0)
        return true;
    to->items = calloc(from->n, sizeof *to->items);
    if (to->items == NULL)
        return false;
    for (; to->n < from->n; to->n++) {
        const struct service_mapping *item = &from->items[to->n];
        struct service_mapping *copy = &to->items[to->n];
        *copy = (struct service_mapping){.id = str_copy(item->id),
                                         .host = str_copy(item->host),
                                         .port = item->port,
                                         .target = str_copy(item->target),
                                         .target_port = item->target_port};
        if (copy->id == NULL || (item->host != NULL && copy->host == NULL) ||
            (item->target != NULL && copy->target == NULL)) {
            to->n++;
            return false;
        }
    }
    return true;
}

struct mappings *mappings_new(struct loop *loop, const struct mappings_options *o)
{
    struct mappings *set = calloc(1, sizeof *set);
    if (set == NULL)
        return NULL;
    *set = (struct mappings){.loop = loop,
                             .session = o->session,
                             .bind = span_dup(span_of(o->bind != NULL ? o->bind : "localhost")),
                             .exact = o->exact,
                             .assign = o->assign,
                             .tells = o->tells,
                             .watched = o->watched,
                             .forwards = o->forwards,
                             .own_forwards = o->forwards == NULL};
    list_init(&set->all);
    session_on_room(set->session, on_room, set);
    if (set->own_forwards)
        set->forwards = forwards_new(loop, NULL);
    if (set->bind != NULL && set->forwards != NULL && copy_map(&set->map, o->map))
        return set;
    mappings_free(set);
    return NULL;
}

void mappings_close(struct mappings *set)
{
    if (set == NULL)
        return;
    list_each(node, &set->all)
    {
        struct mapping *m = list_entry(node, struct mapping, node);
        listener_free(m->listener);
        m->listener = NULL;
    }
}

void mappings_free(struct mappings *set)
{
    if (set == NULL)
        return;
    if (set->own_forwards)
        forwards_free(set->forwards);
    session_on_room(set->session, NULL, NULL);
    while (!list_empty(&set->all)) {
        struct mapping *m = list_entry(set->all.next, struct mapping, node);
        listener_free(m->listener);
        list_remove(&m->node);
        free(m->id);
        free(m);
    }
    services_free(&set->map);
    free(set->bind);
    free(set);
}
