#include "core/aws/sigv4_internal.h"

#include "core/base/encoding.h"
#include "core/base/hash.h"

#include <stdlib.h>

void sha256_hex(struct span bytes, char out[SIGV4_HEX + 1])
{
    struct hash h;
    uint8_t digest[HASH_SIZE_MAX];
    hash_begin(&h, HASH_SHA256);
    hash_add(&h, bytes.p, bytes.n);
    hex_encode(digest, hash_end(&h, digest), out);
}

static void put(struct hash *h, struct span s)
{
    hash_add(h, s.p, s.n);
}

static void put_text(struct hash *h, const char *text)
{
    put(h, span_of(text));
}

/* ---- percent encoding, one character at a time, so that nothing is kept ---- */

struct encoder {
    struct span rest;
    bool decode;   /* %XX stands for its byte; else '%' is an ordinary character */
    char queue[2]; /* digits still to come, in reverse order */
    size_t queued;
};

static bool is_unreserved(unsigned char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

/* Returns the next character, or -1. */
static int next(struct encoder *e)
{
    if (e->queued > 0)
        return e->queue[--e->queued];
    if (e->rest.n == 0)
        return -1;
    unsigned char c = (unsigned char)e->rest.p[0];
    size_t used = 1;
    if (e->decode && c == '%' && e->rest.n >= 3 &&
        hex_decode((struct span){e->rest.p + 1, 2}, &c, 1))
        used = 3;
    e->rest = (struct span){e->rest.p + used, e->rest.n - used};
    if (is_unreserved(c))
        return c;
    e->queue[0] = "0123456789ABCDEF"[c & 15];
    e->queue[1] = "0123456789ABCDEF"[c >> 4];
    e->queued = 2;
    return '%';
}

static void put_encoded(struct hash *h, struct span s, bool decode)
{
    struct encoder e = {.rest = s, .decode = decode};
    for (int got = next(&e); got >= 0; got = next(&e))
        hash_add(h, &(char){(char)got}, 1);
}

/* ---- the path ---- */

/* Normalises as RFC 3986 5.2.4, and removes empty segments, too. What the client has encoded once
 * is encoded again, as services other than S3 require. */
static bool put_path(struct hash *h, struct span path)
{
    struct span segments[SIGV4_MAX_SEGMENTS];
    size_t n = 0;
    if (path.n == 0 || path.p[0] != '/')
        return false;
    bool slash_at_end = path.p[path.n - 1] == '/';
    while (path.n > 0) {
        struct span s = span_cut(&path, '/');
        if (s.n == 0 || span_is(s, "."))
            continue;
        if (span_is(s, "..")) {
            n -= n > 0;
            continue;
        }
        if (n == SIGV4_MAX_SEGMENTS)
            return false;
        segments[n++] = s;
    }
    for (size_t i = 0; i < n; i++) {
        put_text(h, "/");
        put_encoded(h, segments[i], false);
    }
    if (n == 0 || slash_at_end)
        put_text(h, "/");
    return true;
}

/* ---- the query ---- */

struct parameter {
    struct span name, value;
};

static bool escapes_are_whole(struct span s)
{
    uint8_t c;
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] == '%' && (s.n - i < 3 || !hex_decode((struct span){s.p + i + 1, 2}, &c, 1)))
            return false;
    return true;
}

/* Compares in the order of the encoded text, which is not that of the bytes: "%7B" comes before
 * "a". */
static int compare_encoded(struct span a, struct span b)
{
    struct encoder x = {.rest = a, .decode = true}, y = {.rest = b, .decode = true};
    int left, right;
    do {
        left = next(&x);
        right = next(&y);
    } while (left == right && left >= 0);
    return left - right;
}

static int compare_parameters(const void *a, const void *b)
{
    const struct parameter *x = a, *y = b;
    int names = compare_encoded(x->name, y->name);
    return names != 0 ? names : compare_encoded(x->value, y->value);
}

static bool put_query(struct hash *h, struct span query)
{
    struct parameter parameters[SIGV4_MAX_PARAMETERS];
    size_t n = 0;
    if (!escapes_are_whole(query))
        return false;
    while (query.n > 0) {
        struct span value = span_cut(&query, '&');
        if (value.n == 0)
            continue;
        if (n == SIGV4_MAX_PARAMETERS)
            return false;
        struct span name = span_cut(&value, '=');
        parameters[n++] = (struct parameter){name, value};
    }
    if (n > 1)
        qsort(parameters, n, sizeof *parameters, compare_parameters);
    for (size_t i = 0; i < n; i++) {
        put_text(h, i > 0 ? "&" : "");
        put_encoded(h, parameters[i].name, true);
        put_text(h, "=");
        put_encoded(h, parameters[i].value, true);
    }
    return true;
}

/* ---- the headers ---- */

/* Folds runs of blanks into one, also inside quotes: the older documents say otherwise, but AWS's
 * test suite (get-header-value-trim) and all its clients do it like this. */
static void put_folded(struct hash *h, struct span value)
{
    value = span_trim(value);
    while (value.n > 0) {
        size_t n = 0;
        while (n < value.n && value.p[n] != ' ' && value.p[n] != '\t')
            n++;
        put(h, (struct span){value.p, n});
        value = (struct span){value.p + n, value.n - n};
        if (value.n > 0)
            put_text(h, " ");
        value = span_trim(value);
    }
}

/* A header that occurs several times is one list. */
static void put_header(struct hash *h, const struct http_head *head, struct span name)
{
    bool more = false;
    put(h, name);
    put_text(h, ":");
    for (size_t i = 0; i < head->n_headers; i++) {
        if (!span_equal_nocase(head->headers[i].name, name))
            continue;
        put_text(h, more ? "," : "");
        put_folded(h, head->headers[i].value);
        more = true;
    }
    put_text(h, "\n");
}

bool canonical_hash(const struct http_head *head, struct span signed_headers,
                    const char body_hex[SIGV4_HEX + 1], char out[SIGV4_HEX + 1])
{
    uint8_t digest[HASH_SIZE_MAX];
    struct hash h;
    struct span query = head->target;
    struct span path = span_cut(&query, '?');
    hash_begin(&h, HASH_SHA256);
    put(&h, head->method);
    put_text(&h, "\n");
    if (!put_path(&h, path))
        return false;
    put_text(&h, "\n");
    if (!put_query(&h, query))
        return false;
    put_text(&h, "\n");
    for (struct span rest = signed_headers; rest.n > 0;)
        put_header(&h, head, span_cut(&rest, ';'));
    put_text(&h, "\n");
    put(&h, signed_headers);
    put_text(&h, "\n");
    put_text(&h, body_hex);
    hex_encode(digest, hash_end(&h, digest), out);
    return true;
}
