/* Reading one device. */
#include "gateway/hub/devices/shared/shared_devices_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct reading {
    struct shared_devices *registry;
    redis_done *done;
    void *ctx;
    bool heard; /* of the nodes that have joined, if they can be heard of */
    char fold[];
};

static void read_device(struct reading *x);

static void on_heard(void *ctx, enum err why, const struct redis_reply *reply)
{
    struct reading *x = ctx;
    (void)reply;
    if (why == ERR_OK) {
        read_device(x);
        return;
    }
    x->done(x->ctx, why, NULL);
    free(x);
}

static bool is_unheard(const struct reading *x, struct span link)
{
    char owner[NODE_OWNER_SIZE];
    snprintf(owner, sizeof owner, "%.*s", (int)link.n, link.p != NULL ? link.p : "");
    return !x->heard && nodes_unheard(x->registry->o.nodes, owner);
}

static void on_device(void *ctx, enum err why, const struct redis_reply *reply)
{
    struct reading *x = ctx;
    if (why == ERR_OK && is_unheard(x, redis_field(reply, 0, "l"))) {
        x->heard = true;
        shared_devices_hear(x->registry, on_heard, x);
        return;
    }
    x->done(x->ctx, why, reply);
    free(x);
}

static void read_device(struct reading *x)
{
    struct shared_key key = shared_key("d", x->fold);
    const struct span args[] = {span_of("HGETALL"), span_of(key.text)};
    shared_devices_ask(x->registry, args, 2, 1, on_device, x);
}

void shared_devices_read(struct shared_devices *r, const char *fold, redis_done *done, void *ctx)
{
    size_t n = strlen(fold) + 1;
    struct reading *x = calloc(1, sizeof *x + n);
    if (x == NULL) {
        done(ctx, ERR_NO_MEMORY, NULL);
        return;
    }
    *x = (struct reading){.registry = r, .done = done, .ctx = ctx};
    memcpy(x->fold, fold, n);
    read_device(x);
}
