/* Load for scripts/bench. Every byte that arrives is compared.
 *
 *   load serve                        "Listening on 127.0.0.1:PORT", until a signal
 *   load down TARGET BYTES CLIENTS    each client fetches BYTES, all at once
 *   load up TARGET BYTES CLIENTS
 *   load connect TARGET SECONDS CLIENTS   connect, one byte there and back, close
 *   load echo TARGET SECONDS 1        one byte there and back on one connection
 *
 * Results are lines of "name value". A connection begins with one byte that says what is wanted
 * ('d', 'u' or 'e') and, but for echo, the number of bytes in eight, big-endian. */
#include "tests/bench/target.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BLOCK 65536
#define CLIENTS_MAX 4000
#define STACK 262144 /* of a thread */
#define SAMPLES_MAX 2000000

static uint8_t block[2 * BLOCK]; /* twice the same, so that BLOCK bytes from any offset lie in it */

static void fill_block(void)
{
    uint32_t x = 2463534242u;
    for (size_t i = 0; i < BLOCK; i++) {
        x ^= x << 13, x ^= x >> 17, x ^= x << 5;
        block[i] = block[i + BLOCK] = (uint8_t)x;
    }
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void fail(const char *what)
{
    fprintf(stderr, "load: %s\n", what);
    exit(1);
}

/* ---- both sides ---- */

static bool send_content(int fd, uint64_t n)
{
    while (n > 0) {
        size_t piece = n < BLOCK ? (size_t)n : BLOCK;
        if (!write_all(fd, block, piece))
            return false;
        n -= piece;
    }
    return true;
}

static bool receive_content(int fd, uint64_t n)
{
    uint8_t data[BLOCK];
    for (uint64_t at = 0; at < n;) {
        size_t want = n - at < BLOCK ? (size_t)(n - at) : BLOCK;
        ssize_t got = read(fd, data, want);
        if (got <= 0 || memcmp(data, block + at % BLOCK, (size_t)got) != 0)
            return false;
        at += (uint64_t)got;
    }
    return true;
}

/* ---- server ---- */

static void echo_all(int fd)
{
    uint8_t data[4096];
    ssize_t n;
    while ((n = read(fd, data, sizeof data)) > 0 && write_all(fd, data, (size_t)n))
        ;
}

static void *serve_one(void *arg)
{
    int fd = (int)(intptr_t)arg;
    uint8_t what = 0, size[8];
    uint64_t n = 0;
    if (read_all(fd, &what, 1) && what == 'e') {
        echo_all(fd);
    } else if (read_all(fd, size, sizeof size)) {
        for (size_t i = 0; i < sizeof size; i++)
            n = n << 8 | size[i];
        if (what == 'd')
            send_content(fd, n);
        else if (receive_content(fd, n))
            write_all(fd, "k", 1);
    }
    close(fd);
    return NULL;
}

static void serve(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    int on = 1, listener = socket(AF_INET, SOCK_STREAM, 0);
    pthread_attr_t small;
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, STACK);
    if (listener < 0 || bind(listener, (struct sockaddr *)&at, size) != 0 ||
        listen(listener, 1024) != 0 || getsockname(listener, (struct sockaddr *)&at, &size) != 0)
        fail("cannot listen");
    printf("Listening on 127.0.0.1:%d\n", ntohs(at.sin_port));
    fflush(stdout);
    for (;;) {
        pthread_t thread;
        int fd = accept(listener, NULL, NULL);
        if (fd < 0)
            continue;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        if (pthread_create(&thread, &small, serve_one, (void *)(intptr_t)fd) == 0)
            pthread_detach(thread);
        else
            close(fd);
    }
}

/* ---- clients ---- */

struct client {
    pthread_t thread;
    const struct target *target;
    uint8_t source;  /* connect: the last byte of its address */
    char what;       /* 'd', 'u' or 'e' */
    uint64_t amount; /* bytes */
    double end;      /* connect, echo: when to stop */
    double began_at, finished_at;
    uint32_t *samples; /* nanoseconds */
    size_t n_samples, most_samples;
};

static pthread_barrier_t start;

static void ask(int fd, char what, uint64_t n)
{
    uint8_t head[9] = {(uint8_t)what};
    for (size_t i = 0; i < 8; i++)
        head[1 + i] = (uint8_t)(n >> (56 - 8 * i));
    if (!write_all(fd, head, what == 'e' ? 1 : sizeof head))
        fail("cannot ask");
}

static void *transfer(void *arg)
{
    struct client *c = arg;
    uint8_t ok;
    int fd = target_connect(c->target);
    pthread_barrier_wait(&start);
    c->began_at = now();
    ask(fd, c->what, c->amount);
    if (c->what == 'd' ? !receive_content(fd, c->amount)
                       : !(send_content(fd, c->amount) && read_all(fd, &ok, 1)))
        fail("wrong or missing bytes");
    c->finished_at = now();
    close(fd);
    return NULL;
}

static void sample(struct client *c, double since)
{
    if (c->n_samples < c->most_samples)
        c->samples[c->n_samples++] = (uint32_t)((now() - since) * 1e9);
}

static void round_trip(int fd)
{
    uint8_t byte = 'x';
    if (!write_all(fd, &byte, 1) || !read_all(fd, &byte, 1) || byte != 'x')
        fail("no echo");
}

/* Each client has an address of its own: closed connections keep their ports for a second, and one
 * address has 14,000 of them, which is fewer than a second can use. */
static void *connects(void *arg)
{
    struct client *c = arg;
    struct target target = *c->target;
    target.source = c->source;
    pthread_barrier_wait(&start);
    while (now() < c->end) {
        double since = now();
        int fd = target_connect(&target);
        ask(fd, 'e', 0);
        round_trip(fd);
        close(fd);
        sample(c, since);
    }
    return NULL;
}

static void *echoes(void *arg)
{
    struct client *c = arg;
    int fd = target_connect(c->target);
    ask(fd, 'e', 0);
    round_trip(fd);
    pthread_barrier_wait(&start);
    while (now() < c->end) {
        double since = now();
        round_trip(fd);
        sample(c, since);
    }
    close(fd);
    return NULL;
}

static int by_size(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static void print_transfer(const struct client *clients, size_t n)
{
    double first = clients[0].finished_at, last = first, begun = clients[0].began_at;
    for (size_t i = 0; i < n; i++) {
        begun = clients[i].began_at < begun ? clients[i].began_at : begun;
        first = clients[i].finished_at < first ? clients[i].finished_at : first;
        last = clients[i].finished_at > last ? clients[i].finished_at : last;
    }
    printf("mb_per_s %.1f\n", (double)n * (double)clients[0].amount / (last - begun) / 1e6);
    printf("seconds %.3f\nfirst_to_last %.2f\n", last - begun, (first - begun) / (last - begun));
}

static void print_samples(const struct client *clients, size_t n, double seconds)
{
    size_t total = 0;
    for (size_t i = 0; i < n; i++)
        total += clients[i].n_samples;
    uint32_t *all = malloc((total + 1) * sizeof *all);
    if (all == NULL || total == 0)
        fail("no samples");
    for (size_t i = 0, at = 0; i < n; at += clients[i++].n_samples)
        memcpy(all + at, clients[i].samples, clients[i].n_samples * sizeof *all);
    qsort(all, total, sizeof *all, by_size);
    printf("per_s %.0f\np50_us %.1f\np99_us %.1f\nmax_us %.1f\n", (double)total / seconds,
           (double)all[total / 2] / 1e3, (double)all[total - 1 - total / 100] / 1e3,
           (double)all[total - 1] / 1e3);
    free(all);
}

static void run(struct client *clients, size_t n, void *(*work)(void *))
{
    pthread_attr_t small;
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, STACK);
    for (size_t i = 0; i < n; i++)
        if (pthread_create(&clients[i].thread, &small, work, &clients[i]) != 0)
            fail("cannot start a thread");
}

int main(int argc, char **argv)
{
    static struct client clients[CLIENTS_MAX];
    struct target target;
    fill_block();
    if (argc == 2 && strcmp(argv[1], "serve") == 0)
        serve();
    if (argc != 5 || !target_parse(argv[2], &target))
        fail("usage: load serve | load down|up|connect|echo TARGET AMOUNT CLIENTS");
    char what = argv[1][0];
    bool timed = what == 'c' || what == 'e';
    size_t n = (size_t)strtoul(argv[4], NULL, 10);
    double amount = strtod(argv[3], NULL);
    if (strchr("duce", what) == NULL || n < 1 || n > CLIENTS_MAX || amount <= 0)
        fail("bad arguments");
    pthread_barrier_init(&start, NULL, (unsigned)n + 1);
    for (size_t i = 0; i < n; i++) {
        clients[i] = (struct client){.target = &target, .what = what};
        clients[i].source = (uint8_t)(1 + i % 250);
        clients[i].amount = timed ? 0 : (uint64_t)amount;
        clients[i].end = now() + amount;
        clients[i].most_samples = SAMPLES_MAX / n;
        if (timed && (clients[i].samples = malloc(SAMPLES_MAX / n * sizeof(uint32_t))) == NULL)
            fail("out of memory");
    }
    run(clients, n, what == 'c' ? connects : what == 'e' ? echoes : transfer);
    pthread_barrier_wait(&start);
    for (size_t i = 0; i < n; i++)
        pthread_join(clients[i].thread, NULL);
    if (timed)
        print_samples(clients, n, amount);
    else
        print_transfer(clients, n);
    return 0;
}
