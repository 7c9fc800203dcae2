/* From host names (SERVICE.tunnel, SERVICE.NAME.tunnel, and either with a TARGET in front) to
 * services and back. Pure: each question hands in the tunnels and services that there are.
 *
 * A service's label is looked up as an alias, then as an exact id, as an id in any case, and as a
 * folded id (lower case, '-' for ':' and '_'). More than one hit in one of these steps is refused.
 * A tunnel without service ids has one service, "", which any label reaches.
 *
 * A target is the host behind the device that a service is asked to lead to, "10-0-7-20--502": an
 * address or host name with '-' for '.' and ':', and "--" and the port behind it. An address may go
 * without the port, unless it is an IPv6 address that has "--" in it. */
#ifndef GATEWAY_SOURCE_NAMES_H
#define GATEWAY_SOURCE_NAMES_H

#include "core/base/err.h"
#include "core/base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NAMES_TEXT 192 /* a sentence fits an HTTP reason phrase under 200 bytes */
#define NAMES_HOST 256 /* a host name with its NUL */

struct names;
struct names *names_new(void); /* NULL: memory */
void names_free(struct names *n);

/* Adds "tunnel", ".tunnel" or "tunnel.internal". Canonical names have the first one; without any it
 * is "tunnel". ERR_USAGE: not a host name. Adding one twice is fine. */
enum err names_add_suffix(struct names *n, const char *suffix);
/* Makes the label stand for target, "SERVICE" or "SERVICE.NAME", each with a TARGET in front or
 * without, where a name has its service. A name that says a device or host of its own, and another
 * one than the alias, leads nowhere (ERR_NO_SERVICE). ERR_USAGE: either is empty, the label has a
 * dot or is there already. */
enum err names_add_alias(struct names *n, const char *label, const char *target);
const char *names_alias_at(const struct names *n, size_t i); /* the label; NULL: no more */
const char *names_suffix(const struct names *n);             /* the first, without a dot in front */
const char *names_suffix_at(const struct names *n, size_t i); /* NULL: no more */

struct names_tunnel {
    const char *name; /* "" for the nameless one */
    bool known;       /* The hub has told the services. */
    const char *const *services;
    size_t n_services;
    /* It was opened on demand, and has its device's name. Such tunnels follow all others in a list,
     * are looked up after these, and no name leads there that does not name them. */
    bool on_demand;
};

struct names_question {
    struct span host;
    bool literal;     /* The host came as an address, not as a name. */
    const char *hint; /* a user name that may be a tunnel's name; NULL or any other is ignored */
    bool devices;     /* Tunnels are opened on demand: any name may be a device's. */
    bool quiet;       /* The client is a stranger: the text names nothing that there is. */
    const struct names_tunnel *tunnels;
    size_t n_tunnels;
};

struct names_target {
    char host[64]; /* "10.0.7.20", "fd00:7::20", "cam1-plant"; "": there is no target */
    uint32_t port; /* 0: the label has none; a wrong one may be above 65535 */
};
/* Whether the label is one of these. */
bool names_target(struct span label, struct names_target *out);

struct names_answer {
    size_t tunnel; /* index; also set when only the service is not found */
    bool tunnel_found;
    /* What was asked for, as far as the name has these parts; they point into the host, an alias or
     * the hint. device: the tunnel's name, or a device's; empty: the default is meant. */
    struct span label, device;
    const char *service; /* one of tunnels[tunnel].services, or "" */
    struct names_target target;
    char text[NAMES_TEXT]; /* a failure for people: printable ASCII */
};

/* ERR_FORBIDDEN: the host is an address, or has none of the suffixes. ERR_NO_SERVICE,
 * ERR_AMBIGUOUS: as they say. ERR_HUB_DOWN: the tunnel's services are not known. */
enum err names_resolve(const struct names *n, const struct names_question *q,
                       struct names_answer *out);

/* Whether the host is an address, or ends in no suffix: it is never one of ours. */
bool names_is_foreign(const struct names *n, struct span host, bool literal);

/* Writes the best host name that leads to the service: an alias, else the id in lower case and
 * folded as far as it stays unique. False: no name that all clients accept leads there, and an
 * alias is needed; out is "" when none leads there at all. */
bool names_canonical(const struct names *n, const struct names_tunnel *tunnels, size_t n_tunnels,
                     size_t tunnel, const char *service, char out[NAMES_HOST]);

#endif
