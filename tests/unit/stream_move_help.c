#include "tests/unit/stream_move_help.h"

struct loop *other;

struct trust *trust;

struct identity *identities[2];

int both_begin(void **state)
{
    other = loop_new();
    return other != NULL ? loop_begin(state) : -1;
}

int both_end(void **state)
{
    loop_free(other);
    return loop_end(state);
}

void move_to(struct probe *p, struct loop *to)
{
    assert_true(stream_leave(p->stream));
    assert_true(stream_join(p->stream, to));
}

void assert_got(struct probe *p, const char *text)
{
    EITHER(p->size >= strlen(text) || p->end != ERR_OK);
    assert_int_equal(p->size, strlen(text));
    assert_memory_equal(p->got, text, p->size);
    p->size = 0;
}

/* ---- sockets ---- */

uint8_t *fill(struct stream *s, size_t *size)
{
    *size = 16 << 20;
    uint8_t *block = calloc(1, *size);
    assert_non_null(block);
    assert_false(stream_write(s, block, *size));
    return block;
}

void close_it(void *ctx)
{
    stream_close(ctx);
}

/* ---- between threads ---- */

bool leaving(const struct traveller *t)
{
    return !t->ended && t->received >= t->stay;
}

/* ---- */
static struct identity *load(const char *certificate, const char *key)
{
    char text[256];
    enum err why;
    return identity_new(certs_file(certificate), certs_file(key), &why, text, sizeof text);
}

int setup(void **state)
{
    char text[256];
    enum err why;
    (void)state;
    if (certs_make() != 0)
        return -1;
    trust =
        trust_new(&(struct trust_sources){.file = certs_file("ca.pem")}, &why, text, sizeof text);
    identities[0] = load("ec.pem", "ec.key");
    identities[1] = load("rsa.pem", "rsa.key");
    return trust != NULL && identities[0] != NULL && identities[1] != NULL ? 0 : -1;
}

int teardown(void **state)
{
    (void)state;
    trust_free(trust);
    identity_free(identities[0]);
    identity_free(identities[1]);
    return certs_remove();
}
