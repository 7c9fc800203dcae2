/* One device's link at a worker: a WebSocket on which the device has proven who it is. It owns
 * itself, its stream and its ticket, and frees itself when its connection ends.
 *
 * Whoever is at the other end may be hostile. It can send one message of DEVICE_LINK_MESSAGE_MAX
 * bytes at a time and few of them a second, is sent no more than DEVICE_QUEUED_MAX bytes that it
 * does not take, and is dropped when it is silent for longer than it promised. An idle link holds
 * no block and no buffer. */
#ifndef GATEWAY_HUB_DEVICES_DEVICE_END_H
#define GATEWAY_HUB_DEVICES_DEVICE_END_H

#include "core/base/err.h"
#include "core/base/list.h"
#include "core/device/hub_message.h"
#include "core/net/loop.h"
#include "core/net/stream.h"

#define DEVICE_QUEUED_MAX 65536 /* bytes of letters that wait for one device */
#define DEVICE_BURST 32         /* messages that a device may send at once */
#define DEVICE_PER_NOTICE 2     /* further ones for each notice that it is sent */
/* Seconds; a device that promises another silence is taken to promise one of these. */
#define DEVICE_PING_LEAST 1
#define DEVICE_PING_MOST 3600
#define DEVICE_PING_USUAL 60 /* when it promises nothing */
/* A link is dropped after two promised silences and so long. */
#define DEVICE_SILENT_MS 10000

/* What goes with a link from thread to thread, from its admission to its end. */
struct device_ticket {
    uint64_t serial;      /* counts links */
    uint32_t ping_s;      /* the longest silence that the device promises; 0: nothing */
    char client[80];      /* "address:port" */
    char *device;         /* its name */
    void *return_message; /* the message that carries it back, allocated beforehand */
};
void device_ticket_free(struct device_ticket *t); /* NULL is fine */

/* A message to a device. Wiped when it is freed, since it may hold a token. */
struct device_letter {
    struct list node;
    bool notice; /* the device may answer it */
    bool last;   /* the link is closed after it, with close code 1008 and the message's text */
    size_t size;
    uint8_t bytes[]; /* WS_HEADER_MAX free ones, and the message */
};
/* NULL: no memory, or it does not fit into a message. */
struct device_letter *device_letter_new(const struct hub_message *m);
void device_letter_free(struct device_letter *l); /* NULL is fine */

/* What is left of a link: its ticket, which the receiver owns from now on, and its totals. */
struct device_gone {
    struct device_ticket *ticket;
    enum err why;
    bool misbehaved; /* the hub ended it for what it sent */
    char text[128];
    uint64_t seconds, received, sent; /* messages */
};

struct device_end_options {
    struct loop *loop;
    struct list *list; /* list of links, to which it appends itself */
    /* The device said that: a Status or an Answer that can be decoded. */
    void (*said)(void *owner, const struct device_ticket *t, const uint8_t *p, size_t n);
    void (*gone)(void *owner, const struct device_gone *g); /* the last event, which always comes */
    void *owner;
};

struct device_end;
/* Takes over the stream, which is an open buffered stream after the WebSocket's handshake, between
 * two messages; and the ticket. NULL: no memory; it is gone. */
struct device_end *device_end_new(const struct device_end_options *o, struct device_ticket *t,
                                  struct stream *buffered);
/* Takes the letter over. The link may be gone afterwards: a device that does not take what it is
 * sent is dropped. Does nothing after a last letter. */
void device_end_send(struct device_end *e, struct device_letter *l);
/* Drops it without a Close frame, so that the device comes back. */
void device_end_drop(struct device_end *e, enum err why, const char *text);
/* Drops it when nothing came for too long. now: loop_now. */
void device_end_tick(struct device_end *e, uint64_t now);
bool device_end_owes(const struct device_end *e);    /* a notice is not answered yet */
struct device_end *device_end_at(struct list *node); /* the one whose node in `list` that is */

#endif
