/* A host behind a device and its port, as they are written in one label. */
#include "gateway/source/names_internal.h"

#include <arpa/inet.h>
#include <string.h>

#define PORT_DIGITS 9 /* what has more is no port; a number above 65535 is a wrong one */

/* Writes the label with that character in place of '-', and in lower case. False: it is too long,
 * or has what no host has. */
static bool write_with(char mark, struct span label, char out[64])
{
    if (label.n == 0 || label.n >= 64)
        return false;
    for (size_t i = 0; i < label.n; i++) {
        char c = names_folded(label.p[i]);
        if (c != '-' && !(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9'))
            return false;
        out[i] = c == '-' ? mark : c;
    }
    out[label.n] = '\0';
    return true;
}

/* An address with '-' for '.' and ':'; out is then as inet_ntop(3) writes it. */
static bool is_address(struct span label, char out[64])
{
    unsigned char bytes[16];
    for (int family = 0; family < 2; family++)
        if (write_with(family == 0 ? '.' : ':', label, out) &&
            inet_pton(family == 0 ? AF_INET : AF_INET6, out, bytes) == 1)
            return inet_ntop(family == 0 ? AF_INET : AF_INET6, bytes, out, 64) != NULL;
    return false;
}

/* Cuts "--PORT" off the end. False: there is none. */
static bool cut_port(struct span *label, uint32_t *port)
{
    uint64_t number;
    size_t at = label->n;
    while (at > 0 && label->p[at - 1] >= '0' && label->p[at - 1] <= '9')
        at--;
    struct span digits = {label->p + at, label->n - at};
    if (at < 3 || label->p[at - 1] != '-' || label->p[at - 2] != '-' || digits.n > PORT_DIGITS ||
        !str_number(digits, UINT32_MAX, &number))
        return false;
    *port = (uint32_t)number;
    label->n = at - 2;
    return true;
}

bool names_target(struct span label, struct names_target *out)
{
    struct span host = label;
    *out = (struct names_target){.port = 0};
    bool port = cut_port(&host, &out->port);
    /* "fd00--20" has a port, so "fd00--beef" is no address, either. */
    bool plain = !port && memmem(host.p, host.n, "--", 2) == NULL;
    if (((port || plain) && is_address(host, out->host)) ||
        (port && write_with('-', host, out->host)))
        return true;
    *out = (struct names_target){.port = 0};
    return false;
}
