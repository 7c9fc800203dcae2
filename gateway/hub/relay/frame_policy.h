/* The book of a tunnel's streams, and the rules for the frames in it: which end may say what, what
 * is passed on, what is dropped, what the hub has to answer (share/doc/protocol.md, "What the hub
 * checks"). Pure. */
#ifndef GATEWAY_HUB_RELAY_FRAME_POLICY_H
#define GATEWAY_HUB_RELAY_FRAME_POLICY_H

#include "core/tunnel/frame.h"
#include "gateway/hub/relay/request.h"

struct streams;

/* services: n ids (copied), at most 64. NULL: no memory. */
struct streams *streams_new(const char *const *services, size_t n);
void streams_free(struct streams *s); /* NULL is fine */

/* An end has come, where none was (native: one that may speak natively, share/doc/native.md); or it
 * is gone: the other one is owed a STREAM_RESET for each active stream, and all are forgotten. */
void streams_attach(struct streams *s, enum side side, bool native);
void streams_detach(struct streams *s, enum side side);

enum verdict {
    FRAME_PASS,
    FRAME_PASS_ALONE, /* pass, with nothing behind it in the same message */
    FRAME_DROP,
    FRAME_REJECT /* the end has broken the rules: close it */
};
struct offence {
    int code; /* RFC 6455 section 7.4.1 */
    char text[100];
};
/* Judges a frame (n bytes, without its length) that came from that side, and books it as done.
 * FRAME_REJECT fills *offence. At most one answer becomes owed, and only with FRAME_DROP. */
enum verdict streams_judge(struct streams *s, enum side side, const uint8_t *p, size_t n,
                           struct offence *offence);

/* Whether that end is owed a STREAM_RESET; the next one, paid with that (its service is a view). */
bool streams_owe(const struct streams *s, enum side side);
void streams_pay(struct streams *s, enum side side, struct frame *out);

/* The SERVICE_IDS frame (views as above). */
void streams_services(const struct streams *s, struct frame *out);

#endif
