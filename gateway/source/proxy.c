#include "gateway/source/proxy.h"

#include "core/base/text.h"
#include "core/http/response.h"

#include <stdio.h>
#include <string.h>

/* Fields that belong to one connection (RFC 9110 7.6.1) and are never forwarded. */
static const char *const hop_by_hop[] = {
    "Connection",
    "Keep-Alive",
    "Proxy-Connection",
    "Proxy-Authorization",
    "Proxy-Authenticate",
    "TE",
    "Upgrade",
    "HTTP2-Settings",
    "Host",
};

/* Fields that a client may not remove by naming them in Connection: the next server would see
 * another message than the gateway. */
static const char *const framing[] = {"Content-Length", "Transfer-Encoding", "Host", "Trailer"};

#define COUNT(a) (sizeof(a) / sizeof *(a))

static void refuse(struct proxy_request *out, enum err why, int status, const char *text)
{
    out->kind = PROXY_REFUSE;
    out->why = why;
    out->status = status;
    out->text = text;
}

/* ---- the target ---- */

static bool host_byte(char c)
{
    return c > ' ' && c < 127 && strchr("/\\@?#[]<>\"`{}|^", c) == NULL;
}

bool proxy_authority(struct span text, char host[PROXY_HOST_MAX + 1], int *port)
{
    struct span name = text, digits = {NULL, 0};
    uint64_t number = 0;
    if (text.n > 0 && text.p[0] == '[') {
        const char *end = memchr(text.p, ']', text.n);
        if (end == NULL)
            return false;
        name = (struct span){text.p + 1, (size_t)(end - text.p) - 1};
        digits = (struct span){end + 1, text.n - name.n - 2};
        if (digits.n > 0 && digits.p[0] != ':')
            return false;
    } else {
        size_t i = text.n;
        while (i > 0 && text.p[i - 1] >= '0' && text.p[i - 1] <= '9')
            i--;
        if (i > 0 && text.p[i - 1] == ':') {
            name.n = i - 1;
            digits = (struct span){text.p + i - 1, text.n - i + 1};
        }
    }
    if (digits.n > 1 && !str_number((struct span){digits.p + 1, digits.n - 1}, 65535, &number))
        return false;
    if (name.n == 0 || name.n > PROXY_HOST_MAX)
        return false;
    for (size_t i = 0; i < name.n; i++)
        if (!host_byte(name.p[i]))
            return false;
    memcpy(host, name.p, name.n);
    host[name.n] = '\0';
    *port = (int)number;
    return true;
}

static bool path_bytes(struct span path)
{
    for (size_t i = 0; i < path.n; i++) {
        unsigned char c = (unsigned char)path.p[i];
        if (c <= ' ' || c == 127 || c == '#')
            return false;
    }
    return true;
}

/* Returns the scheme of "scheme://rest"; empty when the target is no absolute form. */
static struct span scheme_of(struct span target, struct span *rest)
{
    for (size_t i = 0; i + 2 < target.n; i++) {
        char c = target.p[i];
        if (c == ':') {
            *rest = (struct span){target.p + i + 3, target.n - i - 3};
            bool slashes = target.p[i + 1] == '/' && target.p[i + 2] == '/';
            return (struct span){target.p, slashes ? i : 0};
        }
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!letter && (i == 0 || ((c < '0' || c > '9') && strchr("+-.", c) == NULL)))
            break;
    }
    return (struct span){target.p, 0};
}

static void decide_connect(const struct http_head *head, struct proxy_request *out)
{
    if (head->content_length > 0 || http_header_count(head, "Transfer-Encoding") > 0)
        refuse(out, ERR_PROTOCOL, 400, "a CONNECT request has no body");
    else if (proxy_authority(head->target, out->host, &out->port))
        out->kind = PROXY_CONNECT;
    else
        refuse(out, ERR_PROTOCOL, 400, "CONNECT wants host:port");
}

static void decide_forward(struct span rest, struct proxy_request *out)
{
    size_t n = 0;
    while (n < rest.n && rest.p[n] != '/' && rest.p[n] != '?')
        n++;
    out->authority = (struct span){rest.p, n};
    out->path = (struct span){rest.p + n, rest.n - n};
    if (!proxy_authority(out->authority, out->host, &out->port))
        refuse(out, ERR_PROTOCOL, 400, "no usable host name in the address");
    else if (!path_bytes(out->path))
        refuse(out, ERR_PROTOCOL, 400, "the address holds characters that must be escaped");
    else
        out->kind = PROXY_FORWARD;
}

static void decide_page(const struct http_head *head, struct proxy_request *out)
{
    if (!span_is(head->method, "GET") && !span_is(head->method, "HEAD")) {
        refuse(out, ERR_UNSUPPORTED, 405, "the gateway's own pages are read with GET");
        return;
    }
    out->path = head->target;
    const char *query = memchr(head->target.p, '?', head->target.n);
    if (query != NULL)
        out->path.n = (size_t)(query - head->target.p);
    out->kind = PROXY_PAGE;
}

static bool names_framing(const struct http_head *head)
{
    for (size_t i = 0; i < COUNT(framing); i++)
        if (http_header_has(head, "Connection", framing[i]) ||
            http_header_has(head, "Proxy-Connection", framing[i]))
            return true;
    return false;
}

static const char *framing_fault(const struct http_head *head)
{
    size_t codings = http_header_count(head, "Transfer-Encoding");
    if (http_header_count(head, "Host") > 1)
        return "two Host fields";
    if (http_header_count(head, "Content-Length") > 1)
        return "two Content-Length fields";
    if (codings > 0 && http_header_count(head, "Content-Length") > 0)
        return "both Content-Length and Transfer-Encoding";
    if (codings > 0 && head->minor == 0)
        return "Transfer-Encoding in HTTP/1.0";
    if (codings > 1 ||
        (codings == 1 && !span_is_nocase(http_header(head, "Transfer-Encoding"), "chunked")))
        return "only the transfer coding chunked is understood";
    if (names_framing(head))
        return "Connection names a field that belongs to the message";
    return NULL;
}

void proxy_decide(const struct http_head *head, struct proxy_request *out)
{
    *out = (struct proxy_request){.kind = PROXY_REFUSE};
    struct span rest = {0}, scheme = scheme_of(head->target, &rest);
    const char *fault = framing_fault(head);
    bool connect = span_is(head->method, "CONNECT");
    if (fault != NULL)
        refuse(out, ERR_PROTOCOL, 400, fault);
    else if (connect)
        decide_connect(head, out);
    else if (head->minor >= 1 && http_header_count(head, "Host") == 0)
        refuse(out, ERR_PROTOCOL, 400, "HTTP/1.1 without Host");
    else if (span_is_nocase(scheme, "http") ||
             (span_is_nocase(scheme, "ws") && proxy_upgrades(head)))
        decide_forward(rest, out);
    else if (span_is_nocase(scheme, "https"))
        refuse(out, ERR_UNSUPPORTED, 501,
               "https goes through CONNECT, not through a plain request");
    else if (scheme.n > 0)
        refuse(out, ERR_UNSUPPORTED, 501, "only http addresses are forwarded");
    else if (head->target.n > 0 && head->target.p[0] == '/')
        decide_page(head, out);
    else
        refuse(out, ERR_PROTOCOL, 400, "neither an http address nor a path");
}

/* ---- rewriting ---- */

bool proxy_upgrades(const struct http_head *head)
{
    return head->minor >= 1 && http_header_count(head, "Upgrade") == 1 &&
           http_header(head, "Upgrade").n > 0 && http_header_has(head, "Connection", "upgrade") &&
           !http_header_has(head, "Upgrade", "h2c");
}

static bool dropped(const struct http_head *head, struct span name)
{
    char text[128];
    for (size_t i = 0; i < COUNT(hop_by_hop); i++)
        if (span_is_nocase(name, hop_by_hop[i]))
            return true;
    if (name.n >= 6 && span_is_nocase((struct span){name.p, 6}, "Proxy-"))
        return true;
    if (name.n >= sizeof text)
        return false;
    memcpy(text, name.p, name.n);
    text[name.n] = '\0';
    return http_header_has(head, "Connection", text) ||
           http_header_has(head, "Proxy-Connection", text);
}

static bool put(struct buf *out, struct span s)
{
    return s.n == 0 || buf_append(out, s.p, s.n);
}

static bool request_line(const struct http_head *head, const struct proxy_request *r,
                         struct buf *out)
{
    bool star = r->path.n == 0 && span_is(head->method, "OPTIONS");
    bool slash = !star && (r->path.n == 0 || r->path.p[0] != '/');
    return put(out, head->method) &&
           put(out, span_of(star    ? " *"
                            : slash ? " /"
                                    : " ")) &&
           put(out, r->path) && buf_printf(out, " HTTP/1.%d\r\n", head->minor > 0 ? 1 : 0) &&
           put(out, span_of("Host: ")) && put(out, r->authority) && put(out, span_of("\r\n"));
}

bool proxy_rewrite(const struct http_head *head, const struct proxy_request *r, struct buf *out)
{
    if (!request_line(head, r, out))
        return false;
    for (size_t i = 0; i < head->n_headers; i++) {
        struct span name = head->headers[i].name;
        if (dropped(head, name))
            continue;
        if (!put(out, name) || !put(out, span_of(": ")) || !put(out, head->headers[i].value) ||
            !put(out, span_of("\r\n")))
            return false;
    }
    if (!proxy_upgrades(head))
        return put(
            out, span_of(r->keep ? "Connection: keep-alive\r\n\r\n" : "Connection: close\r\n\r\n"));
    return put(out, span_of("Connection: Upgrade\r\nUpgrade: ")) &&
           put(out, http_header(head, "Upgrade")) && put(out, span_of("\r\n\r\n"));
}

/* ---- our own answers ---- */

static bool short_page(int status, const char *reason, struct buf *out)
{
    return buf_printf(out, "<!DOCTYPE html>\n<title>%d</title>\n<h1>%d %s</h1>\n<p>", status,
                      status, http_reason(status)) &&
           text_put_html(out, span_of(reason)) &&
           put(out, span_of("</p>\n<p>Answered by tunnel-gateway.</p>\n"));
}

static bool headers(const struct proxy_answer *a, const char *reason, struct buf *out)
{
    bool good = put(out, span_of("X-Content-Type-Options: nosniff\r\n"));
    if (a->error != NULL)
        good = good && buf_printf(out, "X-Tunnel-Error: %s; %s\r\n", a->error, reason);
    if (a->retry_after > 0)
        good = good && buf_printf(out, "Retry-After: %d\r\n", a->retry_after);
    if (a->status == 407)
        good = good && put(out, span_of("Proxy-Authenticate: Basic realm=\"tunnel-gateway\"\r\n"));
    if (a->status == 401)
        good = good && put(out, span_of("WWW-Authenticate: Basic realm=\"tunnel-gateway\"\r\n"));
    return good && buf_append(out, "", 1);
}

bool proxy_answer_write(const struct proxy_answer *a, struct buf *out)
{
    char reason[PROXY_TEXT_MAX];
    struct buf page = {.limit = 4096}, lines = {.limit = 1024};
    struct http_response r = {.status = a->status,
                              .reason = reason,
                              .type = "text/html; charset=utf-8",
                              .body = a->body,
                              .close = true,
                              .to_head = a->head};
    text_copy(span_of(a->reason != NULL ? a->reason : http_reason(a->status)), TEXT_ASCII, reason,
              sizeof reason);
    bool good = headers(a, reason, &lines);
    if (a->body.p == NULL) {
        good = good && short_page(a->status, reason, &page);
        r.body = (struct span){(const char *)page.data, page.size};
    } else if (a->type != NULL) {
        r.type = a->type;
    }
    r.headers = (const char *)lines.data;
    good = good && http_response_write(&r, out);
    buf_free(&page);
    buf_free(&lines);
    return good;
}
