/* The server's side of an HTTP connection, over sockets whose other end the test holds. Timeouts
 * are by the test's own clock: a turn of the loop is a millisecond, however long it takes. */
#ifndef TESTS_UNIT_HTTP_SERVER_HELP_H
#define TESTS_UNIT_HTTP_SERVER_HELP_H

#include "tests/support/clock.h"

#define EACH_TURN() (now_ms++, fire_timers())
#include "tests/support/net.h"

#include "core/http/server.h"

#define CRLF "\r\n"
#define HOST "Host: a" CRLF
#define SHORT_MS 60

/* Lets this time pass, in which something may come or not. */
void spend(uint64_t ms);

/* ---- an owner, and its client ---- */

struct desk {
    struct http_conn *conn; /* NULL: freed, or its stream taken */
    struct stream *taken;
    int fd; /* the client's; -1: closed */
    int heads, requests, bads, closes;
    char asked[400]; /* method, target and body of the last request */
    int status;      /* of the last bad one */
    char text[200], why[200];
    uint8_t *got; /* what the client received */
    size_t size;
    bool ended, was_reset;
    /* How the owner behaves. */
    bool later, close, answer_at_head, free_at_head, free_at_request, free_at_bad, take_at_head;
    bool own_words;
    const char *headers;
    struct span body; /* in place of `asked` */
};

void answer(struct desk *d);
void drop(struct desk *d);
void on_request(void *owner, const struct http_head *head, struct span body);
void on_closed(void *owner, const char *why);
void open_desk(struct desk *d, enum kind kind, const struct http_conn_options *o);
void close_desk(struct desk *d);
void ask(struct desk *d, const char *text);

/* What is there now, up to n bytes. */
bool receive(struct desk *d, size_t n);
bool has_come(struct desk *d, size_t n);

/* Exactly this text comes next, after what was looked at before. */
void assert_reply(struct desk *d, const char *text);
void assert_end(struct desk *d);
void assert_closed(struct desk *d, const char *why);

#define OK_LINES "HTTP/1.1 200 OK" CRLF "Content-Type: text/plain" CRLF
#define NO_STORE "Cache-Control: no-store" CRLF
#define CLOSE "Connection: close" CRLF

/* The answer to a request that the desk echoes. */
const char *reply(const char *body, const char *connection);
const char *refusal(int status, const char *text);

/* ---- time ---- */

extern const struct http_conn_options impatient;

#endif
