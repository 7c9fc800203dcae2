/* BearSSL's own code, for CPUs without a kernel of ours: whatever it has for this CPU, at the least
 * constant-time code for any. */
#include "core/tls/gcm_engine.h"
#include "core/tls/gcm_kernel.h"

#include <string.h>

static bool everywhere(void)
{
    return true;
}

static void init(struct gcm_key *k, const uint8_t *key, size_t size)
{
    static const uint8_t zeros[GCM_NONCE];
    br_aes_gen_ctr_keys *context = &k->u.bearssl.aes;
    gcm_engine_aes()->init(&context->vtable, key, size);
    k->u.bearssl.ghash = gcm_engine_ghash();
    memset(k->u.bearssl.h, 0, sizeof k->u.bearssl.h);
    context->vtable->run(&context->vtable, zeros, 0, k->u.bearssl.h, sizeof k->u.bearssl.h);
}

static void run(const struct gcm_key *k, const struct gcm_state *s, uint32_t counter, uint8_t *p,
                size_t n)
{
    const br_aes_gen_ctr_keys *context = &k->u.bearssl.aes;
    context->vtable->run(&context->vtable, s->nonce, counter, p, n);
}

static void hash(const struct gcm_key *k, struct gcm_state *s, const uint8_t *p, size_t n)
{
    k->u.bearssl.ghash(s->hash, k->u.bearssl.h, p, n);
}

static void start(const struct gcm_key *k, struct gcm_state *s, const uint8_t *aad, size_t n)
{
    memset(s->hash, 0, sizeof s->hash);
    hash(k, s, aad, n);
    memset(s->tag_mask, 0, sizeof s->tag_mask);
    run(k, s, 1, s->tag_mask, sizeof s->tag_mask);
    s->counter = 2;
}

static void crypt(const struct gcm_key *k, struct gcm_state *s, uint8_t *p, size_t n)
{
    run(k, s, s->counter, p, n);
    s->counter += (uint32_t)(n / 16);
}

static void seal(const struct gcm_key *k, struct gcm_state *s, const uint8_t mask[16],
                 const uint8_t *from, uint8_t *to, size_t n)
{
    static const uint8_t no_mask[16];
    if (to != from)
        memcpy(to, from, n);
    if (memcmp(mask, no_mask, 16) != 0)
        for (size_t i = 0; i < n; i++)
            to[i] ^= mask[i % 16];
    crypt(k, s, to, n);
    hash(k, s, to, n);
}

static void open(const struct gcm_key *k, struct gcm_state *s, const uint8_t *from, uint8_t *to,
                 size_t n)
{
    hash(k, s, from, n);
    if (to != from)
        memcpy(to, from, n);
    crypt(k, s, to, n);
}

static void finish(const struct gcm_key *k, struct gcm_state *s, const uint8_t lengths[16],
                   uint8_t tag[GCM_TAG])
{
    hash(k, s, lengths, 16);
    for (size_t i = 0; i < GCM_TAG; i++)
        tag[i] = s->hash[i] ^ s->tag_mask[i];
}

const struct gcm_kernel gcm_bearssl = {
    .name = "bearssl",
    .here = everywhere,
    .init = init,
    .start = start,
    .seal = seal,
    .open = open,
    .finish = finish,
};
