#include "core/http/http.h"
#include "core/http/token.h"

#include <stdlib.h>
#include <string.h>

struct http_reader {
    bool final;       /* interim answers are passed over */
    bool lenient;     /* reads a web proxy's response */
    struct buf bytes; /* all of the head so far */
    size_t line;      /* where the current line begins in it */
    size_t start;     /* where the start line begins */
    bool started;     /* the start line is complete */
    size_t n_lines;   /* header lines so far */
    bool done;
    enum err failed;
    struct http_head head;
};

static void begin(struct http_reader *r)
{
    r->bytes.size = r->line = r->n_lines = 0;
    r->started = false;
    r->head = (struct http_head){.request = r->head.request, .content_length = -1};
}

struct http_reader *http_reader_new(enum http_kind kind, size_t limit)
{
    struct http_reader *r = calloc(1, sizeof *r);
    if (r == NULL)
        return NULL;
    r->bytes.limit = limit;
    r->final = kind >= HTTP_ANSWER;
    r->lenient = kind == HTTP_PROXY_ANSWER;
    r->head.request = kind == HTTP_REQUEST;
    begin(r);
    return r;
}

void http_reader_free(struct http_reader *r)
{
    if (r == NULL)
        return;
    buf_wipe(&r->bytes); /* heads may carry tokens and passwords */
    free(r);
}

const struct http_head *http_reader_head(const struct http_reader *r)
{
    return r->done ? &r->head : NULL;
}

static bool is_token(struct span s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!is_token_byte((uint8_t)s.p[i]))
            return false;
    return s.n > 0;
}

/* A URL has no bytes above 127, but old clients send them as they are, and servers accept them; no
 * program reads them in two ways. */
static bool is_target(struct span s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] <= ' ' || s.p[i] == 127)
            return false;
    return s.n > 0;
}

/* "HTTP/1.x" */
static bool version(struct span s, int *minor)
{
    if (s.n != 8 || memcmp(s.p, "HTTP/1.", 7) != 0 || s.p[7] < '0' || s.p[7] > '9')
        return false;
    *minor = s.p[7] - '0';
    return true;
}

static bool request_line(struct http_head *h, struct span line)
{
    h->method = span_cut(&line, ' ');
    h->target = span_cut(&line, ' ');
    return is_token(h->method) && is_target(h->target) && version(line, &h->minor);
}

static const char magic[] = "HTTP/";

/* Some servers leave out the blank in front of an empty reason. */
static bool status_line(struct http_head *h, struct span line, bool lenient)
{
    uint64_t status;
    struct span first = span_cut(&line, ' ');
    if (lenient)
        line = span_trim(line);
    struct span code = span_cut(&line, ' ');
    h->reason = line;
    if (!(lenient ? first.n >= sizeof magic : version(first, &h->minor)) || code.n != 3 ||
        !str_number(code, 999, &status))
        return false;
    h->status = (int)status;
    return status >= 100;
}

static bool start_line(struct http_reader *r, struct span line)
{
    struct http_head *h = &r->head;
    return h->request ? request_line(h, line) : status_line(h, line, r->lenient);
}

/* A folded line begins with a blank, which is no token character. */
static bool header_line(struct span line, struct span *name, struct span *value)
{
    const char *colon = memchr(line.p, ':', line.n);
    if (colon == NULL)
        return false;
    *name = span_cut(&line, ':');
    *value = span_trim(line);
    return is_token(*name);
}

/* Reads Transfer-Encoding (RFC 9112 6.1): the codings, and whether chunked is the last of them. */
static bool transfer_coding(struct http_head *h)
{
    struct span rest = http_header(h, "Transfer-Encoding");
    size_t lines = http_header_count(h, "Transfer-Encoding"), chunks = 0;
    if (lines == 0)
        return true;
    if (lines > 1 || h->minor == 0 || h->content_length >= 0 || rest.n == 0)
        return false;
    bool more;
    do {
        more = memchr(rest.p, ',', rest.n) != NULL;
        struct span coding = span_trim(span_cut(&rest, ','));
        if (coding.n == 0)
            return false;
        h->chunked = span_is_nocase(coding, "chunked");
        chunks += h->chunked;
    } while (more);
    return chunks <= 1 && (h->chunked || (!h->request && chunks == 0));
}

/* Reads what the headers say about the end of the message and of the connection. */
static bool framing(struct http_head *h)
{
    uint64_t length;
    size_t lengths = http_header_count(h, "Content-Length");
    if (lengths > 1 || (h->request && http_header_count(h, "Host") > 1))
        return false;
    if (lengths == 1) {
        if (!str_number(http_header(h, "Content-Length"), INT64_MAX, &length))
            return false;
        h->content_length = (int64_t)length;
    }
    bool close = http_header_has(h, "Connection", "close");
    h->keep_alive = !close && (h->minor > 0 || http_header_has(h, "Connection", "keep-alive"));
    return transfer_coding(h);
}

/* Returns the line that begins at offset `at`, without its end, and moves *at after it. */
static struct span line_at(const struct http_reader *r, size_t *at)
{
    const char *p = (const char *)r->bytes.data + *at;
    const char *end = memchr(p, '\n', r->bytes.size - *at);
    size_t n = (size_t)(end - p);
    *at += n + 1;
    return (struct span){p, n > 0 && p[n - 1] == '\r' ? n - 1 : n};
}

/* All lines are there and each was found right: now that the bytes do not move any more, the views
 * into them are made. */
static enum err finish(struct http_reader *r)
{
    struct http_head *h = &r->head;
    size_t at = r->start;
    start_line(r, line_at(r, &at));
    for (size_t i = 0; i < r->n_lines; i++)
        h->n_headers += header_line(line_at(r, &at), &h->headers[h->n_headers].name,
                                    &h->headers[h->n_headers].value);
    if (!r->lenient && !framing(h))
        return ERR_PROTOCOL;
    r->done = !r->final || h->status >= 200 || h->status == 101;
    if (!r->done)
        begin(r);
    return ERR_OK;
}

/* Checks a line that has come. A wrong one is reported at once, since a peer that sends an ssh
 * banner sends no more than that. */
static enum err line_done(struct http_reader *r)
{
    size_t at = r->line, begin = r->line;
    struct span line = line_at(r, &at), name, value;
    bool crlf = r->bytes.size - begin - line.n == 2;
    r->line = at;
    if (!crlf && r->head.request)
        return ERR_PROTOCOL;
    if (!r->started) {
        if (line.n == 0 && r->head.request)
            return ERR_OK;
        r->started = true;
        r->start = begin;
        return start_line(r, line) ? ERR_OK : ERR_PROTOCOL;
    }
    if (line.n == 0)
        return finish(r);
    if (r->n_lines == HTTP_MAX_HEADERS)
        return r->lenient ? ERR_OK : ERR_TOO_LARGE;
    r->n_lines++;
    return r->lenient || header_line(line, &name, &value) ? ERR_OK : ERR_PROTOCOL;
}

static bool may_come(const struct http_reader *r, uint8_t c)
{
    size_t n = r->bytes.size;
    if (r->lenient)
        return n >= sizeof magic - 1 || c == (uint8_t)magic[n];
    if (n > 0 && r->bytes.data[n - 1] == '\r')
        return c == '\n';
    return (c >= ' ' && c != 127) || c == '\t' || c == '\r' || c == '\n';
}

static enum err take(struct http_reader *r, uint8_t c)
{
    if (!may_come(r, c))
        return ERR_PROTOCOL;
    if (!buf_append(&r->bytes, &c, 1))
        return r->bytes.size == r->bytes.limit ? ERR_TOO_LARGE : ERR_NO_MEMORY;
    return c == '\n' ? line_done(r) : ERR_OK;
}

long http_reader_feed(struct http_reader *r, const uint8_t *p, size_t n)
{
    size_t used = 0;
    while (used < n && !r->done && r->failed == ERR_OK)
        r->failed = take(r, p[used++]);
    return r->failed != ERR_OK ? -(long)r->failed : (long)used;
}
