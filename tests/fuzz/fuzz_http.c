/* HTTP heads and bodies, credentials and proxy addresses. The oracle: a message fed whole and fed
 * in pieces has the same parts, the same content and the same end. Input: one byte of flags, then
 * the message. */
#include "core/http/http.h"
#include "core/http/upstream.h"
#include "core/ws/handshake.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition))                                                                          \
            abort();                                                                               \
    } while (0)

struct flags {
    enum http_kind kind;
    bool head_request;
    size_t limit;
};

static size_t piece_of(unsigned *seed, size_t left)
{
    *seed = *seed * 1103515245u + 12345u;
    size_t n = 1 + (*seed >> 16) % 7;
    return n < left ? n : left;
}

static long feed_head(struct http_reader *r, const uint8_t *p, size_t n, unsigned *seed)
{
    if (seed == NULL)
        return http_reader_feed(r, p, n);
    for (size_t at = 0; at < n && http_reader_head(r) == NULL;) {
        long took = http_reader_feed(r, p + at, piece_of(seed, n - at));
        if (took < 0)
            return took;
        at += (size_t)took;
        if (http_reader_head(r) != NULL || at == n)
            return (long)at;
    }
    return 0;
}

static long feed_body(struct http_body *b, const uint8_t *p, size_t n, unsigned *seed)
{
    if (seed == NULL)
        return http_body_feed(b, p, n);
    size_t at = 0;
    while (at < n && !http_body_done(b)) {
        size_t piece = piece_of(seed, n - at);
        long took = http_body_feed(b, p + at, piece);
        if (took < 0)
            return took;
        MUST((size_t)took == piece || http_body_done(b));
        at += (size_t)took;
    }
    return (long)at;
}

static void keep(void *owner, const uint8_t *p, size_t n)
{
    MUST(n > 0 && buf_append(owner, p, n));
}

static void must_be_clean(struct span s)
{
    for (size_t i = 0; i < s.n; i++)
        MUST(s.p[i] != '\r' && s.p[i] != '\n' && s.p[i] != '\0');
}

static void must_be_equal(const struct http_head *a, const struct http_head *b)
{
    MUST(a->n_headers == b->n_headers && a->n_headers <= HTTP_MAX_HEADERS);
    MUST(span_equal(a->method, b->method) && span_equal(a->target, b->target));
    MUST(a->status == b->status && span_equal(a->reason, b->reason) && a->minor == b->minor);
    MUST(a->keep_alive == b->keep_alive && a->chunked == b->chunked);
    MUST(a->content_length == b->content_length && !(a->chunked && a->content_length >= 0));
    for (size_t i = 0; i < a->n_headers; i++) {
        MUST(span_equal(a->headers[i].name, b->headers[i].name) && a->headers[i].name.n > 0);
        MUST(span_equal(a->headers[i].value, b->headers[i].value));
        must_be_clean(a->headers[i].name);
        must_be_clean(a->headers[i].value);
    }
}

static void use(const struct http_head *h)
{
    char *user, *password;
    const char *text;
    (void)ws_request_check(h, &text);
    (void)ws_response_check(h, "dGhlIHNhbXBsZSBub25jZQ==", &text);
    if (http_basic(http_header(h, "Authorization"), &user, &password)) {
        free(user);
        free(password);
    }
}

static void two_bodies(struct flags flags, const struct http_head *h, const uint8_t *p, size_t n,
                       unsigned *seed)
{
    struct http_body *a = http_body_new(h, flags.head_request);
    struct http_body *b = http_body_new(h, flags.head_request);
    struct buf one = {.limit = n}, other = {.limit = n};
    MUST(a != NULL && b != NULL);
    http_body_tell(a, keep, &one);
    http_body_tell(b, keep, &other);
    long belongs = feed_body(a, p, n, NULL);
    MUST(belongs <= (long)n && feed_body(b, p, n, seed) == belongs);
    MUST(http_body_done(a) == http_body_done(b));
    MUST(span_equal((struct span){(char *)one.data, one.size},
                    (struct span){(char *)other.data, other.size}));
    buf_free(&one);
    buf_free(&other);
    http_body_free(a);
    http_body_free(b);
}

static void one_message(struct flags flags, const uint8_t *p, size_t n, unsigned seed)
{
    struct http_reader *whole = http_reader_new(flags.kind, flags.limit);
    struct http_reader *split = http_reader_new(flags.kind, flags.limit);
    MUST(whole != NULL && split != NULL);
    long took = feed_head(whole, p, n, NULL);
    MUST(feed_head(split, p, n, &seed) == took);
    MUST((http_reader_head(whole) != NULL) == (http_reader_head(split) != NULL));
    if (http_reader_head(whole) != NULL) {
        const struct http_head *h = http_reader_head(whole);
        MUST(took > 0 && (size_t)took <= n &&
             (flags.kind == HTTP_ANSWER || (size_t)took <= flags.limit));
        must_be_equal(h, http_reader_head(split));
        use(h);
        two_bodies(flags, h, p + took, n - (size_t)took, &seed);
    }
    http_reader_free(whole);
    http_reader_free(split);
}

/* Text as an address of a proxy, as a list of exceptions, and as a host. */
static void as_address(const uint8_t *p, size_t n)
{
    char *text = span_dup((struct span){(const char *)p, n});
    struct upstream u;
    char target[3000];
    MUST(text != NULL);
    if (upstream_parse(text, &u) == ERR_OK) {
        MUST(u.host[0] != '\0' && u.port > 0 && u.port <= 65535);
        MUST(upstream_target(u.host, u.port, target, sizeof target) || strlen(text) > 2000);
        upstream_free(&u);
    }
    (void)upstream_excepted(text, "hub.example", 443);
    (void)upstream_excepted(text, "192.0.2.1", 443);
    (void)upstream_excepted("example, 10.0.0.0/8, [::1]:443", text, 443);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct flags flags = {.kind = (data[0] & 1) == 0   ? HTTP_REQUEST
                                  : (data[0] & 8) == 0 ? HTTP_RESPONSE
                                                       : HTTP_ANSWER,
                          .head_request = (data[0] & 2) != 0,
                          .limit = (data[0] & 4) != 0 ? 64 : 16384};
    one_message(flags, data + 1, size - 1, data[0] * 7919u + (unsigned)size);
    as_address(data + 1, size - 1);
    return 0;
}
