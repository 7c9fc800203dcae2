/* A scripted server on a unix socket, on the test's own loop. */
#ifndef TESTS_UNIT_ADMIN_CLIENT_HELP_H
#define TESTS_UNIT_ADMIN_CLIENT_HELP_H

#include "tests/support/net.h"

#include "core/base/buf.h"
#include "core/net/listener.h"

#define CRLF "\r\n"
#define OK "HTTP/1.1 200 OK" CRLF
#define TWO OK "Content-Length: 2" CRLF CRLF "{}"
#define CHUNKS OK "Transfer-Encoding: chunked" CRLF CRLF
#define NO_CONTENT "HTTP/1.1 204 No Content" CRLF CRLF

/* Answers each request with the next text, the first `cut` bytes of it first; without one it hangs
 * up. */
struct scripted_server {
    struct listener *listener;
    struct stream *stream;
    struct buf in;
    char requests[2000]; /* first lines */
    const char *const *answers;
    const char *out; /* what is still to be sent */
    size_t left, cut;
    bool closes; /* after each answer */
    int accepted;
    struct deferred pump;
};
extern struct scripted_server server;

#define ANSWERS(...) ((const char *const[]){__VA_ARGS__, NULL})

/* At in_dir("s"); the answers must outlive it. */
void serve(const char *const *answers);
void stop_serving(void);
/* Hangs up. */
void server_drop(void);

#endif
