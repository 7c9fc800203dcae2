/* A device's own key pair, which proves to a hub which device it is. */
#ifndef CORE_DEVICE_DEVICE_KEY_H
#define CORE_DEVICE_DEVICE_KEY_H

#include "core/base/p256.h"

struct device_key {
    uint8_t secret[P256_SECRET_SIZE];
    uint8_t point[P256_POINT_SIZE]; /* the public key */
};

void device_key_make(struct device_key *k);

/* "SHA256:" and the point's SHA-256 in base64 without padding, as ssh shows keys. */
#define DEVICE_FINGERPRINT_SIZE 51 /* 50 characters and NUL */
void device_key_fingerprint(const uint8_t point[P256_POINT_SIZE],
                            char out[DEVICE_FINGERPRINT_SIZE]);

#endif
