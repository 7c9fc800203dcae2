/* The bytes of one connection: down to its local stream, and up from it. */
#ifndef CORE_TUNNEL_CONN_IO_H
#define CORE_TUNNEL_CONN_IO_H

#include "core/tunnel/conn_internal.h"
#include "core/tunnel/frame.h"

/* Takes the payload of a DATA frame. False: c cannot hold it now; it has to come again, whole. */
bool conn_deliver(struct conn *c, const uint8_t *p, size_t n);
/* Whether the frame is one that conn_deliver puts to those that wait; if not, conn_settle goes
 * first, and c may be gone afterwards. */
bool conn_gathers(const struct conn_host *h, const struct frame *f);
/* Hands on all that waits where it came. */
void conn_settle(struct conn_host *h);
/* Hands on what is held, as far as the local stream takes it. c may be gone afterwards. */
void conn_flush(struct conn *c);
/* Moves at most n bytes from the local stream to p and puts c where it belongs in the rings.
 * Returns how many bytes are to be sent, or -1 when c may be gone. */
long conn_pull(struct conn *c, uint8_t *p, size_t n);
/* The same to where bytes are kept, n at most in up to CONN_PARTS parts, and keeps them. */
long conn_pull_kept(struct conn *c, size_t n);
#define CONN_PARTS 8
/* Appends bytes of the local side to what is kept. False: no memory. */
bool conn_keep(struct conn *c, const uint8_t *p, size_t n);

#endif
