#include "core/device/device_key.h"

#include "core/base/encoding.h"
#include "core/base/hash.h"

#include <string.h>

void device_key_make(struct device_key *k)
{
    p256_make(k->secret);
    p256_public(k->secret, k->point);
}

void device_key_fingerprint(const uint8_t point[P256_POINT_SIZE], char out[DEVICE_FINGERPRINT_SIZE])
{
    static const char label[] = "SHA256:";
    char text[BASE64_SIZE(HASH_SHA256_SIZE)];
    uint8_t digest[HASH_SIZE_MAX];
    struct hash h;
    hash_begin(&h, HASH_SHA256);
    hash_add(&h, point, P256_POINT_SIZE);
    hash_end(&h, digest);
    base64_encode(digest, HASH_SHA256_SIZE, text, false);
    memcpy(out, label, sizeof label - 1);
    memcpy(out + sizeof label - 1, text, DEVICE_FINGERPRINT_SIZE - sizeof label); /* without '=' */
    out[DEVICE_FINGERPRINT_SIZE - 1] = '\0';
}
