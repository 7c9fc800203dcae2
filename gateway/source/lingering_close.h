/* The end of a client that gets no further: last words, a FIN, and a moment in which what still
 * comes is read and dropped. Closing a socket with unread bytes would reset it and take the last
 * words away from the client. */
#ifndef GATEWAY_SOURCE_LINGERING_CLOSE_H
#define GATEWAY_SOURCE_LINGERING_CLOSE_H

#include "core/base/buf.h"
#include "core/net/loop.h"
#include "core/net/stream.h"

#define LINGERING_CLOSE_MS 2000
#define LINGERING_CLOSE_BYTES 8388608 /* A client that sends more than this is cut off. */

struct lingering_closes;
struct lingering_closes *lingering_closes_new(struct loop *loop); /* NULL: memory */
/* Cuts off those that are left. NULL is fine. */
void lingering_closes_free(struct lingering_closes *p);
size_t lingering_closes_count(const struct lingering_closes *p);
/* Cuts off the oldest one. False: there is none. */
bool lingering_closes_evict(struct lingering_closes *p);

/* Takes over the stream, which must be ready for writing, and the bytes of *words, which is
 * emptied. */
void lingering_close_start(struct lingering_closes *set, struct stream *s, struct buf *words);

/* Takes over the stream, which must be ready for writing, of a client whose connection broke. The
 * kernel gets up to LINGERING_CLOSE_MS for what it has still to send; then comes a reset in place
 * of the FIN. */
void lingering_close_reset(struct lingering_closes *set, struct stream *s);

#endif
