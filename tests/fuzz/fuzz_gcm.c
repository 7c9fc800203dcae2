/* AES-GCM: a message that the input describes, through every kernel that this CPU has, in place and
 * apart, whole and in masked spans. All must agree with BearSSL's portable code, and refuse what
 * was tampered with. */
#include "core/tls/gcm_kernel.h"

#include <stdlib.h>
#include <string.h>

#define MAX_SPANS 8

/* The input: a key, a nonce, the tag's bit that is turned, how many bytes are additional data, how
 * many spans there are, and for each span its size in 1/256 of what is left and its mask. The rest
 * is additional data and text. */
#define HEAD (GCM_KEY_MAX + GCM_NONCE + 3)
#define SPAN 5

struct message {
    const uint8_t *key, *nonce, *aad, *text;
    size_t key_size, n_aad, n, n_spans;
    uint8_t *masked, *sealed;
    struct gcm_span spans[MAX_SPANS];
    uint8_t tag[GCM_TAG], flip;
};

static void check(bool holds)
{
    if (!holds)
        abort();
}

/* Each buffer has its exact size, so that the sanitizer sees what goes beyond. */
static uint8_t *copy(const uint8_t *p, size_t n)
{
    uint8_t *to = malloc(n > 0 ? n : 1);
    if (to == NULL)
        abort();
    if (n > 0)
        memcpy(to, p, n);
    return to;
}

static void seal_portably(struct message *m)
{
    br_aes_ct64_ctr_keys aes;
    br_gcm_context gcm;
    br_aes_ct64_ctr_init(&aes, m->key, m->key_size);
    br_gcm_init(&gcm, &aes.vtable, br_ghash_ctmul64);
    br_gcm_reset(&gcm, m->nonce, GCM_NONCE);
    br_gcm_aad_inject(&gcm, m->aad, m->n_aad);
    br_gcm_flip(&gcm);
    br_gcm_run(&gcm, 1, m->sealed, m->n);
    br_gcm_get_tag(&gcm, m->tag);
}

static void cut(struct message *m, const uint8_t *sizes)
{
    size_t at = 0;
    for (size_t i = 0; i < m->n_spans; i++, sizes += SPAN) {
        struct gcm_span *s = &m->spans[i];
        s->n = i + 1 == m->n_spans ? m->n - at : (m->n - at) * sizes[0] / 256;
        s->p = m->masked + at;
        memcpy(s->mask, sizes + 1, sizeof s->mask);
        for (size_t b = 0; b < s->n; b++)
            m->masked[at + b] ^= s->mask[b % 4];
        at += s->n;
    }
}

static bool read_message(struct message *m, const uint8_t *data, size_t size)
{
    if (size < HEAD)
        return false;
    const uint8_t *options = data + GCM_KEY_MAX + GCM_NONCE, *sizes = data + HEAD;
    *m = (struct message){.key = data, .nonce = data + GCM_KEY_MAX, .flip = options[0]};
    m->key_size = options[0] < 128 ? 16 : 32;
    m->n_spans = 1 + options[2] % MAX_SPANS;
    if (size < HEAD + m->n_spans * SPAN)
        return false;
    size_t left = size - HEAD - m->n_spans * SPAN;
    m->n_aad = options[1] < left ? options[1] : left;
    m->aad = sizes + m->n_spans * SPAN;
    m->text = m->aad + m->n_aad;
    m->n = left - m->n_aad;
    m->masked = copy(m->text, m->n);
    m->sealed = copy(m->text, m->n);
    seal_portably(m);
    cut(m, sizes);
    return true;
}

static void expect_zeros(const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        check(p[i] == 0);
}

static void play(const struct gcm_kernel *kernel, const struct message *m)
{
    struct gcm_key k;
    uint8_t tag[GCM_TAG], *place = copy(m->text, m->n), *apart = copy(m->text, m->n);
    struct gcm_span whole = {.p = place, .n = m->n};
    gcm_key_init_for(kernel, &k, m->key, m->key_size);
    gcm_seal(&k, m->nonce, m->aad, m->n_aad, &whole, 1, place, tag);
    check(memcmp(place, m->sealed, m->n) == 0 && memcmp(tag, m->tag, GCM_TAG) == 0);
    gcm_seal(&k, m->nonce, m->aad, m->n_aad, m->spans, m->n_spans, apart, tag);
    check(memcmp(apart, m->sealed, m->n) == 0 && memcmp(tag, m->tag, GCM_TAG) == 0);
    check(gcm_open(&k, m->nonce, m->aad, m->n_aad, place, m->n, apart, tag));
    check(memcmp(apart, m->text, m->n) == 0);
    check(gcm_open(&k, m->nonce, m->aad, m->n_aad, place, m->n, place, tag));
    check(memcmp(place, m->text, m->n) == 0);
    tag[m->flip / 8 % GCM_TAG] ^= (uint8_t)(1u << m->flip % 8);
    check(!gcm_open(&k, m->nonce, m->aad, m->n_aad, m->sealed, m->n, apart, tag));
    expect_zeros(apart, m->n);
    free(place);
    free(apart);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct message m;
    if (!read_message(&m, data, size))
        return 0;
    for (size_t i = 0; gcm_kernels[i] != NULL; i++)
        if (gcm_here(gcm_kernels[i]))
            play(gcm_kernels[i], &m);
    free(m.masked);
    free(m.sealed);
    return 0;
}
