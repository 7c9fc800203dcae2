/* One forwarded HTTP exchange. It follows the request's body up, so that nothing after it reaches
 * the service, and the response down, so that both sides can be closed after it. After a 101 to a
 * request for an upgrade everything passes both ways. Pure. */
#ifndef GATEWAY_SOURCE_EXCHANGE_H
#define GATEWAY_SOURCE_EXCHANGE_H

#include "core/http/http.h"
#include "core/tunnel/session.h"

#include <stdbool.h>

struct exchange;
struct exchange *exchange_new(const struct http_head *request); /* NULL: memory */
void exchange_free(void *e);                                    /* NULL is fine */

/* Inserts no "Connection: close": another exchange follows. */
void exchange_keep(struct exchange *e);

/* Returns how many of the n bytes, which follow the request's head or those given before, belong to
 * the request. */
size_t exchange_up(void *e, const uint8_t *p, size_t n);
bool exchange_request_done(const struct exchange *e);
bool exchange_whole(const void *e);  /* The request has come to its proper end. */
bool exchange_broken(const void *e); /* The request's chunks are not framed as they must be. */
/* Takes n bytes of the response. False: the response ends within these; one that is no HTTP ends
 * with its connection. Sets *insert so that "Connection: close" follows the status line of the
 * final response, before what the service says about its own connection: the client must not send
 * its next request here. */
bool exchange_down(void *e, const uint8_t *p, size_t n, struct conn_insert *insert);

#endif
