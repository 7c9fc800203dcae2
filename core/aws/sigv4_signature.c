#include "core/aws/sigv4_internal.h"

#include <bearssl.h>
#include <string.h>

static void hmac_begin(br_hmac_context *c, const void *key, size_t n)
{
    br_hmac_key_context k;
    br_hmac_key_init(&k, &br_sha256_vtable, key, n);
    br_hmac_init(c, &k, 0);
    explicit_bzero(&k, sizeof k);
}

static void hmac_end(br_hmac_context *c, uint8_t out[br_sha256_SIZE])
{
    br_hmac_out(c, out);
    explicit_bzero(c, sizeof *c);
}

/* The key becomes the next one: key = HMAC(key, text). */
static void derive(uint8_t key[br_sha256_SIZE], struct span text)
{
    br_hmac_context c;
    hmac_begin(&c, key, br_sha256_SIZE);
    br_hmac_update(&c, text.p, text.n);
    hmac_end(&c, key);
}

/* The first key of the chain is "AWS4" and the secret. HMAC takes the hash of a key that is longer
 * than its block (RFC 2104), so a secret may have any length and needs no memory. */
#define HMAC_BLOCK 64
static void derive_first(struct span secret, struct span date, uint8_t key[br_sha256_SIZE])
{
    char whole[HMAC_BLOCK] = "AWS4";
    size_t n = 4 + secret.n;
    if (n <= sizeof whole) {
        if (secret.n > 0)
            memcpy(whole + 4, secret.p, secret.n);
    } else {
        br_sha256_context hash;
        br_sha256_init(&hash);
        br_sha256_update(&hash, whole, 4);
        br_sha256_update(&hash, secret.p, secret.n);
        br_sha256_out(&hash, whole);
        explicit_bzero(&hash, sizeof hash);
        n = br_sha256_SIZE;
    }
    br_hmac_context c;
    hmac_begin(&c, whole, n);
    br_hmac_update(&c, date.p, date.n);
    hmac_end(&c, key);
    explicit_bzero(whole, sizeof whole);
}

static void update(br_hmac_context *c, struct span s, const char *after)
{
    br_hmac_update(c, s.p, s.n);
    br_hmac_update(c, after, strlen(after));
}

void signature_of(const struct sigv4_auth *auth, const char canonical[SIGV4_HEX + 1],
                  struct span secret, char out[SIGV4_HEX + 1])
{
    uint8_t key[br_sha256_SIZE], signature[br_sha256_SIZE];
    derive_first(secret, auth->date, key);
    derive(key, auth->region);
    derive(key, auth->service);
    derive(key, span_of(SIGV4_TERMINATOR));

    br_hmac_context c;
    hmac_begin(&c, key, sizeof key);
    explicit_bzero(key, sizeof key);
    update(&c, span_of(SIGV4_ALGORITHM), "\n");
    update(&c, auth->time, "\n");
    update(&c, auth->date, "/");
    update(&c, auth->region, "/");
    update(&c, auth->service, "/" SIGV4_TERMINATOR "\n");
    update(&c, span_of(canonical), "");
    hmac_end(&c, signature);
    hex_encode(signature, sizeof signature, out);
    explicit_bzero(signature, sizeof signature);
}
