#include "core/device/device_proof.h"

#include "core/base/hash.h"

static void add_length(struct hash *h, size_t n)
{
    hash_add(h, &(uint8_t){(uint8_t)(n >> 8)}, 1);
    hash_add(h, &(uint8_t){(uint8_t)n}, 1);
}

static void add(struct hash *h, const void *p, size_t n)
{
    add_length(h, n);
    hash_add(h, p, n);
}

static void add_lower(struct hash *h, struct span s)
{
    add_length(h, s.n);
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (c >= 'A' && c <= 'Z')
            c = (char)(c + 32);
        hash_add(h, &c, 1);
    }
}

static void digest(const struct device_proof *p, uint8_t out[HASH_SIZE_MAX])
{
    struct hash h;
    hash_begin(&h, HASH_SHA256);
    add(&h, DEVICE_PROOF_LABEL, sizeof DEVICE_PROOF_LABEL - 1);
    add_lower(&h, p->host);
    add(&h, p->device.p, p->device.n);
    add(&h, p->point, P256_POINT_SIZE);
    add(&h, p->nonce, DEVICE_NONCE_SIZE);
    add(&h, p->certificate, HASH_SHA256_SIZE);
    hash_end(&h, out);
}

bool device_proof_sign(const struct device_proof *p, const uint8_t secret[P256_SECRET_SIZE],
                       uint8_t signature[P256_SIGNATURE_SIZE])
{
    uint8_t hash[HASH_SIZE_MAX];
    digest(p, hash);
    return p256_sign(secret, hash, signature);
}

bool device_proof_check(const struct device_proof *p, const uint8_t signature[P256_SIGNATURE_SIZE])
{
    uint8_t hash[HASH_SIZE_MAX];
    digest(p, hash);
    return p256_check(p->point, hash, signature);
}
