/* One forwarded HTTP exchange: watches the request's body up, so that nothing behind it reaches the
 * service, and the response down, so that both sides are closed behind it. Behind the 101 that a
 * request for an upgrade got, everything passes both ways. Pure. */
#ifndef GATEWAY_SOURCE_EXCHANGE_H
#define GATEWAY_SOURCE_EXCHANGE_H

#include "core/http/http.h"
#include "core/tunnel/session.h"

#include <stdbool.h>

struct exchange;
struct exchange *exchange_new(const struct http_head *request); /* NULL: memory */
void exchange_free(void *e);                                    /* NULL is fine */

void exchange_keep(struct exchange *e); /* nothing is inserted: another exchange follows */

/* Of n bytes behind the request's head (or behind those given before): how many belong to it. */
size_t exchange_up(void *e, const uint8_t *p, size_t n);
bool exchange_request_done(const struct exchange *e);
bool exchange_whole(const void *e);  /* the request has come to its end, as it must */
bool exchange_broken(const void *e); /* the request's chunks are not framed as they must */
/* Bytes of the response; false: it ends within these. An answer that is no HTTP ends with its
 * connection. Behind the status line of the final response "Connection: close" is inserted, in
 * front of what the service may say about its own connection: the client must not send its next
 * request here. */
bool exchange_down(void *e, const uint8_t *p, size_t n, struct conn_insert *insert);

#endif
