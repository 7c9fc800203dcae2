/* A hub's answer that somebody else has the tunnel: 307 with "Location: wss://HOST[:PORT]/…". Pure.
 * See share/doc/native.md, "Redirects". */
#ifndef CORE_TUNNEL_REDIRECT_H
#define CORE_TUNNEL_REDIRECT_H

#include "core/http/http.h"

/* The header, with its end, by which a client says that it follows one. */
#define REDIRECT_FOLLOWED "tunnel-redirect: follow\r\n"

struct redirect {
    char host[254]; /* a name or an address, without brackets */
    int port;
};

/* Whether the answer is one. A 307 that leads to a page for browsers is none, but a login that some
 * network wants. */
bool redirect_is(const struct http_head *head);
/* Reads one. What comes after host and port is not looked at: the same request is sent there. NULL,
 * or what is wrong with it, as it follows "it". */
const char *redirect_read(const struct http_head *head, struct redirect *out);

#endif
