/* The HTTP side of the endpoint: what a request head asks of us, how a forwarded request goes on,
 * and the answers we make ourselves. Pure. */
#ifndef GATEWAY_SOURCE_PROXY_H
#define GATEWAY_SOURCE_PROXY_H

#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/http/http.h"

#include <stdbool.h>

#define PROXY_HEAD_MAX 16384 /* bytes of a request or response head */
#define PROXY_HOST_MAX 255
#define PROXY_TEXT_MAX                                                                             \
    192 /* of a reason phrase: nc reads lines up to 1023 bytes, people one line */

enum proxy_kind {
    PROXY_CONNECT, /* CONNECT host:port; Host is not demanded (nc, RFC 9112 before 1.1) */
    PROXY_FORWARD, /* GET http://host/path; ws:// with an upgrade */
    PROXY_PAGE,    /* GET /path: our own pages */
    PROXY_REFUSE   /* answer with `status` and `text` */
};

struct proxy_request {
    enum proxy_kind kind;
    enum err why;                  /* PROXY_REFUSE */
    int status;                    /* PROXY_REFUSE */
    const char *text;              /* PROXY_REFUSE: static, printable */
    char host[PROXY_HOST_MAX + 1]; /* CONNECT, FORWARD: of the request line, brackets off */
    int port;                      /* 0: none was given */
    struct span path; /* FORWARD: with the query, "" for none. PAGE: without it. Views into head */
    struct span authority; /* FORWARD: as sent, for Host */
    bool keep;             /* FORWARD: the service is asked to keep its connection */
};

/* Looks at a complete request head. What could mean different things to us and to the next server
 * is refused: an unknown transfer coding, Connection naming a framing field, HTTP/1.1 without Host,
 * user names in the target, a body on CONNECT. */
void proxy_decide(const struct http_head *head, struct proxy_request *out);

/* Whether the client wants another protocol behind the answer (RFC 9110 7.8): WebSocket, or what
 * docker and kubectl call so. Not HTTP/2, whose requests would be for any host. */
bool proxy_upgrades(const struct http_head *head);

/* PROXY_FORWARD: the head for the service: origin form, Host from the request line, without
 * Proxy-*, hop-by-hop fields and those named in Connection, with Connection: close, or with the
 * upgrade that is wanted. False: too large or no memory. */
bool proxy_rewrite(const struct http_head *head, const struct proxy_request *r, struct buf *out);

/* An answer of ours. Everything in it is made printable ASCII here. */
struct proxy_answer {
    int status;
    const char *reason; /* NULL: the standard phrase of status */
    const char *error;  /* error name for X-Tunnel-Error; NULL: no such field */
    const char *type;   /* Content-Type of body */
    struct span body;   /* p NULL: a short page made from status and reason */
    bool head;          /* the request was HEAD: no body */
    int retry_after;    /* seconds; 0: no such field */
};
bool proxy_answer_write(const struct proxy_answer *a, struct buf *out);

/* Appends text as core/base/text.h shows it, with & < > " and ' made harmless. */
bool proxy_escape_html(struct span text, struct buf *out);

/* Splits "host[:port]", "[v6]:port", "[any name]:port"; the last colon counts when only digits
 * follow it. False: empty, too long, a port above 65535, or a byte that no host name has. */
bool proxy_authority(struct span text, char host[PROXY_HOST_MAX + 1], int *port);

#endif
