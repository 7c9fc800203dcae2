/* What a proxy and what stands in the hub's place say: answers to CONNECT with their challenges,
 * SOCKS5's words, and refusals of the upgrade. The oracle: an answer fed whole and fed in pieces is
 * the same, texts for people are printable and end. Input: one byte of flags, then the answer. */
#include "core/http/http.h"
#include "core/http/later.h"
#include "core/http/login.h"
#include "core/reach/socks5.h"
#include "core/tunnel/refusal.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition))                                                                          \
            abort();                                                                               \
    } while (0)

static void must_be_printable(const char *text, size_t size)
{
    MUST(memchr(text, '\0', size) != NULL);
    for (; *text != '\0'; text++)
        MUST(*text >= ' ' && *text <= '~');
}

static long feed(struct http_reader *r, const uint8_t *p, size_t n, size_t step)
{
    size_t at = 0;
    MUST(r != NULL);
    while (at < n && http_reader_head(r) == NULL) {
        long used = http_reader_feed(r, p + at, n - at < step ? n - at : step);
        if (used < 0)
            return used;
        at += (size_t)used;
    }
    return (long)at;
}

static void as_connect(const uint8_t *p, size_t n)
{
    static const struct login_as as = {
        .user = "u\"", .password = "p", .method = "CONNECT", .uri = "h:1", .cnonce = "c"};
    struct http_reader *whole = http_reader_new(HTTP_PROXY_ANSWER, 32768);
    struct http_reader *pieces = http_reader_new(HTTP_PROXY_ANSWER, 32768);
    struct login l;
    struct buf value = {.limit = 65536};
    MUST(feed(whole, p, n, n) == feed(pieces, p, n, 1));
    const struct http_head *head = http_reader_head(whole), *other = http_reader_head(pieces);
    MUST((head == NULL) == (other == NULL));
    MUST(head == NULL || (head->status == other->status && head->n_headers == other->n_headers &&
                          (head->status >= 200 || head->status == 101)));
    if (head != NULL && login_choose(head, &l) == ERR_OK) {
        must_be_printable(l.offered, sizeof l.offered);
        if (l.kind == LOGIN_DIGEST && login_digest(&l, &as, &value))
            MUST(memchr(value.data, '\n', value.size) == NULL &&
                 memchr(value.data, '\r', value.size) == NULL);
        login_free(&l);
    }
    buf_free(&value);
    http_reader_free(whole);
    http_reader_free(pieces);
}

static void as_refusal(const uint8_t *p, size_t n)
{
    struct http_reader *reader = http_reader_new(HTTP_RESPONSE, 16384);
    struct refusal r;
    MUST(reader != NULL);
    long used = http_reader_feed(reader, p, n);
    if (used > 0 && http_reader_head(reader) != NULL) {
        refusal_read(http_reader_head(reader),
                     (struct span){(const char *)p + used, n - (size_t)used}, 0, &r);
        must_be_printable(r.text, sizeof r.text);
        MUST(!r.final || r.later_ms < 0);
    }
    http_reader_free(reader);
}

static void as_socks(const uint8_t *p, size_t n, bool login)
{
    const char *text = "";
    struct buf out = {.limit = 4096};
    struct socks5 s = {.host = "h", .port = 1, .user = login ? "u" : NULL, .password = "p"};
    MUST(socks5_begin(&s, &out));
    long used = socks5_feed(&s, p, n, &out, &text);
    MUST(used <= (long)n && (used >= 0 || text[0] != '\0'));
    buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    as_connect(data + 1, size - 1);
    as_refusal(data + 1, size - 1);
    as_socks(data + 1, size - 1, (data[0] & 1) != 0);
    (void)http_later((struct span){(const char *)data + 1, size - 1}, 0);
    return 0;
}
