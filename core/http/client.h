/* The client's side of one HTTP/1.1 connection (RFC 9112): one request at a time, its answer whole
 * or line by line, the connection kept for the next one. The owner makes the
 * connections, so this client knows neither names nor TLS.
 *
 * A server may close a connection that it kept just when it is used again. A repeatable request is
 * then sent once more over a new connection, provided that nothing of an answer has come. Other
 * requests are never sent over a connection that was kept. */
#ifndef CORE_HTTP_CLIENT_H
#define CORE_HTTP_CLIENT_H

#include "core/http/http.h"
#include "core/net/loop.h"
#include "core/net/stream.h"

struct http_client;

/* Why a request gets no answer. */
enum http_loss {
    HTTP_LOSS_CONNECTION, /* the connection could not be made, or broke; `why` tells */
    HTTP_LOSS_DIAL_LATE,  /* the connection was not made in time */
    HTTP_LOSS_LATE,       /* nothing more of an answer came in time */
    HTTP_LOSS_HUNG_UP,    /* the server closed without an answer, or between requests */
    HTTP_LOSS_CUT_OFF,    /* the server closed in the middle of an answer */
    HTTP_LOSS_ENDED,      /* the server ended the lines in order */
    HTTP_LOSS_MALFORMED,  /* the server sent something that is not HTTP */
    HTTP_LOSS_TOO_LARGE,  /* the answer, or a line of it, is too large */
    HTTP_LOSS_UNASKED,    /* the server sent bytes between requests */
    HTTP_LOSS_COUNT
};

struct http_client_options {
    size_t max_head, max_body; /* bytes of an answer */
    size_t max_line;           /* bytes of a line */
    uint64_t timeout_ms; /* milliseconds for the connection and for each silence in an answer */
    /* timeout_ms is for all from the request to the answer; there is no limit between lines. */
    bool timeout_is_for_all;
};

struct http_client_events {
    /* Makes a connection and then calls http_client_connected or http_client_unreached, but not
     * from inside. False: no memory. */
    bool (*connect)(void *owner);
    /* The connection that is being made is no longer wanted. */
    void (*abandon)(void *owner);
    /* The answer to the request at hand. Both live until this returns; the body may be taken away
     * (leave it zeroed). The next request may be made from inside or later. */
    void (*answer)(void *owner, const struct http_head *head, struct buf *body);
    /* One line of an answer that is read by lines, without its end; empty lines are left out. May
     * be NULL. */
    void (*line)(void *owner, struct span line);
    /* The request at hand will not be answered, or, without one, a connection that was kept is
     * over. text: what happened, with HTTP_LOSS_CONNECTION. */
    void (*lost)(void *owner, enum http_loss loss, enum err why, const char *text);
};

/* NULL: no memory. */
struct http_client *http_client_new(struct loop *loop, const struct http_client_options *options,
                                    const struct http_client_events *events, void *owner);
void http_client_free(struct http_client *c); /* NULL is fine; allowed in any event */

enum http_asking {
    /* May be sent twice when it is unknown whether the first one had an effect. */
    HTTP_REPEATABLE = 1,
    HTTP_LINES = 2 /* an answer 200 is endless and is told line by line */
};
/* Sends a whole request (core/http/request.h). Its bytes are taken over, and wiped when it is over;
 * an empty buffer is a request that is lost for want of memory. There is one request at a time:
 * false while another is unanswered. Events come later, never from inside. */
bool http_client_ask(struct http_client *c, struct buf *request, unsigned how);
bool http_client_busy(const struct http_client *c); /* a request is unanswered */
/* Closes the connection. A request at hand will not be answered, and no event tells so. */
void http_client_rest(struct http_client *c);
/* Milliseconds, from the next request on. */
void http_client_timeout(struct http_client *c, uint64_t ms);
/* Gives up the connection, on which the request at hand got no answer: a repeatable one is sent
 * once more over a new connection if this one had been kept, any other is lost (HTTP_LOSS_LATE). */
void http_client_renew(struct http_client *c);
/* The connection, to be looked at only; NULL: there is none. */
const struct stream *http_client_stream(const struct http_client *c);
/* Takes the kept connection away: the stream is the caller's, and has no bytes of an answer left.
 * Allowed inside `answer`. NULL: there is none that another request could go over. */
struct stream *http_client_take(struct http_client *c);

void http_client_connected(struct http_client *c, struct stream *s); /* takes s over */
void http_client_unreached(struct http_client *c, enum err why, const char *text);

#endif
