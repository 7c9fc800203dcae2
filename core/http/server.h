/* The server's side of one HTTP/1.1 connection (RFC 9112): reads requests one after the other, with
 * keep-alive and pipelining, gathers each one's body up to a limit, and writes the owner's answers.
 * The owner may answer at once or later; the next request is not read before. It may also take the
 * stream over at a request's head (an upgrade). Who is slow is told so, and dropped. */
#ifndef CORE_HTTP_SERVER_H
#define CORE_HTTP_SERVER_H

#include "core/http/http.h"
#include "core/http/response.h"
#include "core/net/loop.h"
#include "core/net/stream.h"

struct http_conn;

struct http_conn_options {
    size_t max_head, max_body; /* bytes; 0: 16,384 and 65,536 */
    size_t max_answer;         /* bytes of an answer's type, headers and body; 0: HTTP_ANSWER_MAX */
    uint64_t request_ms;       /* from the begin (for the first request: from http_conn_new) to the
                                  last byte of a request; 0: 10,000 */
    uint64_t idle_ms;          /* between requests; 0: 30,000 */
};

struct http_conn_events {
    /* A head has come. True: gather its body, `request` follows. False: the owner answered, took
     * the stream, or freed the connection in here. May be NULL: always true. */
    bool (*head)(void *owner, const struct http_head *head);
    /* A whole request; views live until it is answered. Answer it with http_conn_answer, now or
     * later. */
    void (*request)(void *owner, const struct http_head *head, struct span body);
    /* The request cannot be taken: err_http(why) fits (400 ERR_PROTOCOL, 408 ERR_SILENT, 413 or 431
     * ERR_TOO_LARGE, 411 for a body without Content-Length, ...). `head` is NULL when it is the
     * head that is wrong. Answer it like a request; the connection is closed then. NULL: it is
     * answered by http_conn_refuse. */
    void (*bad)(void *owner, const struct http_head *head, int status, const char *text);
    /* It is over: the last event; call http_conn_free. why: a few words. */
    void (*closed)(void *owner, const char *why);
};

/* Takes the stream over (open, TLS handshake done). NULL: no memory; the stream is closed. The
 * stream may point to the owner's memory after a pending write (net/stream.h), so answers are
 * copied here. */
struct http_conn *http_conn_new(struct loop *loop, struct stream *s,
                                const struct http_conn_options *options,
                                const struct http_conn_events *events, void *owner);
void http_conn_free(struct http_conn *c); /* closes it; NULL is fine; allowed in any event */

/* Answers the request at hand (copied; more than max_answer bytes become a 500); without one
 * at hand it does nothing. No event comes from inside. HEAD gets no body. The connection goes on
 * when request and answer want it to, and the body was read; else it is closed after the answer
 * arrived (unread bytes are thrown away until then, so that no reset overtakes it; for 2 s at
 * most). A client that takes nothing of its answer for request_ms is dropped. */
#define HTTP_ANSWER_MAX 1048576
void http_conn_answer(struct http_conn *c, const struct http_response *a);
/* The same with that text (up to 398 bytes) and a line end as text/plain, for the last time. */
void http_conn_refuse(struct http_conn *c, int status, const char *text);

/* In `head`, or as long as a request is at hand: gives the stream back, with what follows the head
 * (in `head`) or the request unread in it, reading off, and frees c. Set its events at once. The
 * request's views die with c. */
struct stream *http_conn_take(struct http_conn *c);

const char *http_conn_name(const struct http_conn *c); /* the client, as stream->name */

#endif
