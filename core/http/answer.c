#include "core/http/answer.h"

/* RFC 9110 15.3.5, 15.4.5: no content, whatever the request was. */
static bool has_content(int status)
{
    return status >= 200 && status != 204 && status != 304;
}

/* Keeping is the rule in HTTP/1.1, closing in HTTP/1.0. */
static const char *connection(const struct http_head *head, bool keep)
{
    if (!keep)
        return "Connection: close\r\n";
    return head != NULL && head->minor == 0 ? "Connection: keep-alive\r\n" : "";
}

static bool write_head(const struct http_answer *a, const struct http_head *head, bool keep,
                       struct buf *out)
{
    bool ok = buf_printf(out, "HTTP/1.1 %d %s\r\n", a->status, http_reason(a->status));
    if (a->type != NULL && has_content(a->status))
        ok = ok && buf_printf(out, "Content-Type: %s\r\n", a->type);
    if (has_content(a->status))
        ok = ok && buf_printf(out, "Content-Length: %zu\r\n", a->body.n);
    return ok && buf_printf(out, "Cache-Control: no-store\r\n%s%s\r\n",
                            a->headers != NULL ? a->headers : "", connection(head, keep));
}

bool http_answer_write(const struct http_answer *a, const struct http_head *head, bool keep,
                       struct buf *out)
{
    size_t before = out->size;
    bool body = has_content(a->status) && (head == NULL || !span_is(head->method, "HEAD"));
    if (write_head(a, head, keep, out) && (!body || buf_append(out, a->body.p, a->body.n)))
        return true;
    out->size = before;
    return false;
}
