#include "core/tls/identity.h"

#include "core/base/log.h"
#include "core/tls/dn.h"
#include "core/tls/path.h"
#include "core/tls/pem.h"
#include "core/tls/san.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_RSA 512 /* bytes of a modulus: RSA-4096 */

static const char *kind(int key_type)
{
    return key_type == BR_KEYTYPE_RSA ? "RSA" : "EC";
}

/* ---- the chain ---- */

struct chain_reader {
    struct identity *identity;
    bool too_long;
};

static bool on_certificate(void *ctx, const char *name, const uint8_t *der, size_t n)
{
    struct chain_reader *r = ctx;
    struct identity *i = r->identity;
    struct der whole, settings; /* settings: what others may trust it for, of no use here */
    if (!pem_certificate(name, der, n, &whole, &settings))
        return true;
    r->too_long = i->n == IDENTITY_MAX_CHAIN;
    if (r->too_long)
        return false;
    unsigned char *copy = malloc(whole.n);
    if (copy == NULL)
        return false;
    memcpy(copy, whole.p, whole.n);
    i->chain[i->n++] = (br_x509_certificate){.data = copy, .data_len = whole.n};
    return true;
}

/* Returns NULL, or what is wrong. */
static const char *read_chain(struct identity *i, const char *file, enum err *why)
{
    struct buf text;
    struct chain_reader r = {.identity = i};
    *why = pem_read(file, &text);
    if (*why != ERR_OK)
        return pem_read_text(*why);
    bool ok = pem_each(text.data, text.size, on_certificate, &r);
    buf_wipe(&text); /* the file may hold the key, too */
    *why = ERR_USAGE;
    if (r.too_long)
        return "too many certificates in the chain (8 at most)";
    if (!ok) {
        *why = ERR_NO_MEMORY;
        return err_text(ERR_NO_MEMORY);
    }
    return i->n > 0 ? NULL : "there is no certificate in it (PEM is expected)";
}

/* ---- the key ---- */

struct key_reader {
    struct identity *identity;
    bool found, encrypted, damaged;
};

static bool on_key(void *ctx, const char *name, const uint8_t *der, size_t n)
{
    struct key_reader *r = ctx;
    if (strcmp(name, "ENCRYPTED PRIVATE KEY") == 0)
        r->encrypted = true;
    else if (strcmp(name, "PRIVATE KEY") == 0 || strcmp(name, "RSA PRIVATE KEY") == 0 ||
             strcmp(name, "EC PRIVATE KEY") == 0) {
        br_skey_decoder_init(&r->identity->key);
        br_skey_decoder_push(&r->identity->key, der, n);
        r->found = n > 0 && br_skey_decoder_last_error(&r->identity->key) == 0;
        r->damaged = !r->found;
    }
    return !r->found;
}

static const char *read_key(struct identity *i, const char *file, enum err *why)
{
    struct buf text;
    struct key_reader r = {.identity = i};
    *why = pem_read(file, &text);
    if (*why != ERR_OK)
        return pem_read_text(*why);
    bool stopped = !pem_each(text.data, text.size, on_key, &r);
    buf_wipe(&text);
    if (r.found)
        return NULL;
    *why = stopped ? ERR_NO_MEMORY : ERR_USAGE;
    if (stopped)
        return err_text(ERR_NO_MEMORY);
    if (r.encrypted)
        return "the key is encrypted; one without a passphrase is needed";
    if (r.damaged)
        return "the key is damaged, encrypted, or of a kind not supported (RSA or EC is)";
    return "there is no private key in it (PEM is expected)";
}

/* ---- both together ---- */

static bool same_rsa(const br_rsa_private_key *secret, const br_rsa_public_key *public)
{
    unsigned char n[MAX_RSA];
    br_rsa_compute_modulus compute = br_rsa_compute_modulus_get_default();
    size_t length = compute(NULL, secret);
    if (length == 0 || length > sizeof n || compute(n, secret) != length)
        return false;
    const unsigned char *p = public->n;
    size_t left = public->nlen;
    for (; left > 0 && *p == 0; left--)
        p++;
    const unsigned char *q = n;
    for (; length > 0 && *q == 0; length--)
        q++;
    return left == length && memcmp(p, q, left) == 0;
}

static bool same_ec(const br_ec_private_key *secret, const br_ec_public_key *public)
{
    unsigned char q[BR_EC_KBUF_PUB_MAX_SIZE];
    br_ec_public_key own;
    return br_ec_compute_pub(br_ec_get_default(), &own, q, secret) != 0 &&
           own.curve == public->curve && own.qlen == public->qlen &&
           memcmp(own.q, public->q, own.qlen) == 0;
}

static bool same_key(const br_skey_decoder_context *secret, const struct public_key *public)
{
    int type = br_skey_decoder_key_type(secret);
    if (!public->supported || type != public->key.key_type)
        return false;
    return type == BR_KEYTYPE_RSA ? same_rsa(br_skey_decoder_get_rsa(secret), &public->key.key.rsa)
                                  : same_ec(br_skey_decoder_get_ec(secret), &public->key.key.ec);
}

struct files {
    const char *certificate, *key;
};

/* Says why the key belongs to no certificate, in terms of the first one. */
static void explain_mismatch(const struct identity *i, const struct public_key *first,
                             const struct files *files, char *text, size_t size)
{
    int type = br_skey_decoder_key_type(&i->key);
    if (!first->supported)
        snprintf(text, size,
                 "%s: the certificate has a key that is not supported: %s (RSA up to 4096 bits and "
                 "EC on P-256, P-384 and P-521 are)",
                 files->certificate, first->kind);
    else if (type != first->key.key_type)
        snprintf(text, size, "%s is an %s key, but the certificate in %s is for an %s key",
                 files->key, kind(type), files->certificate, kind(first->key.key_type));
    else
        snprintf(text, size, "the key in %s does not belong to the certificate in %s", files->key,
                 files->certificate);
}

/* Puts the chain into this order and frees what is not in it. */
static void reorder(struct identity *i, const size_t *order, size_t n)
{
    br_x509_certificate sorted[IDENTITY_MAX_CHAIN];
    for (size_t k = 0; k < n; k++) {
        sorted[k] = i->chain[order[k]];
        i->chain[order[k]].data = NULL;
    }
    for (size_t k = 0; k < i->n; k++)
        free(i->chain[k].data);
    memcpy(i->chain, sorted, n * sizeof *sorted);
    i->n = n;
}

/* Many clients take the certificates in the order in which they come. */
static void sort_chain(struct identity *i, const struct certificate *parsed, size_t leaf,
                       const char *file)
{
    size_t order[IDENTITY_MAX_CHAIN], n = path_order(parsed, i->n, leaf, order);
    bool sorted = true;
    for (size_t k = 0; k < n; k++)
        sorted = sorted && order[k] == k;
    if (!sorted)
        log_warning("%s: the certificates are not in order (the key's first, then each one's "
                    "issuer); they are sent in the right one",
                    file);
    if (n < i->n)
        log_warning("%s: %zu certificates are there twice or do not belong to the first one's "
                    "chain; they are not sent",
                    file, i->n - n);
    reorder(i, order, n);
}

static void take_id(struct identity *i)
{
    br_sha256_context c;
    br_sha256_init(&c);
    br_sha256_update(&c, i->chain[0].data, i->chain[0].data_len);
    br_sha256_out(&c, i->id);
}

static bool check_pair(struct identity *i, const struct files *files, char *text, size_t size)
{
    struct certificate parsed[IDENTITY_MAX_CHAIN];
    size_t leaf = 0;
    for (size_t k = 0; k < i->n; k++) {
        const char *problem = certificate_parse(&parsed[k], i->chain[k].data, i->chain[k].data_len);
        if (problem != NULL) {
            snprintf(text, size, "%s: %s", files->certificate, problem);
            return false;
        }
    }
    /* An authority's certificate that is not the first means a wrong key, not a wrong order. */
    while (leaf < i->n &&
           (!same_key(&i->key, &parsed[leaf].key) || (leaf > 0 && parsed[leaf].is_ca)))
        leaf++;
    if (leaf == i->n) {
        explain_mismatch(i, &parsed[0].key, files, text, size);
        return false;
    }
    if (parsed[leaf].key.key.key_type == BR_KEYTYPE_RSA && parsed[leaf].key.bits < PATH_MIN_RSA) {
        snprintf(text, size, "%s: the key is too short: %s (%d bits at least)", files->certificate,
                 parsed[leaf].key.kind, PATH_MIN_RSA);
        return false;
    }
    sort_chain(i, parsed, leaf, files->certificate);
    certificate_parse(&i->own, i->chain[0].data, i->chain[0].data_len);
    i->ends = i->own.not_after;
    take_id(i);
    i->issuer_key_type = (unsigned)signature_key_type(&i->own);
    return true;
}

/* An unsupported key cannot even be read, so the certificate tells its kind. */
static const char *kind_of_first(const struct identity *i)
{
    static const char *const known[] = {"RSA-PSS", "Ed25519", "Ed448", "DSA"};
    struct certificate c;
    if (certificate_parse(&c, i->chain[0].data, i->chain[0].data_len) != NULL || c.key.supported)
        return NULL;
    for (size_t k = 0; k < sizeof known / sizeof *known; k++)
        if (strcmp(c.key.kind, known[k]) == 0)
            return known[k];
    return NULL;
}

struct identity *identity_new(const char *cert_file, const char *key_file, enum err *why,
                              char *text, size_t size)
{
    struct identity *i = calloc(1, sizeof *i);
    *why = ERR_NO_MEMORY;
    if (i == NULL) {
        snprintf(text, size, "%s", err_text(ERR_NO_MEMORY));
        return NULL;
    }
    atomic_init(&i->holders, 1);
    const char *file = cert_file, *problem = read_chain(i, cert_file, why);
    if (problem == NULL) {
        file = key_file;
        problem = read_key(i, key_file, why);
    }
    const char *kind_there = problem != NULL && i->n > 0 ? kind_of_first(i) : NULL;
    if (kind_there != NULL)
        snprintf(text, size, "%s and %s: %s keys are not supported (RSA and EC are)", cert_file,
                 key_file, kind_there);
    else if (problem != NULL)
        snprintf(text, size, "%s: %s", file, problem);
    else if (check_pair(i, &(struct files){cert_file, key_file}, text, size)) {
        *why = ERR_OK;
        return i;
    } else
        *why = ERR_USAGE;
    identity_free(i);
    return NULL;
}

bool certificate_file_fingerprint(const char *file, uint8_t out[TLS_FINGERPRINT], enum err *why,
                                  char *text, size_t size)
{
    struct identity *i = calloc(1, sizeof *i);
    *why = ERR_NO_MEMORY;
    if (i != NULL)
        atomic_init(&i->holders, 1);
    const char *problem = i != NULL ? read_chain(i, file, why) : err_text(*why);
    if (problem == NULL) {
        take_id(i);
        memcpy(out, i->id, TLS_FINGERPRINT);
    } else {
        snprintf(text, size, "%s: %s", file, problem);
    }
    identity_free(i);
    return problem == NULL;
}

struct identity *identity_ref(struct identity *i)
{
    atomic_fetch_add_explicit(&i->holders, 1, memory_order_relaxed);
    return i;
}

void identity_free(struct identity *i)
{
    if (i == NULL || atomic_fetch_sub_explicit(&i->holders, 1, memory_order_acq_rel) > 1)
        return;
    for (size_t k = 0; k < i->n; k++)
        free(i->chain[k].data);
    explicit_bzero(i, sizeof *i);
    free(i);
}

/* ---- what others will mind ---- */

int64_t identity_ends(const struct identity *i)
{
    return i->ends;
}

const char *identity_name(const struct identity *i, char out[IDENTITY_NAME_SIZE])
{
    return dn_common_name(i->own.subject, out);
}

void identity_fingerprint(const struct identity *i, uint8_t out[TLS_FINGERPRINT])
{
    memcpy(out, i->id, sizeof i->id);
}

static bool problem_of_time(const struct certificate *c, const char *whose, int64_t now, char *text,
                            size_t size)
{
    char when[CERTIFICATE_TIME];
    if (now > c->not_after)
        snprintf(text, size, "%s expired on %s", whose, certificate_time(c->not_after, when));
    else if (now < c->not_before)
        snprintf(text, size, "%s is not valid before %s", whose,
                 certificate_time(c->not_before, when));
    else if (c->not_after - now < IDENTITY_SOON)
        snprintf(text, size, "%s expires on %s, in %lld days", whose,
                 certificate_time(c->not_after, when), (long long)((c->not_after - now) / 86400));
    else
        return false;
    return true;
}

static bool problem_of_chain(const struct identity *i, int64_t now, char *text, size_t size)
{
    for (size_t k = 1; k < i->n; k++) {
        struct certificate c;
        char name[80], whose[128];
        if (certificate_parse(&c, i->chain[k].data, i->chain[k].data_len) != NULL)
            continue;
        snprintf(whose, sizeof whose, "the authority's certificate of %s",
                 dn_text(c.subject, name, sizeof name));
        if (problem_of_time(&c, whose, now, text, size))
            return true;
    }
    return false;
}

bool identity_problem(const struct identity *i, enum identity_use use, int64_t now, char *text,
                      size_t size)
{
    const struct certificate *c = &i->own;
    char issuer[80], name[64], when[CERTIFICATE_TIME];
    unsigned purpose = use == IDENTITY_SERVER ? PURPOSE_SERVER : PURPOSE_CLIENT;
    dn_text(c->issuer, issuer, sizeof issuer);
    if (problem_of_time(c, "the certificate", now, text, size) ||
        problem_of_chain(i, now, text, size))
        return true;
    bool fits = c->purposes == 0 || (c->purposes & (purpose | PURPOSE_ANY)) != 0;
    if (!fits || (c->has_usage && (c->usage & USAGE_SIGNATURE) == 0))
        snprintf(text, size, "the certificate is not meant for TLS %s (its %s)",
                 use == IDENTITY_SERVER ? "servers" : "clients",
                 fits ? "key usage lacks digitalSignature" : "extended key usage");
    else if (i->n == 1 && c->tells_issuer && !certificate_self_issued(c))
        snprintf(text, size,
                 "the certificate stands alone: only who has that of its issuer, %s, can check it; "
                 "it belongs into the file, behind it",
                 issuer);
    else {
        san_first(c->names, name, sizeof name);
        if (name[0] == '\0')
            dn_text(c->subject, name, sizeof name);
        snprintf(text, size, "the certificate is for %s, issued by %s, valid until %s", name,
                 issuer, certificate_time(c->not_after, when));
        return false;
    }
    return true;
}
