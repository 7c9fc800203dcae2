/* Devices that are approved, disabled, reset or removed, and what that means for their links and
 * tunnels. */
#include "gateway/hub/device_desk_internal.h"

#include "core/base/log.h"

#include <stdlib.h>
#include <string.h>

/* ---- tunnels of a device that has to go ---- */

struct cut_tunnel {
    struct list node;
    bool on_demand;
    char id[];
};

struct cut {
    struct list node;         /* in device_desk.cuts */
    struct device_desk *desk; /* NULL: it is gone */
    struct list tunnels;
    char device[];
};

static bool on_tunnel(void *ctx, const struct tunnel_record *t)
{
    struct cut *c = ctx;
    size_t n = strlen(t->id);
    if (t->closed != 0)
        return true;
    struct cut_tunnel *at = calloc(1, sizeof *at + n + 1);
    if (at == NULL) {
        if (c->desk != NULL)
            hub_post(c->desk->hub, NULL); /* logs it */
        return false;
    }
    at->on_demand = t->idle_ms > 0;
    memcpy(at->id, t->id, n);
    list_init(&at->node);
    list_append(&c->tunnels, &at->node);
    return true;
}

/* What is asked for one tunnel. */
struct cutting {
    char token[ACCESS_TOKEN_SIZE]; /* the new one, which nobody gets */
    char id[];
};

static void on_cut(void *ctx, enum err why, const struct tunnel_record *t)
{
    struct cutting *x = ctx;
    struct log_field fields[] = {{"tunnel", x->id, 0}, {"reason", err_text(why), 0}};
    (void)t;
    if (why != ERR_OK && why != ERR_NOT_FOUND)
        log_event(LOG_ERROR, "the tunnel of a device that has to go was not taken from it", fields,
                  2);
    free(x);
}

/* A tunnel on demand is the device's alone. Any other gets a new destination token, which nobody
 * is told: the device loses it, and who has the tunnel may rotate it again. */
static void cut_one(struct hub *hub, const struct cut_tunnel *t)
{
    size_t n = strlen(t->id) + 1;
    struct cutting *x = calloc(1, sizeof *x + n);
    if (x == NULL) {
        hub_post(hub, NULL);
        return;
    }
    memcpy(x->id, t->id, n);
    if (t->on_demand) {
        registry_close(hub->registry, x->id, false, on_cut, x);
        return;
    }
    access_token_new(x->token);
    registry_rotate(
        hub->registry, x->id,
        (const char *const[SIDE_COUNT]){[SIDE_SOURCE] = NULL, [SIDE_DESTINATION] = x->token},
        on_cut, x);
}

static void on_all(void *ctx, enum err why)
{
    struct cut *c = ctx;
    struct log_field fields[] = {{"device", c->device, 0}, {"reason", err_text(why), 0}};
    if (why != ERR_OK && c->desk != NULL)
        log_event(LOG_ERROR, "the tunnels of a device that has to go are not all known", fields, 2);
    list_remove(&c->node);
    while (!list_empty(&c->tunnels)) {
        struct cut_tunnel *t = list_entry(c->tunnels.next, struct cut_tunnel, node);
        list_remove(&t->node);
        if (c->desk != NULL)
            cut_one(c->desk->hub, t);
        free(t);
    }
    free(c);
}

static void cut_tunnels(struct device_desk *d, const char *device)
{
    size_t n = strlen(device) + 1;
    struct cut *c = calloc(1, sizeof *c + n);
    if (c == NULL) {
        hub_post(d->hub, NULL);
        return;
    }
    c->desk = d;
    memcpy(c->device, device, n);
    list_init(&c->node);
    list_init(&c->tunnels);
    list_append(&d->cuts, &c->node);
    registry_page(d->hub->registry,
                  &(struct registry_page){
                      .below = INT64_MAX, .thing = c->device, .each = on_tunnel, .done = on_all},
                  c);
}

void desk_forget_cuts(struct device_desk *d)
{
    while (!list_empty(&d->cuts)) {
        struct cut *c = list_entry(d->cuts.next, struct cut, node);
        c->desk = NULL;
        list_remove(&c->node);
    }
}

/* ---- devices that change ---- */

static void dismiss_all(struct device_desk *d, const char *name, enum device_reason reason)
{
    struct device_seat *s = seat_find(d, name);
    if (s == NULL)
        return;
    list_each(node, &s->links) desk_link_dismiss(list_entry(node, struct desk_link, node), reason);
    s->topics_known = false;
    s->topics = 0;
    desk_seat_settle(d, s);
}

static void send_away(struct device_desk *d, const char *name, enum device_reason reason,
                      bool forget)
{
    notices_dropped(d->notices, name, forget);
    dismiss_all(d, name, reason);
    cut_tunnels(d, name);
}

/* Links that have not arrived yet learn their state when they do. */
static void set_pending(struct device_desk *d, const char *name, bool pending)
{
    struct device_seat *s = seat_find(d, name);
    if (s == NULL)
        return;
    list_each(node, &s->links)
    {
        struct desk_link *l = list_entry(node, struct desk_link, node);
        bool changes = l->pending != pending;
        l->pending = pending;
        if (s->current != l || !changes)
            continue;
        l->enrolled = false;
        desk_link_welcome(l);
    }
    desk_seat_settle(d, s);
}

static void on_changed(void *owner, const struct device_record *r, enum device_state before)
{
    struct device_desk *d = owner;
    if (r->state == before)
        return;
    if (r->state == DEVICE_DISABLED) {
        send_away(d, r->name, DEVICE_REASON_DISABLED, false);
    } else if (r->state == DEVICE_PENDING) {
        notices_dropped(d->notices, r->name, false);
        cut_tunnels(d, r->name);
        set_pending(d, r->name, true);
    } else {
        set_pending(d, r->name, false);
    }
}

static void on_reset(void *owner, const struct device_record *r)
{
    send_away(owner, r->name, DEVICE_REASON_REMOVED, true);
}

static void on_removed(void *owner, const struct device_record *r)
{
    send_away(owner, r->name, DEVICE_REASON_REMOVED, true);
}

/* Its tunnels stay: the node that has its link now tells it of new ones. */
static void on_moved(void *owner, const struct device_record *r)
{
    struct device_desk *d = owner;
    notices_dropped(d->notices, r->name, true);
    dismiss_all(d, r->name, DEVICE_REASON_REPLACED);
}

const struct device_events desk_device_events = {
    .changed = on_changed, .reset = on_reset, .removed = on_removed, .moved = on_moved};
