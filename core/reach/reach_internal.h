/* Private to core/reach: the steps to the target (reach.c), and the dialogue with a proxy on the
 * way (reach_proxy.c). */
#ifndef CORE_REACH_REACH_INTERNAL_H
#define CORE_REACH_REACH_INTERNAL_H

#include "core/http/http.h"
#include "core/http/login.h"
#include "core/net/lookup.h"
#include "core/reach/reach.h"
#include "core/reach/socks5.h"

#define REACH_REQUEST_MAX 16384 /* bytes of a request to the proxy */
#define REACH_ANSWER_MAX 32768  /* bytes of an answer's head */

enum reach_step { LOOKING_UP, DIALLING, PROXY_TLS, PROXY_ANSWER, TARGET_TLS };

struct reach {
    struct loop *loop;
    struct reach_target target;
    const struct reach_events *events;
    void *owner;
    enum reach_step step;
    struct lookup *lookup;
    struct addresses addresses; /* socks5://: the target's addresses */
    size_t next;                /* index of the next address to try */
    struct dial *dial;
    struct stream *stream; /* from the dial's end on */
    struct buf request;
    struct http_reader *answer;
    struct login login; /* the challenge that the proxy sent last */
    unsigned asked;     /* how often the proxy was asked */
    bool shown[3];      /* by kind of login: the proxy has seen it; [NONE] is meaningless */
    struct socks5 socks;
    struct reach_memory own; /* used when the owner has none */
    struct reach_failure failure;
    /* The text of the failure. A text that begins with a blank follows the proxy's name. */
    char text[300];
};

bool reach_by_socks(const struct reach *r);

/* What the dialogue with the proxy (reach_proxy.c) needs next. */
enum proxy_next {
    PROXY_WAIT,
    PROXY_SEND,    /* r->request is to be sent */
    PROXY_AGAIN,   /* the proxy is asked once more, on a new connection */
    PROXY_THROUGH, /* the stream is the target's from here on */
    PROXY_FAILED   /* the reach ends with r->failure */
};
enum proxy_next reach_ask_proxy(struct reach *r);
/* Takes bytes from the proxy, and consumes those that belong to the dialogue. */
enum proxy_next reach_proxy_said(struct reach *r, uint8_t *p, size_t n);
enum proxy_next reach_proxy_gone(struct reach *r, enum err why); /* the proxy has closed */

#endif
