#include "gateway/source/exchange.h"

#include "gateway/source/proxy.h"

#include <stdlib.h>
#include <string.h>

#define RESPONSE_HEAD_MAX 65536

enum phase { HEAD, BODY, UNTIL_CLOSE };

struct exchange {
    bool head_request;
    bool upgrades; /* The request asks for another protocol after it. */
    bool kept;
    bool switched; /* A 101 has granted it. */
    bool up_broken;
    enum phase phase;
    char line[16]; /* HEAD: the beginning of the status line */
    size_t line_size;
    bool line_over;
    struct http_body *request;
    struct http_reader *reader; /* HEAD */
    struct http_body *response; /* BODY */
};

struct exchange *exchange_new(const struct http_head *request)
{
    struct exchange *e = calloc(1, sizeof *e);
    if (e == NULL)
        return NULL;
    e->head_request = span_is(request->method, "HEAD");
    e->upgrades = proxy_upgrades(request);
    e->request = http_body_new(request, false);
    e->reader = http_reader_new(HTTP_RESPONSE, RESPONSE_HEAD_MAX);
    if (e->request != NULL && e->reader != NULL)
        return e;
    exchange_free(e);
    return NULL;
}

void exchange_free(void *exchange)
{
    struct exchange *e = exchange;
    if (e == NULL)
        return;
    http_body_free(e->request);
    http_body_free(e->response);
    http_reader_free(e->reader);
    free(e);
}

size_t exchange_up(void *exchange, const uint8_t *p, size_t n)
{
    struct exchange *e = exchange;
    if (e->switched)
        return n;
    if (e->up_broken || http_body_done(e->request))
        return 0;
    long belongs = http_body_feed(e->request, p, n);
    e->up_broken = belongs < 0;
    return belongs < 0 ? 0 : (size_t)belongs;
}

void exchange_keep(struct exchange *e)
{
    e->kept = true;
}

bool exchange_request_done(const struct exchange *e)
{
    return e->up_broken || http_body_done(e->request);
}

bool exchange_whole(const void *ctx)
{
    const struct exchange *e = ctx;
    return !e->up_broken && http_body_done(e->request);
}

bool exchange_broken(const void *ctx)
{
    const struct exchange *e = ctx;
    return e->up_broken;
}

/* Looks for the end of the status line in the n bytes at p. True: the line is a final response's,
 * and *at is the offset after it. */
static bool status_line_ends(struct exchange *e, const uint8_t *p, size_t n, size_t *at)
{
    for (size_t i = 0; i < n && !e->line_over; i++) {
        if (e->line_size < sizeof e->line - 1)
            e->line[e->line_size++] = (char)p[i];
        if (p[i] != '\n')
            continue;
        *at = i + 1;
        e->line_over = true;
        return strncmp(e->line, "HTTP/1.", 7) == 0 && e->line[8] == ' ' && e->line[9] >= '2' &&
               e->line[9] <= '9';
    }
    return false;
}

/* Takes a complete head; an interim one (100, 103) is followed by another. */
static void head_done(struct exchange *e, const struct http_head *head)
{
    bool interim = head->status >= 100 && head->status < 200 && head->status != 101;
    e->phase = interim ? HEAD : head->status == 101 ? UNTIL_CLOSE : BODY;
    if (e->phase == BODY)
        e->response = http_body_new(head, e->head_request);
    e->switched = e->upgrades && head->status == 101;
    e->line_over = false;
    e->line_size = 0;
    http_reader_free(e->reader);
    e->reader = interim ? http_reader_new(HTTP_RESPONSE, RESPONSE_HEAD_MAX) : NULL;
    if ((e->phase == HEAD && e->reader == NULL) || (e->phase == BODY && e->response == NULL))
        e->phase = UNTIL_CLOSE;
}

static bool in_body(struct exchange *e, const uint8_t *p, size_t n)
{
    if (http_body_done(e->response))
        return false;
    if (n > 0 && http_body_feed(e->response, p, n) < 0) {
        e->phase = UNTIL_CLOSE;
        return true;
    }
    return !http_body_done(e->response);
}

bool exchange_down(void *ctx, const uint8_t *p, size_t n, struct conn_insert *insert)
{
    static const char close_line[] = "Connection: close\r\n";
    struct exchange *e = ctx;
    const uint8_t *begin = p;
    size_t at;
    while (e->phase == HEAD && n > 0) {
        if (status_line_ends(e, p, n, &at) && !e->kept)
            *insert = (struct conn_insert){(size_t)(p - begin) + at, span_of(close_line)};
        long used = http_reader_feed(e->reader, p, n);
        if (used < 0) {
            e->phase = UNTIL_CLOSE;
            return true;
        }
        p += used;
        n -= (size_t)used;
        const struct http_head *head = http_reader_head(e->reader);
        if (head == NULL)
            return true;
        head_done(e, head);
    }
    return e->phase != BODY || in_body(e, p, n);
}
