#include "core/http/http.h"

#include <http_parser.h>
#include <stdlib.h>

struct http_body {
    enum { NOTHING_LEFT, LENGTH, CHUNKED, UNTIL_CLOSE, BROKEN } kind;
    uint64_t left;      /* LENGTH */
    http_parser parser; /* CHUNKED */
    /* http-parser as Debian builds it (HTTP_PARSER_STRICT=0) skips over whatever stands where the
     * CR and LF of chunk framing belong. So the bytes between chunk data are looked at here, too:
     * CR and LF only as a pair, and a CR right behind the data. */
    const uint8_t *looked; /* of this feed's bytes, up to where */
    uint8_t last;          /* the framing byte before that */
    bool after_data;
    bool ended;
    http_body_content *content; /* may be NULL */
    void *owner;
};

static void tell(const struct http_body *b, const void *p, size_t n)
{
    if (b->content != NULL && n > 0)
        b->content(b->owner, p, n);
}

static bool look(struct http_body *b, const uint8_t *to)
{
    for (; b->looked < to; b->looked++) {
        uint8_t c = *b->looked;
        if ((b->last == '\r') != (c == '\n') || (b->after_data && c != '\r'))
            return false;
        if ((c < ' ' && c != '\r' && c != '\n' && c != '\t') || c == 127)
            return false;
        b->after_data = false;
        b->last = c;
    }
    return true;
}

static int on_data(http_parser *parser, const char *p, size_t n)
{
    struct http_body *b = parser->data;
    if (!look(b, (const uint8_t *)p))
        return -1;
    b->looked = (const uint8_t *)p + n;
    b->after_data = true;
    tell(b, p, n);
    return 0;
}

static int on_end(http_parser *parser)
{
    struct http_body *b = parser->data;
    b->ended = true;
    http_parser_pause(parser, 1); /* what follows is another message's */
    return 0;
}

static const http_parser_settings callbacks = {.on_body = on_data, .on_message_complete = on_end};

static bool start_chunks(struct http_body *b)
{
    static const char head[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    http_parser_init(&b->parser, HTTP_RESPONSE);
    b->parser.data = b;
    return http_parser_execute(&b->parser, &callbacks, head, sizeof head - 1) == sizeof head - 1;
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
    if (h->chunked) {
        b->kind = start_chunks(b) ? CHUNKED : BROKEN;
    } else {
        b->kind = h->content_length > 0 ? LENGTH : UNTIL_CLOSE;
        b->left = h->content_length > 0 ? (uint64_t)h->content_length : 0;
    }
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
    b->looked = p;
    size_t used = http_parser_execute(&b->parser, &callbacks, (const char *)p, n);
    enum http_errno error = HTTP_PARSER_ERRNO(&b->parser);
    if ((error != HPE_OK && error != HPE_PAUSED) || !look(b, p + used)) {
        b->kind = BROKEN;
        return -ERR_PROTOCOL;
    }
    if (b->ended)
        b->kind = NOTHING_LEFT;
    return (long)used;
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
        return n > 0 ? feed_chunks(b, p, n) : 0;
    case LENGTH:
        take = n < b->left ? n : (size_t)b->left;
        b->left -= take;
        if (b->left == 0)
            b->kind = NOTHING_LEFT;
        tell(b, p, take);
        return (long)take;
    default:
        return -ERR_PROTOCOL;
    }
}

bool http_body_done(const struct http_body *b)
{
    return b->kind == NOTHING_LEFT;
}
