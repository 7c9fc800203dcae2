/* Private to core/http: one connection of a server. server.c begins, answers and ends it, and
 * server_receive.c reads its requests. */
#ifndef CORE_HTTP_SERVER_INTERNAL_H
#define CORE_HTTP_SERVER_INTERNAL_H

#include "core/http/server.h"

enum conn_state {
    CONN_IDLE,  /* between requests */
    CONN_HEAD,  /* a head is coming */
    CONN_BODY,  /* the body is coming */
    CONN_ASKED, /* an answer is due; nothing is read, but the end (http_conn_watch) */
    /* An answer is being written, and another request may follow; nothing is read. */
    CONN_ANSWERING,
    CONN_LAST,    /* the last answer is being written; bytes that come are thrown away */
    CONN_LEAVING, /* the last answer has been written; bytes that come are thrown away */
    CONN_OVER     /* `closed` was told, or will be at once */
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
    const char *why;            /* the argument of `closed` */
    struct http_reader *reader; /* of the request at hand; NULL between requests */
    struct buf body;
    size_t left;    /* bytes of the body to come */
    bool bad;       /* the request at hand cannot be taken */
    struct buf out; /* the answer at hand, less what was written */
    size_t pending; /* bytes at its front that the stream is writing */
};

/* The head of the request at hand; NULL: it is not complete. */
static inline const struct http_head *conn_head(const struct http_conn *c)
{
    return c->reader != NULL ? http_reader_head(c->reader) : NULL;
}

/* Tells `closed`, once: c may be gone afterwards, as after every event. */
void conn_over(struct http_conn *c, const char *why);
/* Stops time and bytes from counting until the owner has answered. */
void conn_rest(struct http_conn *c);

/* The events of the stream and the timer (server_receive.c). */
void conn_readable(void *owner);
void conn_timeout(void *owner);

#endif
