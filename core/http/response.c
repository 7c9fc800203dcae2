#include "core/http/response.h"

#include "core/http/http.h"

/* RFC 9110 15.3.5, 15.4.5: these have no content, whatever the request was. */
static bool has_content(int status)
{
    return status >= 200 && status != 204 && status != 304;
}

/* HTTP/1.1 keeps the connection by default, HTTP/1.0 closes it. */
static const char *connection(const struct http_response *r)
{
    return r->close ? "Connection: close\r\n" : r->to_old ? "Connection: keep-alive\r\n" : "";
}

bool http_response_line(int status, const char *reason, struct buf *out)
{
    return buf_printf(out, "HTTP/1.1 %d %s\r\n", status,
                      reason != NULL ? reason : http_reason(status));
}

static bool write_head(const struct http_response *r, struct buf *out)
{
    bool ok = http_response_line(r->status, r->reason, out);
    if (r->type != NULL && has_content(r->status))
        ok = ok && buf_printf(out, "Content-Type: %s\r\n", r->type);
    if (has_content(r->status) && !r->endless)
        ok = ok && buf_printf(out, "Content-Length: %zu\r\n", r->body.n);
    return ok && buf_printf(out, "Cache-Control: no-store\r\n%s%s\r\n",
                            r->headers != NULL ? r->headers : "", connection(r));
}

bool http_response_write(const struct http_response *r, struct buf *out)
{
    size_t before = out->size;
    bool body = has_content(r->status) && !r->to_head;
    if (write_head(r, out) && (!body || buf_append(out, r->body.p, r->body.n)))
        return true;
    out->size = before;
    return false;
}
