/* The client's side of one HTTP/1.1 connection (RFC 9112): one request at a time, its answer whole
 * or line by line, the connection kept for the next one. How a connection is made is the owner's
 * business, so this knows neither names nor TLS.
 *
 * A server may close a connection that it kept just when it is used again. A request that is
 * repeatable is then sent once more over a new one, provided that nothing of an answer has come;
 * one that is not is never sent over a connection that was kept. */
#ifndef CORE_HTTP_CLIENT_H
#define CORE_HTTP_CLIENT_H

#include "core/http/http.h"
#include "core/net/loop.h"
#include "core/net/stream.h"

struct http_client;

/* What keeps an answer from coming. */
enum http_loss {
    HTTP_LOSS_CONNECTION, /* the connection could not be made, or broke: `why` tells */
    HTTP_LOSS_DIAL_LATE,  /* it was not made in time */
    HTTP_LOSS_LATE,       /* nothing more of an answer came in time */
    HTTP_LOSS_HUNG_UP,    /* the server ended it without an answer; also between requests */
    HTTP_LOSS_CUT_OFF,    /* in the middle of an answer */
    HTTP_LOSS_ENDED,      /* it ended the lines, in order */
    HTTP_LOSS_MALFORMED,  /* what came is not HTTP */
    HTTP_LOSS_TOO_LARGE,  /* the answer, or a line of it */
    HTTP_LOSS_UNASKED,    /* it spoke between requests */
    HTTP_LOSS_COUNT
};

struct http_client_options {
    size_t max_head, max_body; /* bytes of an answer */
    size_t max_line;           /* bytes of a line */
    uint64_t timeout_ms;       /* for the connection and for each silence in an answer, */
    bool timeout_is_for_all;   /* or for all from the asking to the answer; not between lines */
};

struct http_client_events {
    /* Make a connection, and then call http_client_connected or http_client_unreached, not from
     * inside. False: no memory. */
    bool (*connect)(void *owner);
    /* The connection that is being made is not wanted any more. */
    void (*abandon)(void *owner);
    /* The answer to the request at hand; both live until this returns, the body may be taken away
     * (leave it zeroed). Ask again from inside or later. */
    void (*answer)(void *owner, const struct http_head *head, struct buf *body);
    /* A line of an answer that is read so, without its end; empty ones are left out. May be NULL.
     */
    void (*line)(void *owner, struct span line);
    /* The request at hand will not be answered, or, with none at hand, a connection that was kept
     * is over. text: of HTTP_LOSS_CONNECTION, what happened. */
    void (*lost)(void *owner, enum http_loss loss, enum err why, const char *text);
};

/* NULL: no memory. */
struct http_client *http_client_new(struct loop *loop, const struct http_client_options *options,
                                    const struct http_client_events *events, void *owner);
void http_client_free(struct http_client *c); /* NULL is fine; allowed in any event */

enum http_asking {
    HTTP_REPEATABLE = 1, /* twice is as good as once, should nobody know whether it was done */
    HTTP_LINES = 2       /* an answer 200 has no end and is told line by line */
};
/* Sends a request, whole (core/http/request.h), whose bytes are taken over, and wiped when it is
 * over; an empty one is lost for want of memory. One at a time: false while another is unanswered.
 * Events come later, never from inside. */
bool http_client_ask(struct http_client *c, struct buf *request, unsigned how);
bool http_client_busy(const struct http_client *c); /* a request is unanswered */
/* Ends the connection; what was asked will not be answered, and no event tells so. */
void http_client_rest(struct http_client *c);
void http_client_timeout(struct http_client *c, uint64_t ms); /* from the next request on */

void http_client_connected(struct http_client *c, struct stream *s); /* takes it over */
void http_client_unreached(struct http_client *c, enum err why, const char *text);

#endif
