/* Has keys and data that memcheck takes for uninitialized go through a kernel of AES-GCM, so that
 * it reports each branch and each address that depends on them. secrets KERNEL   exit code 77: this
 * CPU, as valgrind shows it, does not have it secrets leak     does what must be reported */
#include "core/base/secret.h"
#include "core/tls/gcm_kernel.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LONGEST 1100
#define ABSENT 77

static uint8_t *secret(size_t n)
{
    uint8_t *p = malloc(n); /* uninitialized, and meant to be */
    if (p == NULL)
        exit(1);
    return p;
}

static void seal(const struct gcm_key *k, uint8_t *plain, size_t n, uint8_t *to,
                 uint8_t tag[GCM_TAG])
{
    static const uint8_t nonce[GCM_NONCE], aad[13];
    size_t half = n / 2;
    struct gcm_span whole = {.p = plain, .n = n};
    struct gcm_span halves[] = {{.p = plain, .n = half, .mask = {1, 2, 3, 4}},
                                {.p = plain + half, .n = n - half}};
    gcm_seal(k, nonce, aad, sizeof aad, &whole, 1, to, tag);
    gcm_seal(k, nonce, aad, sizeof aad, halves, 2, to, tag);
}

/* What gcm_open does before it tells whether the tag was right, which is no secret. */
static void open(const struct gcm_key *k, const uint8_t *from, size_t n, uint8_t *to,
                 const uint8_t tag[GCM_TAG])
{
    static const uint8_t aad[13], lengths[16];
    uint8_t computed[GCM_TAG];
    struct gcm_state s = {.counter = 0};
    k->kernel->start(k, &s, aad, sizeof aad);
    if (n > 0)
        k->kernel->open(k, &s, from, to, n);
    k->kernel->finish(k, &s, lengths, computed);
    volatile bool equal = secret_equal((struct span){(const char *)computed, GCM_TAG},
                                       (struct span){(const char *)tag, GCM_TAG});
    (void)equal;
}

static void run(const struct gcm_kernel *kernel, size_t key_size)
{
    uint8_t *key = secret(key_size), *text = secret(LONGEST), *to = secret(LONGEST);
    struct gcm_key k;
    gcm_key_init_for(kernel, &k, key, key_size);
    for (size_t n = 0; n < LONGEST; n += n < 300 ? 7 : 97) {
        uint8_t tag[GCM_TAG];
        seal(&k, text, n, to, tag);
        open(&k, to, n, text, tag);
    }
    free(key);
    free(text);
    free(to);
}

static int leak(void)
{
    static const uint8_t table[256] = {1};
    uint8_t *key = secret(16);
    volatile uint8_t found = table[key[0]];
    (void)found;
    free(key);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "leak") == 0)
        return leak();
    for (size_t i = 0; argc == 2 && gcm_kernels[i] != NULL; i++) {
        if (strcmp(gcm_kernels[i]->name, argv[1]) != 0)
            continue;
        if (!gcm_here(gcm_kernels[i]))
            return ABSENT;
        run(gcm_kernels[i], 16);
        run(gcm_kernels[i], 32);
        return 0;
    }
    fprintf(stderr, "usage: secrets KERNEL|leak\n");
    return 2;
}
