#include "gateway/destination/accepted_tunnels.h"

#include "core/base/encoding.h"
#include "core/base/list.h"
#include "core/base/log.h"
#include "core/base/random.h"
#include "core/base/secret.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLIENT_TOKEN_BYTES 24 /* random, as hex: between CLIENT_TOKEN_MIN and _MAX characters */
#define TITLE_SIZE (2 * DEVICE_LINK_WORDS_MAX)

struct accepted_tunnels {
    struct accepted_tunnels_options options;
    struct list tunnels;
    size_t n;
    struct deferred sweep; /* frees those that have ended */
};

struct accepted_tunnel {
    struct list node;
    struct accepted_tunnels *all;
    char *id;
    char notice[DEVICE_LINK_ID_MAX + 1]; /* the last one */
    char *access_token;
    char
        client_token[2 * CLIENT_TOKEN_BYTES + 1]; /* makes its access token good for reconnecting */
    struct tunnel_end *end;
    struct destination *destination;
    bool over;
};

/* ---- one tunnel ---- */

static void free_tunnel(struct accepted_tunnel *t)
{
    tunnel_end_stop(t->end);
    destination_free(t->destination);
    tunnel_end_free(t->end);
    list_remove(&t->node);
    secret_free(t->access_token);
    explicit_bzero(t->client_token, sizeof t->client_token);
    free(t->id);
    free(t);
}

static enum err on_services(void *owner, const char *const *ids, size_t n)
{
    struct accepted_tunnel *t = owner;
    enum err why = destination_services(t->destination, ids, n);
    if (why == ERR_OK)
        monitor_tunnel_event(tunnel_end_watched(t->end), MONITOR_UP, ERR_OK, "the tunnel is up");
    return why;
}

static void on_incoming(void *owner, struct conn *c)
{
    struct accepted_tunnel *t = owner;
    destination_incoming(t->destination, c);
}

/* It may be in the middle of a call into the end, so the end goes later. */
static void on_finished(void *owner, enum err why)
{
    struct accepted_tunnel *t = owner;
    (void)why; /* the end has told the log */
    t->over = true;
    loop_defer(t->all->options.end.loop, &t->all->sweep);
}

static const struct tunnel_end_events end_events = {
    .services = on_services,
    .incoming = on_incoming,
    .finished = on_finished,
};

/* The hub as it is for this tunnel; views. */
static struct hub_config hub_of(const struct accepted_tunnel *t)
{
    struct hub_config hub = *t->all->options.end.hub;
    hub.access_token = t->access_token;
    hub.client_token = (char *)(uintptr_t)t->client_token;
    return hub;
}

static const char *title_of(const struct accepted_tunnel *t, char *out, size_t size)
{
    char id[TITLE_SIZE - 16];
    snprintf(out, size, "tunnel %s", str_escape(span_of(t->id), id, sizeof id));
    return out;
}

static bool open_end(struct accepted_tunnel *t, const struct tls_session *session)
{
    struct tunnel_end_options o = t->all->options.end;
    const struct hub_config hub = hub_of(t);
    char title[TITLE_SIZE], text[400];
    enum err why;
    o.hub = &hub;
    o.name = t->id;
    o.title = title_of(t, title, sizeof title);
    o.tls_session = session;
    t->end = tunnel_end_new(&o, &end_events, t, &why, text, sizeof text);
    if (t->end == NULL)
        log_error("%s: %s", title, text);
    return t->end != NULL;
}

static bool open_destination(struct accepted_tunnel *t, const char *opened_by)
{
    struct destination_options o = t->all->options.destination;
    o.watched = tunnel_end_watched(t->end);
    t->destination = destination_new(t->all->options.end.loop, &o);
    bool ok = t->destination != NULL && destination_opened_by(t->destination, opened_by) == ERR_OK;
    if (!ok)
        log_error("%s", err_text(ERR_NO_MEMORY));
    return ok;
}

/* ---- all of them ---- */

static void on_sweep(void *owner)
{
    struct accepted_tunnels *all = owner;
    list_each(node, &all->tunnels)
    {
        struct accepted_tunnel *t = list_entry(node, struct accepted_tunnel, node);
        if (!t->over)
            continue;
        free_tunnel(t);
        all->n--;
    }
}

static struct accepted_tunnel *find(const struct accepted_tunnels *all, const char *id)
{
    list_each(node, &all->tunnels)
    {
        struct accepted_tunnel *t = list_entry(node, struct accepted_tunnel, node);
        if (!t->over && strcmp(t->id, id) == 0)
            return t;
    }
    return NULL;
}

size_t accepted_tunnels_count(const struct accepted_tunnels *all)
{
    return all->n;
}

size_t accepted_tunnels_ids(const struct accepted_tunnels *all,
                            struct span out[DEVICE_LINK_TUNNELS_MAX])
{
    size_t n = 0;
    list_each(node, &all->tunnels)
    {
        const struct accepted_tunnel *t = list_entry(node, struct accepted_tunnel, node);
        struct span id = span_of(t->id);
        if (!t->over && n < DEVICE_LINK_TUNNELS_MAX && id.n > 0 && id.n <= DEVICE_LINK_ID_MAX)
            out[n++] = id;
    }
    return n;
}

bool accepted_tunnels_room(const struct accepted_tunnels *all, const char *tunnel)
{
    return all->n < all->options.most || find(all, tunnel) != NULL;
}

static bool change_end(struct accepted_tunnel *t)
{
    struct tunnel_end_options o = t->all->options.end;
    const struct hub_config hub = hub_of(t);
    char title[TITLE_SIZE], text[400];
    o.hub = &hub;
    bool ok = tunnel_end_change(t->end, &o, text, sizeof text) == ERR_OK;
    if (!ok)
        log_error("%s: %s", title_of(t, title, sizeof title), text);
    return ok;
}

/* False: no memory. */
static bool take_token(struct accepted_tunnel *t, const struct device_request *r)
{
    uint8_t bytes[CLIENT_TOKEN_BYTES];
    char *token = str_copy(r->access_token);
    if (token == NULL)
        return false;
    random_bytes(bytes, sizeof bytes);
    hex_encode(bytes, sizeof bytes, t->client_token);
    explicit_bzero(bytes, sizeof bytes);
    secret_free(t->access_token);
    t->access_token = token;
    memcpy(t->notice, r->id, sizeof t->notice);
    return true;
}

bool accepted_tunnels_open(struct accepted_tunnels *all, const struct device_request *r,
                           const struct tls_session *session)
{
    struct accepted_tunnel *t = find(all, r->tunnel);
    if (t != NULL)
        return take_token(t, r) && change_end(t) &&
               destination_opened_by(t->destination, r->opened_by) == ERR_OK;
    t = calloc(1, sizeof *t);
    if (t == NULL)
        return false;
    t->all = all;
    list_init(&t->node);
    t->id = str_copy(r->tunnel);
    if (t->id == NULL || !take_token(t, r) || !open_end(t, session) ||
        !open_destination(t, r->opened_by)) {
        free_tunnel(t);
        return false;
    }
    list_append(&all->tunnels, &t->node);
    all->n++;
    return true;
}

void accepted_tunnels_withdraw(struct accepted_tunnels *all, struct span id)
{
    list_each(node, &all->tunnels)
    {
        struct accepted_tunnel *t = list_entry(node, struct accepted_tunnel, node);
        if (t->over || !span_is(id, t->notice) || session_open(tunnel_end_session(t->end)))
            continue;
        t->over = true;
        loop_defer(all->options.end.loop, &all->sweep);
    }
}

/* ---- life ---- */

struct accepted_tunnels *accepted_tunnels_new(const struct accepted_tunnels_options *o)
{
    struct accepted_tunnels *all = calloc(1, sizeof *all);
    if (all == NULL)
        return NULL;
    all->options = *o;
    list_init(&all->tunnels);
    deferred_init(&all->sweep, on_sweep, all);
    return all;
}

void accepted_tunnels_free(struct accepted_tunnels *all)
{
    if (all == NULL)
        return;
    loop_cancel(&all->sweep);
    list_each(node, &all->tunnels)
    {
        free_tunnel(list_entry(node, struct accepted_tunnel, node));
    }
    free(all);
}

static void change_one(struct accepted_tunnel *t)
{
    const struct session *session = tunnel_end_session(t->end);
    const char *const *ids;
    if (!change_end(t))
        return;
    if (destination_change(t->destination, &t->all->options.destination) != ERR_OK) {
        log_error("%s", err_text(ERR_NO_MEMORY));
        return;
    }
    if (session_open(session)) {
        size_t n = session_services(session, &ids);
        destination_services(t->destination, ids, n);
    }
}

void accepted_tunnels_change(struct accepted_tunnels *all,
                             const struct accepted_tunnels_options *fresh)
{
    all->options = *fresh;
    list_each(node, &all->tunnels)
    {
        struct accepted_tunnel *t = list_entry(node, struct accepted_tunnel, node);
        if (!t->over)
            change_one(t);
    }
}
