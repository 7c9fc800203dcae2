/* Tunnels on demand. A request for SERVICE.DEVICE.suffix that no configured tunnel answers has the
 * hub asked for a tunnel to that device (ConnectDevice, share/doc/api.md), and waits for the answer
 * with all others that want the same device. One tunnel for each device is kept, and closed some
 * time after its last connection. An answer that says no is remembered for a moment, so that a
 * browser's fifty requests are one question.
 *
 * A tunnel that has ended is forgotten, and the next request asks again; so does one for a service
 * that the tunnel does not have, or when its device is not there. */
#ifndef GATEWAY_SOURCE_DEVICES_H
#define GATEWAY_SOURCE_DEVICES_H

#include "gateway/source/device_tunnels.h"

#define DEVICES_MAX 256          /* that are asked for, or have said no */
#define DEVICES_REMEMBER_MS 1000 /* how long an answer that says no counts */
#define DEVICES_MARGIN_MS 10000  /* for the hub's answer, beyond the time that the device has */
#define DEVICES_AGAIN_MS 300     /* before a hub is asked again that could not be reached */

struct devices;

struct devices_options {
    struct devices_api api;
    struct tunnels *tunnels;
    struct forwards *forwards; /* must be freed before them */
    const struct tunnel_options
        *tunnel;         /* how each tunnel begins, with a hub that has no token yet;
                            must live until the next devices_change, or the end */
    uint64_t idle_ms;    /* a tunnel is closed so long after its last connection */
    uint64_t timeout_ms; /* for a device to answer, 1 to 60 s */
    /* The hub does not take the access key: reads it anew. True: it is another one now. */
    bool (*renew_key)(void *owner);
    void *owner;
};
struct devices *devices_new(struct loop *loop, const struct devices_options *o); /* NULL: memory */
/* Leaves all tunnels; their connections end with ERR_TUNNEL_CLOSED. */
void devices_leave(struct devices *d);
bool devices_have_tunnels(const struct devices *d);
/* After the struct tunnels is freed, or devices_leave. The hub closes tunnels once they have been
 * without a source for a while. NULL is fine. */
void devices_free(struct devices *d);
/* Goes on with other tunnel options and times. Tunnels that there are stay as they are. */
void devices_change(struct devices *d, const struct devices_options *fresh);

/* A forward_resolve whose owner is the struct devices; configured tunnels come first. */
enum err devices_resolve(void *devices, const struct forward_question *q,
                         struct forward_target *out, char text[FORWARD_TEXT]);

#endif
