#include "gateway/hub/hub.h"

#include "core/base/log.h"
#include "gateway/hub/client.h"
#include "gateway/hub/relay.h"

#include <stdlib.h>
#include <time.h>

#define TICK_MS 1000
#define REFUSALS_WINDOW_MS 60000

struct hub {
    struct loop *loop;
    struct tunnels *tunnels;
    struct refusals *refusals;
    struct timer *timer;
    struct list clients;
    uint64_t idle_ms;
};

static int64_t wall_clock(void)
{
    return (int64_t)time(NULL);
}

/* ---- tunnels that end ---- */

static void close_side(struct tunnel *t, enum side side, int code, const char *why)
{
    struct client *c = t->relay != NULL ? relay_end(t->relay, side) : NULL;
    if (c != NULL)
        client_close(c, code, why);
}

static void on_ended(void *owner, struct tunnel *t, const char *why)
{
    (void)owner;
    log_info("tunnel %s: %s", tunnel_name(t), why);
    for (size_t side = 0; side < SIDE_COUNT; side++)
        close_side(t, (enum side)side, CLIENT_CLOSE_END, why);
    relay_free(t->relay);
    t->relay = NULL;
}

static void on_rotated(void *owner, struct tunnel *t, enum side side)
{
    (void)owner;
    log_info("tunnel %s: the %s has a new access token", tunnel_name(t), side_name(side));
    close_side(t, side, CLIENT_CLOSE_END, "the access token was replaced");
}

static const struct tunnels_events tunnels_events = {.ended = on_ended, .rotated = on_rotated};

/* ---- life ---- */

static void on_tick(void *owner)
{
    struct hub *h = owner;
    uint64_t now = loop_now(h->loop);
    timer_start(h->timer, TICK_MS);
    tunnels_refresh(h->tunnels, wall_clock());
    refusals_tick(h->refusals, now);
    clients_tick(&h->clients, now, h->idle_ms);
}

static enum err load_first(struct hub *h, const char *path, char *text, size_t size)
{
    enum err why = tunnels_load(h->tunnels, wall_clock(), text, size);
    if (why == ERR_NOT_FOUND) {
        log_warning("%s is not there yet; \"tunnelctl new --tunnels %s\" makes it", path, path);
        return ERR_OK;
    }
    if (why == ERR_OK)
        log_info("%s: open tunnels: %zu", path, tunnels_count(h->tunnels));
    return why;
}

struct hub *hub_new(const struct hub_options *o, enum err *why, char *text, size_t size)
{
    struct hub *h = calloc(1, sizeof *h);
    *why = ERR_NO_MEMORY;
    if (h == NULL)
        return NULL;
    *h = (struct hub){.loop = o->loop, .idle_ms = o->idle_ms};
    list_init(&h->clients);
    h->tunnels = tunnels_new(o->tunnels_file, &tunnels_events, h);
    h->refusals = refusals_new(REFUSALS_WINDOW_MS);
    h->timer = timer_new(o->loop, on_tick, h);
    if (h->tunnels != NULL && h->refusals != NULL && h->timer != NULL)
        *why = load_first(h, o->tunnels_file, text, size);
    if (*why != ERR_OK) {
        hub_free(h);
        return NULL;
    }
    timer_start(h->timer, TICK_MS);
    return h;
}

static void free_relays(struct hub *h)
{
    size_t at = 0;
    for (struct tunnel *t; h->tunnels != NULL && (t = tunnels_next(h->tunnels, &at)) != NULL;)
        relay_free(t->relay);
}

void hub_free(struct hub *h)
{
    if (h == NULL)
        return;
    clients_drop(&h->clients, "the hub is shutting down");
    free_relays(h);
    timer_free(h->timer);
    tunnels_free(h->tunnels);
    refusals_free(h->refusals);
    free(h);
}

void hub_reload(struct hub *h)
{
    char text[512];
    if (tunnels_load(h->tunnels, wall_clock(), text, sizeof text) == ERR_OK)
        log_info("the tunnels were read again; open tunnels: %zu", tunnels_count(h->tunnels));
    else
        log_error("%s; going on with the tunnels known (%zu)", text, tunnels_count(h->tunnels));
}

struct refusals *hub_refusals(struct hub *h)
{
    return h->refusals;
}

/* ---- clients ---- */

struct admission hub_admit(struct hub *h, const struct request *r)
{
    struct admission a = tunnels_admit(h->tunnels, r, wall_clock());
    struct tunnel *t = a.tunnel;
    if (t == NULL || t->relay != NULL)
        return a;
    t->relay = relay_new(h->loop, (const char *const *)t->record->services, t->record->n_services);
    if (t->relay == NULL)
        return (struct admission){.status = 503, .text = "The hub is out of memory: try again."};
    return a;
}

void hub_join(struct hub *h, struct tunnel *t, const struct request *r, struct stream *spill,
              const char *channel)
{
    close_side(t, r->side, CLIENT_CLOSE_REPLACED, "replaced by a newer connection");
    client_new(h->loop, &h->clients, t, r, spill, channel);
}
