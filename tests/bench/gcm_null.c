/* No cipher at all: records are copied, and their tags are zeros. Only a build with
 * TUNNEL_BENCH_NULL_CIPHER has it, which cannot be installed: scripts/bench measures with it what
 * everything but encryption costs. AES-256 is as ever, since others that call the hub choose it;
 * our own programs speak AES-128 with each other. */
#include "core/base/log.h"
#include "core/tls/gcm_kernel.h"

#include <string.h>

static bool here(void)
{
    log_warning("this program was built for measuring: NOTHING THAT IT SENDS IS ENCRYPTED");
    return true;
}

static void init(struct gcm_key *k, const uint8_t *key, size_t size)
{
    if (size != 16)
        gcm_key_init_for(&gcm_bearssl, k, key, size);
}

static void start(const struct gcm_key *k, struct gcm_state *s, const uint8_t *aad, size_t n)
{
    (void)k, (void)s, (void)aad, (void)n;
}

static void seal(const struct gcm_key *k, struct gcm_state *s, const uint8_t mask[16],
                 const uint8_t *from, uint8_t *to, size_t n)
{
    uint64_t word, half;
    size_t i = 0;
    (void)k, (void)s;
    memcpy(&half, mask, sizeof half);
    if (half == 0) {
        memmove(to, from, n);
        return;
    }
    for (; i + sizeof word <= n; i += sizeof word) {
        memcpy(&word, from + i, sizeof word);
        word ^= half;
        memcpy(to + i, &word, sizeof word);
    }
    for (; i < n; i++)
        to[i] = from[i] ^ mask[i % 16];
}

static void open(const struct gcm_key *k, struct gcm_state *s, const uint8_t *from, uint8_t *to,
                 size_t n)
{
    (void)k, (void)s;
    if (to != from)
        memmove(to, from, n);
}

static void finish(const struct gcm_key *k, struct gcm_state *s, const uint8_t lengths[16],
                   uint8_t tag[GCM_TAG])
{
    (void)k, (void)s, (void)lengths;
    memset(tag, 0, GCM_TAG);
}

const struct gcm_kernel gcm_null = {
    .name = "null",
    .here = here,
    .init = init,
    .start = start,
    .seal = seal,
    .open = open,
    .finish = finish,
};
