
#ifndef TESTS_UNIT_DIAL_HELP_H
#define TESTS_UNIT_DIAL_HELP_H

#include "core/net/address.h"
#include "core/net/dial.h"
#include "core/net/uv_error.h"
#include "tests/support/net.h"

/* ---- outcomes ---- */

struct call {
    struct probe probe;
    struct dial *dial;
    int done;
    enum err why;
};

void start(struct call *c, struct dial_options options);
enum err outcome(struct call *c);

/* Dials what must fail. */
enum err failure(struct dial_options options);
void assert_cancelled(struct call *c);

/* ---- servers ---- */

int port_of(int fd);
int serve_tcp(const char *host);

/* A port on which nobody listens, and nobody will while fd is open. */
int closed_port(int *fd);

/* A server whose queue is full: further connects get no answer. */
struct stuffed {
    int server, clients[4];
};

struct stuffed stuff(void);
void unstuff(struct stuffed *s);

/* Both ends talk. */
void assert_connected(struct call *c, int server);

/* ---- addresses as text ---- */

#define NET_TEST(f) cmocka_unit_test_setup_teardown(f, loop_begin, loop_end)

#endif
