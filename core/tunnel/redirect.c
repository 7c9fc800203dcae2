#include "core/tunnel/redirect.h"

#include "core/net/address.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char scheme[] = "wss://";

static bool begins(struct span s)
{
    return s.n >= sizeof scheme - 1 &&
           span_equal_nocase((struct span){s.p, sizeof scheme - 1}, span_of(scheme));
}

bool redirect_is(const struct http_head *head)
{
    return head->status == 307 && begins(http_header(head, "Location"));
}

/* Letters, digits, "-" and ".", or an address. */
static bool is_host(const char *host)
{
    static const char good[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.";
    size_t n = strlen(host);
    return address_is_ip(host) ||
           (n > 0 && strspn(host, good) == n && host[0] != '.' && host[n - 1] != '.');
}

const char *redirect_read(const struct http_head *head, struct redirect *out)
{
    struct span rest = http_header(head, "Location");
    char text[sizeof out->host + 8], *host = NULL;
    rest = (struct span){rest.p + sizeof scheme - 1, rest.n - (sizeof scheme - 1)};
    struct span where = span_cut(&rest, '/');
    if (http_header_count(head, "Location") != 1 || where.n >= sizeof text)
        return "cannot be read";
    snprintf(text, sizeof text, "%.*s", (int)where.n, where.p);
    *out = (struct redirect){0};
    bool good = address_split(text, &host, &out->port) && host != NULL && is_host(host) &&
                strlen(host) < sizeof out->host;
    if (good) {
        snprintf(out->host, sizeof out->host, "%s", host);
        out->port = out->port != 0 ? out->port : 443;
    }
    free(host);
    return good ? NULL : "names no host and port";
}
