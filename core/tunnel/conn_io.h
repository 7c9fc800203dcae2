/* The bytes of one connection: down to its local stream, and up from it. */
#ifndef CORE_TUNNEL_CONN_IO_H
#define CORE_TUNNEL_CONN_IO_H

#include "core/tunnel/conn_internal.h"

/* Data from the far end. False: it holds too much; the caller keeps the frame. */
bool conn_deliver(struct conn *c, const uint8_t *p, size_t n);
void conn_flush(struct conn *c); /* hands on what is held, and then what follows from that */
/* Takes n bytes at most from the local stream, which is due in one of the rings; returns how many
 * are to be sent, -1 when the connection may be gone. */
long conn_pull(struct conn *c, uint8_t *p, size_t n);
/* Keeps bytes of the local side; false: memory. */
bool conn_keep(struct conn *c, const uint8_t *p, size_t n);

#endif
