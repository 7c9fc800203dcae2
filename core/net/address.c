#include "core/net/address.h"

#include "core/base/str.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Whether s is "::1" or, with the interface that it belongs to, "fe80::1%eth0". */
static bool is_v6(struct span s)
{
    struct in6_addr a;
    char text[INET6_ADDRSTRLEN];
    struct span address = span_cut(&s, '%');
    snprintf(text, sizeof text, "%.*s", address.n < sizeof text ? (int)address.n : 0, address.p);
    return inet_pton(AF_INET6, text, &a) == 1;
}

bool address_is_ip(const char *host)
{
    struct in6_addr a;
    return inet_pton(AF_INET, host, &a) == 1 || inet_pton(AF_INET6, host, &a) == 1;
}

/* "[v6]", "[v6]:port", "host:port", "host", ":port", "port", and a bare "v6". */
bool address_split(const char *text, char **host, int *port)
{
    struct span rest = span_of(text), name = {0}, number = {0};
    const char *colon = strchr(text, ':');
    if (text[0] == '[') {
        rest = (struct span){text + 1, rest.n - 1};
        const char *end = strchr(rest.p, ']');
        if (end == NULL || (end[1] != '\0' && end[1] != ':') || end == rest.p)
            return false;
        name = (struct span){rest.p, (size_t)(end - rest.p)};
        if (!is_v6(name))
            return false;
        if (end[1] == ':')
            number = span_of(end + 2);
        if (end[1] == ':' && number.n == 0)
            return false;
    } else if (colon != NULL && strchr(colon + 1, ':') != NULL) {
        name = rest;
        if (!is_v6(name))
            return false;
    } else if (colon != NULL) {
        name = span_cut(&rest, ':');
        number = rest;
        if (number.n == 0)
            return false;
    } else if (rest.n > 0 && strspn(text, "0123456789") == rest.n) {
        number = rest;
    } else {
        name = rest;
    }
    uint64_t value = 0;
    if ((number.n > 0 && !str_number(number, 65535, &value)) || (name.n == 0 && number.n == 0))
        return false;
    *port = (int)value;
    *host = name.n > 0 ? span_dup(name) : NULL;
    return name.n == 0 || *host != NULL;
}

bool address_is_local(const char *name)
{
    static const char *const prefixes[] = {"127.", "[::1]:", "[::ffff:127.", "pid ", "unix", "/"};
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
        if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0)
            return true;
    return false;
}
