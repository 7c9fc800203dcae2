/* The web proxy between a client and the hub, as the environment or an option names it. Pure. */
#ifndef CORE_HTTP_UPSTREAM_H
#define CORE_HTTP_UPSTREAM_H

#include "core/base/buf.h"
#include "core/base/err.h"

struct upstream {
    bool tls;       /* https:// proxy */
    char *host;     /* without brackets */
    int port;       /* default 3128 */
    char *user;     /* percent-decoded; NULL: no credentials */
    char *password; /* the same; may be "" */
};

/* "[http[s]://][user:pass@]host[:port][/]"; other schemes and whatever is broken are ERR_USAGE.
 * After an error there is nothing to free. */
enum err upstream_parse(const char *url, struct upstream *out);
void upstream_free(struct upstream *u); /* wipes the password */

/* Whether `no_proxy` (comma-separated; "*", host, .suffix, suffix, IP, IP/bits, each with optional
 * :port) excepts host:port. NULL list: no. */
bool upstream_excepted(const char *no_proxy, const char *host, int port);

/* Which proxy to use for host:port by https_proxy, HTTPS_PROXY, http_proxy, HTTP_PROXY (in this
 * order) and no_proxy, NO_PROXY; `get` is getenv or a test's. NULL: none. Not to be freed. */
const char *upstream_from_env(const char *host, int port, const char *(*get)(const char *name));

/* Appends the CONNECT request: always with Host (RFC 9112 3.2), Basic credentials when there are
 * any; IPv6 hosts bracketed. False: does not fit, or host has characters that no host has. */
bool upstream_request(const struct upstream *u, const char *host, int port, struct buf *out);

#endif
