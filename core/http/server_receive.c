#include "core/http/server_internal.h"

#include <stdio.h>
#include <string.h>

/* ---- requests ---- */

static void ask(struct http_conn *c)
{
    c->state = CONN_ASKED;
    conn_rest(c);
}

/* Refuses the request. The owner may say so in its own words. */
static void refuse(struct http_conn *c, int status, const char *text)
{
    c->bad = true;
    ask(c);
    if (c->events->bad != NULL)
        c->events->bad(c->owner, conn_head(c), status, text);
    else
        http_conn_refuse(c, status, text);
}

static void refuse_head(struct http_conn *c, enum err why)
{
    char text[120];
    if (why == ERR_TOO_LARGE)
        snprintf(text, sizeof text, "The request's head has more than %zu bytes, or %d lines.",
                 c->o.max_head, HTTP_MAX_HEADERS);
    else if (why == ERR_PROTOCOL)
        snprintf(text, sizeof text, "The request is not HTTP/1.1.");
    else
        snprintf(text, sizeof text, "The request was not taken: %s.", err_text(why));
    refuse(c, err_http(why), text);
}

static void whole(struct http_conn *c)
{
    ask(c);
    c->events->request(c->owner, conn_head(c),
                       (struct span){(const char *)c->body.data, c->body.size});
}

/* Returns 0, or the status to refuse the request with. */
static int check(const struct http_conn *c, const struct http_head *head, char *text, size_t size)
{
    if (head->minor > 0 && http_header_count(head, "Host") == 0) {
        snprintf(text, size, "The request has no Host header.");
        return 400;
    }
    if (http_header_count(head, "Transfer-Encoding") > 0) {
        snprintf(text, size, "A body is only taken with Content-Length.");
        return 411;
    }
    if (head->content_length > 0 && (uint64_t)head->content_length > c->o.max_body) {
        snprintf(text, size, "The body has more than %zu bytes.", c->o.max_body);
        return 413;
    }
    return 0;
}

/* RFC 9110 10.1.1: tells a client that waits for it to send its body. */
static void give_leave(struct http_conn *c, const struct http_head *head)
{
    if (head->minor > 0 && http_header_has(head, "Expect", "100-continue"))
        stream_write(c->stream, (const uint8_t *)HTTP_CONTINUE, sizeof HTTP_CONTINUE - 1);
}

static void head_done(struct http_conn *c, const struct http_head *head)
{
    char text[80];
    int status = check(c, head, text, sizeof text);
    if (status != 0) {
        refuse(c, status, text);
        return;
    }
    c->left = head->content_length > 0 ? (size_t)head->content_length : 0;
    c->state = CONN_ASKED; /* the owner may answer in `head` */
    if (c->events->head != NULL && !c->events->head(c->owner, head))
        return;
    if (c->left == 0) {
        whole(c);
        return;
    }
    c->state = CONN_BODY;
    give_leave(c, head);
}

/* ---- reading ---- */

/* Empty lines before a request (RFC 9112 2.2) are not the beginning of one. */
static bool is_blank(const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (p[i] != '\r' && p[i] != '\n')
            return false;
    return true;
}

/* Drops bytes that were copied, and wipes them: they may hold secrets, and the memory is lent to
 * others next. */
static void consume(struct http_conn *c, uint8_t *p, size_t n)
{
    explicit_bzero(p, n);
    stream_consume(c->stream, n);
}

static void read_head(struct http_conn *c, uint8_t *p, size_t n)
{
    if (c->state == CONN_IDLE && !is_blank(p, n)) {
        c->state = CONN_HEAD;
        timer_start(c->timer, c->o.request_ms);
    }
    if (c->reader == NULL)
        c->reader = http_reader_new(HTTP_REQUEST, c->o.max_head);
    long taken = c->reader != NULL ? http_reader_feed(c->reader, p, n) : -(long)ERR_NO_MEMORY;
    if (taken < 0) {
        refuse_head(c, (enum err)(-taken));
        return;
    }
    consume(c, p, (size_t)taken);
    const struct http_head *head = conn_head(c);
    if (head != NULL)
        head_done(c, head);
}

static void read_body(struct http_conn *c, uint8_t *p, size_t n)
{
    if (n > c->left)
        n = c->left;
    if (!buf_append(&c->body, p, n)) {
        refuse_head(c, ERR_NO_MEMORY);
        return;
    }
    consume(c, p, n);
    c->left -= n;
    if (c->left == 0)
        whole(c);
}

/* The stream's input has ended. */
static void ended(struct http_conn *c, enum err why)
{
    if (why == ERR_EOF && c->state == CONN_LAST)
        stream_read_on(c->stream, false); /* the client may still read an answer */
    else if (c->state == CONN_LEAVING)
        conn_over(c, "answered");
    else if (why != ERR_EOF)
        conn_over(c, err_text(why));
    else
        conn_over(c, c->state == CONN_IDLE || c->reader == NULL
                         ? err_text(ERR_CLIENT_CLOSED)
                         : "the client closed in the middle of a request");
}

void conn_readable(void *owner)
{
    struct http_conn *c = owner;
    uint8_t *p;
    long n = stream_peek(c->stream, 1, &p);
    if (n < 0)
        ended(c, (enum err)(-n));
    else if (n > 0 && c->state <= CONN_HEAD)
        read_head(c, p, (size_t)n);
    else if (n > 0 && c->state == CONN_BODY)
        read_body(c, p, (size_t)n);
    else if (n > 0 && c->state == CONN_ASKED)
        stream_read_on(c->stream, false);
    else if (n > 0 && (c->state == CONN_LAST || c->state == CONN_LEAVING))
        stream_consume(c->stream, (size_t)n);
}

void conn_timeout(void *owner)
{
    struct http_conn *c = owner;
    switch (c->state) {
    case CONN_HEAD:
    case CONN_BODY:
        refuse(c, err_http(ERR_SILENT), "The request took too long.");
        break;
    case CONN_IDLE:
        conn_over(c, "nothing was asked any more");
        break;
    case CONN_LEAVING:
        conn_over(c, "answered");
        break;
    default:
        conn_over(c, "the client does not read its answer");
    }
}
