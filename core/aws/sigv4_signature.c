#include "core/aws/sigv4_internal.h"

#include "core/base/encoding.h"
#include "core/base/hash.h"

#include <string.h>

/* Turns the key into the next one: key = HMAC(key, text). */
static void derive(uint8_t key[HASH_SHA256_SIZE], struct span text)
{
    struct hmac h;
    hmac_begin(&h, key, HASH_SHA256_SIZE);
    hmac_add(&h, text.p, text.n);
    hmac_end(&h, key);
}

/* The first key of the chain is "AWS4" and the secret. HMAC takes the hash of a key that is longer
 * than its block (RFC 2104), so a secret may have any length and needs no memory. */
#define HMAC_BLOCK 64
static void derive_first(struct span secret, struct span date, uint8_t key[HASH_SHA256_SIZE])
{
    char whole[HMAC_BLOCK] = "AWS4";
    size_t n = 4 + secret.n;
    if (n <= sizeof whole) {
        if (secret.n > 0)
            memcpy(whole + 4, secret.p, secret.n);
    } else {
        struct hash hash;
        hash_begin(&hash, HASH_SHA256);
        hash_add(&hash, whole, 4);
        hash_add(&hash, secret.p, secret.n);
        n = hash_end(&hash, (uint8_t *)whole);
    }
    struct hmac h;
    hmac_begin(&h, whole, n);
    hmac_add(&h, date.p, date.n);
    hmac_end(&h, key);
    explicit_bzero(whole, sizeof whole);
}

static void update(struct hmac *h, struct span s, const char *after)
{
    hmac_add(h, s.p, s.n);
    hmac_add(h, after, strlen(after));
}

void signature_of(const struct sigv4_auth *auth, const char canonical[SIGV4_HEX + 1],
                  struct span secret, char out[SIGV4_HEX + 1])
{
    uint8_t key[HASH_SHA256_SIZE], signature[HASH_SHA256_SIZE];
    derive_first(secret, auth->date, key);
    derive(key, auth->region);
    derive(key, auth->service);
    derive(key, span_of(SIGV4_TERMINATOR));

    struct hmac h;
    hmac_begin(&h, key, sizeof key);
    explicit_bzero(key, sizeof key);
    update(&h, span_of(SIGV4_ALGORITHM), "\n");
    update(&h, auth->time, "\n");
    update(&h, auth->date, "/");
    update(&h, auth->region, "/");
    update(&h, auth->service, "/" SIGV4_TERMINATOR "\n");
    update(&h, span_of(canonical), "");
    hmac_end(&h, signature);
    hex_encode(signature, sizeof signature, out);
    explicit_bzero(signature, sizeof signature);
}
