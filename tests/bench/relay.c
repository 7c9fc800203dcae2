/* A long path for tests/bench/path.py: whoever connects is led to a port of this machine, and what
 * passes either way comes out DELAY ms later and at most RATE bytes a second. Says where it
 * listens, and goes on until it is killed.
 *
 *     relay PORT DELAY RATE */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CHUNK 65536

struct chunk {
    struct chunk *next;
    double due;
    ssize_t n; /* 0 or less: the end */
    char bytes[CHUNK];
};

/* One direction. */
struct line {
    int from, to;
    double delay, rate;
    size_t held, most; /* bytes that the path and its queue hold */
    struct chunk *first, **last;
    pthread_mutex_t lock;
    pthread_cond_t news;
};

static int to_port;
static double delay, rate;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void sleep_until(double when)
{
    double left = when - now();
    if (left > 0)
        nanosleep(&(struct timespec){(time_t)left, (long)((left - (double)(time_t)left) * 1e9)},
                  NULL);
}

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static void *take(void *of)
{
    struct line *l = of;
    ssize_t n = 1;
    while (n > 0) {
        struct chunk *c = malloc(sizeof *c);
        if (c == NULL)
            fail("relay");
        c->n = n = recv(l->from, c->bytes, sizeof c->bytes, 0);
        c->due = now() + l->delay;
        c->next = NULL;
        pthread_mutex_lock(&l->lock);
        while (l->held > l->most)
            pthread_cond_wait(&l->news, &l->lock);
        *l->last = c;
        l->last = &c->next;
        l->held += n > 0 ? (size_t)n : 0;
        pthread_cond_broadcast(&l->news);
        pthread_mutex_unlock(&l->lock);
    }
    return NULL;
}

static struct chunk *next_chunk(struct line *l)
{
    pthread_mutex_lock(&l->lock);
    while (l->first == NULL)
        pthread_cond_wait(&l->news, &l->lock);
    struct chunk *c = l->first;
    l->first = c->next;
    if (l->first == NULL)
        l->last = &l->first;
    l->held -= c->n > 0 ? (size_t)c->n : 0;
    pthread_cond_broadcast(&l->news);
    pthread_mutex_unlock(&l->lock);
    return c;
}

static void *give(void *of)
{
    struct line *l = of;
    double free_at = 0;
    for (;;) {
        struct chunk *c = next_chunk(l);
        ssize_t n = c->n, done = 0;
        double start = c->due > free_at ? c->due : free_at;
        sleep_until(start);
        /* What was late does not make the path faster afterwards, but for a moment's worth. */
        free_at = (start > now() - 0.01 ? start : now() - 0.01) + (n > 0 ? (double)n / l->rate : 0);
        while (done < n) {
            ssize_t more = send(l->to, c->bytes + done, (size_t)(n - done), MSG_NOSIGNAL);
            if (more <= 0)
                break;
            done += more;
        }
        free(c);
        if (n <= 0)
            shutdown(l->to, SHUT_WR);
        if (n <= 0 || done < n)
            return NULL;
    }
}

static void begin(int from, int to)
{
    struct line *l = calloc(1, sizeof *l);
    pthread_t thread;
    if (l == NULL)
        fail("relay");
    *l = (struct line){.from = from,
                       .to = to,
                       .delay = delay,
                       .rate = rate,
                       .most = (size_t)(rate * delay * 2) + 262144,
                       .lock = PTHREAD_MUTEX_INITIALIZER,
                       .news = PTHREAD_COND_INITIALIZER};
    l->last = &l->first;
    if (pthread_create(&thread, NULL, take, l) != 0 || pthread_create(&thread, NULL, give, l) != 0)
        fail("relay");
}

static struct sockaddr_in loopback(int port)
{
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_port = htons((in_port_t)port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

int main(int argc, char **argv)
{
    struct sockaddr_in here = loopback(0);
    socklen_t size = sizeof here;
    const int on = 1;
    if (argc != 4) {
        fprintf(stderr, "usage: relay PORT DELAY-MS RATE\n");
        return 1;
    }
    to_port = atoi(argv[1]);
    delay = atof(argv[2]) / 1e3;
    rate = atof(argv[3]);
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&here, sizeof here) != 0 ||
        listen(listener, 64) != 0 || getsockname(listener, (struct sockaddr *)&here, &size) != 0)
        fail("relay");
    printf("Listening on 127.0.0.1:%d\n", ntohs(here.sin_port));
    fflush(stdout);
    for (int near; (near = accept(listener, NULL, NULL)) >= 0;) {
        struct sockaddr_in there = loopback(to_port);
        int far = socket(AF_INET, SOCK_STREAM, 0);
        if (far < 0 || connect(far, (struct sockaddr *)&there, sizeof there) != 0)
            fail("relay");
        setsockopt(near, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        setsockopt(far, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        begin(near, far);
        begin(far, near);
    }
    return 0;
}
