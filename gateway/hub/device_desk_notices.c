/* What notices need of the hub: its clock, its devices, new tokens. */
#include "gateway/hub/device_desk_internal.h"
#include "gateway/hub/hub_nodes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct known {
    void (*done)(void *ctx, bool known, const char *node);
    void *ctx;
};

static void on_looked_up(void *ctx, enum err why, const struct device_record *r)
{
    struct known k = *(struct known *)ctx;
    free(ctx);
    k.done(k.ctx, why == ERR_OK && r->state == DEVICE_ENABLED, why == ERR_OK ? r->node : NULL);
}

struct known_name {
    struct known known; /* the first member */
    char name[];
};

/* The name has to be exact: a fold would give somebody's token to another device. */
static void on_exact(void *ctx, enum err why, const struct device_record *r)
{
    struct known_name *k = ctx;
    bool same = why == ERR_OK && strcmp(r->name, k->name) == 0;
    on_looked_up(ctx, same ? ERR_OK : ERR_NOT_FOUND, same ? r : NULL);
}

static void is_known(void *owner, const char *device,
                     void (*done)(void *ctx, bool known, const char *node), void *ctx)
{
    const struct device_desk *d = owner;
    size_t n = strlen(device);
    struct known_name *k = calloc(1, sizeof *k + n + 1);
    if (k == NULL) {
        done(ctx, false, NULL);
        return;
    }
    k->known = (struct known){done, ctx};
    memcpy(k->name, device, n);
    device_registry_get(d->hub->devices, span_of(k->name), on_exact, k);
}

static bool hand_over(void *owner, const char *node, const struct notice *q)
{
    const struct device_desk *d = owner;
    return hub_hand_over(d->hub, node, q);
}

static uint64_t now(void *owner)
{
    return loop_now(((struct device_desk *)owner)->hub->o.loop);
}

static int64_t wall(void *owner)
{
    struct timespec t;
    (void)owner;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void wait_until(struct device_desk *d, uint64_t at)
{
    uint64_t since = now(d);
    if (at != UINT64_MAX)
        timer_start(d->timer, at > since ? at - since : 0);
}

static void on_due(void *owner, uint64_t at)
{
    wait_until(owner, at);
}

static void on_timer(void *owner)
{
    struct device_desk *d = owner;
    wait_until(d, notices_tick(d->notices));
}

static void new_token(char *out, size_t size)
{
    char token[ACCESS_TOKEN_SIZE];
    access_token_new(token);
    snprintf(out, size, "%s", token);
    explicit_bzero(token, sizeof token);
}

static void on_notice(void *owner, const struct notice_event *e)
{
    const struct device_desk *d = owner;
    desk_audit_notice(d->hub, e);
}

bool desk_open_notices(struct device_desk *d)
{
    struct hub *hub = d->hub;
    d->timer = timer_new(hub->o.loop, on_timer, d);
    if (d->timer != NULL)
        d->notices = notices_new(&(struct notices_options){.registry = hub->registry,
                                                           .known = is_known,
                                                           .hand_over = hand_over,
                                                           .token_new = new_token,
                                                           .now = now,
                                                           .wall = wall,
                                                           .due = on_due,
                                                           .happened = on_notice,
                                                           .owner = d});
    return d->notices != NULL;
}
