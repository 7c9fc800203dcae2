/* The least that a hop can do, as the floor for scripts/bench: takes connections and passes their
 * bytes on, one connection for each, without TLS, framing, limits or a log.
 *
 *   chain PORT TO     listens on 127.0.0.1:PORT and connects to 127.0.0.1:TO, until a signal */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define BLOCK 65536
#define EVENTS 256

struct pair;

/* One of two sockets that belong together. */
struct side {
    struct pair *pair;
    int fd;
    bool ended;    /* its FIN was read */
    uint8_t *rest; /* what it has not taken of the other one's bytes, or NULL */
    size_t start, end;
};

struct pair {
    struct side sides[2];
    bool dead;
    struct pair *next_dead;
};

static int epoll;
static struct pair *dead;

static struct side *other(struct side *s)
{
    return s == &s->pair->sides[0] ? &s->pair->sides[1] : &s->pair->sides[0];
}

/* Edges only: every socket is told of once. */
static bool watch(int fd, void *ptr, uint32_t what)
{
    struct epoll_event event = {.events = what, .data.ptr = ptr};
    return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

static void end(struct pair *p)
{
    if (p->dead)
        return;
    p->dead = true;
    p->next_dead = dead;
    dead = p;
    for (size_t i = 0; i < 2; i++)
        close(p->sides[i].fd);
}

/* False: it has not taken all of it. */
static bool give(struct side *to, const uint8_t *p, size_t n)
{
    ssize_t done = write(to->fd, p, n);
    size_t taken = done > 0 ? (size_t)done : 0;
    if (taken == n)
        return true;
    if (done < 0 && errno != EAGAIN) {
        end(to->pair);
        return false;
    }
    if (to->rest == NULL && (to->rest = malloc(BLOCK)) == NULL)
        abort();
    memmove(to->rest, p + taken, n - taken);
    to->start = 0;
    to->end = n - taken;
    return false;
}

static void pass_on(struct side *from)
{
    static uint8_t block[BLOCK];
    struct side *to = other(from);
    while (!from->pair->dead && !from->ended && to->start == to->end) {
        ssize_t n = read(from->fd, block, sizeof block);
        if (n < 0 && errno == EAGAIN)
            return;
        if (n < 0) {
            end(from->pair);
        } else if (n == 0) {
            from->ended = true;
            shutdown(to->fd, SHUT_WR);
        } else if (!give(to, block, (size_t)n)) {
            return;
        } else if ((size_t)n < sizeof block) {
            return; /* an edge tells of more */
        }
    }
    if (from->ended && to->ended)
        end(from->pair);
}

static void writable(struct side *s)
{
    size_t n = s->end - s->start;
    if (n == 0)
        return;
    s->start = s->end = 0;
    if (give(s, s->rest, n))
        pass_on(other(s));
}

static void set_up(struct side *s, struct pair *p, int fd)
{
    int on = 1;
    *s = (struct side){.pair = p, .fd = fd};
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    watch(fd, s, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
}

static void begin(int fd, int port)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct pair *p = calloc(1, sizeof *p);
    int next = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (p == NULL || next < 0)
        abort();
    connect(next, (struct sockaddr *)&to, sizeof to);
    set_up(&p->sides[0], p, fd);
    set_up(&p->sides[1], p, next);
}

static void accept_all(int listener, int port)
{
    int fd;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0)
        begin(fd, port);
}

static int listen_on(int port)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&at, sizeof at) != 0 || listen(fd, 1024) != 0) {
        perror("chain");
        exit(1);
    }
    return fd;
}

static void handle(const struct epoll_event *event)
{
    struct side *s = event->data.ptr;
    if (s->pair->dead)
        return;
    if ((event->events & EPOLLOUT) != 0)
        writable(s);
    if (!s->pair->dead && (event->events & ~(uint32_t)EPOLLOUT) != 0)
        pass_on(s);
}

static void bury(void)
{
    while (dead != NULL) {
        struct pair *p = dead;
        dead = p->next_dead;
        free(p->sides[0].rest);
        free(p->sides[1].rest);
        free(p);
    }
}

int main(int argc, char **argv)
{
    struct epoll_event events[EVENTS];
    if (argc != 3) {
        fprintf(stderr, "usage: chain PORT TO\n");
        return 1;
    }
    signal(SIGPIPE, SIG_IGN);
    int listener = listen_on(atoi(argv[1])), to = atoi(argv[2]);
    epoll = epoll_create1(0);
    watch(listener, NULL, EPOLLIN);
    for (;;) {
        int n = epoll_wait(epoll, events, EVENTS, -1);
        for (int i = 0; i < n; i++) {
            if (events[i].data.ptr == NULL)
                accept_all(listener, to);
            else
                handle(&events[i]);
        }
        bury();
    }
}
