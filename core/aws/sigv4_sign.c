#include "core/aws/sigv4_internal.h"

#include <stdio.h>
#include <string.h>

/* Whether s has no control characters, so that a value cannot add header lines. */
static bool is_plain(struct span s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < ' ' || s.p[i] == 127)
            return false;
    return s.n > 0;
}

static void add(struct http_head *h, const char *name, const char *value)
{
    h->headers[h->n_headers].name = span_of(name);
    h->headers[h->n_headers++].value = span_of(value);
}

/* Builds the request as the other side will see it: the signed headers, in the order of their
 * names. */
static bool head_of(const struct sigv4_request *r, const struct sigv4_credentials *c,
                    const char *stamp, struct http_head *h)
{
    *h = (struct http_head){.request = true, .method = span_of("POST"), .target = span_of(r->path)};
    add(h, "content-type", r->content_type);
    add(h, "host", r->host);
    add(h, "x-amz-date", stamp);
    if (c->token != NULL)
        add(h, "x-amz-security-token", c->token);
    add(h, "x-amz-target", r->target);
    for (size_t i = 0; i < h->n_headers; i++)
        if (!is_plain(h->headers[i].value))
            return false;
    return true;
}

#define WITHOUT_TOKEN "content-type;host;x-amz-date;x-amz-target"
#define WITH_TOKEN "content-type;host;x-amz-date;x-amz-security-token;x-amz-target"

enum err sigv4_sign(const struct sigv4_request *r, const struct sigv4_credentials *c, char *out,
                    size_t size)
{
    struct http_head head;
    char stamp[SIGV4_STAMP + 1], body_hex[SIGV4_HEX + 1], canonical[SIGV4_HEX + 1];
    char signature[SIGV4_HEX + 1];
    if (size > 0)
        out[0] = '\0';
    if (c->secret == NULL || *c->secret == '\0' || !sigv4_is_key_id(span_of(c->key_id)) ||
        !sigv4_is_region(span_of(r->region)) || !stamp_write(r->now, stamp) ||
        !head_of(r, c, stamp, &head))
        return ERR_USAGE;
    struct sigv4_auth auth = {
        .key_id = span_of(c->key_id),
        .date = {stamp, 8},
        .region = span_of(r->region),
        .service = span_of(SIGV4_SERVICE),
        .signed_headers = span_of(c->token != NULL ? WITH_TOKEN : WITHOUT_TOKEN),
        .time = span_of(stamp),
    };
    sha256_hex(r->body, body_hex);
    if (!canonical_hash(&head, auth.signed_headers, body_hex, canonical))
        return ERR_USAGE;
    signature_of(&auth, canonical, span_of(c->secret), signature);
    int n = snprintf(out, size,
                     "X-Amz-Date: %s\r\n%s%s%sAuthorization: " SIGV4_ALGORITHM
                     " Credential=%s/%.8s/%s/" SIGV4_SERVICE "/" SIGV4_TERMINATOR
                     ", SignedHeaders=%s, Signature=%s\r\n",
                     stamp, c->token != NULL ? "X-Amz-Security-Token: " : "",
                     c->token != NULL ? c->token : "", c->token != NULL ? "\r\n" : "", c->key_id,
                     stamp, r->region, auth.signed_headers.p, signature);
    if (n >= 0 && (size_t)n < size)
        return ERR_OK;
    if (size > 0)
        explicit_bzero(out, size);
    return ERR_TOO_LARGE;
}
