#include "core/base/hash.h"

#include <string.h>

void hash_begin(struct hash *h, enum hash_kind kind)
{
    static const br_hash_class *const classes[] = {[HASH_MD5] = &br_md5_vtable,
                                                   [HASH_SHA1] = &br_sha1_vtable,
                                                   [HASH_SHA256] = &br_sha256_vtable};
    classes[kind]->init(&h->state.vtable);
}

void hash_add(struct hash *h, const void *p, size_t n)
{
    if (n > 0)
        h->state.vtable->update(&h->state.vtable, p, n);
}

size_t hash_end(struct hash *h, uint8_t out[HASH_SIZE_MAX])
{
    size_t size = h->state.vtable->desc >> BR_HASHDESC_OUT_OFF & BR_HASHDESC_OUT_MASK;
    h->state.vtable->out(&h->state.vtable, out);
    explicit_bzero(h, sizeof *h);
    return size;
}

void hmac_begin(struct hmac *h, const void *key, size_t n)
{
    br_hmac_key_context k;
    br_hmac_key_init(&k, &br_sha256_vtable, key, n);
    br_hmac_init(&h->state, &k, 0);
    explicit_bzero(&k, sizeof k);
}

void hmac_add(struct hmac *h, const void *p, size_t n)
{
    if (n > 0)
        br_hmac_update(&h->state, p, n);
}

void hmac_end(struct hmac *h, uint8_t out[HASH_SHA256_SIZE])
{
    br_hmac_out(&h->state, out);
    explicit_bzero(h, sizeof *h);
}
