/* The gateway's own pages: / (what this is and what there is), /services (the same for programs),
 * /proxy.pac, /healthz. Pure. */
#ifndef GATEWAY_SOURCE_PAGES_H
#define GATEWAY_SOURCE_PAGES_H

#include "core/base/buf.h"
#include "core/http/http.h"
#include "gateway/source/names.h"

struct pages_tunnel {
    bool up;
    bool no_device; /* it is up, but the device is not connected */
    size_t connections;
};

struct pages_view {
    const struct names *names;
    const struct names_tunnel *tunnels;
    const struct pages_tunnel *states; /* one for each tunnel */
    size_t n_tunnels;
};

struct pages_question {
    const struct http_head *head;
    struct span path;
    const char *listener; /* where the client came in: "127.0.0.1:1080" */
    bool trusted;         /* may see what there is; else / and /services ask for a password */
};

/* Appends the whole answer. Only a Host that is an address, localhost or the listener's own name is
 * answered (a web page elsewhere may have its name point here: DNS rebinding). False: no memory. */
bool pages_answer(const struct pages_view *v, const struct pages_question *q, struct buf *out);

/* "host:port" put together again from its parts. False: it is not one, or has characters that hosts
 * do not have. */
#define PAGES_ENDPOINT 280
bool pages_endpoint(const char *where, char out[PAGES_ENDPOINT]);

/* The PAC file alone, for an endpoint at "host:port"; one that is none (a unix socket's path) makes
 * it say DIRECT to everything. */
bool pages_pac(const struct names *names, const char *endpoint, struct buf *out);

#endif
