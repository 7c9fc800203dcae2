/* The end of a client that gets no further: last words, FIN, and then what it still sends
 * is read and dropped for a moment, since closing a socket with unread bytes resets it and takes
 * the last words away from the client. */
#ifndef GATEWAY_SOURCE_LINGERING_CLOSE_H
#define GATEWAY_SOURCE_LINGERING_CLOSE_H

#include "core/base/buf.h"
#include "core/net/loop.h"
#include "core/net/stream.h"

#define LINGERING_CLOSE_MS 2000
#define LINGERING_CLOSE_BYTES 8388608 /* a client that goes on beyond that is cut off */

struct lingering_closes;
struct lingering_closes *lingering_closes_new(struct loop *loop); /* NULL: memory */
void lingering_closes_free(struct lingering_closes *p); /* cuts off who is left; NULL is fine */
size_t lingering_closes_count(const struct lingering_closes *p);
/* Cuts off who has been leaving for longest. False: nobody is. */
bool lingering_closes_evict(struct lingering_closes *p);

/* Takes the stream (ready for writing) and the bytes in *words (emptied) over. */
void lingering_close_start(struct lingering_closes *p, struct stream *s, struct buf *words);

/* Takes the stream (ready for writing) of a client whose connection broke over: what the kernel has
 * still to send leaves, for LINGERING_CLOSE_MS at most, and then a reset instead of the FIN. */
void lingering_close_reset(struct lingering_closes *p, struct stream *s);

#endif
