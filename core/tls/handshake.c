#include "core/tls/handshake.h"

#include "core/base/random.h"
#include "core/base/str.h"
#include "core/tls/alert.h"
#include "core/tls/cache.h"
#include "core/tls/certificate.h"
#include "core/tls/dn.h"
#include "core/tls/gcm.h"
#include "core/tls/identity.h"
#include "core/tls/suites.h"
#include "core/tls/verify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MAX_HOST 255
#define MAX_NAMES 60000 /* bytes of names in a CertificateRequest, whose size has two */

/* A client without a certificate. It notes that the server has asked for one. */
struct nobody {
    const br_ssl_client_certificate_class *vtable; /* must be the first member */
    bool asked;
};

struct handshake {
    union {
        br_ssl_engine_context engine;
        br_ssl_client_context client;
        br_ssl_server_context server;
    } u;
    bool is_client, keep_certificate;
    int64_t now;             /* seconds since 1970 */
    char host[MAX_HOST + 1]; /* without a dot at its end */
    char peer_name[DN_COMMON_NAME_MAX + 1];
    struct verifier verifier; /* used by a server only when it asks for certificates */
    struct nobody nobody;
    struct tls_session *session;
    br_ssl_session_parameters offered;
    struct session_proof offered_proof; /* the certificates behind the offered session */
    struct cache_use cache;
    struct identity *identity; /* a held reference */
    unsigned char buffer[BR_SSL_BUFSIZE_BIDI];
};

static struct handshake *new_handshake(void)
{
    struct handshake *h = malloc(sizeof *h);
    if (h != NULL) /* everything but the buffer */
        memset(h, 0, offsetof(struct handshake, buffer));
    return h;
}

static int64_t time_or_now(int64_t given)
{
    return given != 0 ? given : (int64_t)time(NULL);
}

static void seed(br_ssl_engine_context *engine)
{
    uint8_t entropy[32];
    random_bytes(entropy, sizeof entropy);
    br_ssl_engine_inject_entropy(engine, entropy, sizeof entropy);
    /* That is enough. The engine would ask the CPU for its generator besides, for each connection,
     * which took a seventh of a resumed handshake in a virtual machine. */
    engine->rng_os_rand_done = 1;
    explicit_bzero(entropy, sizeof entropy);
}

static void set_host(struct handshake *h, const char *host)
{
    /* A host that is too long is left empty, which no certificate matches. */
    size_t n = strlen(host);
    if (n > 1 && host[n - 1] == '.')
        n--;
    if (n <= MAX_HOST)
        memcpy(h->host, host, n);
}

static void on_asked(const br_ssl_client_certificate_class **ctx)
{
    ((struct nobody *)(void *)ctx)->asked = true;
}

static void ignore(const br_ssl_client_certificate_class **ctx)
{
    (void)ctx;
}

static void ignore_size(const br_ssl_client_certificate_class **ctx, size_t n)
{
    (void)ctx, (void)n;
}

static void ignore_bytes(const br_ssl_client_certificate_class **ctx, const unsigned char *p,
                         size_t n)
{
    (void)ctx, (void)p, (void)n;
}

static void choose_none(const br_ssl_client_certificate_class **ctx,
                        const br_ssl_client_context *client, uint32_t kinds,
                        br_ssl_client_certificate *choice)
{
    (void)ctx, (void)client, (void)kinds;
    *choice = (br_ssl_client_certificate){.chain = NULL};
}

static const br_ssl_client_certificate_class nobody_class = {
    .context_size = sizeof(struct nobody),
    .start_name_list = on_asked,
    .start_name = ignore_size,
    .append_name = ignore_bytes,
    .end_name = ignore,
    .end_name_list = ignore,
    .choose = choose_none,
};

static struct session_scope scope_of(const struct handshake *h)
{
    return (struct session_scope){h->verifier.trust, h->host, h->identity, h->now};
}

static void show_identity(br_ssl_client_context *c, const struct identity *i)
{
    if (br_skey_decoder_key_type(&i->key) == BR_KEYTYPE_RSA)
        br_ssl_client_set_single_rsa(c, i->chain, i->n, br_skey_decoder_get_rsa(&i->key),
                                     br_rsa_pkcs1_sign_get_default());
    else
        br_ssl_client_set_single_ec(c, i->chain, i->n, br_skey_decoder_get_ec(&i->key),
                                    BR_KEYTYPE_SIGN, i->issuer_key_type, br_ec_get_default(),
                                    br_ecdsa_sign_asn1_get_default());
}

struct handshake *handshake_client(const struct tls_client_options *options)
{
    struct handshake *h = new_handshake();
    if (h == NULL)
        return NULL;
    br_ssl_client_context *c = &h->u.client;
    h->is_client = true;
    h->nobody.vtable = &nobody_class;
    h->session = options->session;
    h->keep_certificate = options->keep_certificate;
    set_host(h, options->host);
    h->now = time_or_now(options->now);
    verifier_init(&h->verifier, options->trust, h->host, h->now);
    br_ssl_client_zero(c);
    suites_setup(&c->eng, gcm_fast() && !options->chacha_first);
    seed(&c->eng);
    br_ssl_engine_set_x509(&c->eng, &h->verifier.vtable);
    br_ssl_engine_set_buffer(&c->eng, h->buffer, sizeof h->buffer, 1);
    if (options->identity != NULL)
        show_identity(c, h->identity = identity_ref(options->identity));
    else
        br_ssl_client_set_client_certificate(c, &h->nobody.vtable);
    struct session_scope scope = scope_of(h);
    bool resume = session_take(h->session, &scope, &h->offered, &h->offered_proof);
    if (resume)
        br_ssl_engine_set_session_parameters(&c->eng, &h->offered);
    br_ssl_client_reset(c, h->host, resume);
    return h;
}

/* The names only help the client to choose, so it does no harm to leave some out. */
static size_t names_that_fit(const struct trust *trust)
{
    size_t i = 0, size = 0;
    for (; i < trust->n; i++) {
        size += 2 + trust->names[i].len;
        if (size > MAX_NAMES)
            break;
    }
    return i;
}

struct handshake *handshake_server(const struct tls_server_options *options)
{
    struct handshake *h = new_handshake();
    if (h == NULL)
        return NULL;
    const struct identity *i = h->identity = identity_ref(options->identity);
    h->now = time_or_now(options->now);
    br_ssl_server_context *c = &h->u.server;
    br_ssl_server_zero(c);
    /* The client's order counts, since the weaker of both ends knows best what is fast for it. */
    suites_setup(&c->eng, gcm_fast());
    seed(&c->eng);
    if (br_skey_decoder_key_type(&i->key) == BR_KEYTYPE_RSA)
        br_ssl_server_set_single_rsa(c, i->chain, i->n, br_skey_decoder_get_rsa(&i->key),
                                     BR_KEYTYPE_SIGN, NULL, br_rsa_pkcs1_sign_get_default());
    else
        br_ssl_server_set_single_ec(c, i->chain, i->n, br_skey_decoder_get_ec(&i->key),
                                    BR_KEYTYPE_SIGN, i->issuer_key_type, br_ec_get_default(),
                                    br_ecdsa_sign_asn1_get_default());
    if (options->client_trust != NULL) {
        verifier_init_client(&h->verifier, options->client_trust, &c->eng, h->now);
        br_ssl_server_set_trust_anchor_names(c, options->client_trust->names,
                                             names_that_fit(options->client_trust));
    }
    if (options->cache != NULL)
        cache_attach(
            &h->cache, options->cache,
            &(struct cache_server){i, &h->verifier.certificates, h->now, options->cache_certified},
            c);
    br_ssl_engine_set_buffer(&c->eng, h->buffer, sizeof h->buffer, 1);
    br_ssl_server_reset(c);
    return h;
}

void handshake_free(struct handshake *h)
{
    if (h == NULL)
        return;
    if (h->verifier.vtable != NULL)
        verifier_free(&h->verifier);
    identity_free(h->identity);
    explicit_bzero(h, sizeof *h);
    free(h);
}

enum handshake_state handshake_state(const struct handshake *h)
{
    unsigned state = br_ssl_engine_current_state(&h->u.engine);
    if ((state & BR_SSL_CLOSED) != 0)
        return HANDSHAKE_FAILED;
    if ((state & BR_SSL_SENDREC) != 0)
        return HANDSHAKE_WRITES;
    return (state & BR_SSL_SENDAPP) != 0 ? HANDSHAKE_DONE : HANDSHAKE_READS;
}

size_t handshake_take(struct handshake *h, uint8_t *p, size_t n)
{
    size_t there = 0, taken = 0;
    const unsigned char *from = br_ssl_engine_sendrec_buf(&h->u.engine, &there);
    while (from != NULL && taken < n) {
        size_t part = there < n - taken ? there : n - taken;
        memcpy(p + taken, from, part);
        br_ssl_engine_sendrec_ack(&h->u.engine, part);
        taken += part;
        from = br_ssl_engine_sendrec_buf(&h->u.engine, &there);
    }
    return taken;
}

void handshake_feed(struct handshake *h, const uint8_t *record, size_t size)
{
    while (size > 0) {
        size_t room = 0;
        unsigned char *to = br_ssl_engine_recvrec_buf(&h->u.engine, &room);
        if (to == NULL)
            return; /* the handshake fails, which its state tells */
        size_t part = room < size ? room : size;
        memcpy(to, record, part);
        br_ssl_engine_recvrec_ack(&h->u.engine, part);
        record += part;
        size -= part;
    }
}

static bool same_session(const br_ssl_session_parameters *a, const br_ssl_session_parameters *b)
{
    return a->session_id_len > 0 && a->session_id_len == b->session_id_len &&
           memcmp(a->session_id, b->session_id, a->session_id_len) == 0;
}

/* The certificates that verified a client's server, in this handshake or the one that it resumed.
 */
static struct session_proof proof_of(const struct handshake *h, bool resumed)
{
    if (resumed)
        return h->offered_proof;
    struct session_proof proof = {.until = h->verifier.verdict.ends};
    struct der leaf = verifier_leaf(&h->verifier);
    br_sha256_context c;
    br_sha256_init(&c);
    br_sha256_update(&c, leaf.p, leaf.n);
    br_sha256_out(&c, proof.fingerprint);
    return proof;
}

static void keep_certificate(const struct handshake *h, struct handshake_result *result)
{
    struct der leaf = verifier_leaf(&h->verifier);
    result->certificate = leaf.n > 0 ? malloc(leaf.n) : NULL;
    if (result->certificate == NULL)
        return;
    memcpy(result->certificate, leaf.p, leaf.n);
    result->certificate_size = leaf.n;
}

bool handshake_finish(struct handshake *h, struct record_layer *keys,
                      struct handshake_result *result)
{
    br_ssl_session_parameters now;
    br_ssl_engine_get_session_parameters(&h->u.engine, &now);
    *result = (struct handshake_result){.resumed = h->cache.resumed};
    if (h->is_client) {
        struct session_scope scope = scope_of(h);
        result->resumed = same_session(&now, &h->offered);
        struct session_proof proof = proof_of(h, result->resumed);
        session_put(h->session, &scope, &now, &proof);
        memcpy(result->fingerprint, proof.fingerprint, sizeof result->fingerprint);
        result->any_name = h->verifier.trust->insecure;
        if (h->keep_certificate && !result->resumed)
            keep_certificate(h, result);
    }
    explicit_bzero(&now, sizeof now);
    return record_take_over(keys, &h->u.engine);
}

const char *handshake_peer_name(struct handshake *h, const char **problem)
{
    const struct verifier *v = &h->verifier;
    *problem = NULL;
    if (h->is_client || v->certificates == 0 || v->trust->insecure)
        return NULL;
    struct certificate c;
    struct der leaf = verifier_leaf(v);
    *problem = certificate_parse(&c, leaf.p, leaf.n);
    if (*problem == NULL)
        *problem = dn_common_name(c.subject, h->peer_name);
    return *problem == NULL ? h->peer_name : NULL;
}

/* ---- errors ---- */

static const struct cause {
    int number;
    enum err why;
    int alert;
    const char *text; /* NULL: err_text(why) */
} causes[] = {
    {BR_ERR_UNSUPPORTED_VERSION, ERR_TLS, ALERT_PROTOCOL_VERSION,
     "the other side does not speak TLS 1.2, the version that is spoken here"},
    {BR_ERR_BAD_VERSION, ERR_TLS, ALERT_PROTOCOL_VERSION,
     "the other side does not speak TLS 1.2, the version that is spoken here"},
    {BR_ERR_BAD_MAC, ERR_TLS, ALERT_BAD_RECORD_MAC, "a record was damaged on the way"},
    {BR_ERR_BAD_LENGTH, ERR_TLS, ALERT_RECORD_OVERFLOW, "a record has a wrong length"},
    {BR_ERR_TOO_LARGE, ERR_TLS, ALERT_RECORD_OVERFLOW, "a record or message is too large"},
    {BR_ERR_UNEXPECTED, ERR_TLS, ALERT_UNEXPECTED_MESSAGE,
     "a message came that does not belong there"},
    {BR_ERR_BAD_FINISHED, ERR_TLS, ALERT_DECRYPT_ERROR,
     "the handshake was tampered with (wrong Finished)"},
    {BR_ERR_WRONG_KEY_USAGE, ERR_TLS_CERTIFICATE, ALERT_UNSUPPORTED_CERTIFICATE,
     "the key in the certificate is not meant for this use"},
    {BR_ERR_BAD_SIGNATURE, ERR_TLS, ALERT_DECRYPT_ERROR,
     "the other side could not prove that the certificate is its own"},
    {BR_ERR_BAD_CIPHER_SUITE, ERR_TLS, ALERT_ILLEGAL_PARAMETER,
     "the other side chose a cipher that was not offered"},
    {0, ERR_EOF, -1, "closed by the other side during the TLS handshake"},
};

static const struct cause *find_cause(int number)
{
    for (size_t i = 0; i < sizeof causes / sizeof *causes; i++)
        if (causes[i].number == number)
            return &causes[i];
    return NULL;
}

/* Says what an alert is likely to mean here. */
static const char *hint(const struct handshake *h, int alert)
{
    bool shown = h->is_client && h->identity != NULL;
    bool demanded = h->is_client && h->nobody.asked && h->identity == NULL;
    switch (alert) {
    case ALERT_UNKNOWN_CA:
        return shown
                   ? ": the hub does not accept this device's certificate (--cert): its authority "
                     "is not in the hub's --device-ca"
                   : "";
    case ALERT_CERTIFICATE_EXPIRED:
        return shown
                   ? ": this device's certificate (--cert) has expired, or the hub's clock is wrong"
                   : "";
    case ALERT_PROTOCOL_VERSION:
        return ": it does not speak TLS 1.2, the version that is spoken here";
    case ALERT_HANDSHAKE_FAILURE:
    case ALERT_BAD_CERTIFICATE:
    case ALERT_CERTIFICATE_REQUIRED:
        if (demanded)
            return ": it demands a client certificate, and none was given (--cert, --key)";
        return alert != ALERT_HANDSHAKE_FAILURE
                   ? ""
                   : ": nothing in common; TLS 1.2 with ECDHE, AES-GCM or ChaCha20-Poly1305 and a "
                     "certificate with an RSA or EC key is spoken here";
    default:
        return "";
    }
}

enum err handshake_error(const struct handshake *h, char *text, size_t size, int *alert)
{
    int error = br_ssl_engine_last_error(&h->u.engine);
    const struct cause *c = find_cause(error);
    const struct path_verdict *v = &h->verifier.verdict;
    bool clear = h->u.engine.out.vtable == &br_sslrec_out_clear_vtable;
    *alert = -1;
    if (error >= BR_ERR_SEND_FATAL_ALERT) {
        error -= BR_ERR_SEND_FATAL_ALERT;
        snprintf(text, size, "no way to agree with the other side (%s, alert %d)",
                 alert_name(error), error);
        return ERR_TLS;
    }
    if (error >= BR_ERR_RECV_FATAL_ALERT) {
        error -= BR_ERR_RECV_FATAL_ALERT;
        snprintf(text, size, "alert %d from the other side (%s)%s", error, alert_name(error),
                 hint(h, error));
        return ERR_TLS;
    }
    if (error == BR_ERR_X509_NOT_TRUSTED && v->why != ERR_OK) {
        *alert = clear ? v->alert : -1;
        snprintf(text, size, "%s", v->text);
        return v->why;
    }
    if (clear)
        *alert = c != NULL ? c->alert : ALERT_HANDSHAKE_FAILURE;
    if (c != NULL)
        snprintf(text, size, "%s", c->text != NULL ? c->text : err_text(c->why));
    else
        snprintf(text, size, "the TLS handshake failed (BearSSL's error %d)", error);
    return c != NULL ? c->why : ERR_TLS;
}
