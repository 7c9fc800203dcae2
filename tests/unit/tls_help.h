/* TLS streams: client and server of ours against each other over a socketpair, sometimes with
 * somebody in between; the record layer with crafted records; OpenSSL at the other end. */
#ifndef TESTS_UNIT_TLS_HELP_H
#define TESTS_UNIT_TLS_HELP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/net/dial.h"
#include "core/net/listener.h"
#include "core/net/socket.h"
#include "core/tls/alert.h"
#include "core/tls/handshake.h"
#include "core/tls/record_reader.h"
#include "tests/support/certificates.h"

#include <bearssl.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_MS 30000
#define LARGEST 70000

uint32_t dice(uint32_t sides);

/* ---- two ends, and who is between them ---- */

struct traffic {
    uint64_t to_send;   /* bytes still to be made */
    bool polite, ended; /* shutdown at the end; done */
    bool pauses;        /* the reader switches off now and then */
    uint64_t sent, received;
    br_sha256_context sent_hash, received_hash;
    long end; /* what ended reading */
    uint8_t data[LARGEST];
};

struct end {
    struct stream *s;
    struct pair *pair;
    bool opened, reading;
    enum err failed;
    unsigned readables;
    char problem[160];
    struct traffic *traffic;
};

struct middle {
    int fd[2];
    size_t chunk; /* most that is passed on at once */
    size_t passed[2];
    int cut;  /* direction to cut after `at` bytes; -1: none */
    int flip; /* direction to flip a bit in at `at` */
    size_t at;
    uint8_t held[2][4096];
    size_t n[2];
    bool done[2]; /* nothing more is passed */
    unsigned quiet;
};

struct pair {
    struct loop *loop;
    struct end client, server;
    struct middle *middle;
    bool late;
    bool polls; /* what it waits for may be our own dice */
    struct timer *timer;
};

void on_late(void *owner);
extern const struct stream_events quiet_events;
void read_on(struct end *e, bool on);
void make_pipe(int fd[2]);

struct setup {
    const char *identity; /* NAME.pem, NAME.key */
    struct trust_sources trust;
    const char *host;
    struct tls_session *session;
    struct tls_cache *cache;
    int64_t client_now, server_now; /* 0: what the clock says */
    bool chacha_first, nested;
    struct middle *middle;
    struct turns *turns; /* the server's; NULL: it takes none */
};

/* What a server's handshake has waited for. */
struct turns {
    unsigned strange, known;
    bool waits;
};

extern struct trust *trust;
extern struct identity *identity;
void load(const struct setup *s);
void unload(void);
void begin(struct pair *p, const struct setup *s);
void drop(struct end *e);
void finish(struct pair *p);
void turn(struct pair *p);
void open_both(struct pair *p);
struct setup usual(void);

/* ---- handshakes ---- */

void greet(struct pair *p);

/* ---- data ---- */

void start_traffic(struct end *e, uint64_t bytes);
void send_some(struct end *e);
extern const struct stream_events traffic_events;

int setup(void **state);
int teardown(void **state);

#endif
