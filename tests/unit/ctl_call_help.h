/* gateway/ctl/call and reach: calls to a small server of ours, over TLS, straight and through a web
 * proxy. Everything is on one loop: while a call is waited for, the server works. */
#ifndef TESTS_UNIT_CTL_CALL_HELP_H
#define TESTS_UNIT_CTL_CALL_HELP_H

#include "tests/support/net.h"

#include "core/base/buf.h"
#include "core/http/http.h"
#include "core/net/listener.h"
#include "core/tls/tls.h"
#include "gateway/ctl/call.h"
#include "tests/support/certificates.h"

#define REQUEST "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nbody"
#define OK_HEAD "HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.1\r\n"
#define OK_ANSWER OK_HEAD "Content-Length: 2\r\n\r\n{}"

/* What one connection answers to its first, second, … request; it closes when there is no more. */
struct script {
    const char *answers[3];
    bool closes_after; /* the last one, and tells nobody */
    bool byte_by_byte, silent;
    size_t flood; /* this many more bytes */
};

struct server {
    struct listener *listener;
    struct identity *identity;
    struct stream *stream;
    struct http_reader *reader;
    struct buf out; /* what is still to be sent */
    const struct script *scripts;
    size_t n_scripts, accepted, requests, answered;
    bool proxy; /* speaks plain first */
    bool plain; /* greets like a server of another kind */
    const char *proxy_answer;
    char proxied[200];
    size_t flood;
    struct deferred pump;
};
extern struct server server;

extern struct trust *trust;
extern struct caller *caller;
int set_up(void **state);
int tear_down(void **state);

/* ---- calls ---- */

void make_caller(const struct upstream *proxy, uint64_t timeout_ms);

#define SERVE(...)                                                                                 \
    static const struct script scripts[] = {__VA_ARGS__};                                          \
    server.scripts = scripts;                                                                      \
    server.n_scripts = sizeof scripts / sizeof *scripts

extern struct call_answer answer;
extern char text[600];
enum err post(void);
void assert_answer(int status, const char *body);

void byte_by_byte(void **state);
int certs_begin(void **state);
int certs_end(void **state);

/* ---- web proxies ---- */

#define test(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
