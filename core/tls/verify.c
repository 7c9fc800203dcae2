#include "core/tls/verify.h"

#include "core/tls/san.h"

#include <arpa/inet.h>

#define MAX_LEAF 65536

static struct verifier *of(const br_x509_class **ctx)
{
    return (struct verifier *)(void *)ctx; /* its first member */
}

static void start_chain(const br_x509_class **ctx, const char *server_name)
{
    struct verifier *v = of(ctx);
    v->certificates = 0;
    buf_free(&v->leaf);
    if (v->asking != NULL)
        br_ssl_engine_remove_flags(v->asking, BR_OPT_TOLERATE_NO_CLIENT_AUTH);
    if (v->trust->insecure)
        br_x509_decoder_init(&v->decoder, NULL, NULL);
    else
        v->minimal.vtable->start_chain(&v->minimal.vtable,
                                       v->address_bytes > 0 ? NULL : server_name);
}

static void start_certificate(const br_x509_class **ctx, uint32_t length)
{
    struct verifier *v = of(ctx);
    v->certificates++;
    if (!v->trust->insecure)
        v->minimal.vtable->start_cert(&v->minimal.vtable, length);
}

static void append(const br_x509_class **ctx, const unsigned char *p, size_t n)
{
    struct verifier *v = of(ctx);
    if (v->certificates == 1)
        v->no_memory = !buf_append(&v->leaf, p, n) || v->no_memory;
    if (!v->trust->insecure)
        v->minimal.vtable->append(&v->minimal.vtable, p, n);
    else if (v->certificates == 1)
        br_x509_decoder_push(&v->decoder, p, n);
}

static void end_certificate(const br_x509_class **ctx)
{
    struct verifier *v = of(ctx);
    if (!v->trust->insecure)
        v->minimal.vtable->end_cert(&v->minimal.vtable);
}

static unsigned end_chain(const br_x509_class **ctx)
{
    struct verifier *v = of(ctx);
    if (v->certificates == 0)
        return BR_ERR_X509_EMPTY_CHAIN;
    if (v->no_memory)
        return BR_ERR_X509_LIMIT_EXCEEDED;
    if (v->trust->insecure) {
        v->key = br_x509_decoder_get_pkey(&v->decoder);
        return (unsigned)br_x509_decoder_last_error(&v->decoder);
    }
    unsigned result = v->minimal.vtable->end_chain(&v->minimal.vtable);
    /* Without a name "minimal" checks none. */
    if (result == 0 && v->asking == NULL && v->host[0] == '\0')
        result = BR_ERR_X509_BAD_SERVER_NAME;
    if (result == 0 && v->address_bytes > 0 &&
        !san_has_address(v->leaf.data, v->leaf.size, v->address, v->address_bytes, v->host))
        result = BR_ERR_X509_BAD_SERVER_NAME;
    return result;
}

static const br_x509_pkey *get_key(const br_x509_class *const *ctx, unsigned *usages)
{
    const struct verifier *v = (const void *)ctx;
    if (!v->trust->insecure)
        return v->minimal.vtable->get_pkey(&v->minimal.vtable, usages);
    if (usages != NULL)
        *usages = BR_KEYTYPE_KEYX | BR_KEYTYPE_SIGN;
    return v->key;
}

static const br_x509_class verifier_class = {
    .context_size = sizeof(struct verifier),
    .start_chain = start_chain,
    .start_cert = start_certificate,
    .append = append,
    .end_cert = end_certificate,
    .end_chain = end_chain,
    .get_pkey = get_key,
};

static void setup_minimal(br_x509_minimal_context *m, const struct trust *trust)
{
    br_x509_minimal_init(m, &br_sha256_vtable, trust->anchors, trust->n);
    br_x509_minimal_set_hash(m, br_sha224_ID, &br_sha224_vtable);
    br_x509_minimal_set_hash(m, br_sha256_ID, &br_sha256_vtable);
    br_x509_minimal_set_hash(m, br_sha384_ID, &br_sha384_vtable);
    br_x509_minimal_set_hash(m, br_sha512_ID, &br_sha512_vtable);
    br_x509_minimal_set_rsa(m, br_rsa_pkcs1_vrfy_get_default());
    br_x509_minimal_set_ecdsa(m, br_ec_get_default(), br_ecdsa_vrfy_asn1_get_default());
}

void verifier_init(struct verifier *v, const struct trust *trust, const char *host)
{
    v->vtable = &verifier_class;
    v->trust = trust;
    v->host = host;
    v->leaf = (struct buf){.limit = MAX_LEAF};
    if (inet_pton(AF_INET, host, v->address) == 1)
        v->address_bytes = 4;
    else if (inet_pton(AF_INET6, host, v->address) == 1)
        v->address_bytes = 16;
    setup_minimal(&v->minimal, trust);
}

void verifier_init_client(struct verifier *v, const struct trust *trust,
                          br_ssl_engine_context *engine)
{
    verifier_init(v, trust, "");
    v->asking = engine;
    br_ssl_engine_set_x509(engine, &v->vtable);
    br_ssl_engine_add_flags(engine, BR_OPT_TOLERATE_NO_CLIENT_AUTH);
}

void verifier_free(struct verifier *v)
{
    buf_free(&v->leaf);
}
