#include "gateway/hub/fronts.h"

#include "core/base/str.h"

#include <stdio.h>
#include <string.h>

static enum err add(struct fronts *f, struct span one)
{
    char text[64]; /* longer than any address with its bits */
    if (span_is(one, "unix")) {
        f->unix_sockets = true;
        return ERR_OK;
    }
    if (one.n == 0 || one.n >= sizeof text)
        return ERR_USAGE;
    snprintf(text, sizeof text, "%.*s", (int)one.n, one.p);
    return ip_list_add(&f->addresses, text);
}

enum err fronts_add(struct fronts *f, const char *text)
{
    struct span rest = span_of(text);
    enum err why = ERR_OK;
    bool more = true;
    while (more && why == ERR_OK) {
        struct span before = rest, one = span_cut(&rest, ',');
        more = one.n < before.n;
        why = add(f, span_trim(one));
    }
    return why;
}

bool fronts_has(const struct fronts *f, struct ip peer)
{
    static const struct ip none;
    if (memcmp(&peer, &none, sizeof peer) == 0)
        return f->unix_sockets;
    return ip_list_has(&f->addresses, peer);
}
