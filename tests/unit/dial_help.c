#include "tests/unit/dial_help.h"

/* ---- outcomes ---- */

static void on_done(void *owner, struct stream *s, enum err why)
{
    struct call *c = owner;
    assert_non_null(c->dial); /* dial_start has returned */
    c->dial = NULL;
    c->done++;
    c->why = why;
    assert_int_equal(s != NULL, why == ERR_OK);
    if (s != NULL)
        probe_own(&c->probe, s);
}

void start(struct call *c, struct dial_options options)
{
    *c = (struct call){.done = 0};
    c->dial = dial_start(loop, &options, on_done, c);
    assert_non_null(c->dial);
    assert_int_equal(c->done, 0);
}

enum err outcome(struct call *c)
{
    UNTIL(c->done > 0);
    assert_int_equal(c->done, 1);
    return c->why;
}

enum err failure(struct dial_options options)
{
    struct call c;
    start(&c, options);
    enum err why = outcome(&c);
    assert_null(c.probe.stream);
    pass(5); /* a second `done` would come now */
    assert_int_equal(c.done, 1);
    return why;
}

void assert_cancelled(struct call *c)
{
    dial_cancel(c->dial);
    pass(5);
    assert_int_equal(c->done, 0);
}

/* ---- servers ---- */

static int bind_tcp(const char *host, int port)
{
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    assert_true(fd >= 0);
    inet_pton(AF_INET, host, &a.sin_addr);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    return fd;
}

int port_of(int fd)
{
    struct sockaddr_in a;
    socklen_t n = sizeof a;
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &n), 0);
    return ntohs(a.sin_port);
}

int serve_tcp(const char *host)
{
    int fd = bind_tcp(host, 0);
    assert_int_equal(listen(fd, 8), 0);
    return fd;
}

int closed_port(int *fd)
{
    *fd = bind_tcp("127.0.0.1", 0);
    return port_of(*fd);
}

struct stuffed stuff(void)
{
    struct stuffed s = {.server = bind_tcp("127.0.0.1", 0)};
    struct sockaddr_in a;
    socklen_t n = sizeof a;
    assert_int_equal(listen(s.server, 0), 0);
    getsockname(s.server, (struct sockaddr *)&a, &n);
    for (int i = 0; i < 4; i++) {
        s.clients[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        connect(s.clients[i], (struct sockaddr *)&a, sizeof a);
    }
    return s;
}

void unstuff(struct stuffed *s)
{
    for (int i = 0; i < 4; i++)
        close(s->clients[i]);
    close(s->server);
}

void assert_connected(struct call *c, int server)
{
    char got[4] = "";
    int fd = accept(server, NULL, NULL);
    assert_true(fd >= 0);
    c->probe.on_readable = drain;
    stream_read_on(c->probe.stream, true);
    assert_true(stream_write(c->probe.stream, (const uint8_t *)"ask", 3));
    assert_int_equal(read(fd, got, 3), 3);
    assert_string_equal(got, "ask");
    say(fd, "answer", 6);
    UNTIL(c->probe.size == 6);
    assert_memory_equal(c->probe.got, "answer", 6);
    assert_int_equal(c->probe.opened, 0);
    close(fd);
    probe_close(&c->probe);
}
