/* Private to core/reach: the way (reach.c), and what is said to a proxy on it (reach_proxy.c). */
#ifndef CORE_REACH_REACH_INTERNAL_H
#define CORE_REACH_REACH_INTERNAL_H

#include "core/http/http.h"
#include "core/http/login.h"
#include "core/net/lookup.h"
#include "core/reach/reach.h"
#include "core/reach/socks5.h"

#define REACH_REQUEST_MAX 16384 /* to the proxy */
#define REACH_ANSWER_MAX 32768  /* its head */

enum reach_step { LOOKING_UP, DIALLING, PROXY_TLS, PROXY_ANSWER, TARGET_TLS };

struct reach {
    struct loop *loop;
    struct reach_target target;
    const struct reach_events *events;
    void *owner;
    enum reach_step step;
    struct lookup *lookup;
    struct addresses addresses; /* socks5://: of the target */
    size_t next;                /* of them */
    struct dial *dial;
    struct stream *stream; /* from the dial on */
    struct buf request;
    struct http_reader *answer;
    struct login login; /* what the proxy wanted when it was asked last */
    unsigned asked;     /* how often */
    bool shown[3];      /* which kinds of login it has seen; of NONE that means nothing */
    struct socks5 socks;
    struct reach_memory own; /* when the owner has none */
};

/* The reach ends so. At the proxy the text becomes a sentence about it; one that begins with a
 * blank goes on with its name. */
void reach_end(struct reach *r, struct reach_failure f);
void reach_fail(struct reach *r, enum err why, const char *text); /* a later try may do better */
void reach_send(struct reach *r);                                 /* r->request, to the proxy */
void reach_again(struct reach *r);   /* the proxy is asked once more, on a new connection */
void reach_through(struct reach *r); /* the stream is the target's from here on */

bool reach_by_socks(const struct reach *r);
void reach_ask_proxy(struct reach *r);
/* Bytes from the proxy; what it takes of them is consumed. r may be gone afterwards. */
void reach_proxy_said(struct reach *r, uint8_t *p, size_t n);
void reach_proxy_gone(struct reach *r, enum err why); /* it has ended the connection */

#endif
