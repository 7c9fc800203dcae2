#include "core/tls/path.h"

#include "core/tls/alert.h"
#include "core/tls/constraint.h"
#include "core/tls/dn.h"
#include "core/tls/san.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define MAX_CHECKS 24 /* signatures: 10 ms each in the slowest case (P-521) */
#define MAX_STEPS 256
#define NAME 80 /* bytes of a subject in a sentence */

/* How much a failure says: the most telling one is reported. */
enum weight { NOTHING, NO_ISSUER, BAD_SIGNATURE, BAD_PATH };

struct search {
    const struct path_question *q;
    struct path_verdict *v;
    const struct certificate *path[PATH_LONGEST]; /* the end entity first */
    size_t n;
    unsigned steps, checks;
    enum weight weight;
};

static char *subject(const struct certificate *c, char out[static NAME])
{
    return dn_text(c->subject, out, NAME);
}

static bool refuse(struct search *s, enum weight weight, enum err why, int alert,
                   const char *format, ...) __attribute__((format(printf, 5, 6)));

static bool refuse(struct search *s, enum weight weight, enum err why, int alert,
                   const char *format, ...)
{
    va_list args;
    if (weight <= s->weight)
        return false;
    s->weight = weight;
    s->v->why = why;
    s->v->alert = alert;
    va_start(args, format);
    vsnprintf(s->v->text, sizeof s->v->text, format, args);
    va_end(args);
    return false;
}

static bool forbid(struct search *s, const struct certificate *c, const char *what)
{
    char name[NAME];
    return refuse(s, BAD_PATH, ERR_TLS_CERTIFICATE, ALERT_BAD_CERTIFICATE,
                  "the certificate of %s %s", subject(c, name), what);
}

/* ---- a whole path ---- */

static bool in_time(struct search *s, const struct certificate *c)
{
    char name[NAME], when[CERTIFICATE_TIME], now[CERTIFICATE_TIME];
    if (s->q->now > c->not_after)
        return refuse(s, BAD_PATH, ERR_TLS_EXPIRED, ALERT_CERTIFICATE_EXPIRED,
                      "certificate expired: that of %s was valid until %s (the clock here says %s)",
                      subject(c, name), certificate_time(c->not_after, when),
                      certificate_time(s->q->now, now));
    if (s->q->now < c->not_before)
        return refuse(
            s, BAD_PATH, ERR_TLS_EXPIRED, ALERT_CERTIFICATE_EXPIRED,
            "certificate not yet valid: that of %s is valid from %s on (the clock here says %s)",
            subject(c, name), certificate_time(c->not_before, when),
            certificate_time(s->q->now, now));
    return true;
}

static bool good_key(struct search *s, const struct certificate *c)
{
    char name[NAME];
    if (!c->key.supported)
        return refuse(s, BAD_PATH, ERR_TLS_CERTIFICATE, ALERT_UNSUPPORTED_CERTIFICATE,
                      "the certificate of %s has a key that is not supported: %s (RSA up to 4096 "
                      "bits and EC on P-256, P-384 and P-521 are)",
                      subject(c, name), c->key.kind);
    if (c->key.key.key_type == BR_KEYTYPE_RSA && c->key.bits < PATH_MIN_RSA)
        return refuse(s, BAD_PATH, ERR_TLS_CERTIFICATE, ALERT_BAD_CERTIFICATE,
                      "the certificate of %s has a key that is too short: %s (%d bits at least)",
                      subject(c, name), c->key.kind, PATH_MIN_RSA);
    return true;
}

static bool fit_for_purpose(struct search *s, const struct certificate *c)
{
    if (c->purposes == 0 || (c->purposes & (s->q->purpose | PURPOSE_ANY)) != 0)
        return true;
    return forbid(s, c,
                  s->q->purpose == PURPOSE_SERVER
                      ? "is not meant for TLS servers (its extended key usage)"
                      : "is not meant for TLS clients (its extended key usage)");
}

/* Old roots cannot say that they are authorities. Of trusted ones, OpenSSL accepts those that are
 * self-signed and of version 1, and those whose key may sign certificates. */
static bool is_authority(const struct certificate *c, bool trusted)
{
    if (c->has_usage && (c->usage & USAGE_CERTIFICATES) == 0)
        return false;
    if (c->has_basic)
        return c->is_ca;
    return trusted && (c->has_usage || (c->first_version && certificate_self_issued(c)));
}

/* Whether the certificate at `at` may be an authority for all those below it. */
static bool good_authority(struct search *s, size_t at)
{
    const struct certificate *c = s->path[at];
    char name[CONSTRAINT_NAME], own[NAME];
    int64_t between = 0;
    if (!is_authority(c, at == s->n - 1))
        return forbid(s, c, "is not an authority's, but has signed another");
    for (size_t i = 1; i < at; i++)
        between += !certificate_self_issued(s->path[i]);
    if (c->path_length >= 0 && between > c->path_length)
        return forbid(s, c, "does not allow so many authorities below it (its path length)");
    for (size_t i = 0; i < at; i++) {
        if (i > 0 && certificate_self_issued(s->path[i]))
            continue;
        if (!constraint_allows(c, s->path[i], i == 0, name))
            return refuse(s, BAD_PATH, ERR_TLS_CERTIFICATE, ALERT_BAD_CERTIFICATE,
                          "the authority %s may not sign for %s (its name constraints)",
                          subject(c, own), name[0] != '\0' ? name : "this certificate");
    }
    if (s->q->host != NULL && !constraint_allows_host(c, s->q->host))
        return refuse(s, BAD_PATH, ERR_TLS_CERTIFICATE, ALERT_BAD_CERTIFICATE,
                      "the authority %s may not sign for %.64s (its name constraints)",
                      subject(c, own), s->q->host);
    return true;
}

/* The only use of this key is the signature that begins a session (ECDHE); other uses that the
 * certificate allows do not count. */
static bool good_end_entity(struct search *s, const struct certificate *c)
{
    if (c->has_usage && (c->usage & USAGE_SIGNATURE) == 0)
        return forbid(s, c, "is not meant for this use (its key usage lacks digitalSignature)");
    return true;
}

bool path_has_host(const struct certificate *c, const char *host)
{
    uint8_t address[16];
    size_t bytes = inet_pton(AF_INET, host, address) == 1    ? 4
                   : inet_pton(AF_INET6, host, address) == 1 ? 16
                                                             : 0;
    return bytes > 0 ? san_has_address(c->names, address, bytes, host)
                     : san_has_host(c->names, c->subject, host);
}

static bool right_name(struct search *s, const struct certificate *c)
{
    const char *host = s->q->host;
    char name[64];
    if (host == NULL)
        return true;
    if (host[0] == '\0')
        return refuse(s, BAD_PATH, ERR_TLS_NAME, ALERT_BAD_CERTIFICATE,
                      "the host name is empty or too long to be in a certificate");
    if (path_has_host(c, host))
        return true;
    san_first(c->names, name, sizeof name);
    if (name[0] != '\0')
        return refuse(s, BAD_PATH, ERR_TLS_NAME, ALERT_BAD_CERTIFICATE,
                      "certificate is for %s, not %.64s", name, host);
    return refuse(s, BAD_PATH, ERR_TLS_NAME, ALERT_BAD_CERTIFICATE,
                  "certificate is for another host name than %.64s", host);
}

static bool judge(struct search *s)
{
    const struct certificate *own = s->path[0];
    int64_t ends = INT64_MAX;
    for (size_t i = 0; i < s->n; i++) {
        const struct certificate *c = s->path[i];
        if (c->unknown_critical)
            return forbid(s, c, "has a critical extension that is not known here");
        if (!in_time(s, c) || !good_key(s, c) || !fit_for_purpose(s, c) ||
            (i > 0 && !good_authority(s, i)))
            return false;
        ends = c->not_after < ends ? c->not_after : ends;
    }
    if (!good_end_entity(s, own) || !right_name(s, own))
        return false;
    *s->v = (struct path_verdict){.why = ERR_OK, .ends = ends};
    return true;
}

/* Checks the signature on the certificate at `at` with the next one's key. */
static bool good_signature(struct search *s, size_t at)
{
    const struct certificate *c = s->path[at], *issuer = s->path[at + 1];
    char name[NAME];
    if (s->checks++ == MAX_CHECKS)
        return false;
    switch (signature_check(c, &issuer->key)) {
    case SIGNATURE_GOOD:
        return true;
    case SIGNATURE_UNSUPPORTED:
        return good_key(s, issuer) &&
               refuse(s, BAD_PATH, ERR_TLS_CERTIFICATE, ALERT_UNSUPPORTED_CERTIFICATE,
                      "the certificate of %s is signed by %s, which is not supported (RSA and "
                      "ECDSA with SHA-2 are)",
                      subject(c, name), signature_name(c));
    case SIGNATURE_WRONG:
        break;
    }
    return refuse(s, BAD_SIGNATURE, ERR_TLS_UNTRUSTED, ALERT_BAD_CERTIFICATE,
                  "a signature in the certificate chain is wrong: the key of the issuer that is "
                  "named did not sign the certificate of %s",
                  subject(c, name));
}

/* Begins at the trusted end, so that a forged chain that merely bears its name costs one check. */
static bool good_signatures(struct search *s)
{
    for (size_t i = s->n - 1; i > 0; i--)
        if (!good_signature(s, i - 1))
            return false;
    return true;
}

/* ---- looking for one ---- */

static bool in_path(const struct search *s, const struct certificate *c)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->path[i]->whole.n == c->whole.n &&
            memcmp(s->path[i]->whole.p, c->whole.p, c->whole.n) == 0)
            return true;
    return false;
}

static bool is_trusted(const struct search *s, const struct certificate *c)
{
    for (size_t i = 0; i < s->q->n_anchors; i++) {
        const struct der *a = &s->q->anchors[i].whole;
        if (a->n == c->whole.n && memcmp(a->p, c->whole.p, a->n) == 0)
            return true;
    }
    return false;
}

static bool no_issuer(struct search *s)
{
    const struct certificate *c = s->path[s->n - 1];
    char name[NAME], issuer[NAME];
    dn_text(c->issuer, issuer, sizeof issuer);
    if (certificate_self_issued(c))
        return refuse(s, NO_ISSUER, ERR_TLS_UNTRUSTED, ALERT_UNKNOWN_CA,
                      "certificate not signed by a trusted authority: that of %s is self-signed",
                      issuer);
    return refuse(s, NO_ISSUER, ERR_TLS_UNTRUSTED, ALERT_UNKNOWN_CA,
                  "certificate not signed by a trusted authority: that of %s is issued by %s",
                  subject(c, name), issuer);
}

/* Extends the path by names, which costs nothing, to a trusted certificate: anchors are tried
 * before the shown ones. */
static bool extend(struct search *s)
{
    if (is_trusted(s, s->path[s->n - 1]))
        return good_signatures(s) && judge(s);
    if (s->n == PATH_LONGEST || ++s->steps > MAX_STEPS)
        return false;
    for (size_t i = 0; i < s->q->n_anchors + s->q->n; i++) {
        const struct certificate *c =
            i < s->q->n_anchors ? &s->q->anchors[i] : &s->q->shown[i - s->q->n_anchors];
        if (!dn_same(c->subject, s->path[s->n - 1]->issuer) || in_path(s, c))
            continue;
        s->path[s->n++] = c;
        bool found = extend(s);
        s->n--;
        if (found)
            return true;
    }
    return no_issuer(s);
}

void path_verify(const struct path_question *q, struct path_verdict *v)
{
    struct search s = {.q = q, .v = v, .path = {q->shown}, .n = 1};
    *v = (struct path_verdict){.why = ERR_TLS_CERTIFICATE,
                               .alert = ALERT_BAD_CERTIFICATE,
                               .text = "the other side sent no certificate"};
    if (q->n > 0)
        extend(&s);
}

/* ---- a server's own ---- */

static bool already(const struct certificate *c, const size_t *order, size_t used, size_t i)
{
    for (size_t k = 0; k < used; k++)
        if (c[order[k]].whole.n == c[i].whole.n &&
            memcmp(c[order[k]].whole.p, c[i].whole.p, c[i].whole.n) == 0)
            return true;
    return false;
}

size_t path_order(const struct certificate *c, size_t n, size_t leaf, size_t order[])
{
    size_t used = 0;
    order[used++] = leaf;
    for (size_t i = 0; i < n; i++) {
        const struct certificate *last = &c[order[used - 1]];
        if (already(c, order, used, i) || !dn_same(c[i].subject, last->issuer) ||
            signature_check(last, &c[i].key) == SIGNATURE_WRONG)
            continue;
        order[used++] = i;
        i = (size_t)-1; /* start again with the issuer of that one */
    }
    return used;
}
