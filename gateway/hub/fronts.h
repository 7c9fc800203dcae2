/* A hub's fronts: the balancers and web servers before it that are believed when they say who a
 * client is (--trust-proxy). Pure. */
#ifndef GATEWAY_HUB_FRONTS_H
#define GATEWAY_HUB_FRONTS_H

#include "core/net/ip.h"

struct fronts {
    struct ip_list addresses;
    bool unix_sockets; /* whoever comes by a unix socket is one */
};

/* Adds what the text names, one or several with commas between: as ip_list_add, and "unix". Its
 * errors are those of ip_list_add; what stands before the wrong one has been added. */
enum err fronts_add(struct fronts *f, const char *text);
/* peer: as ip_of_peer has it. */
bool fronts_has(const struct fronts *f, struct ip peer);

#endif
