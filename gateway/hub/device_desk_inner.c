/* Tunnels to a device that is told of streams only: the hub itself becomes their destination, and
 * asks the device for a stream for each connection. That it does is the answer to the notice. */
#include "gateway/hub/bridge_desk.h"
#include "gateway/hub/device_desk_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct desk_inner {
    struct list node;         /* in device_desk.inners */
    struct device_desk *desk; /* NULL: it has ended, and nobody waits for the answer */
    struct deferred job;      /* carriers may not tell the answer from inside `deliver` */
    uint64_t link;            /* serial */
    char client[80];          /* the link's */
    char id[NOTICE_ID_SIZE];
    char *device, *tunnel, *token, *policy;
    bool asked; /* the bridge desk has it */
};

static void inner_free(struct desk_inner *x)
{
    list_remove(&x->node);
    if (x->token != NULL)
        explicit_bzero(x->token, strlen(x->token));
    free(x->token);
    free(x->device);
    free(x->tunnel);
    free(x->policy);
    free(x);
}

static void on_done(void *ctx, enum err why)
{
    struct desk_inner *x = ctx;
    struct device_desk *d = x->desk;
    const struct desk_link *l = d != NULL ? desk_link_find(d, x->link) : NULL;
    struct notice_reply r = {.id = x->id,
                             .accepted = why == ERR_OK,
                             .code = DEVICE_CODE_BUSY,
                             .words = why == ERR_OK ? "" : err_text(why)};
    if (l != NULL)
        notices_answered(d->notices, l->seat->name, l, &r);
    inner_free(x);
}

static void on_job(void *owner)
{
    struct desk_inner *x = owner;
    const struct inner_destination q = {.device = x->device,
                                        .tunnel = x->tunnel,
                                        .token = x->token,
                                        .policy = x->policy,
                                        .client = x->client};
    x->asked = true;
    x->desk->stand_in(x->desk->hub->bridges, &q, on_done, x);
}

bool desk_inner_deliver(const struct desk_link *l, const struct notice_delivery *n)
{
    struct device_desk *d = l->desk;
    struct desk_inner *x = d->stand_in != NULL ? calloc(1, sizeof *x) : NULL;
    if (x == NULL)
        return false;
    list_init(&x->node);
    x->desk = d;
    x->link = l->serial;
    snprintf(x->client, sizeof x->client, "%s", l->client);
    memcpy(x->id, n->id, strlen(n->id) + 1);
    x->device = strdup(l->seat->name);
    x->tunnel = strdup(n->tunnel);
    x->token = strdup(n->token);
    x->policy = strdup(n->opened_by);
    if (x->device == NULL || x->tunnel == NULL || x->token == NULL || x->policy == NULL) {
        inner_free(x);
        return false;
    }
    list_append(&d->inners, &x->node);
    deferred_init(&x->job, on_job, x);
    loop_defer(d->hub->o.loop, &x->job);
    return true;
}

void desk_forget_inners(struct device_desk *d)
{
    while (!list_empty(&d->inners)) {
        struct desk_inner *x = list_entry(d->inners.next, struct desk_inner, node);
        loop_cancel(&x->job);
        x->desk = NULL;
        list_remove(&x->node);
        if (!x->asked)
            inner_free(x);
    }
}
