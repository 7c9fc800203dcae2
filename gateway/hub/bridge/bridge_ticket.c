#include "gateway/hub/bridge/bridge_ticket.h"

#include "core/ws/ws_server.h"
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

static bool answer(const struct bridge_ticket *t, struct stream *s)
{
    char extra[64];
    snprintf(extra, sizeof extra, "channel-id: %s\r\n", t->channel);
    return ws_answer(s,
                     &(struct ws_response){.key = span_of(t->key),
                                           .protocol = t->protocol[0] != '\0' ? t->protocol : NULL,
                                           .extra = extra});
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
