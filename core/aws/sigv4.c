#include "core/aws/sigv4_internal.h"

#include "core/base/secret.h"

#include <string.h>

const char *sigv4_text(enum sigv4_verdict v)
{
    static const char *const texts[] = {
        [SIGV4_OK] = "the signature is right",
        [SIGV4_MISSING] = "The request is not signed: it has no Authorization header.",
        [SIGV4_INCOMPLETE] =
            "The Authorization header must be AWS4-HMAC-SHA256 with Credential (key id, date, "
            "region, service and aws4_request), SignedHeaders and Signature, once each, beside one "
            "X-Amz-Date.",
        [SIGV4_EXPIRED] = "Signature expired: X-Amz-Date is more than 15 minutes away from the "
                          "hub's clock.",
        [SIGV4_SCOPE] = "Credential should be scoped to the service " SIGV4_SERVICE
                        " and to the date of X-Amz-Date.",
        [SIGV4_HEADERS] = "'Host' and 'X-Amz-Target' must be signed headers, and each signed "
                          "header must be in the request.",
        [SIGV4_MISMATCH] =
            "The request signature we calculated does not match the signature you provided. Check "
            "your AWS Secret Access Key and signing method.",
    };
    return texts[v];
}

/* ---- parts ---- */

static bool is_of(struct span s, size_t most, const char *extra)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!plain && (c == '\0' || strchr(extra, c) == NULL))
            return false;
    }
    return s.n > 0 && s.n <= most;
}

bool sigv4_is_key_id(struct span s)
{
    return is_of(s, SIGV4_MAX_KEY_ID, "_+.@-");
}

bool sigv4_is_region(struct span s)
{
    return is_of(s, SIGV4_MAX_REGION, "_-");
}

static bool is_date(struct span s)
{
    char stamp[SIGV4_STAMP + 1] = "00000000T000000Z";
    int64_t ms;
    if (s.n != 8)
        return false;
    memcpy(stamp, s.p, 8);
    return stamp_parse(span_of(stamp), &ms);
}

static bool is_hash(struct span s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((s.p[i] < '0' || s.p[i] > '9') && (s.p[i] < 'a' || s.p[i] > 'f'))
            return false;
    return s.n == SIGV4_HEX;
}

static bool is_header_name(struct span s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] >= 'A' && s.p[i] <= 'Z')
            return false;
    return is_of(s, s.n, "!#$%&'*+-.^_`|~");
}

static int compare(struct span a, struct span b)
{
    int order = memcmp(a.p, b.p, a.n < b.n ? a.n : b.n);
    return order != 0 ? order : (a.n > b.n) - (a.n < b.n);
}

/* Lower case and strictly ascending, so no name occurs twice. */
static bool is_header_list(struct span rest)
{
    struct span before = {NULL, 0};
    size_t n = 0;
    if (rest.n == 0 || rest.p[rest.n - 1] == ';')
        return false;
    while (rest.n > 0) {
        struct span name = span_cut(&rest, ';');
        if (++n > SIGV4_MAX_HEADERS || !is_header_name(name) ||
            (before.n > 0 && compare(before, name) >= 0))
            return false;
        before = name;
    }
    return true;
}

static bool take_credential(struct span s, struct sigv4_auth *out)
{
    out->key_id = span_cut(&s, '/');
    out->date = span_cut(&s, '/');
    out->region = span_cut(&s, '/');
    out->service = span_cut(&s, '/');
    return sigv4_is_key_id(out->key_id) && is_date(out->date) && sigv4_is_region(out->region) &&
           is_of(out->service, SIGV4_MAX_REGION, "_.-") && span_is(s, SIGV4_TERMINATOR);
}

static bool take_headers(struct span s, struct sigv4_auth *out)
{
    out->signed_headers = s;
    return is_header_list(s);
}

static bool take_signature(struct span s, struct sigv4_auth *out)
{
    out->signature = s;
    return is_hash(s);
}

/* ---- the header ---- */

static const struct {
    const char *name;
    bool (*take)(struct span value, struct sigv4_auth *out);
} parts[] = {
    {"Credential", take_credential},
    {"SignedHeaders", take_headers},
    {"Signature", take_signature},
};
enum { PARTS = sizeof parts / sizeof *parts };

static bool take_part(struct span part, unsigned *seen, struct sigv4_auth *out)
{
    struct span value = part;
    struct span name = span_cut(&value, '=');
    for (unsigned i = 0; i < PARTS; i++) {
        if (!span_is(name, parts[i].name))
            continue;
        if ((*seen & 1u << i) != 0)
            return false;
        *seen |= 1u << i;
        return parts[i].take(value, out);
    }
    return false;
}

static struct span without_blanks_in_front(struct span s)
{
    while (s.n > 0 && (s.p[0] == ' ' || s.p[0] == '\t'))
        s.p++, s.n--;
    return s;
}

static bool take_authorization(struct span value, struct sigv4_auth *out)
{
    unsigned seen = 0;
    struct span rest = value;
    if (!span_is(span_cut(&rest, ' '), SIGV4_ALGORITHM) || rest.n == 0 || rest.p[rest.n - 1] == ',')
        return false;
    while (rest.n > 0)
        if (!take_part(without_blanks_in_front(span_cut(&rest, ',')), &seen, out))
            return false;
    return seen == (1u << PARTS) - 1;
}

enum sigv4_verdict sigv4_parse(const struct http_head *head, struct sigv4_auth *out)
{
    int64_t ms;
    *out = (struct sigv4_auth){0};
    size_t n = http_header_count(head, "Authorization");
    if (n == 0)
        return SIGV4_MISSING;
    out->time = http_header(head, "X-Amz-Date");
    if (n == 1 && http_header_count(head, "X-Amz-Date") == 1 && stamp_parse(out->time, &ms) &&
        take_authorization(http_header(head, "Authorization"), out))
        return SIGV4_OK;
    *out = (struct sigv4_auth){0};
    return SIGV4_INCOMPLETE;
}

/* ---- verifying ---- */

static bool in_scope(const struct sigv4_auth *auth)
{
    return span_is(auth->service, SIGV4_SERVICE) &&
           span_equal(auth->date, (struct span){auth->time.p, auth->date.n});
}

static size_t count(const struct http_head *head, struct span name)
{
    size_t n = 0;
    for (size_t i = 0; i < head->n_headers; i++)
        n += span_equal_nocase(head->headers[i].name, name);
    return n;
}

static bool headers_are_there(const struct sigv4_auth *auth, const struct http_head *head)
{
    bool host = false, target = false;
    for (struct span rest = auth->signed_headers; rest.n > 0;) {
        struct span name = span_cut(&rest, ';');
        size_t n = count(head, name);
        if (n == 0)
            return false;
        host = host || (span_is(name, "host") && n == 1);
        target = target || (span_is(name, "x-amz-target") && n == 1);
    }
    return host && target;
}

/* A request may name the hash of its body; "UNSIGNED-PAYLOAD" is not a hash. */
static bool body_is_named_right(const struct http_head *head, const char body_hex[SIGV4_HEX + 1])
{
    static const char name[] = "x-amz-content-sha256";
    size_t n = http_header_count(head, name);
    return n == 0 || (n == 1 && span_is(http_header(head, name), body_hex));
}

static bool signature_is_right(const struct sigv4_auth *auth, const struct http_head *head,
                               struct span body, struct span secret)
{
    char body_hex[SIGV4_HEX + 1], canonical[SIGV4_HEX + 1], signature[SIGV4_HEX + 1];
    sha256_hex(body, body_hex);
    if (!body_is_named_right(head, body_hex) ||
        !canonical_hash(head, auth->signed_headers, body_hex, canonical))
        return false;
    signature_of(auth, canonical, secret, signature);
    bool right = secret_equal(auth->signature, span_of(signature));
    explicit_bzero(signature, sizeof signature); /* a forger could use it for the next try */
    return right;
}

enum sigv4_verdict sigv4_verify(const struct sigv4_auth *auth, const struct http_head *head,
                                struct span body, struct span secret, int64_t now)
{
    int64_t then;
    if (!stamp_parse(auth->time, &then))
        return SIGV4_INCOMPLETE;
    if (now - then > SIGV4_SKEW_MS || then - now > SIGV4_SKEW_MS)
        return SIGV4_EXPIRED;
    if (!in_scope(auth))
        return SIGV4_SCOPE;
    if (!headers_are_there(auth, head))
        return SIGV4_HEADERS;
    return signature_is_right(auth, head, body, secret) ? SIGV4_OK : SIGV4_MISMATCH;
}
