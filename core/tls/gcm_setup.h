/* The parts of a kernel that do one block at a time: keys, additional data, tags. It is included
 * once for each architecture, which defines before: TARGET        the attribute that allows the
 * compiler the instructions SETUP(name)   "void" and a part's name, with "static" before if it is
 *   gcm_block     a vector of one block, with gcm_load, gcm_store, gcm_xor and gcm_zero; gcm_turn,
 *                 from a block to an element of GHASH's field and back; gcm_counter
 *   substitute    SubWord, or SubWord after RotWord, of a key's last word, with rcon added, in all
 *                 four words; gcm_up is by one word
 *   encrypt       one block
 *   multiply      an element by a power of H in the form that power_form gives it */
#include <string.h>

static TARGET gcm_block next_key(gcm_block key, gcm_block word)
{
    key = gcm_xor(key, gcm_up(key));
    key = gcm_xor(key, gcm_up(gcm_up(key)));
    return gcm_xor(key, word);
}

/* FIPS 197 section 5.2. */
static TARGET void expand(struct gcm_key *k, const uint8_t *key, size_t size)
{
    uint8_t(*to)[16] = k->u.own.round_keys;
    bool is_long = size == 32;
    uint32_t rcon = 1;
    k->u.own.rounds = is_long ? 14 : 10;
    memcpy(to, key, is_long ? 32 : 16);
    for (size_t i = is_long ? 2 : 1; i <= k->u.own.rounds; i++) {
        bool rotate = !is_long || i % 2 == 0;
        gcm_block word = substitute(gcm_load(to[i - 1]), rotate, rotate ? rcon : 0);
        gcm_store(to[i], next_key(gcm_load(to[i - (is_long ? 2 : 1)]), word));
        if (rotate)
            rcon = rcon == 0x80 ? 0x1b : rcon << 1;
    }
}

TARGET SETUP(init)(struct gcm_key *k, const uint8_t *key, size_t size)
{
    expand(k, key, size);
    gcm_block h = power_form(gcm_turn(encrypt(k, gcm_zero()))), power = h;
    for (size_t i = GCM_POWERS; i-- > 0; power = multiply(power, h))
        gcm_store(k->u.own.powers + i * 16, power);
}

static TARGET gcm_block times_h(const struct gcm_key *k, gcm_block hash, const uint8_t block[16])
{
    gcm_block h = gcm_load(k->u.own.powers + (GCM_POWERS - 1) * 16);
    return multiply(gcm_xor(hash, gcm_turn(gcm_load(block))), h);
}

TARGET SETUP(start)(const struct gcm_key *k, struct gcm_state *s, const uint8_t *aad, size_t n)
{
    static const uint8_t one[4] = {0, 0, 0, 1};
    gcm_block hash = gcm_zero();
    for (size_t at = 0; at < n; at += 16) {
        uint8_t block[16] = {0};
        memcpy(block, aad + at, n - at < 16 ? n - at : 16);
        hash = times_h(k, hash, block);
    }
    gcm_store(s->hash, hash);
    memcpy(s->nonce + GCM_NONCE, one, sizeof one);
    gcm_store(s->tag_mask, encrypt(k, gcm_load(s->nonce)));
    s->counter = 2;
}

TARGET SETUP(finish)(const struct gcm_key *k, struct gcm_state *s, const uint8_t lengths[16],
                     uint8_t tag[GCM_TAG])
{
    gcm_block hash = times_h(k, gcm_load(s->hash), lengths);
    gcm_store(tag, gcm_xor(gcm_turn(hash), gcm_load(s->tag_mask)));
}
