#include "core/http/upstream.h"

#include "core/base/encoding.h"
#include "core/base/secret.h"
#include "core/base/str.h"
#include "core/http/request.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *scheme;
    enum upstream_kind kind;
    int port;
} schemes[] = {
    {"http://", UPSTREAM_HTTP, 3128},
    {"https://", UPSTREAM_HTTPS, 3128},
    {"socks5://", UPSTREAM_SOCKS5, 1080},
    {"socks5h://", UPSTREAM_SOCKS5H, 1080},
};

void upstream_free(struct upstream *u)
{
    free(u->host);
    free(u->user);
    secret_free(u->password);
    *u = (struct upstream){0};
}

bool upstream_same(const struct upstream *a, const struct upstream *b)
{
    return a->kind == b->kind && a->port == b->port && str_same(a->host, b->host) &&
           str_same(a->user, b->user) && str_same(a->password, b->password);
}

static bool starts(struct span s, const char *prefix)
{
    struct span p = span_of(prefix);
    return s.n >= p.n && span_equal_nocase((struct span){s.p, p.n}, p);
}

static struct span behind(struct span s, size_t n)
{
    return (struct span){s.p + n, s.n - n};
}

/* The last '@' ends the credentials, since a password may have one that is not encoded. */
static bool cut_credentials(struct span *rest, struct span *credentials)
{
    const char *at = rest->n > 0 ? memrchr(rest->p, '@', rest->n) : NULL;
    if (at == NULL)
        return false;
    *credentials = (struct span){rest->p, (size_t)(at - rest->p)};
    *rest = behind(*rest, credentials->n + 1);
    return true;
}

static enum err take_credentials(struct span s, struct upstream *out)
{
    struct span user = span_cut(&s, ':');
    out->user = span_dup(user);
    out->password = span_dup(s);
    if (out->user == NULL || out->password == NULL)
        return ERR_NO_MEMORY;
    /* A colon in the name could not be told from the one after the name (RFC 7617). */
    if (!percent_decode(out->user) || !percent_decode(out->password) ||
        strchr(out->user, ':') != NULL)
        return ERR_USAGE;
    return ERR_OK;
}

/* Cuts the port off "host", "host:port", "[v6]", "[v6]:port", or "v6" alone. *bracketed: there were
 * brackets. */
static bool split_host(struct span s, struct span *host, struct span *port, bool *bracketed)
{
    *port = (struct span){NULL, 0};
    *bracketed = s.n > 0 && s.p[0] == '[';
    if (*bracketed) {
        s = behind(s, 1);
        if (memchr(s.p, ']', s.n) == NULL)
            return false;
        *host = span_cut(&s, ']');
        if (s.n > 0 && s.p[0] != ':')
            return false;
        *port = s.n > 0 ? behind(s, 1) : s;
        return s.n != 1;
    }
    *host = s;
    const char *first = s.n > 0 ? memchr(s.p, ':', s.n) : NULL;
    if (first == NULL || memrchr(s.p, ':', s.n) != first)
        return true;
    *host = span_cut(&s, ':');
    *port = s;
    return s.n > 0;
}

/* Whether s is a name or an IPv4 address; with colons (and a zone) when `v6`. */
static bool is_host(struct span s, bool v6)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     c == '.' || c == '-' || c == '_';
        if (!plain && !(v6 && (c == ':' || c == '%')))
            return false;
    }
    return s.n > 0;
}

static bool port_number(struct span s, int *out)
{
    uint64_t number;
    if (!str_number(s, 65535, &number) || number == 0)
        return false;
    *out = (int)number;
    return true;
}

/* Cuts the scheme off when there is one. */
static enum err cut_scheme(struct span *s, struct upstream *out)
{
    out->port = schemes[0].port;
    if (s->n == 0 || memmem(s->p, s->n, "://", 3) == NULL)
        return ERR_OK;
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
        if (!starts(*s, schemes[i].scheme))
            continue;
        out->kind = schemes[i].kind;
        out->port = schemes[i].port;
        *s = behind(*s, strlen(schemes[i].scheme));
        return ERR_OK;
    }
    return ERR_UNSUPPORTED;
}

static enum err parse(struct span s, struct upstream *out)
{
    struct span host, port, credentials;
    bool bracketed;
    enum err e = cut_scheme(&s, out);
    if (e == ERR_OK && cut_credentials(&s, &credentials) && credentials.n > 0)
        e = take_credentials(credentials, out);
    if (e != ERR_OK)
        return e;
    for (size_t i = 0; i < s.n; i++)
        if (strchr("/?#", s.p[i]) != NULL)
            s.n = i;
    if (!split_host(s, &host, &port, &bracketed) || !is_host(host, bracketed) ||
        (port.p != NULL && port.n > 0 && !port_number(port, &out->port)))
        return ERR_USAGE;
    out->host = span_dup(host);
    return out->host != NULL ? ERR_OK : ERR_NO_MEMORY;
}

enum err upstream_parse(const char *url, struct upstream *out)
{
    *out = (struct upstream){0};
    enum err e = parse(span_trim(span_of(url)), out);
    if (e != ERR_OK)
        upstream_free(out);
    return e;
}

const char *upstream_wrong(enum err why)
{
    return why == ERR_UNSUPPORTED ? "has a scheme that is not spoken here; there are http, https, "
                                    "socks5 and socks5h"
           : why == ERR_USAGE ? "is no [http|https|socks5|socks5h://][user:password@]host[:port]"
                              : err_text(why);
}

bool upstream_target(const char *host, int port, char *out, size_t size)
{
    bool v6 = strchr(host, ':') != NULL;
    int n = snprintf(out, size, "%s%s%s:%d", v6 ? "[" : "", host, v6 ? "]" : "", port);
    return is_host(span_of(host), true) && n > 0 && (size_t)n < size;
}

bool upstream_request(const char *target, const char *authorization, struct buf *out)
{
    const struct http_field fields[] = {{"Proxy-Authorization", authorization}, {NULL, NULL}};
    return http_request_write(
        &(struct http_request){
            .method = "CONNECT", .target = target, .host = target, .fields = fields},
        out);
}
