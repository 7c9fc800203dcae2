/* For tests of core/net: a loop that never waits for ever, an owner that writes down what it is
 * told, plain sockets as the other side, and names that resolve as a test wants. */
#ifndef TESTS_SUPPORT_NET_H
#define TESTS_SUPPORT_NET_H

#include "core/net/socket.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

extern struct loop *loop;
extern uv_timer_t watchdog, tick;
void on_watchdog(uv_timer_t *t);
#define WATCHDOG_MS 90000 /* how long a condition may take; nothing waits so when all is well */
int loop_begin(void **state);
int loop_end(void **state);
void on_tick(uv_timer_t *t);

/* What a test with a clock of its own does behind each turn. */
#ifndef EACH_TURN

#define EACH_TURN() ((void)0)

#endif

/* Turns the loop until it is so. One turn may wait for an event after the condition came true, but
 * not longer than the tick. */
#define UNTIL(condition)                                                                           \
    do {                                                                                           \
        uv_update_time(loop_uv(loop));                                                             \
        uv_timer_start(&watchdog, on_watchdog, WATCHDOG_MS, 0);                                    \
        uv_timer_start(&tick, on_tick, 1, 1);                                                      \
        while (!(condition)) {                                                                     \
            uv_run(loop_uv(loop), UV_RUN_ONCE);                                                    \
            EACH_TURN();                                                                           \
        }                                                                                          \
        uv_timer_stop(&tick);                                                                      \
    } while (0)

/* Lets the loop run for a while: for showing that something does not come. */
void pass(uint64_t ms);
int turns_in(uint64_t ms);

/* ---- an owner ---- */

struct probe {
    struct stream *stream; /* NULL: closed */
    int opened, readable, writable, failed;
    enum err why, end; /* of failed; of what peek and pull said */
    uint8_t *got;      /* what `drain` took */
    size_t size, room, limit;
    bool inside; /* an event is being told */
    void (*on_readable)(struct probe *p);
    void (*on_writable)(struct probe *p);
    void (*on_failed)(struct probe *p);
};

void probe_readable(void *owner);
void probe_writable(void *owner);
void probe_failed(void *owner, enum err why);
extern const struct stream_events probe_events;
void probe_own(struct probe *p, struct stream *s);
void probe_close(struct probe *p);
void probe_keep(struct probe *p, const uint8_t *bytes, size_t n);

/* As on_readable: takes what is there; at the end, switches reading off. */
void drain(struct probe *p);

/* ---- plain sockets ---- */

enum kind { UNIX_PAIR, TCP_PAIR, KINDS };

/* fds[0] for a stream, fds[1] (blocking) for the test. */
void make_pair(enum kind kind, int fds[2]);

/* A probe on one end; returns the other. */
int probe_pair(enum kind kind, struct probe *p);
void say(int fd, const void *bytes, size_t n);

/* Closes so that the other side is reset (TCP), not only ended. */
void reset(int fd);

/* Connects without waiting; the loop of this very thread has to accept. */
int connect_tcp(const char *host, int port);
struct sockaddr_un unix_address(const char *path);
int connect_unix(const char *path);

/* Something has come, or the end, within some seconds. */
bool stirs(int fd);

/* ---- names ---- */

/* A semaphore that holds the resolver's answer back until a test lets it go; NULL: at once. */
extern uv_sem_t *resolver_gate;
extern int names_begun, names_resolved;
bool have_ipv6(void);

/* ---- a directory for sockets ---- */

extern char work_dir[64];
int dir_begin(void **state);
const char *in_dir(const char *name);
int dir_end(void **state);

#endif
