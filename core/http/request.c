#include "core/http/request.h"

static bool write_head(const struct http_request *r, struct buf *out)
{
    bool ok = buf_printf(out, "%s %s HTTP/1.1\r\nHost: %s\r\n", r->method, r->target, r->host);
    for (const struct http_field *f = r->fields; f != NULL && f->name != NULL; f++)
        if (f->value != NULL)
            ok = ok && buf_printf(out, "%s: %s\r\n", f->name, f->value);
    if (r->lines != NULL)
        ok = ok && buf_printf(out, "%s", r->lines);
    if (r->body.p != NULL)
        ok = ok && buf_printf(out, "Content-Length: %zu\r\n", r->body.n);
    return ok && buf_append(out, "\r\n", 2);
}

bool http_request_write(const struct http_request *r, struct buf *out)
{
    size_t before = out->size;
    if (write_head(r, out) && buf_append(out, r->body.p, r->body.n))
        return true;
    out->size = before;
    return false;
}
