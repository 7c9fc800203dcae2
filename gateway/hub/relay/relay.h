/* One tunnel's two ends, and what passes between them: tunnel frames, whole and in order. Payload
 * is not decoded and not copied here as long as frames lie whole in what came; a frame in pieces is
 * put together in a block that is lent for as long.
 *
 * A message that holds whole frames leaves as one message. It is cut in two behind STREAM_START and
 * STREAM_RESET (the reference program loses what is glued to them) and where its bytes came in
 * pieces; a frame cut by messages leaves as a message of its own. Nothing is ever merged.
 *
 * Nothing is queued: an end is read only while the other end can take the next message. What the
 * hub itself has to say (SERVICE_IDS, STREAM_RESET) is kept as flags per service and written when
 * the end can take it, before anything else. What a native end says before it has heard that the
 * other one is gone, or of a new native one, is thrown away, not waited for.
 *
 * What may pass is decided by frame_policy.h. Knows nothing of WebSockets and sockets. */
#ifndef GATEWAY_HUB_RELAY_RELAY_H
#define GATEWAY_HUB_RELAY_RELAY_H

#include "core/net/loop.h"
#include "gateway/hub/relay/request.h"

struct rate_limiter;
struct relay;

/* How the relay reaches an end; `end` is the pointer given to relay_attach. */
struct relay_end_ops {
    bool (*ready)(const void *end); /* a message may be sent */
    /* One message of n bytes, at most LOOP_BLOCK - 16. The `room` bytes in front of p may be
     * overwritten; p is free again after the call. Only while ready. */
    void (*send)(void *end, uint8_t *p, size_t n, size_t room);
    void (*resume)(void *end); /* offer again what relay_input did not take; never from inside */
    /* It broke the rules and is not part of the relay any more: tell it so. Code 0: it did not, and
     * shall be dropped in a way that lets it come back. */
    void (*reject)(void *end, int code, const char *text);
};

/* services: n ids (copied), at most 64. NULL: no memory. */
struct relay *relay_new(struct loop *loop, const char *const *services, size_t n);
void relay_free(struct relay *r); /* NULL is fine; ends are not told */

/* From now on everything that passes, either way, is charged to m too, and waits for it. At most
 * RELAY_LIMITERS of them, which must outlive r. False: no memory. */
#define RELAY_LIMITERS 2
bool relay_add_limiter(struct relay *r, struct rate_limiter *m);

/* What an end has said about itself; the texts must live as long as it is attached. */
struct relay_peer {
    int version;          /* of its subprotocol */
    const char *protocol; /* its name */
    const char *instance; /* "": not a native one */
    const char *device;   /* the tunnel's, for people */
};
/* A new end on that side, where none may be. It is sent SERVICE_IDS first, alone, once, unless its
 * version is 1, which does not know them. A native end is sent PEER before that, and again whenever
 * somebody comes or goes on the other side; nothing of the other side passes it. */
void relay_attach(struct relay *r, enum side side, const struct relay_peer *peer,
                  const struct relay_end_ops *ops, void *end);
/* It is gone: the other end gets a STREAM_RESET for each active stream. Fine without an end. */
void relay_detach(struct relay *r, enum side side);
/* The same, when it has said that it does not come back: the other end is told that, too. */
void relay_leave(struct relay *r, enum side side);
void *relay_attached(const struct relay *r, enum side side); /* NULL: none */

/* n bytes of a message came from that side; the `room` bytes in front of p may be overwritten, and
 * p too. Returns how many were taken; fewer than n: resume will be called. The end may have been
 * rejected when it returns. */
size_t relay_input(struct relay *r, enum side side, uint8_t *p, size_t n, size_t room);
/* That end is ready again. */
void relay_writable(struct relay *r, enum side side);
/* Some end's bytes wait, or an end has not taken what it was sent. */
bool relay_busy(const struct relay *r);
/* That end's bytes wait for the other one. */
bool relay_holds(const struct relay *r, enum side side);

#endif
