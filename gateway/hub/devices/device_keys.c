#include "gateway/hub/devices/device_keys.h"

#include "core/base/encoding.h"
#include "core/base/file.h"
#include "core/base/random.h"

#include <stdio.h>
#include <string.h>

/* As it is sealed: for each key its length, one byte, and its bytes. */
#define PLAIN_MAX (2 * (1 + DEVICE_SECRET_MAX))
_Static_assert(PLAIN_MAX + SEAL_EXTRA <= DEVICE_SEALED_MAX, "sealed keys fit into a record");

#define SECRET_FILE_MAX 4096
#define SECRET_RULE "is not the base64 of 32 bytes, as \"openssl rand -base64 32\" makes it"

void device_secret_new(struct device_secret *s)
{
    s->n = DEVICE_SECRET_NEW;
    random_bytes(s->bytes, s->n);
}

bool device_secret_from(struct span base64, struct device_secret *s)
{
    uint8_t bytes[DEVICE_SECRET_MAX + 3];
    if (base64.n > (DEVICE_SECRET_MAX + 2) / 3 * 4)
        return false;
    long n = base64_decode(base64, bytes);
    bool fits = n >= DEVICE_SECRET_MIN && n <= DEVICE_SECRET_MAX;
    if (fits) {
        s->n = (size_t)n;
        memcpy(s->bytes, bytes, s->n);
    }
    explicit_bzero(bytes, sizeof bytes);
    return fits;
}

/* ---- sealed ---- */

static size_t put(uint8_t *to, const struct device_secret *s)
{
    to[0] = (uint8_t)s->n;
    memcpy(to + 1, s->bytes, s->n);
    return 1 + s->n;
}

bool device_keys_seal(const uint8_t key[SEAL_KEY_SIZE], const struct device_keys *k,
                      struct device_record *d)
{
    uint8_t plain[PLAIN_MAX], sealed[PLAIN_MAX + SEAL_EXTRA];
    size_t n = put(plain, &k->primary);
    n += put(plain + n, &k->secondary);
    seal(key, span_of(d->name), plain, n, sealed);
    explicit_bzero(plain, sizeof plain);
    return device_record_seal(d, sealed, n + SEAL_EXTRA);
}

/* Takes one key from *rest. */
static bool take(const uint8_t **p, size_t *n, struct device_secret *s)
{
    if (*n == 0 || **p < DEVICE_SECRET_MIN || **p > DEVICE_SECRET_MAX || *n - 1 < **p)
        return false;
    s->n = **p;
    memcpy(s->bytes, *p + 1, s->n);
    *p += 1 + s->n;
    *n -= 1 + s->n;
    return true;
}

bool device_keys_open(const uint8_t key[SEAL_KEY_SIZE], const struct device_record *d,
                      struct device_keys *k)
{
    uint8_t plain[DEVICE_SEALED_MAX];
    if (d->sealed == NULL || d->n_sealed > sizeof plain ||
        !seal_open(key, span_of(d->name), d->sealed, d->n_sealed, plain))
        return false;
    const uint8_t *p = plain;
    size_t n = d->n_sealed - SEAL_EXTRA;
    bool fine = take(&p, &n, &k->primary) && take(&p, &n, &k->secondary) && n == 0;
    explicit_bzero(plain, sizeof plain);
    if (!fine)
        explicit_bzero(k, sizeof *k);
    return fine;
}

/* ---- the key that seals ---- */

enum err device_keys_read_secret(const char *path, uint8_t key[SEAL_KEY_SIZE], char *text,
                                 size_t size)
{
    struct span bytes;
    struct device_secret s;
    enum err why = file_check_secret(path, text, size);
    if (why == ERR_OK)
        why = file_read(path, SECRET_FILE_MAX, &bytes, text, size);
    if (why != ERR_OK)
        return why;
    bool fine = device_secret_from(span_trim_lines(bytes), &s) && s.n == SEAL_KEY_SIZE;
    if (fine)
        memcpy(key, s.bytes, SEAL_KEY_SIZE);
    else
        snprintf(text, size, "%s: " SECRET_RULE, path);
    explicit_bzero(&s, sizeof s);
    file_wipe(&bytes);
    return fine ? ERR_OK : ERR_USAGE;
}
