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
    struct reach_failure failure;
    /* Of the failure. One that begins with a blank goes on with the proxy's name. */
    char text[300];
};

bool reach_by_socks(const struct reach *r);

/* What the proxy's side of the way (reach_proxy.c) wants done next. */
enum proxy_next {
    PROXY_WAIT,
    PROXY_SEND,    /* r->request */
    PROXY_AGAIN,   /* the proxy is asked once more, on a new connection */
    PROXY_THROUGH, /* the stream is the target's from here on */
    PROXY_FAILED   /* the reach ends with r->failure */
};
enum proxy_next reach_ask_proxy(struct reach *r);
/* Bytes from the proxy; what it takes of them is consumed. */
enum proxy_next reach_proxy_said(struct reach *r, uint8_t *p, size_t n);
enum proxy_next reach_proxy_gone(struct reach *r, enum err why); /* it has ended the connection */

#endif
