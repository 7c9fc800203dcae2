/* One end of a native session against scripted frames: what it says, what it believes, and what it
 * does not put up with. */
#ifndef TESTS_UNIT_NATIVE_HELP_H
#define TESTS_UNIT_NATIVE_HELP_H

#include "core/base/buf.h"
#include "core/base/log.h"
#include "core/net/socket.h"
#include "core/tunnel/session_internal.h"
#include "core/ws/frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define CHUNK 16128 /* bytes in one DATA */

struct end {
    struct session *session;
    struct buf wire; /* sent by it */
    bool full;
    enum err broken;
    int services, reachable, incoming, answers, ended;
    enum err answer, ended_why;
    struct conn *conn; /* the last incoming one */
    bool hold, refuse;
    enum err refusal;
    int fd; /* the far side of the socket that the last incoming connection was given */
};

extern struct loop *loop;
extern struct end e;
extern uint32_t epoch;
extern const struct conn_events conn_events;
struct stream *pair(int *fd);

/* ---- the script ---- */

void spin(void);
void give(struct frame f);

/* Takes the next frame that it sent. */
bool sent(struct frame *f);
struct frame expect(int type, uint32_t connection);
void expect_nothing(void);
void peer(const char *protocol, const char *instance);
void give_services(void);
void attach(void);

/* The far end's last RESUME; begun: the last connection id that it has seen. */
void far_resumes(uint32_t begun);

/* Both have met: what comes next is a connection's. */
void begin_with(struct session_options o);
void begin(enum session_role role);
void finish(void);

int setup(void **state);
int teardown(void **state);

/* ---- the script ---- */

struct conn *open_conn(void);
void give_data(uint32_t connection, size_t n);
void start(uint32_t connection);
void credit(uint32_t connection, uint64_t received, uint32_t window, bool fin);
void say(int fd, const char *text);

#endif
