/* Sessions: two ends joined by a small in-memory hub (V1 to V3), and one end against scripted
 * frames. */
#ifndef TESTS_UNIT_SESSION_HELP_H
#define TESTS_UNIT_SESSION_HELP_H

#include "core/base/buf.h"
#include "core/base/log.h"
#include "core/net/socket.h"
#include "core/tunnel/session.h"
#include "core/ws/frame.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define WIRE_MAX 400000

/* One direction of the pretended hub: messages are kept as bytes and handed on in pieces. */
struct end {
    struct session *session;
    struct end *peer; /* NULL: a script reads `wire` itself */
    struct buf wire;  /* sent by this end, not yet given to the peer */
    size_t room;      /* bytes that the transport takes before it is full */
    bool resume;
    enum err broken;
    size_t n_ids;
    /* destination */
    int service_fd; /* the far side of the socket that the last incoming connection was given */
    int incoming;
    bool refuse, hold;
    struct conn *held_conn;
    /* connections */
    int answers, ended;
    enum err answer, ended_why;
    struct conn_stats stats;
};

extern struct loop *loop;
extern const struct conn_events conn_events;
struct stream *pair(int *fd);
extern const struct session_events session_events;
void attach(struct end *e);
void attach_with(struct end *e, uint64_t stream_idle_ms);
void begin(struct end *e, enum session_role role, int version, size_t queue_limit);
void finish(struct end *e);

/* Gives e a frame as the far end would send it. */
void give(struct end *e, struct frame f);
void give_services(struct end *e, size_t n, const char *const *ids);
extern const char *const two[];

/* Takes the next frame that e sent; false when there is none. */
bool sent(struct end *e, struct frame *f);

void expect(struct end *e, int type, int32_t stream, const char *service, uint32_t connection);
void expect_nothing(struct end *e);
int setup(void **state);
int teardown(void **state);

/* ---- what goes over the wire ---- */

struct conn *open_conn(struct end *e, const char *service);

#endif
