/* For the targets that feed a session: the session, a transport that takes everything, and local
 * sides with something to read. Included by one file each. */
#ifndef TESTS_FUZZ_FAR_END_H
#define TESTS_FUZZ_FAR_END_H

#include "core/base/buf.h"
#include "core/base/log.h"
#include "core/net/socket.h"
#include "core/tunnel/session_internal.h"
#include "core/ws/frame.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SOCKETS 8

static struct loop *loop;
static struct session *session;
static int fds[SOCKETS];
static size_t n_fds;
static bool broken;

static void check(bool holds)
{
    if (!holds)
        abort();
}

static bool ready(void *ctx)
{
    (void)ctx;
    return true;
}

static bool send_message(void *ctx, uint8_t *p, size_t n)
{
    (void)ctx;
    memset(p - WS_HEADER_MAX, 0xee, WS_HEADER_MAX + n);
    return true;
}

static void resume(void *ctx)
{
    (void)ctx;
}

static void on_broken(void *owner, enum err why, const char *text)
{
    (void)owner;
    check(why != ERR_OK && text != NULL);
    broken = true;
    session_lost(session);
}

static void on_ended(void *owner, struct conn *c, const struct conn_stats *stats)
{
    (void)owner, (void)c, (void)stats;
}

static const struct conn_events conn_events = {.ended = on_ended};

/* Something to read lies there already, and its end. */
static void attach(struct conn *c)
{
    int pair[2];
    check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) == 0);
    check(write(pair[1], "0123456789", 10) == 10);
    shutdown(pair[1], SHUT_WR);
    fds[n_fds++] = pair[1];
    struct stream *s = stream_from_fd(loop, pair[0]);
    check(s != NULL);
    conn_attach(c, s);
}

/* Gives the input in pieces of `step` bytes; after each of them the target's own turn(). */
static void turn(void);
static void feed(const uint8_t *data, size_t size, size_t step)
{
    uint8_t *piece = malloc(step);
    check(piece != NULL);
    for (size_t at = 0; at < size && !broken;) {
        size_t n = size - at < step ? size - at : step;
        memcpy(piece, data + at, n);
        size_t taken = session_input(session, piece, n);
        check(taken <= n);
        turn();
        if (taken == 0 && session_stalled(session))
            break;
        at += taken;
    }
    free(piece);
}

#endif
