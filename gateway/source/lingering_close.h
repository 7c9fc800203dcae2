/* The end of a client that gets no further: last words, FIN, and then what it still sends
 * is read and dropped for a moment, since closing a socket with unread bytes resets it and takes
 * the last words away from the client. */
#ifndef GATEWAY_SOURCE_LINGERING_CLOSE_H
#define GATEWAY_SOURCE_LINGERING_CLOSE_H

#include "core/base/buf.h"
#include "core/net/loop.h"
#include "core/net/stream.h"

#define PARTING_MS 2000
#define PARTING_BYTES 8388608 /* a client that goes on beyond that is cut off */

struct partings;
struct partings *partings_new(struct loop *loop); /* NULL: memory */
void partings_free(struct partings *p);           /* cuts off who is left; NULL is fine */
size_t partings_count(const struct partings *p);
/* Cuts off who has been leaving for longest. False: nobody is. */
bool partings_cut(struct partings *p);

/* Takes the stream (ready for writing) and the bytes in *words (emptied) over. */
void parting_start(struct partings *p, struct stream *s, struct buf *words);

/* Takes the stream (ready for writing) of a client whose connection broke over: what the kernel has
 * still to send leaves, for PARTING_MS at most, and then a reset instead of the FIN. */
void parting_cut(struct partings *p, struct stream *s);

#endif
