/* Streams that nobody has asked for by Azure's REST interface: who comes by a tunnel to a device
 * that speaks Azure's wire only. */
#include "gateway/hub/streams_internal.h"

#include <stdio.h>
#include <stdlib.h>

#define RESPONSE_MS 30000

static enum err err_of(enum stream_result r)
{
    switch (r) {
    case STREAM_REJECTED:
        return ERR_DEVICE_REJECTED;
    case STREAM_SILENT:
        return ERR_DEVICE_SILENT;
    case STREAM_OFFLINE:
        return ERR_DEVICE_OFFLINE;
    default:
        return ERR_LIMIT;
    }
}

struct wanted {
    struct streams *streams;
    struct bridge_inner inner;
};

/* The device comes to the bridge by itself when it has accepted. */
static void on_answer(void *ctx, const struct stream_answer *a)
{
    struct wanted w = *(struct wanted *)ctx;
    free(ctx);
    if (a->result != STREAM_ACCEPTED)
        bridge_desk_refuse(w.streams->o.bridges, &w.inner, err_of(a->result));
}

void streams_wanted(void *owner, const struct bridge_spec *spec)
{
    struct streams *s = owner;
    struct wanted *w = malloc(sizeof *w);
    if (w == NULL) {
        bridge_desk_refuse(s->o.bridges, &spec->inner, ERR_NO_MEMORY);
        return;
    }
    *w = (struct wanted){s, spec->inner};
    const struct device_record d = {.name = (char *)(uintptr_t)spec->device,
                                    .azure_id = (char *)(uintptr_t)spec->azure_id,
                                    .state = DEVICE_ENABLED};
    const struct stream_spec q = {.device = &d,
                                  .stream = spec->stream,
                                  .policy = spec->policy,
                                  .base = s->o.base(s->o.owner),
                                  .response_ms = RESPONSE_MS};
    stream_ask_for(s, &q, &spec->inner, on_answer, w);
}
