/* The WebSocket opening handshake (RFC 6455 section 4): pure. */
#ifndef CORE_WS_HANDSHAKE_H
#define CORE_WS_HANDSHAKE_H

#include "core/base/buf.h"
#include "core/http/http.h"

#define WS_ACCEPT_SIZE 29 /* 28 characters and NUL */

/* Computes Sec-WebSocket-Accept from a Sec-WebSocket-Key. */
void ws_accept_key(struct span key, char out[WS_ACCEPT_SIZE]);

struct ws_request {
    const char *host;      /* the Host header: without port when it is 443 */
    const char *target;    /* "/tunnel?local-proxy-mode=source" */
    const char *protocols; /* Sec-WebSocket-Protocol, or NULL */
    const char *key;       /* 24 characters: base64 of 16 random bytes */
    const char *extra;     /* further header lines, each with CRLF, or NULL */
};
bool ws_request_write(const struct ws_request *r, struct buf *out);

struct ws_response {
    struct span key;      /* the request's */
    const char *protocol; /* the subprotocol chosen; NULL: none was offered */
    const char *extra;    /* further header lines, each with CRLF */
};
bool ws_response_write(const struct ws_response *r, struct buf *out);

/* Checks an answer to `key`. ERR_OK: a correct 101. ERR_REJECTED: another status (head->status
 * tells). ERR_PROTOCOL: a wrong 101, with a sentence in *text. A subprotocol that was not offered
 * is accepted, since the real service's test server sends one (share/doc/protocol.md). */
enum err ws_response_check(const struct http_head *head, const char *key, const char **text);

/* Checks a request's upgrade part: method GET, HTTP/1.1, Upgrade and Connection (any case), version
 * 13, a key of 16 bytes. ERR_PROTOCOL with a sentence in *text when one of them is wrong. */
enum err ws_request_check(const struct http_head *head, const char **text);

#endif
