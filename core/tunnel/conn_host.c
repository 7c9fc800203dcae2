#include "core/tunnel/conn_host.h"

#include "core/ws/frame.h"

#include <stdlib.h>

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

void host_send(struct conn_host *h, const struct frame *f, size_t payload_size)
{
    uint8_t *payload = host_payload(h);
    size_t head = frame_wrap(payload, f, payload_size);
    h->transport.send(h->transport.ctx, payload - head, head + payload_size);
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
