/* Private to inbound.h: the connection to an HTTP service that lasts for all requests of one
 * client, because its login holds for the connection (NTLM and Negotiate, RFC 4559). All other
 * plain requests have a connection each, whose bytes nobody looks at on their way. Here a pair of
 * sockets stands between the client and what forwards it, and one exchange after the other passes.
 */
#ifndef GATEWAY_SOURCE_INBOUND_PINNED_INTERNAL_H
#define GATEWAY_SOURCE_INBOUND_PINNED_INTERNAL_H

#include "gateway/source/inbound_internal.h"

#define PINNED_IDLE_MS 60000 /* for the client's next request */

/* Whether a request's login is for its connection, and its client stays for more. */
bool pinned_wanted(const struct http_head *head);
/* Whether c's last request went where this one goes. */
bool pinned_fits(const struct inbound_conn *c, const struct proxy_request *r);

/* Sends c's request on, by the connection that is there when it fits, else by a new one. c is gone
 * afterwards; when the response is over, its stream is back at the endpoint as another one. */
void pinned_request(struct inbound_conn *c, const struct http_head *head,
                    const struct proxy_request *r, const char *user);

void pinned_free(struct pinned_conn *k); /* with its streams; NULL is fine */
void pinned_free_all(struct inbound *in);

#endif
