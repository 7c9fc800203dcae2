#include "core/tunnel/conn_host.h"

#include "core/ws/frame.h"

#include <stdlib.h>
#include <string.h>

#define PAYLOAD_AT (WS_HEADER_MAX + FRAME_HEAD_MAX)

bool host_init_outgoing(struct conn_host *h)
{
    h->outgoing = malloc(PAYLOAD_AT + SESSION_QUANTUM);
    return h->outgoing != NULL;
}

uint8_t *host_payload(struct conn_host *h)
{
    return h->outgoing + PAYLOAD_AT;
}

/* The head is put in front of the payload's place also where the payload lies elsewhere. */
void host_send(struct conn_host *h, const struct frame *f, const uint8_t *payload, size_t n)
{
    uint8_t *at = host_payload(h);
    size_t head = frame_wrap(at, f, n);
    struct span parts[] = {{(const char *)at - head, head}, {(const char *)payload, n}};
    if (h->transport.send_parts != NULL) {
        h->transport.send_parts(h->transport.ctx, parts, n > 0 ? 2 : 1);
        return;
    }
    if (n > 0 && payload != at)
        memcpy(at, payload, n);
    h->transport.send(h->transport.ctx, at - head, head + n);
}

bool host_ready(const struct conn_host *h)
{
    return h->attached && h->transport.ready(h->transport.ctx);
}

void host_pump_later(struct conn_host *h)
{
    loop_defer(h->loop, &h->pump_deferred);
}

void host_unstall(struct conn_host *h)
{
    if (!h->stall.stalled || !h->attached)
        return;
    h->stall.stalled = h->stall.full = false;
    h->transport.resume(h->transport.ctx);
}

bool host_reachable(const struct conn_host *h)
{
    bool there = h->peer.attached || !h->transport.native; /* other hubs do not tell */
    return h->attached && h->open && there && h->speaking->open;
}

enum err host_absence(const struct conn_host *h)
{
    if (!h->attached || !h->transport.native || h->peer.attached)
        return h->attached ? ERR_PEER_LOST : ERR_LINK_LOST;
    return h->role == SESSION_SOURCE ? ERR_DEVICE_OFFLINE : ERR_PEER_LOST;
}
