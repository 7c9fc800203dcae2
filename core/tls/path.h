/* Certification paths (RFC 5280 section 6): whether the certificates that the other side has shown
 * lead to a trusted authority and may be used for this purpose. They may come out of order, doubled
 * and mixed with unrelated ones, as some servers send them, so a path is searched for. Trusted
 * certificates are checked, too: their time, key, extensions and constraints. A trusted one need
 * not be self-signed, and an end entity's own certificate is enough when it is trusted byte by
 * byte. */
#ifndef CORE_TLS_PATH_H
#define CORE_TLS_PATH_H

#include "core/base/err.h"
#include "core/tls/certificate.h"

#define PATH_MAX_SHOWN 32 /* certificates of the other side; further ones are ignored */
#define PATH_MIN_RSA 2048 /* bits */
#define PATH_LONGEST 10   /* certificates of a path, both ends included */

struct path_question {
    const struct certificate *shown; /* n certificates, the other side's own first */
    size_t n;
    const struct certificate *anchors; /* trusted certificates */
    size_t n_anchors;
    enum key_purpose purpose; /* PURPOSE_SERVER or PURPOSE_CLIENT */
    const char *host; /* name or address that was called; NULL: a client, which may have any name */
    int64_t now;      /* seconds since 1970 */
};

struct path_verdict {
    /* ERR_OK, ERR_TLS_UNTRUSTED, ERR_TLS_EXPIRED, ERR_TLS_NAME or ERR_TLS_CERTIFICATE. */
    enum err why;
    int alert;      /* the alert for the other side (RFC 5246 section 7.2.2) */
    int64_t ends;   /* for ERR_OK: when the first certificate of the path expires */
    char text[256]; /* a sentence */
};

/* Fills *v. Signatures are checked only along paths of names that lead to a trusted certificate: 24
 * at most, whatever was shown. */
void path_verify(const struct path_question *q, struct path_verdict *v);

/* Whether a certificate is one for this host name or address (RFC 6125 section 6). */
bool path_has_host(const struct certificate *c, const char *host);

/* Writes the order of a server's own certificates into order[n]: the one at `leaf`, then the issuer
 * of each. Returns how many belong to the chain; the others are duplicates or unrelated. */
size_t path_order(const struct certificate *c, size_t n, size_t leaf, size_t order[]);

#endif
