#include "gateway/destination/device_outbox.h"

#include <stdlib.h>
#include <string.h>

/* A message on its way: room for the WebSocket header, then its bytes. */
struct outgoing {
    struct list node;
    size_t n;
    uint8_t bytes[];
};

void device_outbox_init(struct device_outbox *o)
{
    *o = (struct device_outbox){.n = 0};
    list_init(&o->messages);
}

static struct outgoing *first(const struct device_outbox *o)
{
    return list_entry(o->messages.next, struct outgoing, node);
}

static void drop_first(struct device_outbox *o)
{
    struct outgoing *m = first(o);
    list_remove(&m->node);
    explicit_bzero(m->bytes, WS_HEADER_MAX + m->n);
    free(m);
    o->n--;
    o->sending = false;
}

void device_outbox_clear(struct device_outbox *o)
{
    while (!list_empty(&o->messages))
        drop_first(o);
}

static void send_next(struct device_outbox *o, struct ws *ws)
{
    while (!list_empty(&o->messages) && !o->sending && ws_ready(ws)) {
        struct outgoing *m = first(o);
        o->sending = true;
        if (ws_send(ws, m->bytes + WS_HEADER_MAX, m->n))
            drop_first(o);
    }
}

void device_outbox_writable(struct device_outbox *o, struct ws *ws)
{
    if (o->sending) /* the WebSocket has taken it whole */
        drop_first(o);
    send_next(o, ws);
}

bool device_outbox_send(struct device_outbox *o, struct ws *ws,
                        const struct device_message *message)
{
    uint8_t bytes[DEVICE_LINK_MESSAGE_MAX];
    size_t n = device_message_encode(message, bytes, sizeof bytes);
    struct outgoing *m =
        n > 0 && o->n < DEVICE_OUTBOX_MAX ? malloc(sizeof *m + WS_HEADER_MAX + n) : NULL;
    if (m != NULL) {
        m->n = n;
        memcpy(m->bytes + WS_HEADER_MAX, bytes, n);
        list_init(&m->node);
        list_append(&o->messages, &m->node);
        o->n++;
        send_next(o, ws);
    }
    explicit_bzero(bytes, n);
    return m != NULL;
}
