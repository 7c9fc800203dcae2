/* The relay between a tunnel's two ends, which passes tunnel frames, whole and in order. Payload is
 * not decoded, and it is not copied while frames lie whole in the input; a frame that comes in
 * pieces is put together in a block that is borrowed for that time.
 *
 * A message that holds whole frames leaves as one message. It is cut in two behind STREAM_START and
 * STREAM_RESET (the reference program loses what follows them in the same message) and where its
 * bytes came in pieces; a frame that spans messages leaves as a message of its own. Nothing is ever
 * merged.
 *
 * Nothing is queued: an end is read only while the other end can take the next message. The hub's
 * own frames (SERVICE_IDS, STREAM_RESET) are kept as flags per service and written when the end can
 * take them, before anything else. What a native end sends before it has heard that the other end
 * is gone, or that a new native end has come, is dropped at once.
 *
 * frame_policy.h decides what may pass. The relay knows nothing of WebSockets and sockets. */
#ifndef GATEWAY_HUB_RELAY_RELAY_H
#define GATEWAY_HUB_RELAY_RELAY_H

#include "core/net/loop.h"
#include "gateway/hub/relay/request.h"

struct rate_limiter;
struct relay;

/* How the relay reaches an end; `end` is the pointer given to relay_attach. */
struct relay_end_ops {
    bool (*ready)(const void *end); /* a message may be sent */
    /* One message of n bytes, at most LOOP_BLOCK - 16; p is free again after the call. Only while
     * ready. */
    void (*send)(void *end, const uint8_t *p, size_t n);
    /* The end offers again what relay_input did not take. Never called from inside relay_input. */
    void (*resume)(void *end);
    /* The end broke the rules, has been removed from the relay, and is to be closed with that code
     * and text. Code 0: it broke no rule, and is to be dropped so that it may reconnect. */
    void (*reject)(void *end, int code, const char *text);
};

/* services: n ids (copied), at most 64. NULL: no memory. */
struct relay *relay_new(struct loop *loop, const char *const *services, size_t n);
void relay_free(struct relay *r); /* NULL is fine; ends are not told */

/* From now on all bytes in both directions are charged to m, too, and wait for it. A relay takes at
 * most RELAY_LIMITERS limiters, which must outlive r. False: no memory. */
#define RELAY_LIMITERS 2
bool relay_add_limiter(struct relay *r, struct rate_limiter *m);

/* What an end has said about itself; the texts must live as long as it is attached. */
struct relay_peer {
    int version;          /* version of its subprotocol */
    const char *protocol; /* the subprotocol's name */
    const char *instance; /* "" unless it is native */
    const char *device;   /* the tunnel's thing, for people */
};
/* Attaches a new end to that side, which must be free. The end is sent SERVICE_IDS once, first and
 * alone, unless its version is 1, which does not know them. A native end is sent PEER before that,
 * and again whenever an end comes or goes on the other side; no frame of the other side overtakes
 * PEER. */
void relay_attach(struct relay *r, enum side side, const struct relay_peer *peer,
                  const struct relay_end_ops *ops, void *end);
/* Detaches the end: the other end gets a STREAM_RESET for each active stream. A free side is fine.
 */
void relay_detach(struct relay *r, enum side side);
/* The same for an end that has said that it does not come back, which the other end is told. */
void relay_leave(struct relay *r, enum side side);
void *relay_attached(const struct relay *r, enum side side); /* NULL when the side is free */

/* Takes n bytes of a message from that side. Returns how many were taken; after fewer than n,
 * resume will be called. The end may have been rejected on return. */
size_t relay_input(struct relay *r, enum side side, uint8_t *p, size_t n);
/* Tells the relay that the end is ready again. */
void relay_writable(struct relay *r, enum side side);
/* Whether bytes of an end wait, or an end has not taken what it was sent. */
bool relay_busy(const struct relay *r);
/* Whether that end's bytes wait for the other end. */
bool relay_holds(const struct relay *r, enum side side);

#endif
