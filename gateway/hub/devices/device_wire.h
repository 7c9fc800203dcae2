/* A device's connection as the hub's threads see it, whatever it speaks: the device link
 * (device_end.h) or MQTT (gateway/hub/mqtt/mqtt_end.h). */
#ifndef GATEWAY_HUB_DEVICES_DEVICE_WIRE_H
#define GATEWAY_HUB_DEVICES_DEVICE_WIRE_H

#include "core/base/err.h"
#include "core/base/list.h"
#include "core/net/loop.h"
#include "core/net/stream.h"

enum device_wire { DEVICE_WIRE_LINK, DEVICE_WIRE_MQTT, DEVICE_WIRES };

/* What goes with a link from thread to thread, from its admission to its end. */
struct device_ticket {
    uint64_t serial; /* counts links */
    enum device_wire wire;
    uint32_t ping_s;      /* the longest silence that the device promises; 0: nothing */
    char client[80];      /* "address:port" */
    char *device;         /* its name */
    void *return_message; /* the message that carries it back, allocated beforehand */
    /* MQTT: */
    char *client_id;      /* as it was sent */
    uint32_t topics;      /* the device's topics to which it was subscribed before */
    bool session_present; /* it is told that it still is */
    uint32_t left_s;      /* it has to prove itself anew after so long; 0: never */
};
void device_ticket_free(struct device_ticket *t); /* NULL is fine */

/* A message to a device. Wiped when it is freed, since it may hold a token. */
struct device_letter {
    struct list node;
    bool notice;    /* the device may answer it, or acknowledge it */
    bool last;      /* the link is closed after it */
    bool again;     /* MQTT: another link of the device has had it */
    size_t n_topic; /* MQTT: so many of the bytes, the first ones, are the topic */
    size_t n_room;  /* free bytes, behind which are the letter's */
    size_t size;
    uint8_t bytes[]; /* n_room + size */
};
void device_letter_free(struct device_letter *l); /* NULL is fine */

/* What is left of a link: its ticket, which the receiver owns from now on, and its totals. */
struct device_gone {
    struct device_ticket *ticket;
    enum err why;
    bool misbehaved; /* the hub ended it for what it sent */
    char text[128];
    uint64_t seconds, received, sent; /* messages */
};

/* One link at a worker. It owns itself, its stream and its ticket, and frees itself when its
 * connection ends. */
struct wire_end {
    struct list node; /* in the list of links */
    const struct wire_end_ops *ops;
};
struct wire_end_ops {
    /* Takes the letter over. The link may be gone afterwards: a device that does not take what it
     * is sent is dropped. Does nothing after a last letter. */
    void (*send)(struct wire_end *e, struct device_letter *l);
    /* Drops it at once, so that the device comes back. */
    void (*drop)(struct wire_end *e, enum err why, const char *text);
    /* Drops it when nothing came for too long. now: loop_now. */
    void (*tick)(struct wire_end *e, uint64_t now);
    bool (*owes)(const struct wire_end *e); /* a notice is not answered yet */
};

struct wire_end_options {
    struct loop *loop;
    struct list *list; /* list of links, to which it appends itself */
    /* The device said that: for the device link a Status or an Answer that can be decoded, for MQTT
     * a struct mqtt_said. */
    void (*said)(void *owner, const struct device_ticket *t, const uint8_t *p, size_t n);
    void (*gone)(void *owner, const struct device_gone *g); /* the last event, which always comes */
    void *owner;
};
/* Takes over the stream, which is open and between two messages, and the ticket. NULL: no memory;
 * it is gone. */
typedef struct wire_end *wire_end_new(const struct wire_end_options *o, struct device_ticket *t,
                                      struct stream *s);

static inline struct wire_end *wire_end_at(struct list *node) /* whose node in the list that is */
{
    return list_entry(node, struct wire_end, node);
}

#endif
