#include "core/tls/identity.h"

#include "core/base/str.h"
#include "core/tls/pem.h"

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
    if (n == 0 || (strcmp(name, "CERTIFICATE") != 0 && strcmp(name, "X509 CERTIFICATE") != 0))
        return true;
    r->too_long = i->n == IDENTITY_MAX_CHAIN;
    if (r->too_long)
        return false;
    unsigned char *copy = malloc(n);
    if (copy == NULL)
        return false;
    memcpy(copy, der, n);
    i->chain[i->n++] = (br_x509_certificate){.data = copy, .data_len = n};
    return true;
}

/* NULL, or what is wrong. */
static const char *read_chain(struct identity *i, const char *file, enum err *why)
{
    struct buf text;
    struct chain_reader r = {.identity = i};
    *why = pem_read(file, &text);
    if (*why != ERR_OK)
        return err_text(*why);
    bool ok = pem_each(text.data, text.size, on_certificate, &r);
    buf_wipe(&text); /* the key may be in the same file */
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
        return err_text(*why);
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

static bool check_pair(struct identity *i, char *text, size_t size, const char *cert_file,
                       const char *key_file)
{
    br_x509_decoder_context decoder;
    br_x509_decoder_init(&decoder, NULL, NULL);
    br_x509_decoder_push(&decoder, i->chain[0].data, i->chain[0].data_len);
    const br_x509_pkey *public = br_x509_decoder_get_pkey(&decoder);
    if (public == NULL) {
        snprintf(text, size, "%s: the certificate is damaged or its key is not RSA or EC",
                 cert_file);
        return false;
    }
    int type = br_skey_decoder_key_type(&i->key);
    if (type != public->key_type) {
        snprintf(text, size, "%s is an %s key, but the certificate in %s is for an %s key",
                 key_file, kind(type), cert_file, kind(public->key_type));
        return false;
    }
    bool same = type == BR_KEYTYPE_RSA
                    ? same_rsa(br_skey_decoder_get_rsa(&i->key), &public->key.rsa)
                    : same_ec(br_skey_decoder_get_ec(&i->key), &public->key.ec);
    if (!same)
        snprintf(text, size, "the key in %s does not belong to the certificate in %s", key_file,
                 cert_file);
    i->issuer_key_type = (unsigned)br_x509_decoder_get_signer_key_type(&decoder);
    return same;
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
    random_bytes(i->id, sizeof i->id);
    const char *file = cert_file, *problem = read_chain(i, cert_file, why);
    if (problem == NULL) {
        file = key_file;
        problem = read_key(i, key_file, why);
    }
    if (problem != NULL)
        snprintf(text, size, "%s: %s", file, problem);
    else if (check_pair(i, text, size, cert_file, key_file)) {
        *why = ERR_OK;
        return i;
    } else
        *why = ERR_USAGE;
    identity_free(i);
    return NULL;
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
