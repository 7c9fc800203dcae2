/* The symmetric keys of a device that Azure's SDKs know as its primary and secondary key, and how
 * its record keeps them: sealed (core/base/seal.h), with its name as what they are about. Pure. */
#ifndef GATEWAY_HUB_DEVICES_DEVICE_KEYS_H
#define GATEWAY_HUB_DEVICES_DEVICE_KEYS_H

#include "core/base/err.h"
#include "core/base/seal.h"
#include "gateway/hub/registry/device_record.h"

/* Bytes of one key; as at Azure, keys are given in base64. */
#define DEVICE_SECRET_MIN 16
#define DEVICE_SECRET_MAX 64
#define DEVICE_SECRET_NEW 32 /* bytes of a key that the hub makes */

struct device_secret {
    size_t n;
    uint8_t bytes[DEVICE_SECRET_MAX];
};
struct device_keys {
    struct device_secret primary, secondary;
};
void device_secret_new(struct device_secret *s); /* a random one */
/* False: no base64 (RFC 4648 section 4) of so many bytes. */
bool device_secret_from(struct span base64, struct device_secret *s);

/* Seals k into the record, whose name is set. False: no memory, and the record is as before. */
bool device_keys_seal(const uint8_t key[SEAL_KEY_SIZE], const struct device_keys *k,
                      struct device_record *d);
/* Gives the record's keys, which the caller wipes. False: they were not sealed with this key, or
 * there are none. */
bool device_keys_open(const uint8_t key[SEAL_KEY_SIZE], const struct device_record *d,
                      struct device_keys *k);

/* Reads the key that seals: a file of 32 bytes in base64, which only the hub's user may read.
 * Errors are those of file_read, ERR_PERMISSION and ERR_USAGE, with a sentence. */
enum err device_keys_read_secret(const char *path, uint8_t key[SEAL_KEY_SIZE], char *text,
                                 size_t size);

#endif
