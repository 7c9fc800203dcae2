/* The endpoint: accepts clients, tells their protocol from the first byte, reads the request and
 * sends them on their way (forward.h). */
#ifndef GATEWAY_SOURCE_INBOUND_H
#define GATEWAY_SOURCE_INBOUND_H

#include "core/net/listener.h"
#include "gateway/source/forward.h"
#include "gateway/source/origins.h"
#include "gateway/source/proxy.h"

#define INBOUND_GREETING_MS 10000
#define INBOUND_POLITE 64 /* clients beyond the limit who are still told so in their protocol */

struct inbound_page {
    const struct http_head *head;
    const struct proxy_request *request;
    const char *listener; /* "127.0.0.1:1080" */
    bool trusted;         /* may see what there is */
};

struct inbound_options {
    struct forwards *forwards; /* must outlive it */
    forward_resolve *resolve;
    /* Whether what a client asks for is dialled from here instead (direct.h). NULL: never. */
    bool (*direct)(void *owner, const struct forward_question *q);
    /* Appends the whole answer to a request for one of our own pages; false: no memory. */
    bool (*page)(void *owner, const struct inbound_page *page, struct buf *out);
    void *owner;
    const struct names *names;     /* with origins: what a tunnel's name is */
    const struct origins *origins; /* of pages that may ask by plain http; must outlive it, or the
                                      next inbound_change, as names must */
    bool ask_user;    /* SOCKS5: take a user name where one can be had; it may pick a tunnel */
    const char *user; /* NULL: no authentication; copied */
    const char *password;
    size_t max_clients;
};

struct inbound;
struct inbound *inbound_new(struct loop *loop, const struct inbound_options *o); /* NULL: memory */
void inbound_free(struct inbound *i);
/* Other names, origins, max_clients, ask_user and password (copied; only where there is a user)
 * from now on; those that are in stay. The rest of the options is not looked at. false: no memory,
 * and nothing is changed. */
bool inbound_change(struct inbound *i, const struct inbound_options *fresh);
/* Another listener; `where` as for listener_new. NULL: *why. */
const struct listener *inbound_listen(struct inbound *i, const char *where, enum err *why);

#endif
