/* What is up of a device's link: the WebSocket, the messages that it carries both ways, the pings
 * in it, and what its silence and its end mean. Only device_link.c uses it; what messages mean, and
 * another try, are its decisions. */
#ifndef GATEWAY_DESTINATION_DEVICE_TRANSPORT_H
#define GATEWAY_DESTINATION_DEVICE_TRANSPORT_H

#include "core/base/buf.h"
#include "core/device/device_message.h"
#include "core/device/hub_message.h"
#include "core/net/loop.h"
#include "gateway/destination/device_outbox.h"
#include "gateway/destination/device_pings.h"

struct device_transport {
    struct loop *loop;
    struct timer *timer; /* the owner's, which is used from device_transport_pace on */
    /* The transport may be dropped from inside each of these three. m has views. */
    void (*message)(void *owner, const struct hub_message *m);
    void (*grown)(void *owner); /* pings.period_ms is longer now */
    /* Nothing comes any more, or what comes or goes cannot be used: it must be dropped. text: a
     * sentence. */
    void (*over)(void *owner, enum err why, const char *text);
    void *owner;
    struct device_pings pings; /* goes on from one WebSocket to the next */
    uint64_t round_trip_us;    /* of the last ping; 0: not known */
    struct ws *ws;             /* to be read only; NULL: nothing is up */
    /* Private: */
    struct buf in; /* the message that is coming */
    struct device_outbox out;
    bool paced, pinged; /* it pings; one is not answered yet: */
    uint64_t pinged_us, pinged_after_ms;
    uint64_t heard_before; /* loop_now when the last bytes before it had come */
};

/* Once, after what is not private has been set; pings is device_pings_init's. */
void device_transport_init(struct device_transport *t);
/* Takes the stream over. False: no memory. */
bool device_transport_open(struct device_transport *t, struct stream *s);
void device_transport_drop(struct device_transport *t); /* fine also when nothing is up */

/* The rest is for what is up. */

void device_transport_send(struct device_transport *t, const struct device_message *message);
void device_transport_close(struct device_transport *t); /* sends a Close 1000 if one can leave */
/* Pings from now on, after each silence of pings.period_ms. */
void device_transport_pace(struct device_transport *t);
/* The timer has fired. */
void device_transport_timer(struct device_transport *t);

#endif
