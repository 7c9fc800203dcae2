/* core/tls/gcm.h: every kernel that this CPU has against BearSSL's portable code. */
#include "core/tls/gcm_kernel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define LONGEST 16384
#define VERY_LONG ((1u << 20) + 4321) /* counters of more than 16 bits */
#define MAX_AAD 40
#define AROUND 16
#define GUARD 0x5c

static unsigned seed = 1;

static unsigned next_random(unsigned below)
{
    seed = seed * 1103515245u + 12345u;
    return (seed >> 8) % below;
}

static void fill(uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        p[i] = (uint8_t)next_random(256);
}

static void *take(size_t n)
{
    void *p = malloc(n > 0 ? n : 1);
    assert_non_null(p);
    return p;
}

/* ---- messages ---- */

/* What BearSSL makes of random bytes. Each text has a block of its own of just its size, so that
 * the sanitizer sees who reads or writes beyond it. */
struct message {
    uint8_t key[GCM_KEY_MAX], nonce[GCM_NONCE], aad[MAX_AAD], tag[GCM_TAG];
    size_t key_size, n_aad, n;
    uint8_t *plain, *sealed;
};

static void make_message(struct message *m, size_t n)
{
    br_aes_ct64_ctr_keys aes;
    br_gcm_context gcm;
    *m = (struct message){.key_size = next_random(2) == 0 ? 16 : 32,
                          .n_aad = next_random(MAX_AAD + 1),
                          .n = n,
                          .plain = take(n),
                          .sealed = take(n)};
    fill(m->key, m->key_size);
    fill(m->nonce, sizeof m->nonce);
    fill(m->aad, m->n_aad);
    fill(m->plain, n);
    memcpy(m->sealed, m->plain, n);
    br_aes_ct64_ctr_init(&aes, m->key, m->key_size);
    br_gcm_init(&gcm, &aes.vtable, br_ghash_ctmul64);
    br_gcm_reset(&gcm, m->nonce, sizeof m->nonce);
    br_gcm_aad_inject(&gcm, m->aad, m->n_aad);
    br_gcm_flip(&gcm);
    br_gcm_run(&gcm, 1, m->sealed, n);
    br_gcm_get_tag(&gcm, m->tag);
}

static void clear_message(struct message *m)
{
    free(m->plain);
    free(m->sealed);
}

static void expect_sealed(const struct gcm_kernel *kernel, const struct message *m,
                          const uint8_t *from, uint8_t *to)
{
    struct gcm_key k;
    uint8_t tag[GCM_TAG];
    gcm_key_init_for(kernel, &k, m->key, m->key_size);
    gcm_seal(&k, m->nonce, m->aad, m->n_aad, &(struct gcm_span){.p = from, .n = m->n}, 1, to, tag);
    if (memcmp(to, m->sealed, m->n) != 0 || memcmp(tag, m->tag, GCM_TAG) != 0)
        fail_msg("%s seals %zu bytes differently", kernel->name, m->n);
}

static void expect_opened(const struct gcm_kernel *kernel, const struct message *m,
                          const uint8_t *from, uint8_t *to)
{
    struct gcm_key k;
    gcm_key_init_for(kernel, &k, m->key, m->key_size);
    if (!gcm_open(&k, m->nonce, m->aad, m->n_aad, from, m->n, to, m->tag))
        fail_msg("%s does not open %zu bytes", kernel->name, m->n);
    if (memcmp(to, m->plain, m->n) != 0)
        fail_msg("%s opens %zu bytes as something else", kernel->name, m->n);
}

/* ---- what each kernel must do ---- */

static void check_length(const struct gcm_kernel *kernel, size_t n)
{
    struct message m;
    make_message(&m, n);
    uint8_t *to = take(n), *place = take(n);
    expect_sealed(kernel, &m, m.plain, to);
    expect_opened(kernel, &m, m.sealed, to);
    memcpy(place, m.plain, n);
    expect_sealed(kernel, &m, place, place);
    expect_opened(kernel, &m, place, place);
    free(to);
    free(place);
    clear_message(&m);
}

static void lengths(const struct gcm_kernel *kernel)
{
    for (size_t n = 0; n < 2100; n++)
        check_length(kernel, n);
    for (size_t n = 2100; n < LONGEST - 20; n += 1 + next_random(80))
        check_length(kernel, n);
    for (size_t n = LONGEST - 20; n <= LONGEST; n++)
        check_length(kernel, n);
    check_length(kernel, VERY_LONG);
}

static void alignments(const struct gcm_kernel *kernel)
{
    uint8_t from[64 + 600], to[64 + 600];
    struct message m;
    for (size_t a = 0; a < 64; a++)
        for (size_t b = 0; b < 64; b += a == 0 ? 1 : 7) {
            make_message(&m, 300 + next_random(300));
            memcpy(from + a, m.plain, m.n);
            expect_sealed(kernel, &m, from + a, to + b);
            expect_opened(kernel, &m, to + b, from + a);
            expect_sealed(kernel, &m, from + a, from + a);
            expect_opened(kernel, &m, from + a, from + a);
            clear_message(&m);
        }
}

/* Cuts m's plaintext into spans that masks turn into it. Returns how many there are. */
static size_t cut(const struct message *m, struct gcm_span *spans, size_t max, uint8_t *masked)
{
    size_t at = 0, n = 0, count = 1 + next_random((unsigned)max);
    while (n < count) {
        struct gcm_span *s = &spans[n++];
        size_t left = m->n - at, part = next_random(3) == 0 ? next_random(20) : left / 2;
        s->n = n == count || part > left ? left : part;
        s->p = masked + at;
        memset(s->mask, 0, sizeof s->mask);
        if (next_random(3) > 0)
            fill(s->mask, sizeof s->mask);
        for (size_t i = 0; i < s->n; i++)
            masked[at + i] = m->plain[at + i] ^ s->mask[i % 4];
        at += s->n;
    }
    return n;
}

static void spans(const struct gcm_kernel *kernel)
{
    for (size_t i = 0; i < 600; i++) {
        struct message m;
        struct gcm_span s[6];
        struct gcm_key k;
        uint8_t tag[GCM_TAG];
        make_message(&m, next_random(i % 8 == 0 ? LONGEST : 500));
        uint8_t *masked = take(m.n), *to = take(m.n);
        size_t n = cut(&m, s, 6, masked);
        gcm_key_init_for(kernel, &k, m.key, m.key_size);
        gcm_seal(&k, m.nonce, m.aad, m.n_aad, s, n, to, tag);
        assert_memory_equal(tag, m.tag, GCM_TAG);
        if (m.n > 0)
            assert_memory_equal(to, m.sealed, m.n);
        free(masked);
        free(to);
        clear_message(&m);
    }
}

static void nothing_around(const struct gcm_kernel *kernel)
{
    uint8_t to[AROUND + 1100 + AROUND];
    for (size_t n = 0; n <= 1100; n += n < 600 ? 1 : 50) {
        struct message m;
        make_message(&m, n);
        memset(to, GUARD, sizeof to);
        expect_sealed(kernel, &m, m.plain, to + AROUND);
        expect_opened(kernel, &m, m.sealed, to + AROUND);
        for (size_t i = 0; i < AROUND; i++)
            assert_true(to[i] == GUARD && to[AROUND + n + i] == GUARD);
        clear_message(&m);
    }
}

/* Nothing of a message that was tampered with is left. */
static void expect_refused(const struct gcm_kernel *kernel, const struct message *m)
{
    struct gcm_key k;
    uint8_t *to = take(m->n), *place = take(m->n);
    memset(to, GUARD, m->n);
    memcpy(place, m->sealed, m->n);
    gcm_key_init_for(kernel, &k, m->key, m->key_size);
    assert_false(gcm_open(&k, m->nonce, m->aad, m->n_aad, m->sealed, m->n, to, m->tag));
    assert_false(gcm_open(&k, m->nonce, m->aad, m->n_aad, place, m->n, place, m->tag));
    for (size_t i = 0; i < m->n; i++)
        assert_true(to[i] == 0 && place[i] == 0);
    free(to);
    free(place);
}

static void flip_each(const struct gcm_kernel *kernel, const struct message *m, uint8_t *p,
                      size_t n_bits, size_t step)
{
    for (size_t bit = 0; bit < n_bits; bit += step) {
        p[bit / 8] ^= (uint8_t)(1u << bit % 8);
        expect_refused(kernel, m);
        p[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

static void tampered(const struct gcm_kernel *kernel)
{
    static const size_t sizes[] = {1, 16, 255, 700};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct message m;
        make_message(&m, sizes[i]);
        flip_each(kernel, &m, m.tag, GCM_TAG * 8, 1);
        flip_each(kernel, &m, m.sealed, m.n * 8, 7);
        flip_each(kernel, &m, m.aad, m.n_aad * 8, 3);
        flip_each(kernel, &m, m.nonce, GCM_NONCE * 8, 5);
        m.n--;
        expect_refused(kernel, &m);
        m.n++;
        m.n_aad++;
        expect_refused(kernel, &m);
        m.n_aad--;
        uint8_t *place = take(m.n);
        expect_opened(kernel, &m, m.sealed, place);
        free(place);
        clear_message(&m);
    }
}

/* ---- the choice ---- */

static void takes_the_first_that_is_here(void **state)
{
    (void)state;
    size_t i = 0;
    char text[256];
    const char *asked = getenv("TUNNEL_CPU");
    while (!gcm_here(gcm_kernels[i]))
        i++;
    assert_string_equal(gcm_name(), asked != NULL && gcm_cpu_valid(text, sizeof text)
                                        ? asked
                                        : gcm_kernels[i]->name);
}

static void refuses_what_is_not_here(void **state)
{
    (void)state;
    char text[256] = "";
    const char *asked = getenv("TUNNEL_CPU");
    char *kept = asked != NULL ? strdup(asked) : NULL;
    setenv("TUNNEL_CPU", "bearssl", 1);
    assert_true(gcm_cpu_valid(text, sizeof text));
    setenv("TUNNEL_CPU", "", 1);
    assert_true(gcm_cpu_valid(text, sizeof text));
    setenv("TUNNEL_CPU", "z80", 1);
    assert_false(gcm_cpu_valid(text, sizeof text));
    assert_non_null(strstr(text, "TUNNEL_CPU: z80 is not known; here are: "));
    assert_non_null(strstr(text, " bearssl"));
    for (size_t i = 0; gcm_kernels[i] != NULL; i++) {
        setenv("TUNNEL_CPU", gcm_kernels[i]->name, 1);
        assert_int_equal(gcm_cpu_valid(text, sizeof text), gcm_here(gcm_kernels[i]));
        if (!gcm_here(gcm_kernels[i]))
            assert_non_null(strstr(text, " is nothing that this CPU has; here are: "));
    }
    unsetenv("TUNNEL_CPU");
    assert_true(gcm_cpu_valid(text, sizeof text));
    if (kept != NULL)
        setenv("TUNNEL_CPU", kept, 1);
    free(kept);
}

/* ---- each with each ---- */

static const struct check {
    const char *name;
    void (*run)(const struct gcm_kernel *kernel);
} checks[] = {
    {"lengths", lengths},   {"alignments", alignments},         {"spans and masks", spans},
    {"tampered", tampered}, {"nothing around", nothing_around},
};
#define CHECKS (sizeof checks / sizeof *checks)
#define KERNELS 5

struct pair {
    const struct gcm_kernel *kernel;
    const struct check *check;
    char name[48];
};

static void run_pair(void **state)
{
    const struct pair *p = *state;
    if (!gcm_here(p->kernel)) {
        print_message("%s is skipped: this CPU does not have it\n", p->kernel->name);
        skip();
    }
    p->check->run(p->kernel);
}

int main(void)
{
    static struct pair pairs[KERNELS * CHECKS];
    struct CMUnitTest tests[KERNELS * CHECKS + 2] = {
        cmocka_unit_test(takes_the_first_that_is_here),
        cmocka_unit_test(refuses_what_is_not_here),
    };
    size_t n = 0;
    for (size_t i = 0; gcm_kernels[i] != NULL && i < KERNELS; i++)
        for (size_t c = 0; c < CHECKS; c++, n++) {
            struct pair *p = &pairs[n];
            *p = (struct pair){.kernel = gcm_kernels[i], .check = &checks[c]};
            snprintf(p->name, sizeof p->name, "%s: %s", p->kernel->name, p->check->name);
            tests[2 + n] =
                (struct CMUnitTest){.name = p->name, .test_func = run_pair, .initial_state = p};
        }
    return _cmocka_run_group_tests("gcm", tests, 2 + n, NULL, NULL);
}
