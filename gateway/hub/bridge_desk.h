/* The main thread's part in bridges (bridge/bridges.h) and in the hub's inner ends
 * (bridge/inner_end.h): who is let in, at which worker a bridge's sides meet, what has to go when a
 * device is disabled or removed, and what audit log, metrics and monitor are told.
 *
 * A device stream has two kinds of ends. Who speaks Azure's wire comes with a WebSocket of its own,
 * by a bridge's path and token. Who speaks the tunnel's wire is reached by a tunnel of which the
 * hub itself is the other end, the inner end; a bridge with an inner end has one token only, for
 * the other side.
 *
 * Main thread only. */
#ifndef GATEWAY_HUB_BRIDGE_DESK_H
#define GATEWAY_HUB_BRIDGE_DESK_H

#include "gateway/hub/bridge/bridges.h"

struct bridge_desk;
struct buf;
struct hub;
struct monitor;

/* The hub's registries must be there, and stay until bridge_desk_free. NULL: no memory. */
struct bridge_desk *bridge_desk_new(struct hub *hub);
/* Ends all bridges; their claims may still come back until bridge_desk_free. NULL is fine for both.
 */
void bridge_desk_end(struct bridge_desk *d);
void bridge_desk_free(struct bridge_desk *d);
/* To be called every second. */
void bridge_desk_tick(struct bridge_desk *d);
void bridge_desk_metrics(const struct bridge_desk *d, struct buf *out);
/* m: outlives the desk, or is replaced by NULL before it goes. */
void bridge_desk_watch(struct bridge_desk *d, struct monitor *m);

/* For what is known of them, and for bridge_end. */
struct bridges *bridge_desk_bridges(const struct bridge_desk *d);

/* ---- streams ---- */

/* A bridge of which both sides come with WebSockets, or, with spec->inner as bridge_desk_wanted
 * got it, the device only. Its path and token[] go to those who are to come; the tokens are to be
 * copied at once. The bridge is gone once it has ended: who keeps its serial asks bridges_find.
 * NULL with *why: ERR_LIMIT, ERR_TOO_LARGE, ERR_NO_MEMORY, ERR_SHUTDOWN. */
struct bridge *bridge_desk_make(struct bridge_desk *d, const struct bridge_spec *spec,
                                enum err *why);

/* ---- the hub as a tunnel's source, for a service's program that speaks Azure's wire ---- */

struct inner_source {
    const char *device, *service, *policy;
    /* An open tunnel to the device for that service, and its source's token, which has not been
     * used. NULL: an inner source that is there (bridge_desk_has_source) is used. */
    const char *tunnel, *token;
    const char *client; /* who wants it, "address:port", for another node; NULL: not known */
};
/* Whether a tunnel to that device's service, opened for that policy, has the hub as its source, and
 * its device is there, or has accepted and is on its way: no other tunnel is needed, and the device
 * need not be asked. */
bool bridge_desk_has_source(const struct bridge_desk *d, const struct inner_source *s);
/* Makes the hub the source of the tunnel, unless it is that already, and a bridge whose device side
 * that is. When the service's program comes, a connection to the service is opened in the tunnel;
 * when it is refused, the program's WebSocket is closed with 1011 and a reason. The inner source
 * leaves the tunnel some time after its last bridge, and a tunnel on demand then ends by its idle
 * time. `done` is called once, perhaps from inside; b: the bridge, as from bridge_desk_make, or
 * NULL with why: also ERR_REJECTED (the token is not admitted), ERR_NO_DESCRIPTORS. */
void bridge_desk_source(struct bridge_desk *d, const struct inner_source *s,
                        void (*done)(void *ctx, enum err why, struct bridge *b), void *ctx);

/* ---- the hub as a tunnel's destination, for a device that speaks Azure's wire only ---- */

struct inner_destination {
    const char *device;
    const char *tunnel, *token; /* the destination's token, as a notice has it */
    const char *policy;         /* who opened the tunnel: an access key's id, or "" */
    const char *client;         /* the device's address, "address:port", for another node */
};
/* Makes the hub the destination of that tunnel, which may be another node's: the answer to a notice
 * for such a device. Each connection that comes for one of the tunnel's services is told to
 * bridge_desk_wanted. why: ERR_OK, or why it is not: as for bridge_desk_source. */
void bridge_desk_destination(struct bridge_desk *d, const struct inner_destination *q,
                             void (*done)(void *ctx, enum err why), void *ctx);

/* Somebody who came by such a tunnel wants a stream of the device: spec has the device, the stream
 * (the service's id), who opened the tunnel, and the inner end. The receiver asks the device for a
 * stream, with the path and the device's token of bridge_desk_make(spec), and calls
 * bridge_desk_refuse when the device is not there, refuses or is silent; the connection waits until
 * then, or until the device comes to the bridge. Called on the main thread, once for each. NULL:
 * all are refused. */
void bridge_desk_on_wanted(struct bridge_desk *d,
                           void (*wanted)(void *owner, const struct bridge_spec *spec),
                           void *owner);
/* Refuses that connection, whose client is told why (ERR_DEVICE_OFFLINE as "no route",
 * ERR_DEVICE_REJECTED as "not allowed", ERR_DEVICE_SILENT as "timed out", ERR_LIMIT). Its bridge,
 * if there is one, is to be ended by the caller, with BRIDGE_WITHDRAWN. */
void bridge_desk_refuse(struct bridge_desk *d, const struct bridge_inner *inner, enum err why);

/* The receivers of BRIDGE_HELLO, BRIDGE_OUT, BRIDGE_GONE, INNER_WANTED, INNER_LEFT and
 * INNER_GONE. Each takes
 * its message over. */
void bridge_desk_hello(struct hub *hub, void *message);
void bridge_desk_out(struct hub *hub, void *message);
void bridge_desk_gone(struct hub *hub, void *message);
void bridge_desk_inner_wanted(struct hub *hub, void *message);
void bridge_desk_inner_left(struct hub *hub, void *message);
void bridge_desk_inner_gone(struct hub *hub, void *message);

#endif
