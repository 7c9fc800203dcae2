#include "core/tls/san.h"

#include "core/base/str.h"
#include "core/tls/dn.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

static bool same(struct der a, const void *p, size_t n)
{
    return a.n == n && memcmp(a.p, p, n) == 0;
}

bool san_has_address(struct der names, const uint8_t *address, size_t bytes, const char *text)
{
    struct der name;
    uint8_t tag;
    bool any_address = false, match = false, spelled = false;
    while (names.n > 0) {
        if (!der_next(&names, &tag, &name))
            return false;
        if (tag == SAN_ADDRESS) {
            any_address = true;
            match = match || same(name, address, bytes);
        } else if (tag == SAN_DNS) {
            spelled = spelled || same(name, text, strlen(text));
        }
    }
    return any_address ? match : spelled;
}

char *san_text(uint8_t tag, struct der name, char *out, size_t size)
{
    char text[INET6_ADDRSTRLEN];
    struct der directory;
    if (tag == SAN_ADDRESS && (name.n == 4 || name.n == 16))
        snprintf(out, size, "%s",
                 inet_ntop(name.n == 4 ? AF_INET : AF_INET6, name.p, text, sizeof text));
    else if (tag == SAN_DIRECTORY && der_expect(&name, DER_SEQUENCE, &directory))
        dn_text(directory, out, size);
    else if (tag == SAN_DNS || tag == SAN_EMAIL || tag == SAN_URI)
        str_escape((struct span){(const char *)name.p, name.n}, out, size);
    else
        snprintf(out, size, "a name of another kind");
    return out;
}

char *san_first(struct der names, char *out, size_t size)
{
    struct der name;
    uint8_t tag;
    out[0] = '\0';
    while (der_next(&names, &tag, &name))
        if (tag == SAN_DNS || (tag == SAN_ADDRESS && (name.n == 4 || name.n == 16)))
            return san_text(tag, name, out, size);
    return out;
}

/* ---- host names ---- */

static bool host_matches(struct der pattern, struct span host)
{
    struct span name = {(const char *)pattern.p, pattern.n};
    if (name.n < 2 || memcmp(name.p, "*.", 2) != 0)
        return span_equal_nocase(name, host);
    struct span first = span_cut(&host, '.'), rest = {name.p + 2, name.n - 2};
    return first.n > 0 && memchr(rest.p, '.', rest.n) != NULL && span_equal_nocase(rest, host);
}

struct host_search {
    struct span host;
    bool found;
};

static bool on_common_name(void *ctx, struct der value)
{
    struct host_search *s = ctx;
    s->found = s->found || host_matches(value, s->host);
    return true;
}

bool san_has_host(struct der names, struct der subject, const char *host)
{
    struct host_search s = {.host = span_of(host)};
    struct der name;
    uint8_t tag;
    bool any = false;
    while (der_next(&names, &tag, &name))
        if (tag == SAN_DNS) {
            any = true;
            s.found = s.found || host_matches(name, s.host);
        }
    return (any || dn_each(subject, DN_COMMON_NAME, on_common_name, &s)) && s.found;
}
