#include "core/tls/verify.h"

#include "core/tls/alert.h"

#include <stdio.h>

#define MAX_CHAIN (100 << 10) /* bytes, which is OpenSSL's limit, too */

static struct verifier *of(const br_x509_class **ctx)
{
    return (struct verifier *)(void *)ctx; /* its first member */
}

static void start_chain(const br_x509_class **ctx, const char *server_name)
{
    struct verifier *v = of(ctx);
    (void)server_name;
    v->certificates = 0;
    v->no_memory = false;
    buf_free(&v->chain);
    if (v->asking != NULL)
        br_ssl_engine_remove_flags(v->asking, BR_OPT_TOLERATE_NO_CLIENT_AUTH);
}

static void start_certificate(const br_x509_class **ctx, uint32_t length)
{
    (void)length;
    of(ctx)->certificates++;
}

/* Bytes after the last certificate that is looked at are not kept. */
static void append(const br_x509_class **ctx, const unsigned char *p, size_t n)
{
    struct verifier *v = of(ctx);
    if (v->certificates <= PATH_MAX_SHOWN)
        v->no_memory = v->no_memory || !buf_append(&v->chain, p, n);
}

static void end_certificate(const br_x509_class **ctx)
{
    struct verifier *v = of(ctx);
    if (v->certificates <= PATH_MAX_SHOWN)
        v->ends[v->certificates - 1] = v->chain.size;
}

static struct der shown(const struct verifier *v, size_t i)
{
    size_t from = i > 0 ? v->ends[i - 1] : 0;
    return (struct der){v->chain.data + from, v->ends[i] - from};
}

struct der verifier_leaf(const struct verifier *v)
{
    return v->certificates > 0 && !v->no_memory ? shown(v, 0) : (struct der){NULL, 0};
}

static void refuse(struct verifier *v, enum err why, int alert, const char *text)
{
    v->verdict.why = why;
    v->verdict.alert = alert;
    snprintf(v->verdict.text, sizeof v->verdict.text, "%s", text);
}

/* Only the other side's own certificate must be readable; an unreadable one after it does not help
 * any path. */
static size_t parse(struct verifier *v, struct certificate *out)
{
    size_t n = 0;
    for (size_t i = 0; i < v->certificates && i < PATH_MAX_SHOWN; i++) {
        struct der der = shown(v, i);
        const char *problem = certificate_parse(&out[n], der.p, der.n);
        if (problem == NULL) {
            n++;
        } else if (i == 0) {
            refuse(v, ERR_TLS_CERTIFICATE, ALERT_BAD_CERTIFICATE, problem);
            return 0;
        }
    }
    return n;
}

static void judge(struct verifier *v)
{
    struct certificate chain[PATH_MAX_SHOWN];
    size_t n = parse(v, chain);
    if (n == 0)
        return;
    v->key = chain[0].key;
    struct path_question question = {
        .shown = chain,
        .n = n,
        .anchors = v->trust->anchors,
        .n_anchors = v->trust->n,
        .purpose = v->asking != NULL ? PURPOSE_CLIENT : PURPOSE_SERVER,
        .host = v->asking != NULL ? NULL : v->host,
        .now = v->now,
    };
    if (!v->trust->insecure)
        path_verify(&question, &v->verdict);
    else if (v->key.supported)
        v->verdict = (struct path_verdict){.why = ERR_OK, .ends = INT64_MAX};
    else
        refuse(v, ERR_TLS_CERTIFICATE, ALERT_UNSUPPORTED_CERTIFICATE,
               "the key in the certificate is of a kind that is not supported");
}

static unsigned end_chain(const br_x509_class **ctx)
{
    struct verifier *v = of(ctx);
    if (v->certificates == 0)
        refuse(v, ERR_TLS_CERTIFICATE, ALERT_BAD_CERTIFICATE, "the other side sent no certificate");
    else if (v->no_memory)
        refuse(v, ERR_TLS_CERTIFICATE, ALERT_BAD_CERTIFICATE,
               "the certificate chain is larger than 100 KB");
    else
        judge(v);
    return v->verdict.why == ERR_OK ? 0 : BR_ERR_X509_NOT_TRUSTED;
}

/* A path is good only when the key may sign, which is the only use that the suites make of it. */
static const br_x509_pkey *get_key(const br_x509_class *const *ctx, unsigned *usages)
{
    const struct verifier *v = (const void *)ctx;
    if (usages != NULL)
        *usages = BR_KEYTYPE_KEYX | BR_KEYTYPE_SIGN;
    return &v->key.key;
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

void verifier_init(struct verifier *v, const struct trust *trust, const char *host, int64_t now)
{
    v->vtable = &verifier_class;
    v->trust = trust;
    v->host = host;
    v->now = now;
    v->chain = (struct buf){.limit = MAX_CHAIN};
    v->verdict = (struct path_verdict){.why = ERR_OK, .ends = INT64_MAX};
}

void verifier_init_client(struct verifier *v, const struct trust *trust,
                          br_ssl_engine_context *engine, int64_t now)
{
    verifier_init(v, trust, "", now);
    v->asking = engine;
    br_ssl_engine_set_x509(engine, &v->vtable);
    br_ssl_engine_add_flags(engine, BR_OPT_TOLERATE_NO_CLIENT_AUTH);
}

void verifier_free(struct verifier *v)
{
    buf_free(&v->chain);
}
