/* Streams that go from one loop to another: with what they hold, at bad moments, and over and over
 * between threads while bytes flow both ways. */
#ifndef TESTS_UNIT_STREAM_MOVE_HELP_H
#define TESTS_UNIT_STREAM_MOVE_HELP_H

#include "tests/support/net.h"

#include "core/net/mailbox.h"
#include "core/tls/tls.h"
#include "tests/support/certificates.h"

#include <sys/resource.h>

extern struct loop *other;
extern struct trust *trust;

extern struct identity *identities[2]; /* EC, RSA */

/* Turns both loops until it is so. */
#define EITHER(condition)                                                                          \
    do {                                                                                           \
        while (!(condition)) {                                                                     \
            uv_run(loop_uv(loop), UV_RUN_NOWAIT);                                                  \
            uv_run(loop_uv(other), UV_RUN_NOWAIT);                                                 \
            usleep(100);                                                                           \
        }                                                                                          \
    } while (0)

int both_begin(void **state);
int both_end(void **state);
void move_to(struct probe *p, struct loop *to);
void assert_got(struct probe *p, const char *text);

/* ---- sockets ---- */

/* More than the kernel takes; returns the block, to be freed. */
uint8_t *fill(struct stream *s, size_t *size);
void close_it(void *ctx);

/* ---- between threads ---- */

#define CHUNK 40000

/* One end of a connection: sends and checks a pattern, and moves on whenever it likes. */
struct traveller {
    struct mail mail;
    struct stream *stream;
    uint32_t seed;
    unsigned at, moves, refused;
    size_t sent, received, chunk, stay; /* until so much is received */
    bool wrong, shut, ended, again;
    struct mailbox *here;
    uint8_t out[CHUNK], in[CHUNK];
};

bool leaving(const struct traveller *t);

int setup(void **state);
int teardown(void **state);

#endif
