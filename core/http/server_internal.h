/* Private to core/http: one connection of a server, which server.c begins, answers and ends, and
 * whose requests server_receive.c reads. */
#ifndef CORE_HTTP_SERVER_INTERNAL_H
#define CORE_HTTP_SERVER_INTERNAL_H

#include "core/http/server.h"

enum conn_state {
    CONN_IDLE,      /* between requests */
    CONN_HEAD,      /* a head is coming */
    CONN_BODY,      /* its body is coming */
    CONN_ASKED,     /* an answer is due; nothing is read */
    CONN_ANSWERING, /* it is being written, another request may follow; nothing is read */
    CONN_LAST,      /* the last one is being written; what comes is thrown away */
    CONN_LEAVING,   /* it has been written; what comes is thrown away */
    CONN_OVER       /* `closed` was told, or will be in a moment */
};

struct http_conn {
    struct loop *loop;
    struct stream *stream;
    struct http_conn_options o;
    const struct http_conn_events *events;
    void *owner;
    enum conn_state state;
    struct timer *timer;
    struct deferred ending;     /* tells `closed` outside of the owner's calls */
    const char *why;            /* for it */
    struct http_reader *reader; /* of the request at hand; NULL between requests */
    struct buf body;
    size_t left;    /* bytes of the body to come */
    bool bad;       /* the request at hand cannot be taken */
    struct buf out; /* the answer at hand, less what was written */
    size_t pending; /* at its front, in the stream's hands */
};

/* The head of the request at hand; NULL: not complete. */
static inline const struct http_head *conn_head(const struct http_conn *c)
{
    return c->reader != NULL ? http_reader_head(c->reader) : NULL;
}

/* Tells `closed`, once: c may be gone afterwards, as after every event. */
void conn_over(struct http_conn *c, const char *why);
/* Neither time nor bytes matter until the owner has answered. */
void conn_rest(struct http_conn *c);

/* The stream's and the timer's events, server_receive.c. */
void conn_readable(void *owner);
void conn_timeout(void *owner);

#endif
