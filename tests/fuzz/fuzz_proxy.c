/* Requests to the HTTP side. The oracle: what is forwarded is read by a strict parser as one
 * request with the same framing, for the host of the request line, that closes its connection,
 * keeps it or upgrades it, as it should. */
#include "gateway/source/exchange.h"
#include "gateway/source/proxy.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition))                                                                          \
            abort();                                                                               \
    } while (0)

static void must_be_host(const char *host)
{
    MUST(host[0] != '\0' && strlen(host) <= PROXY_HOST_MAX);
    for (const char *p = host; *p != '\0'; p++)
        MUST(*p > ' ' && *p < 127 && *p != '/' && *p != '@');
}

/* Header lines of a head as written: neither its first line nor the empty one behind it. */
static size_t lines_of(const struct buf *head)
{
    size_t ends = 0;
    for (size_t i = 0; i < head->size; i++)
        ends += head->data[i] == '\n';
    return ends - 2;
}

static void must_be_the_same(const struct http_head *from, const struct http_head *to,
                             const struct proxy_request *r)
{
    char host[PROXY_HOST_MAX + 1];
    int port;
    MUST(to != NULL && span_equal(from->method, to->method));
    MUST(to->target.p[0] == '/' || span_is(to->target, "*"));
    MUST(from->content_length == to->content_length && from->chunked == to->chunked);
    MUST(http_header_count(to, "Host") == 1 && http_header_count(to, "Connection") == 1);
    const char *connection = proxy_upgrades(from) ? "Upgrade" : r->keep ? "keep-alive" : "close";
    MUST(span_is(http_header(to, "Connection"), connection));
    MUST(to->keep_alive == (connection[0] != 'c' && (to->minor > 0 || connection[0] == 'k')));
    MUST(http_header_count(to, "Upgrade") == proxy_upgrades(from));
    MUST(proxy_authority(http_header(to, "Host"), host, &port) && strcmp(host, r->host) == 0);
    for (size_t i = 0; i < to->n_headers; i++)
        MUST(to->headers[i].name.n < 6 ||
             !span_is_nocase((struct span){to->headers[i].name.p, 6}, "proxy-"));
}

/* Host and Connection may come on top of a full head: more than our own reader takes, then. */
static void forwarded(const struct http_head *from, const struct proxy_request *r)
{
    struct buf out = {.limit = 2 * PROXY_HEAD_MAX};
    MUST(proxy_rewrite(from, r, &out));
    struct http_reader *reader = http_reader_new(HTTP_REQUEST, 2 * PROXY_HEAD_MAX);
    MUST(reader != NULL);
    long took = http_reader_feed(reader, out.data, out.size);
    size_t lines = lines_of(&out);
    MUST(lines <= HTTP_MAX_HEADERS + 2);
    if (lines <= HTTP_MAX_HEADERS) {
        MUST(took == (long)out.size);
        must_be_the_same(from, http_reader_head(reader), r);
    } else {
        MUST(took == -(long)ERR_TOO_LARGE);
    }
    http_reader_free(reader);
    buf_free(&out);
}

/* Whole and byte by byte, the same bytes belong to the request; any answer ends once. */
static void exchanged(const struct http_head *head, const uint8_t *p, size_t n)
{
    struct exchange *whole = exchange_new(head), *split = exchange_new(head);
    MUST(whole != NULL && split != NULL);
    size_t belongs = exchange_up(whole, p, n), bytes = 0;
    MUST(belongs <= n);
    while (bytes < n && exchange_up(split, p + bytes, 1) == 1)
        bytes++;
    MUST(bytes == belongs || belongs == 0);
    struct conn_insert insert = {0};
    bool more = exchange_down(whole, p, n, &insert), goes_on = true;
    for (size_t i = 0; i < n && goes_on; i++)
        goes_on = exchange_down(split, p + i, 1, &insert);
    MUST(n == 0 || more == goes_on);
    exchange_free(whole);
    exchange_free(split);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct proxy_request r;
    struct http_reader *reader = http_reader_new(HTTP_REQUEST, PROXY_HEAD_MAX);
    MUST(reader != NULL);
    long used = http_reader_feed(reader, data, size);
    const struct http_head *head = http_reader_head(reader);
    if (used > 0 && head != NULL) {
        proxy_decide(head, &r);
        if (r.kind == PROXY_REFUSE)
            MUST(r.text != NULL && r.status >= 400 && r.status < 600);
        if (r.kind == PROXY_CONNECT || r.kind == PROXY_FORWARD)
            must_be_host(r.host);
        if (r.kind == PROXY_FORWARD) {
            forwarded(head, &r);
            r.keep = true;
            forwarded(head, &r);
            exchanged(head, data + used, size - (size_t)used);
        }
    }
    http_reader_free(reader);
    return 0;
}
