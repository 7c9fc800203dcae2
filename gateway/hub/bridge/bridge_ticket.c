#include "gateway/hub/bridge/bridge_ticket.h"

#include "core/ws/handshake.h"
#include "core/ws/ws_stream.h"

#include <stdio.h>
#include <stdlib.h>

void bridge_ticket_free(struct bridge_ticket *t)
{
    if (t == NULL)
        return;
    free(t->return_message);
    free(t);
}

/* The stream is buffered, so the answer is free again at once. */
static bool answer(const struct bridge_ticket *t, struct stream *s)
{
    struct buf out = {.limit = 512};
    char extra[64];
    snprintf(extra, sizeof extra, "channel-id: %s\r\n", t->channel);
    bool ok = ws_response_write(
        &(struct ws_response){.key = span_of(t->key),
                              .protocol = t->protocol[0] != '\0' ? t->protocol : NULL,
                              .extra = extra},
        &out);
    if (ok)
        stream_write(s, out.data, out.size);
    buf_free(&out);
    return ok;
}

struct stream *bridge_ticket_upgrade(const struct bridge_ticket *t, struct loop *loop,
                                     struct stream *buffered, const struct stream_events *events,
                                     void *owner)
{
    if (answer(t, buffered))
        return ws_stream_new(loop, buffered, false, events, owner);
    stream_close(buffered);
    return NULL;
}
