#include "core/base/seal.h"

#include "core/base/random.h"

#include <bearssl.h>
#include <string.h>

#define VERSION 1
#define NONCE_SIZE 12
#define TAG_SIZE 16

static void run(const uint8_t key[SEAL_KEY_SIZE], const uint8_t *nonce, struct span about,
                uint8_t *p, size_t n, uint8_t *tag, bool encrypt)
{
    br_poly1305_ctmul_run(key, nonce, p, n, about.p, about.n, tag, br_chacha20_ct_run, encrypt);
}

void seal(const uint8_t key[SEAL_KEY_SIZE], struct span about, const uint8_t *p, size_t n,
          uint8_t *out)
{
    uint8_t *nonce = out + 1, *body = nonce + NONCE_SIZE;
    out[0] = VERSION;
    random_bytes(nonce, NONCE_SIZE);
    memcpy(body, p, n);
    run(key, nonce, about, body, n, body + n, true);
}

/* Decrypting in place also computes the tag, of what was encrypted. */
bool seal_open(const uint8_t key[SEAL_KEY_SIZE], struct span about, const uint8_t *p, size_t n,
               uint8_t *out)
{
    uint8_t tag[TAG_SIZE], differs = 0;
    if (n < SEAL_EXTRA || p[0] != VERSION)
        return false;
    const uint8_t *nonce = p + 1, *body = nonce + NONCE_SIZE;
    size_t size = n - SEAL_EXTRA;
    memcpy(out, body, size);
    run(key, nonce, about, out, size, tag, false);
    for (size_t i = 0; i < TAG_SIZE; i++)
        differs |= tag[i] ^ body[size + i];
    if (differs != 0)
        explicit_bzero(out, size);
    return differs == 0;
}
