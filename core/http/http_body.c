#include "core/http/chunks.h"

#include <stdlib.h>

struct http_body {
    enum { NOTHING_LEFT, LENGTH, CHUNKED, UNTIL_CLOSE } kind;
    uint64_t left;              /* LENGTH: bytes still to come */
    struct chunks chunks;       /* CHUNKED */
    http_body_content *content; /* may be NULL */
    void *owner;
};

static void tell(const struct http_body *b, const void *p, size_t n)
{
    if (b->content != NULL && n > 0)
        b->content(b->owner, p, n);
}

static bool has_no_body(const struct http_head *h, bool head_request)
{
    if (h->request)
        return !h->chunked && h->content_length <= 0;
    return head_request || h->status < 200 || h->status == 204 || h->status == 304 ||
           h->content_length == 0;
}

struct http_body *http_body_new(const struct http_head *h, bool head_request)
{
    struct http_body *b = calloc(1, sizeof *b);
    if (b == NULL || has_no_body(h, head_request))
        return b;
    b->kind = h->chunked ? CHUNKED : h->content_length > 0 ? LENGTH : UNTIL_CLOSE;
    b->left = h->content_length > 0 ? (uint64_t)h->content_length : 0;
    return b;
}

void http_body_tell(struct http_body *b, http_body_content *content, void *owner)
{
    b->content = content;
    b->owner = owner;
}

void http_body_free(struct http_body *b)
{
    free(b);
}

static long feed_chunks(struct http_body *b, const uint8_t *p, size_t n)
{
    long used = chunks_feed(&b->chunks, p, n, b->content, b->owner);
    if (b->chunks.at == CHUNKS_DONE)
        b->kind = NOTHING_LEFT;
    return used;
}

long http_body_feed(struct http_body *b, const uint8_t *p, size_t n)
{
    size_t take;
    switch (b->kind) {
    case NOTHING_LEFT:
        return 0;
    case UNTIL_CLOSE:
        tell(b, p, n);
        return (long)n;
    case CHUNKED:
        return feed_chunks(b, p, n);
    default:
        take = n < b->left ? n : (size_t)b->left;
        b->left -= take;
        if (b->left == 0)
            b->kind = NOTHING_LEFT;
        tell(b, p, take);
        return (long)take;
    }
}

bool http_body_done(const struct http_body *b)
{
    return b->kind == NOTHING_LEFT;
}
