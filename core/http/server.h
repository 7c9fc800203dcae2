/* The server's side of one HTTP/1.1 connection (RFC 9112): reads requests one after the other, with
 * keep-alive and pipelining, gathers each one's body up to a limit, and writes the owner's answers.
 * The owner may answer at once or later; the next request is not read before. The owner may also
 * take the stream over at a request's head (an upgrade). A client that is too slow gets an error
 * and is dropped. */
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
    /* Milliseconds from the beginning of a request (for the first one: from http_conn_new) to its
     * last byte; 0: 10,000. */
    uint64_t request_ms;
    uint64_t idle_ms; /* milliseconds between requests; 0: 30,000 */
};

struct http_conn_events {
    /* A head has come. True: the body is to be gathered, and `request` follows. False: the owner
     * has answered, taken the stream, or freed the connection inside this call. May be NULL: always
     * true. */
    bool (*head)(void *owner, const struct http_head *head);
    /* A whole request; its views live until it is answered. The owner answers it with
     * http_conn_answer, now or later. */
    void (*request)(void *owner, const struct http_head *head, struct span body);
    /* The request cannot be accepted; `status` and `text` say why (400, 408, 411 for a body without
     * Content-Length, 413, 431, …). `head` is NULL when the head itself is wrong. The owner answers
     * it like a request; the connection is closed then. NULL: http_conn_refuse answers it. */
    void (*bad)(void *owner, const struct http_head *head, int status, const char *text);
    /* The connection is over: this is the last event, and the owner calls http_conn_free. why: a
     * few words. */
    void (*closed)(void *owner, const char *why);
};

/* Takes the stream over (open, TLS handshake done). NULL: no memory; the stream is closed. Answers
 * are copied, since a stream with a pending write would point to the owner's memory
 * (net/stream.h). */
struct http_conn *http_conn_new(struct loop *loop, struct stream *s,
                                const struct http_conn_options *options,
                                const struct http_conn_events *events, void *owner);
/* Closes the connection; NULL is fine; allowed in any event. */
void http_conn_free(struct http_conn *c);

/* Answers the request at hand (copied; an answer of more than max_answer bytes becomes a 500); does
 * nothing without one. No event comes from inside. HEAD gets no body. The connection goes on when
 * request and answer allow it and the body was read; else it is closed after the answer has
 * arrived. Until then unread bytes are thrown away, so that no reset overtakes the answer, for 2 s
 * at most. A client that takes nothing of its answer for request_ms is dropped. */
#define HTTP_ANSWER_MAX 1048576
void http_conn_answer(struct http_conn *c, const struct http_response *a);
/* Answers with that text (up to 398 bytes) and a line end as text/plain, and takes no further
 * request. */
void http_conn_refuse(struct http_conn *c, int status, const char *text);

/* As long as a request is at hand, and in `request`: the end of the client's bytes ends the
 * connection (`closed`), though a client that only ends its own side could still take an answer.
 * For answers that may take long, and cost something. A client that sends its next request already
 * is there, and is watched no more. */
void http_conn_watch(struct http_conn *c);

/* In `head`, or as long as a request is at hand: gives the stream back, with the unread bytes after
 * the head (in `head`) or after the request, reading off, and frees c. The caller sets its events
 * at once. The request's views die with c. */
struct stream *http_conn_take(struct http_conn *c);

const char *http_conn_name(const struct http_conn *c); /* the client, as in stream->name */

#endif
