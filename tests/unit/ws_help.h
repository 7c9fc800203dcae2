/* core/ws: WebSockets over a socket pair with a scripted peer. */
#ifndef TESTS_UNIT_WS_HELP_H
#define TESTS_UNIT_WS_HELP_H

#include "core/base/buf.h"
#include "core/net/socket.h"
#include "core/ws/ws.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

void assert_bytes(const struct buf *b, const void *p, size_t n);

enum moment { NEVER, IN_DATA, IN_MESSAGE_END, IN_WRITABLE, IN_PONG, IN_CLOSED };

/* Owner of the WebSocket under test, and the scripted peer at the other end. */
struct side {
    struct loop *loop;
    struct ws *ws;
    int fd; /* the peer's */

    struct buf got;  /* payload; a '|' after each message */
    size_t appetite; /* most that `data` takes at once; 0: everything */
    size_t room;     /* how much it takes before it wants a ws_resume */
    struct deferred feed;
    unsigned pauses, writables, pongs;
    struct buf pong;
    enum moment free_at, close_at, pause_at;

    bool closed;
    enum err why;
    int code;
    char text[600];

    struct buf peer; /* what the peer has received and not looked at */
};

bool at(struct side *s, enum moment moment);
void feed(void *owner);
extern const struct ws_events events;
void begin(struct side *s, bool client);
void end(struct side *s);

/* One turn of the loop, and then the peer takes what there is (unless its buffer is full). */
void turn(struct side *s, bool peer_reads);

/* Turns until `condition` holds: bounded, so that what never comes fails the test. */
#define UNTIL(s, condition)                                                                        \
    do {                                                                                           \
        for (unsigned turns_ = 0; !(condition); turns_++) {                                        \
            if (turns_ > 200000)                                                                   \
                fail_msg("never: %s", #condition);                                                 \
            turn((s), true);                                                                       \
        }                                                                                          \
    } while (0)

void settle(struct side *s);
void peer_raw(struct side *s, const void *p, size_t n);

/* Appends a frame as the peer of `client` sends it. */
void add_frame(struct buf *b, bool client, bool fin, enum ws_opcode op, const void *p, size_t n);

void peer_frame(struct side *s, bool client, bool fin, enum ws_opcode op, const void *p, size_t n);

/* Takes the next frame out of what the peer has received, waiting for it. */
void peer_expect(struct side *s, bool client, enum ws_opcode op, const void *p, size_t n);

/* Sends until the stream takes no more, from two buffers in turn; returns how many were sent. */
size_t fill(struct side *s, uint8_t *frame, size_t n);

#endif
