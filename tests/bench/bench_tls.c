/* How fast one TLS connection is when one core does both ends: MB/s of data, for AES-GCM and for
 * ChaCha20-Poly1305, in messages of the size given (default 65536), and connections per second.
 * bench_tls CERTIFICATE KEY [SIZE] */
#include "core/net/socket.h"
#include "core/tls/tls.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define BYTES (512u << 20)
#define HANDSHAKES 200

struct end {
    struct stream *s;
    size_t size;
    uint64_t left, received;
    bool opened;
    uint8_t *data;
};

static void on_opened(void *owner)
{
    ((struct end *)owner)->opened = true;
}

static void send_some(void *owner)
{
    struct end *e = owner;
    while (e->left > 0 && stream_ready(e->s)) {
        size_t n = e->left < e->size ? (size_t)e->left : e->size;
        e->left -= n;
        stream_write(e->s, e->data, n);
    }
}

static void receive(void *owner)
{
    struct end *e = owner;
    uint8_t *p;
    long got;
    while ((got = stream_peek(e->s, 1, &p)) > 0) {
        e->received += (uint64_t)got;
        stream_consume(e->s, (size_t)got);
    }
}

static void on_failed(void *owner, enum err why)
{
    fprintf(stderr, "%s: %s\n", err_name(why), tls_problem(((struct end *)owner)->s));
    exit(1);
}

static const struct stream_events events = {
    .opened = on_opened, .readable = receive, .writable = send_some, .failed = on_failed};

struct bench {
    struct loop *loop;
    struct trust *trust;
    struct identity *identity;
    struct tls_cache *cache;
    struct tls_session session;
    bool chacha, resume;
    struct end client, server;
};

static void begin(struct bench *b)
{
    int fd[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, fd) != 0)
        exit(1);
    b->client.opened = b->server.opened = false;
    b->client.s = tls_client(b->loop, stream_from_fd(b->loop, fd[0]),
                             &(struct tls_client_options){.trust = b->trust,
                                                          .host = "localhost",
                                                          .session = b->resume ? &b->session : NULL,
                                                          .chacha_first = b->chacha},
                             &events, &b->client);
    b->server.s =
        tls_server(b->loop, stream_from_fd(b->loop, fd[1]),
                   &(struct tls_server_options){.identity = b->identity, .cache = b->cache},
                   &events, &b->server);
    while (!b->client.opened || !b->server.opened)
        uv_run(loop_uv(b->loop), UV_RUN_ONCE);
}

static void end(struct bench *b)
{
    stream_close(b->client.s);
    stream_close(b->server.s);
    uv_run(loop_uv(b->loop), UV_RUN_NOWAIT);
}

static double seconds_since(uint64_t start)
{
    return (double)(uv_hrtime() - start) / 1e9;
}

static void transfer(struct bench *b, size_t size, bool chacha)
{
    b->chacha = chacha;
    begin(b);
    b->server.received = 0;
    b->client.left = BYTES;
    b->client.size = size;
    b->client.data = calloc(1, size);
    if (b->client.data == NULL)
        exit(1);
    uint64_t start = uv_hrtime();
    stream_read_on(b->server.s, true);
    send_some(&b->client);
    while (b->server.received < BYTES)
        uv_run(loop_uv(b->loop), UV_RUN_ONCE);
    double seconds = seconds_since(start);
    printf("%-18s %6.0f MB/s\n", chacha ? "ChaCha20-Poly1305" : "as suits the CPU",
           (double)BYTES / 1e6 / seconds);
    free(b->client.data);
    end(b);
}

static void handshakes(struct bench *b, bool resume)
{
    b->resume = resume;
    b->chacha = false;
    uint64_t start = uv_hrtime();
    for (int i = 0; i < HANDSHAKES; i++) {
        begin(b);
        end(b);
    }
    printf("%-18s %6.2f ms for both ends\n", resume ? "resumed handshake" : "full handshake",
           seconds_since(start) * 1e3 / HANDSHAKES);
}

int main(int argc, char **argv)
{
    enum err why;
    char text[256];
    if (argc < 3) {
        fprintf(stderr, "usage: bench_tls CERTIFICATE KEY [SIZE]\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    size_t size = argc > 3 ? strtoul(argv[3], NULL, 10) : 65536;
    struct bench b = {.loop = loop_new(), .cache = tls_cache_new(4096)};
    b.trust = trust_new(&(struct trust_sources){.insecure = true}, &why, text, sizeof text);
    b.identity = identity_new(argv[1], argv[2], &why, text, sizeof text);
    if (b.loop == NULL || b.trust == NULL || b.identity == NULL || size == 0) {
        fprintf(stderr, "%s\n", text);
        return 1;
    }
    transfer(&b, size, false);
    transfer(&b, size, true);
    handshakes(&b, false);
    handshakes(&b, true);
    identity_free(b.identity);
    trust_free(b.trust);
    tls_cache_free(b.cache);
    loop_free(b.loop);
    return 0;
}
