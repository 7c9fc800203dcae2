/* The endpoint: accepts clients, tells their protocol by the first byte, reads their requests and
 * sends them on their way (forward.h). */
#ifndef GATEWAY_SOURCE_INBOUND_H
#define GATEWAY_SOURCE_INBOUND_H

#include "core/net/listener.h"
#include "gateway/source/forward.h"
#include "gateway/source/origins.h"
#include "gateway/source/proxy.h"

#define INBOUND_GREETING_MS 10000
#define INBOUND_POLITE 64 /* clients beyond the limit that are still told so in their protocol */

struct inbound_page {
    const struct http_head *head;
    const struct proxy_request *request;
    const char *listener; /* "127.0.0.1:1080" */
    bool trusted;         /* The client may see what there is. */
    bool known;           /* The client has given the password that is asked for. */
    bool local;           /* It is on this machine, */
    bool ours;            /* and of the user who runs the gateway, or root. */
};

/* A client whose page takes time. The owner sets cancel and ctx: that is called when the client
 * leaves before. */
struct inbound_wait {
    struct inbound_conn *conn;
    void (*cancel)(void *ctx);
    void *ctx;
};
/* Gives it the page, an answer as `page` writes it, and ends it. */
void inbound_wait_over(struct inbound_wait *w, struct buf *words);

struct inbound_options {
    struct forwards *forwards; /* must outlive the endpoint */
    forward_resolve *resolve;
    /* Whether the gateway dials what the client asks for itself (direct.h). NULL: never. */
    bool (*direct)(void *owner, const struct forward_question *q);
    /* Appends the answer to a request for one of the gateway's own pages. False: no memory. */
    bool (*page)(void *owner, const struct inbound_page *page, struct buf *out);
    /* Asked before `page`. True: this page takes time, the client waits, and inbound_wait_over is
     * called, not from inside. What *page points to lives as long as the client. NULL: no page
     * takes time. */
    bool (*later)(void *owner, const struct inbound_page *page, struct inbound_wait *w);
    void *owner;
    const struct names *names;     /* says which names are ours; lives as long as origins */
    const struct origins *origins; /* of pages that may ask by plain http; must live until the next
                                      inbound_change, or the end */
    /* SOCKS5 clients that can give a user name are asked for it: it may name a tunnel. */
    bool ask_user;
    const char *user; /* NULL: no authentication; copied */
    const char *password;
    size_t max_clients;
};

struct inbound;
struct inbound *inbound_new(struct loop *loop, const struct inbound_options *o); /* NULL: memory */
void inbound_free(struct inbound *i);
/* Goes on with fresh names, origins, max_clients, ask_user and password (copied; only if there is a
 * user). Clients that are in stay, and other options are not looked at. False: no memory, and
 * nothing is changed. */
bool inbound_change(struct inbound *i, const struct inbound_options *fresh);
/* Adds a listener; `where` as for listener_new. NULL: *why. */
const struct listener *inbound_listen(struct inbound *i, const char *where, enum err *why);

#endif
