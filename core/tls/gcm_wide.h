/* The body of a kernel of our own, for vectors of any width. It is included once by each of them,
 * which defines before:
 *   TARGET        the attribute that allows the compiler the instructions
 *   V             the vector
 *   COUNT, EACH   how many vectors a group has, and EACH(X) for X(0) X(1) …
 *   v_…           the operations on vectors; v_begin, v_round and v_end are those of AES, whose
 * round r takes key ROUND_KEY(r): some CPUs add a round's key at its end, others that of the round
 * before at its beginning gcm_block …   as gcm_setup.h has it and gets `seal` and `open` as struct
 * gcm_kernel has them.
 *
 * A group is as many blocks as keep the AES units busy. While one group goes through the rounds of
 * AES, another (of those before it when sealing, the same when opening) is multiplied for GHASH in
 * units that AES does not use. A group has one reduction. */
#include <string.h>

#define INLINE static inline __attribute__((always_inline)) TARGET
/* What runs once for each record is there once; what runs for each group, once for each case. */
#define ONCE static __attribute__((noinline)) TARGET
#define GROUP_BYTES (COUNT * sizeof(V))
#define GROUP (GROUP_BYTES / 16)

/* What the rounds need, in registers as far as there are any. */
struct cipher {
    unsigned rounds;
    V key[15];
    V counter; /* of the next vector, in the CPU's order of bytes */
};

INLINE void cipher_begin(struct cipher *c, const struct gcm_key *k, const struct gcm_state *s,
                         uint32_t counter, const uint8_t *mask, unsigned rounds)
{
#define KEY(i) c->key[i] = v_spread(gcm_load(k->u.own.round_keys[i]))
    KEY(0), KEY(1), KEY(2), KEY(3), KEY(4), KEY(5), KEY(6), KEY(7), KEY(8), KEY(9), KEY(10);
    if (rounds == 14)
        KEY(11), KEY(12), KEY(13), KEY(14);
#undef KEY
    c->rounds = rounds;
    /* AES ends with the last key being XORed, so a mask that is XORed with it costs nothing. */
    if (mask != NULL)
        c->key[rounds] = v_xor(c->key[rounds], v_spread(gcm_load(mask)));
    c->counter = v_add(v_spread(gcm_counter(s, counter)), v_lane_numbers());
}

/* A sum of products of blocks and powers of H, not reduced yet. */
struct product {
    V low, middle, high;
};

/* Adds the product of the group's vector i. */
INLINE void add_product(struct product *sum, const struct gcm_key *k, const uint8_t *group,
                        gcm_block hash, unsigned i)
{
    V x = v_turn(v_load(group + i * sizeof(V)));
    V h = v_load(k->u.own.powers + GCM_POWERS * 16 - GROUP_BYTES + i * sizeof(V));
    if (i == 0)
        x = v_xor(x, v_widen(hash));
    sum->low = v_xor(sum->low, v_multiply(x, h, 0x00));
    sum->middle = v_xor3(sum->middle, v_multiply(x, h, 0x01), v_multiply(x, h, 0x10));
    sum->high = v_xor(sum->high, v_multiply(x, h, 0x11));
}

INLINE gcm_block reduce(const struct product *sum)
{
    return gcm_reduce(v_fold(sum->low), v_fold(sum->middle), v_fold(sum->high));
}

ONCE gcm_block hash_group(const struct gcm_key *k, const uint8_t *group, gcm_block hash)
{
    struct product sum = {v_zero(), v_zero(), v_zero()};
#define ADD(i) add_product(&sum, k, group, hash, i);
    EACH(ADD);
#undef ADD
    return reduce(&sum);
}

/* Takes one group from one place to another. `hashed`: the group that goes through GHASH meanwhile;
 * NULL: none does. Returns the new hash. */
INLINE gcm_block crypt_group(struct cipher *c, const uint8_t *from, uint8_t *to,
                             const struct gcm_key *k, const uint8_t *hashed, gcm_block hash,
                             bool with_hash)
{
    struct product sum = {v_zero(), v_zero(), v_zero()};
#define BEGIN(i)                                                                                   \
    V b##i = v_begin(v_swap_counter(c->counter), c->key[0]);                                       \
    c->counter = v_add(c->counter, v_lanes());
#define ENCRYPT(i) b##i = v_round(b##i, key);
#define END(i)                                                                                     \
    b##i = v_end(b##i, c->key[c->rounds - 1], c->key[c->rounds]);                                  \
    v_store(to + i * sizeof(V), v_xor(b##i, v_load(from + i * sizeof(V))));
#define ROUND(r)                                                                                   \
    {                                                                                              \
        V key = c->key[ROUND_KEY(r)];                                                              \
        EACH(ENCRYPT)                                                                              \
        if (with_hash && r <= COUNT)                                                               \
            add_product(&sum, k, hashed, hash, r - 1);                                             \
    }
    EACH(BEGIN);
    ROUND(1);
    ROUND(2);
    ROUND(3);
    ROUND(4);
    ROUND(5);
    ROUND(6);
    ROUND(7);
    ROUND(8);
    ROUND(9);
    if (c->rounds == 14) {
        ROUND(10);
        ROUND(11);
        ROUND(12);
        ROUND(13);
    }
    if (with_hash)
        hash = reduce(&sum);
    EACH(END);
#undef BEGIN
#undef ENCRYPT
#undef END
#undef ROUND
    return hash;
}

/* Takes a group that begins at this counter, while none is hashed. */
INLINE void crypt_lone(const struct gcm_key *k, const struct gcm_state *s, uint32_t counter,
                       const uint8_t *mask, const uint8_t *from, uint8_t *to, unsigned rounds)
{
    struct cipher c;
    cipher_begin(&c, k, s, counter, mask, rounds);
    crypt_group(&c, from, to, k, NULL, gcm_zero(), false);
}

ONCE void crypt_alone(const struct gcm_key *k, const struct gcm_state *s, uint32_t counter,
                      const uint8_t *mask, const uint8_t *from, uint8_t *to)
{
    if (k->u.own.rounds == 10)
        crypt_lone(k, s, counter, mask, from, to, 10);
    else
        crypt_lone(k, s, counter, mask, from, to, 14);
}

/* Takes the last n bytes, less than a group. They are put at the end of a group of zeros, so that
 * they meet the lowest powers of H; the hash so far joins their first block. */
ONCE gcm_block crypt_rest(const struct gcm_key *k, const struct gcm_state *s, const uint8_t *mask,
                          const uint8_t *from, uint8_t *to, size_t n, gcm_block hash, bool sealing)
{
    _Alignas(V) uint8_t text[GROUP_BYTES] = {0}, result[GROUP_BYTES];
    size_t at = GROUP_BYTES - ((n + 15) & ~(size_t)15);
    memcpy(text + at, from, n);
    crypt_alone(k, s, s->counter - (uint32_t)(at / 16), mask, text, result);
    memcpy(to, result + at, n);
    if (sealing)
        memcpy(text + at, result + at, n);
    gcm_store(text + at, gcm_xor(gcm_load(text + at), gcm_turn(hash)));
    return hash_group(k, text, gcm_zero());
}

/* When sealing, a group is hashed while the next one is encrypted. */
INLINE void crypt_all(const struct gcm_key *k, struct gcm_state *s, const uint8_t *mask,
                      const uint8_t *from, uint8_t *to, size_t n, unsigned rounds, bool sealing)
{
    struct cipher c;
    gcm_block hash = gcm_load(s->hash);
    size_t groups = n / GROUP_BYTES, rest = n % GROUP_BYTES, i = 0;
    if (sealing && groups > 0) {
        crypt_alone(k, s, s->counter, mask, from, to);
        i = 1;
    }
    if (i < groups)
        cipher_begin(&c, k, s, s->counter + (uint32_t)(i * GROUP), mask, rounds);
    for (; i < groups; i++) {
        const uint8_t *here = from + i * GROUP_BYTES;
        uint8_t *there = to + i * GROUP_BYTES;
        hash = crypt_group(&c, here, there, k, sealing ? there - GROUP_BYTES : here, hash, true);
    }
    if (sealing && groups > 0)
        hash = hash_group(k, to + (groups - 1) * GROUP_BYTES, hash);
    s->counter += (uint32_t)(groups * GROUP);
    if (rest > 0)
        hash = crypt_rest(k, s, mask, from + groups * GROUP_BYTES, to + groups * GROUP_BYTES, rest,
                          hash, sealing);
    s->counter += (uint32_t)(rest / 16);
    gcm_store(s->hash, hash);
}

static TARGET void seal(const struct gcm_key *k, struct gcm_state *s, const uint8_t mask[16],
                        const uint8_t *from, uint8_t *to, size_t n)
{
    if (k->u.own.rounds == 10)
        crypt_all(k, s, mask, from, to, n, 10, true);
    else
        crypt_all(k, s, mask, from, to, n, 14, true);
}

static TARGET void open(const struct gcm_key *k, struct gcm_state *s, const uint8_t *from,
                        uint8_t *to, size_t n)
{
    if (k->u.own.rounds == 10)
        crypt_all(k, s, NULL, from, to, n, 10, false);
    else
        crypt_all(k, s, NULL, from, to, n, 14, false);
}
