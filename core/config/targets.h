/* The hosts and ports behind a device that one service may lead to, and the check of what a client
 * names. Pure.
 *
 *     10.0.7.0/24:102,502,[fd00:7::]/64:502,cam1.plant:8000-8010
 *
 * A network, address or host name with a port or a range of ports; ports that follow without a host
 * are those of the last one. */
#ifndef CORE_CONFIG_TARGETS_H
#define CORE_CONFIG_TARGETS_H

#include "core/base/err.h"
#include "core/base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TARGETS_MAX 256     /* hosts with a range of ports in one list */
#define TARGETS_NAME_MAX 56 /* characters of a host name: with "--65535" it is one label */
#define TARGETS_HOST 64     /* bytes of what is dialled, with its NUL */

struct targets;

/* Whether it is such a list, and not the one endpoint of a service: it has a network, a range or a
 * comma in it. */
bool targets_is_list(struct span text);
/* NULL: no memory (*why ERR_NO_MEMORY), or it is no list (ERR_USAGE); a sentence is in problem. */
struct targets *targets_parse(struct span text, enum err *why, char *problem, size_t size);
void targets_free(struct targets *t);              /* NULL is fine */
const char *targets_text(const struct targets *t); /* as it was given */

/* Whether text is one host that a client may name: an IPv4 address, an IPv6 address in brackets, or
 * a host name as lists have them. Then out has it as targets_allow takes it: an address as
 * inet_ntop(3) writes it, without brackets. */
bool targets_host(struct span text, char out[TARGETS_HOST]);

/* Whether a client may reach that port of that host; then `dial` has what to dial. host: an address
 * without brackets, or a host name of the list, in any case and with '-' for '.' and '_'.
 *
 * An IPv4-mapped IPv6 address is taken for the IPv4 address. Addresses of this machine itself
 * (127.0.0.0/8, 0.0.0.0/8, ::1, ::), of links (169.254.0.0/16, fe80::/10), groups (224.0.0.0/4,
 * ff00::/8) and the reserved ones (240.0.0.0/4, ::/96) are allowed only by a network that is within
 * these: 0.0.0.0/0 allows none of them. */
bool targets_allow(const struct targets *t, const char *host, uint32_t port,
                   char dial[TARGETS_HOST]);

#endif
