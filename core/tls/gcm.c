#include "core/base/secret.h"
#include "core/tls/gcm_engine.h"
#include "core/tls/gcm_kernel.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef TUNNEL_BENCH_NULL_CIPHER /* tests/bench/gcm_null.c: for measuring, never installed */
#define MEASURING &gcm_null,
#else
#define MEASURING
#endif

const struct gcm_kernel *const gcm_kernels[] = {
    MEASURING & gcm_vaes512, &gcm_vaes256, &gcm_aesni, &gcm_armv8, &gcm_bearssl, NULL,
};

/* ---- which kernel ---- */

bool gcm_here(const struct gcm_kernel *kernel)
{
    return kernel->here != NULL && kernel->here();
}

static const struct gcm_kernel *named(const char *name)
{
    for (size_t i = 0; gcm_kernels[i] != NULL; i++)
        if (strcmp(gcm_kernels[i]->name, name) == 0)
            return gcm_kernels[i];
    return NULL;
}

static const char *wanted(void)
{
    const char *name = getenv("TUNNEL_CPU");
    return name != NULL && name[0] != '\0' ? name : NULL;
}

static const struct gcm_kernel *choose(void)
{
    const struct gcm_kernel *kernel = wanted() != NULL ? named(wanted()) : NULL;
    if (kernel != NULL && gcm_here(kernel))
        return kernel;
    size_t i = 0;
    while (!gcm_here(gcm_kernels[i])) /* the last one is everywhere */
        i++;
    return gcm_kernels[i];
}

static const struct gcm_kernel *kept;

static void keep(void)
{
    kept = choose();
}

static const struct gcm_kernel *chosen(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, keep);
    return kept;
}

const char *gcm_name(void)
{
    return chosen()->name;
}

bool gcm_fast(void)
{
    const br_block_ctr_class *aes = gcm_engine_aes();
    return chosen() != &gcm_bearssl || aes != GCM_ENGINE_PORTABLE_AES;
}

bool gcm_cpu_valid(char *text, size_t size)
{
    const char *name = wanted();
    const struct gcm_kernel *kernel = name != NULL ? named(name) : NULL;
    if (name == NULL || (kernel != NULL && gcm_here(kernel)))
        return true;
    int n = snprintf(text, size, "TUNNEL_CPU: %.40s is %s; here are:", name,
                     kernel != NULL ? "nothing that this CPU has" : "not known");
    for (size_t i = 0; gcm_kernels[i] != NULL; i++)
        if (gcm_here(gcm_kernels[i]) && n > 0 && (size_t)n < size)
            n += snprintf(text + n, size - (size_t)n, " %s", gcm_kernels[i]->name);
    return false;
}

/* ---- keys and messages ---- */

void gcm_key_init_for(const struct gcm_kernel *kernel, struct gcm_key *k, const uint8_t *key,
                      size_t size)
{
    k->kernel = kernel;
    kernel->init(k, key, size);
}

void gcm_key_init(struct gcm_key *k, const uint8_t *key, size_t size)
{
    gcm_key_init_for(chosen(), k, key, size);
}

static void start(const struct gcm_key *k, struct gcm_state *s, const uint8_t nonce[GCM_NONCE],
                  const uint8_t *aad, size_t n)
{
    memcpy(s->nonce, nonce, GCM_NONCE);
    k->kernel->start(k, s, aad, n);
}

static void put_bits(uint8_t p[8], size_t bytes)
{
    uint64_t bits = (uint64_t)bytes * 8;
    for (size_t i = 0; i < 8; i++)
        p[i] = (uint8_t)(bits >> (56 - 8 * i));
}

static void finish(const struct gcm_key *k, struct gcm_state *s, size_t n_aad, size_t n,
                   uint8_t tag[GCM_TAG])
{
    uint8_t lengths[16];
    put_bits(lengths, n_aad);
    put_bits(lengths + 8, n);
    k->kernel->finish(k, s, lengths, tag);
}

/* Blocks that lie in two spans are put together here. */
struct joint {
    uint8_t bytes[16];
    size_t n;
};

/* Moves bytes of the span to the joint, until it is a block or the span ends. */
static void join(struct joint *j, struct gcm_span *span)
{
    size_t room = sizeof j->bytes - j->n, n = span->n < room ? span->n : room;
    uint8_t turned[4];
    for (size_t i = 0; i < n; i++)
        j->bytes[j->n + i] = span->p[i] ^ span->mask[i % 4];
    for (size_t i = 0; i < 4; i++)
        turned[i] = span->mask[(i + n) % 4];
    memcpy(span->mask, turned, sizeof turned);
    j->n += n;
    span->p += n;
    span->n -= n;
}

static const uint8_t no_mask[16];

/* Seals what is in the joint, and returns how much that was. */
static size_t seal_joint(const struct gcm_key *k, struct gcm_state *s, struct joint *j, uint8_t *to)
{
    size_t n = j->n;
    k->kernel->seal(k, s, no_mask, j->bytes, to, n);
    j->n = 0;
    return n;
}

/* Seals all of the span, or its whole blocks when another span follows. */
static size_t seal_span(const struct gcm_key *k, struct gcm_state *s, struct gcm_span *span,
                        bool last, uint8_t *to)
{
    uint8_t mask[16];
    size_t n = last ? span->n : span->n & ~(size_t)15;
    for (size_t i = 0; i < sizeof mask; i += 4)
        memcpy(mask + i, span->mask, 4);
    if (n > 0)
        k->kernel->seal(k, s, mask, span->p, to, n);
    span->p += n;
    span->n -= n;
    return n;
}

void gcm_seal(const struct gcm_key *k, const uint8_t nonce[GCM_NONCE], const uint8_t *aad,
              size_t n_aad, const struct gcm_span *spans, size_t n_spans, uint8_t *to,
              uint8_t tag[GCM_TAG])
{
    struct gcm_state s;
    struct joint j = {.n = 0};
    size_t n = 0;
    start(k, &s, nonce, aad, n_aad);
    for (size_t i = 0; i < n_spans; i++) {
        struct gcm_span span = spans[i];
        if (j.n > 0)
            join(&j, &span);
        if (j.n == sizeof j.bytes)
            n += seal_joint(k, &s, &j, to + n);
        if (j.n == 0) {
            n += seal_span(k, &s, &span, i + 1 == n_spans, to + n);
            join(&j, &span);
        }
    }
    if (j.n > 0)
        n += seal_joint(k, &s, &j, to + n);
    finish(k, &s, n_aad, n, tag);
}

bool gcm_open(const struct gcm_key *k, const uint8_t nonce[GCM_NONCE], const uint8_t *aad,
              size_t n_aad, const uint8_t *from, size_t n, uint8_t *to, const uint8_t tag[GCM_TAG])
{
    struct gcm_state s;
    uint8_t computed[GCM_TAG];
    start(k, &s, nonce, aad, n_aad);
    if (n > 0)
        k->kernel->open(k, &s, from, to, n);
    finish(k, &s, n_aad, n, computed);
    bool good = secret_equal((struct span){(const char *)computed, GCM_TAG},
                             (struct span){(const char *)tag, GCM_TAG});
    if (!good)
        memset(to, 0, n);
    return good;
}
