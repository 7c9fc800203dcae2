/* Private to inbound_http.c: HTTP's part of a connection at the endpoint, its replies
 * (inbound_http_reply.c), and pinned connections (inbound_pinned.c).
 *
 * A pinned connection is one to an HTTP service that lasts for all requests of a client, since the
 * client's login holds for the connection (NTLM and Negotiate, RFC 4559). Every other plain request
 * has a connection of its own, whose bytes pass unseen. A pinned one has a pair of sockets between
 * the client and the forward, and one exchange after the other passes through it. */
#ifndef GATEWAY_SOURCE_INBOUND_HTTP_INTERNAL_H
#define GATEWAY_SOURCE_INBOUND_HTTP_INTERNAL_H

#include "gateway/source/inbound_internal.h"

struct http_state {
    struct http_reader *reader; /* of the request's head */
    struct pinned_conn *pinned; /* where the last request went and the next may go; or NULL */
    struct inbound_wait wait;   /* for a page of ours that takes time; cancel NULL: for none */
};

/* ---- replies ---- */

extern const struct reply_format inbound_reply_connect;
extern const struct reply_format inbound_reply_forward;      /* an http:// request */
extern const struct reply_format inbound_reply_forward_head; /* the same with method HEAD */

/* Refuses c's request and ends c. head: the method is HEAD, so the answer has no body. */
void inbound_http_refuse(struct inbound_conn *c, const char *asked, enum err why, int status,
                         const char *text, bool head);

/* ---- pinned connections ---- */

#define HTTP_PORT 80 /* of a request that names none (RFC 9110, 4.2.1) */

#define PINNED_IDLE_MS 60000 /* for the client's next request */

/* Whether a request's login is for its connection, and its client stays for more. */
bool pinned_wanted(const struct http_head *head);
/* Whether c's last request went where this one goes. */
bool pinned_fits(const struct inbound_conn *c, const struct proxy_request *r);

/* Sends c's request on, by the connection that is there when it fits, else by a new one. c is gone
 * afterwards; when the response is over, its stream is back at the endpoint in a new connection. */
void pinned_request(struct inbound_conn *c, const struct http_head *head,
                    const struct proxy_request *r, const char *user);

void pinned_free(struct pinned_conn *k); /* with its streams; NULL is fine */
void pinned_free_all(struct inbound *in);

#endif
