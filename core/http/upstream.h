/* The proxy between a client and the hub, as the environment or an option names it. Pure. */
#ifndef CORE_HTTP_UPSTREAM_H
#define CORE_HTTP_UPSTREAM_H

#include "core/base/buf.h"
#include "core/base/err.h"

enum upstream_kind {
    UPSTREAM_HTTP,   /* CONNECT */
    UPSTREAM_HTTPS,  /* the same, over TLS to the proxy */
    UPSTREAM_SOCKS5, /* RFC 1928; names are looked up by us */
    UPSTREAM_SOCKS5H /* names are looked up by the proxy */
};

struct upstream {
    enum upstream_kind kind;
    char *host;     /* without brackets */
    int port;       /* default 3128, with SOCKS 1080 */
    char *user;     /* percent-decoded; NULL: no credentials */
    char *password; /* percent-decoded; may be "" */
};

/* Parses "[SCHEME://][user:pass@]host[:port][/…]" with the schemes http (also when there is none),
 * https, socks5 and socks5h; blanks around it and a path are ignored. A '%' that begins no %XX
 * stands for itself. ERR_USAGE: the URL is malformed; ERR_UNSUPPORTED: another scheme. After an
 * error there is nothing to free. */
enum err upstream_parse(const char *url, struct upstream *out);
/* The rest of a sentence about a URL that upstream_parse has rejected. It does not quote the URL,
 * which may hold a password. */
const char *upstream_wrong(enum err why);
void upstream_free(struct upstream *u); /* wipes the password */
/* Whether both are the same proxy, asked with the same credentials. */
bool upstream_same(const struct upstream *a, const struct upstream *b);

/* Whether `no_proxy` (comma-separated; "*", host, suffix, .suffix, *.suffix, IP, IP/bits, each with
 * optional :port) excepts host:port. A NULL list excepts nothing. */
bool upstream_excepted(const char *no_proxy, const char *host, int port);

/* The proxy for host:port by https_proxy, HTTPS_PROXY, http_proxy, HTTP_PROXY, all_proxy, ALL_PROXY
 * (in this order) and no_proxy, NO_PROXY; `get` is getenv or a test's. NULL: no proxy. Not to be
 * freed. */
const char *upstream_from_env(const char *host, int port, const char *(*get)(const char *name));

/* Writes "host:port", IPv6 in brackets, as CONNECT names it. False: host has characters that a host
 * cannot have. */
bool upstream_target(const char *host, int port, char *out, size_t size);
/* Appends the CONNECT request to a target: always with Host (RFC 9112 3.2), with
 * Proxy-Authorization when `authorization` is not NULL. False: the request does not fit. */
bool upstream_request(const char *target, const char *authorization, struct buf *out);

#endif
