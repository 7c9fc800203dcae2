/* The tunnels that were opened on demand, one for each device. Each is closed some time after its
 * last connection, when its device does not come, when a newer one takes its place, and when
 * another device needs the room while it has no connection. */
#ifndef GATEWAY_SOURCE_DEVICE_TUNNELS_H
#define GATEWAY_SOURCE_DEVICE_TUNNELS_H

#include "gateway/source/devices_answer.h"
#include "gateway/source/tunnels.h"

#define DEVICE_TUNNELS_MAX                                                                         \
    256 /* the one that was not used for longest goes before a further one                         \
         */
#define DEVICE_TUNNELS_ARRIVAL_MS 15000 /* until a device that accepted is at the hub */

struct device_tunnels;
struct device_tunnel;

/* The control API: api_client_call and api_call_cancel, or a test's functions. */
struct devices_api {
    struct api_call *(*call)(void *api, const struct api_call_options *o, enum err *why);
    void (*cancel)(struct api_call *call);
    void *api;
};

struct device_tunnels_options {
    struct devices_api api;
    struct tunnels *tunnels;
    const struct tunnel_options *tunnel; /* as in struct devices_options */
    uint64_t idle_ms;
    /* A tunnel ended before its device was there, for that reason: clients may wait for it. Names
     * do not lead there any more. */
    void (*failed)(void *owner, const char *fold, enum err why, const char *text);
    void *owner;
};
struct device_tunnels *
device_tunnels_new(struct loop *loop, const struct device_tunnels_options *o); /* NULL: memory */
/* After device_tunnels_leave, or when the struct tunnels is gone. NULL is fine. */
void device_tunnels_free(struct device_tunnels *d);
void device_tunnels_change(struct device_tunnels *d, const struct tunnel_options *tunnel,
                           uint64_t idle_ms);
size_t device_tunnels_count(const struct device_tunnels *d);
/* Leaves all tunnels, and has the hub close them. */
void device_tunnels_leave(struct device_tunnels *d);

/* Adds the tunnel of an answer, which was asked for that service's sake, over a connection that is
 * ready (or NULL), which is taken over in any case. ERR_OK, or a sentence in text; ERR_LIMIT: there
 * are DEVICE_TUNNELS_MAX, all of them in use or still on their way. */
enum err device_tunnels_open(struct device_tunnels *d, const char *fold, const char *service,
                             const struct devices_answer *a, struct stream *ready, char *text,
                             size_t size);

/* t is what tunnels_owner says, `why` and `out` what tunnels_look does. Whether t has no answer for
 * a client that wants that service, but another tunnel to the device might. */
bool device_tunnel_is_short(const struct device_tunnel *t, struct span service, enum err why,
                            const struct forward_target *out);
/* Notes a client of t, and has it wait while t comes up. */
void device_tunnel_used(struct device_tunnel *t, enum err why, struct forward_target *out);

#endif
