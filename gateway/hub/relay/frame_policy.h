/* The streams of a tunnel, and the rules for its frames: which end may send which, and which are
 * passed on, dropped, or answered by the hub (share/doc/protocol.md, "What the hub checks"). Pure.
 */
#ifndef GATEWAY_HUB_RELAY_FRAME_POLICY_H
#define GATEWAY_HUB_RELAY_FRAME_POLICY_H

#include "core/tunnel/frame.h"
#include "gateway/hub/relay/request.h"

struct frame_policy;

/* services: n ids (copied), at most 64. NULL: no memory. */
struct frame_policy *frame_policy_new(const char *const *services, size_t n);
void frame_policy_free(struct frame_policy *s); /* NULL is fine */

/* Attaches an end to a free side (native: it may speak natively, share/doc/native.md), or detaches
 * it. After a detach the other end is owed a STREAM_RESET for each active stream, and all streams
 * are forgotten. */
void frame_policy_attach(struct frame_policy *s, enum side side, bool native);
void frame_policy_detach(struct frame_policy *s, enum side side);

enum frame_action {
    FRAME_PASS,
    FRAME_PASS_ALONE, /* pass, with nothing behind it in the same message */
    FRAME_DROP,
    FRAME_REJECT /* the end has broken the rules: close it */
};
struct violation {
    int code; /* RFC 6455 section 7.4.1 */
    char text[100];
};
/* Checks a frame (n bytes, without its length) that came from that side, and books it in the state
 * of the streams. FRAME_REJECT fills *violation. At most one STREAM_RESET becomes owed, and only
 * with FRAME_DROP. */
enum frame_action frame_policy_check(struct frame_policy *s, enum side side, const uint8_t *p,
                                     size_t n, struct violation *violation);

/* Whether that end is owed a STREAM_RESET. frame_policy_next_owed takes the next one, which is not
 * owed any more; its service is a view. */
bool frame_policy_owes(const struct frame_policy *s, enum side side);
void frame_policy_next_owed(struct frame_policy *s, enum side side, struct frame *out);

/* Fills in the SERVICE_IDS frame, whose ids are views. */
void frame_policy_services(const struct frame_policy *s, struct frame *out);

#endif
