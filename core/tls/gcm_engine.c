#include "core/tls/gcm_engine.h"

#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#define WIDE (sizeof(void *) == 8)

struct kept_key {
    const br_block_ctr_class *vtable; /* must be the first member */
    size_t size;
    uint8_t key[32];
};
_Static_assert(sizeof(struct kept_key) <= sizeof(br_aes_gen_ctr_keys),
               "the engine's context has no room for a key");

static struct {
    pthread_once_t once;
    const br_block_ctr_class *aes;
    br_ghash ghash;
} found = {.once = PTHREAD_ONCE_INIT};

static void find(void)
{
    if ((found.aes = br_aes_x86ni_ctr_get_vtable()) == NULL &&
        (found.aes = br_aes_pwr8_ctr_get_vtable()) == NULL)
        found.aes = GCM_ENGINE_PORTABLE_AES;
    if ((found.ghash = br_ghash_pclmul_get()) == NULL &&
        (found.ghash = br_ghash_pwr8_get()) == NULL)
        found.ghash = WIDE ? &br_ghash_ctmul64 : &br_ghash_ctmul;
}

const br_block_ctr_class *gcm_engine_aes(void)
{
    pthread_once(&found.once, find);
    return found.aes;
}

br_ghash gcm_engine_ghash(void)
{
    pthread_once(&found.once, find);
    return found.ghash;
}

static void keep(const br_block_ctr_class **context, const void *key, size_t size)
{
    struct kept_key *k = (struct kept_key *)(void *)context;
    k->vtable = &gcm_engine_class;
    k->size = size < sizeof k->key ? size : sizeof k->key;
    memcpy(k->key, key, k->size);
}

/* A handshake has some eight of these calls, so it does not matter that each expands the key. */
static uint32_t run(const br_block_ctr_class *const *context, const void *iv, uint32_t counter,
                    void *data, size_t n)
{
    const struct kept_key *k = (const struct kept_key *)(const void *)context;
    br_aes_gen_ctr_keys aes;
    gcm_engine_aes()->init(&aes.vtable, k->key, k->size);
    counter = aes.vtable->run(&aes.vtable, iv, counter, data, n);
    explicit_bzero(&aes, sizeof aes);
    return counter;
}

const br_block_ctr_class gcm_engine_class = {
    .context_size = sizeof(struct kept_key),
    .block_size = 16,
    .log_block_size = 4,
    .init = keep,
    .run = run,
};

const uint8_t *gcm_engine_key(const br_block_ctr_class *const *context, size_t *size)
{
    const struct kept_key *k = (const struct kept_key *)(const void *)context;
    if (*context != &gcm_engine_class)
        return NULL;
    *size = k->size;
    return k->key;
}
