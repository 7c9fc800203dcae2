/* Keys in certificates, and signatures on them: which kinds exist, and which are supported. */
#include "core/tls/certificate.h"

#include <stdio.h>
#include <string.h>

#define MAX_RSA_BITS 4096 /* BearSSL's limit; a longer key costs seconds on a small device */

static bool is(struct der a, const void *p, size_t n)
{
    return a.n == n && memcmp(a.p, p, n) == 0;
}

/* ---- keys ---- */

static const struct curve {
    uint8_t oid[8];
    size_t n, point; /* bytes of an uncompressed point */
    int id;
    const char *name;
} curves[] = {
    {{0x2A, 0x86, 0x48, 0xCE, 0x3D, 3, 1, 7}, 8, 65, BR_EC_secp256r1, "EC P-256"},
    {{0x2B, 0x81, 4, 0, 0x22}, 5, 97, BR_EC_secp384r1, "EC P-384"},
    {{0x2B, 0x81, 4, 0, 0x23}, 5, 133, BR_EC_secp521r1, "EC P-521"},
};

/* BearSSL's structures are not const, though it only reads them. */
static unsigned char *readable(const uint8_t *p)
{
    return (unsigned char *)(uintptr_t)p;
}

static struct der without_zeros(struct der n)
{
    for (; n.n > 0 && n.p[0] == 0; n.n--)
        n.p++;
    return n;
}

static bool take_rsa(struct public_key *k, struct der parameters, struct der bits)
{
    struct der list, n, e;
    (void)parameters;
    if (!der_expect(&bits, DER_SEQUENCE, &list) || bits.n != 0 ||
        !der_expect(&list, DER_INTEGER, &n) || !der_expect(&list, DER_INTEGER, &e) || list.n != 0)
        return false;
    n = without_zeros(n);
    e = without_zeros(e);
    if (n.n == 0 || e.n == 0)
        return false;
    k->bits = (unsigned)(8 * n.n);
    for (uint8_t top = n.p[0]; (top & 0x80) == 0; top = (uint8_t)(top << 1))
        k->bits--;
    snprintf(k->kind, sizeof k->kind, "RSA-%u", k->bits);
    k->supported = k->bits <= MAX_RSA_BITS;
    k->key = (br_x509_pkey){.key_type = BR_KEYTYPE_RSA,
                            .key.rsa = {readable(n.p), n.n, readable(e.p), e.n}};
    return true;
}

static bool take_ec(struct public_key *k, struct der parameters, struct der bits)
{
    struct der oid;
    snprintf(k->kind, sizeof k->kind, "EC on another curve");
    if (!der_expect(&parameters, DER_OID, &oid) || parameters.n != 0)
        return true; /* explicit curve parameters, which RFC 5480 forbids */
    for (size_t i = 0; i < sizeof curves / sizeof *curves; i++) {
        const struct curve *c = &curves[i];
        if (!is(oid, c->oid, c->n))
            continue;
        snprintf(k->kind, sizeof k->kind, "%s", c->name);
        k->supported = bits.n == c->point && bits.p[0] == 4;
        k->key =
            (br_x509_pkey){.key_type = BR_KEYTYPE_EC, .key.ec = {c->id, readable(bits.p), bits.n}};
    }
    return true;
}

static const struct kind {
    uint8_t oid[9];
    size_t n;
    const char *name;
    bool (*take)(struct public_key *k, struct der parameters, struct der bits);
} kinds[] = {
    {{0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 1, 1}, 9, "RSA", take_rsa},
    {{0x2A, 0x86, 0x48, 0xCE, 0x3D, 2, 1}, 7, "EC", take_ec},
    {{0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 1, 10}, 9, "RSA-PSS", NULL},
    {{0x2B, 0x65, 0x70}, 3, "Ed25519", NULL},
    {{0x2B, 0x65, 0x71}, 3, "Ed448", NULL},
    {{0x2A, 0x86, 0x48, 0xCE, 0x38, 4, 1}, 7, "DSA", NULL},
};

bool public_key_parse(struct public_key *k, struct der info)
{
    struct der algorithm, oid, bits;
    *k = (struct public_key){.kind = "unknown"};
    if (!der_expect(&info, DER_SEQUENCE, &algorithm) || !der_expect(&algorithm, DER_OID, &oid) ||
        !der_expect(&info, DER_BITS, &bits) || info.n != 0 || bits.n == 0 || bits.p[0] != 0)
        return false;
    bits = (struct der){bits.p + 1, bits.n - 1};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (!is(oid, kinds[i].oid, kinds[i].n))
            continue;
        snprintf(k->kind, sizeof k->kind, "%s", kinds[i].name);
        return kinds[i].take == NULL || kinds[i].take(k, algorithm, bits);
    }
    return true;
}

/* ---- signatures ---- */

static const struct algorithm {
    uint8_t oid[9];
    size_t n;
    const char *name;
    int key_type; /* 0: not supported */
    const br_hash_class *hash;
    const unsigned char *hash_oid;
} algorithms[] = {
#define RSA(last) {0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 1, last}, 9
#define ECDSA(last) {0x2A, 0x86, 0x48, 0xCE, 0x3D, 4, 3, last}, 8
    {RSA(11), "SHA-256 with RSA", BR_KEYTYPE_RSA, &br_sha256_vtable, BR_HASH_OID_SHA256},
    {RSA(12), "SHA-384 with RSA", BR_KEYTYPE_RSA, &br_sha384_vtable, BR_HASH_OID_SHA384},
    {RSA(13), "SHA-512 with RSA", BR_KEYTYPE_RSA, &br_sha512_vtable, BR_HASH_OID_SHA512},
    {RSA(14), "SHA-224 with RSA", BR_KEYTYPE_RSA, &br_sha224_vtable, BR_HASH_OID_SHA224},
    {ECDSA(1), "ECDSA with SHA-224", BR_KEYTYPE_EC, &br_sha224_vtable, NULL},
    {ECDSA(2), "ECDSA with SHA-256", BR_KEYTYPE_EC, &br_sha256_vtable, NULL},
    {ECDSA(3), "ECDSA with SHA-384", BR_KEYTYPE_EC, &br_sha384_vtable, NULL},
    {ECDSA(4), "ECDSA with SHA-512", BR_KEYTYPE_EC, &br_sha512_vtable, NULL},
    {RSA(10), "RSA-PSS", 0, NULL, NULL},
    {RSA(5), "SHA-1 with RSA", 0, NULL, NULL},
    {RSA(4), "MD5 with RSA", 0, NULL, NULL},
    {{0x2A, 0x86, 0x48, 0xCE, 0x3D, 4, 1}, 7, "ECDSA with SHA-1", 0, NULL, NULL},
    {{0x2B, 0x65, 0x70}, 3, "Ed25519", 0, NULL, NULL},
    {{0x2B, 0x65, 0x71}, 3, "Ed448", 0, NULL, NULL},
#undef RSA
#undef ECDSA
};

static const struct algorithm *algorithm_of(const struct certificate *c)
{
    struct der in = c->algorithm, oid;
    if (!der_expect(&in, DER_OID, &oid))
        return NULL;
    for (size_t i = 0; i < sizeof algorithms / sizeof *algorithms; i++)
        if (is(oid, algorithms[i].oid, algorithms[i].n))
            return &algorithms[i];
    return NULL;
}

const char *signature_name(const struct certificate *c)
{
    const struct algorithm *a = algorithm_of(c);
    return a != NULL ? a->name : "an unknown algorithm";
}

int signature_key_type(const struct certificate *c)
{
    const struct algorithm *a = algorithm_of(c);
    return a != NULL ? a->key_type : 0;
}

static size_t hash_body(const struct certificate *c, const br_hash_class *hash, uint8_t *out)
{
    br_hash_compat_context context;
    hash->init(&context.vtable);
    hash->update(&context.vtable, c->body.p, c->body.n);
    hash->out(&context.vtable, out);
    return hash->desc >> BR_HASHDESC_OUT_OFF & BR_HASHDESC_OUT_MASK;
}

enum signature_result signature_check(const struct certificate *c, const struct public_key *issuer)
{
    const struct algorithm *a = algorithm_of(c);
    uint8_t hash[64], signed_hash[64];
    if (a == NULL || a->key_type == 0 || !issuer->supported)
        return SIGNATURE_UNSUPPORTED;
    if (issuer->key.key_type != a->key_type)
        return SIGNATURE_WRONG;
    size_t size = hash_body(c, a->hash, hash);
    bool good;
    if (a->key_type == BR_KEYTYPE_EC)
        good =
            br_ecdsa_vrfy_asn1_get_default()(br_ec_get_default(), hash, size, &issuer->key.key.ec,
                                             c->signature.p, c->signature.n) != 0;
    else
        good = br_rsa_pkcs1_vrfy_get_default()(c->signature.p, c->signature.n, a->hash_oid, size,
                                               &issuer->key.key.rsa, signed_hash) != 0 &&
               memcmp(hash, signed_hash, size) == 0;
    return good ? SIGNATURE_GOOD : SIGNATURE_WRONG;
}
