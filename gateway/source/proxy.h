/* The HTTP side of the endpoint: what a request's head asks for, how a forwarded request goes on,
 * and the gateway's own answers. Pure. */
#ifndef GATEWAY_SOURCE_PROXY_H
#define GATEWAY_SOURCE_PROXY_H

#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/http/http.h"

#include <stdbool.h>

#define PROXY_HEAD_MAX 16384 /* bytes of a request or response head */
#define PROXY_HOST_MAX 255
/* bytes of a reason phrase: nc reads lines of up to 1023 bytes, people read one line */
#define PROXY_TEXT_MAX 192

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
    bool keep;             /* FORWARD: the service is asked to keep the connection open */
};

/* Decides by a complete head what becomes of a request. A request that the next server could read
 * differently is refused: an unknown transfer coding, Connection naming a framing field, HTTP/1.1
 * without Host, a user name in the target, a body on CONNECT. */
void proxy_decide(const struct http_head *head, struct proxy_request *out);

/* Whether the client wants another protocol after the answer (RFC 9110 7.8), such as WebSocket, or
 * those of docker and kubectl. HTTP/2 does not count, since its requests could be for any host. */
bool proxy_upgrades(const struct http_head *head);

/* Appends the head of a PROXY_FORWARD request as the service gets it: in origin form, with Host
 * from the request line, with "Connection: close" or the upgrade that is wanted, and without
 * Proxy-*, hop-by-hop fields and those named in Connection. False: too large, or no memory. */
bool proxy_rewrite(const struct http_head *head, const struct proxy_request *r, struct buf *out);

/* An answer of the gateway's own. proxy_answer_write makes all its text printable ASCII. */
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

/* Splits "host[:port]", "[v6]:port", "[any name]:port"; the last colon counts when only digits
 * follow it. False: empty, too long, a port above 65535, or a byte that no host name has. */
bool proxy_authority(struct span text, char host[PROXY_HOST_MAX + 1], int *port);

#endif
