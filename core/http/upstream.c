#include "core/http/upstream.h"

#include "core/base/str.h"

#include <stdlib.h>
#include <string.h>

#define DEFAULT_PORT 3128

void upstream_free(struct upstream *u)
{
    if (u->password != NULL)
        explicit_bzero(u->password, strlen(u->password));
    free(u->host);
    free(u->user);
    free(u->password);
    *u = (struct upstream){0};
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

/* The last '@' ends the credentials: a password may have one that nobody encoded. */
static bool cut_credentials(struct span *rest, struct span *credentials)
{
    const char *at = rest->n > 0 ? memrchr(rest->p, '@', rest->n) : NULL;
    if (at == NULL)
        return false;
    *credentials = (struct span){rest->p, (size_t)(at - rest->p)};
    *rest = behind(*rest, credentials->n + 1);
    return true;
}

/* %XX decoded, in place. False: broken, or a control character, which no header could carry. */
static bool percent_decode(char *s)
{
    char *to = s;
    for (; *s != '\0'; s++, to++) {
        *to = *s;
        if (*s == '%') {
            if (!hex_decode((struct span){s + 1, strnlen(s + 1, 2)}, to, 1))
                return false;
            s += 2;
        }
        if ((unsigned char)*to < ' ' || *to == 127)
            return false;
    }
    *to = '\0';
    return true;
}

static enum err take_credentials(struct span s, struct upstream *out)
{
    struct span user = span_cut(&s, ':');
    out->user = span_dup(user);
    out->password = span_dup(s);
    if (out->user == NULL || out->password == NULL)
        return ERR_NO_MEMORY;
    /* A colon in the name could not be told from the one behind it (RFC 7617). */
    if (!percent_decode(out->user) || !percent_decode(out->password) ||
        strchr(out->user, ':') != NULL)
        return ERR_USAGE;
    return ERR_OK;
}

/* "host", "host:port", "[v6]", "[v6]:port", and "v6" as it stands: cuts the port off. *bracketed
 * tells that there were brackets. */
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

/* Names and IPv4 addresses; with colons (and a zone) when `v6`. */
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

static enum err parse(struct span s, struct upstream *out)
{
    struct span host, port, credentials;
    bool bracketed;
    const char *scheme = s.n > 0 ? memmem(s.p, s.n, "://", 3) : NULL;
    if (scheme != NULL) {
        out->tls = starts(s, "https://");
        if (!out->tls && !starts(s, "http://"))
            return ERR_USAGE;
        s = behind(s, out->tls ? 8 : 7);
    }
    if (cut_credentials(&s, &credentials) && credentials.n > 0) {
        enum err e = take_credentials(credentials, out);
        if (e != ERR_OK)
            return e;
    }
    if (s.n > 0 && s.p[s.n - 1] == '/')
        s.n--;
    out->port = DEFAULT_PORT;
    if (!split_host(s, &host, &port, &bracketed) || !is_host(host, bracketed) ||
        (port.p != NULL && port.n > 0 && !port_number(port, &out->port)))
        return ERR_USAGE;
    out->host = span_dup(host);
    return out->host != NULL ? ERR_OK : ERR_NO_MEMORY;
}

enum err upstream_parse(const char *url, struct upstream *out)
{
    *out = (struct upstream){0};
    enum err e = parse(span_of(url), out);
    if (e != ERR_OK)
        upstream_free(out);
    return e;
}

bool upstream_request(const struct upstream *u, const char *host, int port, struct buf *out)
{
    if (!is_host(span_of(host), true))
        return false;
    const char *open = strchr(host, ':') != NULL ? "[" : "", *close = open[0] != '\0' ? "]" : "";
    struct buf line = {.limit = 8192}, token = {.limit = 8192};
    uint8_t *base64;
    bool ok = buf_printf(&line, "CONNECT %s%s%s:%d HTTP/1.1\r\nHost: %s%s%s:%d\r\n", open, host,
                         close, port, open, host, close, port);
    if (ok && u->user != NULL) {
        ok = buf_printf(&token, "%s:%s", u->user, u->password) &&
             buf_printf(&line, "Proxy-Authorization: Basic ") &&
             (base64 = buf_room(&line, BASE64_SIZE(token.size))) != NULL;
        if (ok)
            buf_added(&line, base64_encode(token.data, token.size, (char *)base64, false));
        ok = ok && buf_printf(&line, "\r\n");
    }
    ok = ok && buf_printf(&line, "\r\n") && buf_append(out, line.data, line.size);
    buf_wipe(&line);
    buf_wipe(&token);
    return ok;
}
