/* Certification paths (RFC 5280 section 6): whether what the other side has shown leads to an
 * authority that is trusted, and may be used as it is. What it sends may be out of order, doubled
 * and mixed with what does not belong to it, as servers do send it: a path is looked for. Trusted
 * certificates are held to what they say, too: their time, key, extensions and constraints; one
 * need not be self-signed, and an end entity's own is enough when it is there byte by byte. */
#ifndef CORE_TLS_PATH_H
#define CORE_TLS_PATH_H

#include "core/base/err.h"
#include "core/tls/certificate.h"

#define PATH_MAX_SHOWN 32 /* certificates of the other side; the rest is not looked at */
#define PATH_MIN_RSA 2048 /* bits */
#define PATH_LONGEST 10   /* certificates of a path, with both ends */

struct path_question {
    const struct certificate *shown; /* n of them, the other side's own first */
    size_t n;
    const struct certificate *anchors; /* trusted */
    size_t n_anchors;
    enum key_purpose purpose; /* PURPOSE_SERVER or PURPOSE_CLIENT */
    const char *host;         /* name or address that was called; NULL: of a client, any name */
    int64_t now;              /* seconds since 1970 */
};

struct path_verdict {
    /* ERR_OK, ERR_TLS_UNTRUSTED, ERR_TLS_EXPIRED, ERR_TLS_NAME or ERR_TLS_CERTIFICATE. */
    enum err why;
    int alert;      /* to tell the other side (RFC 5246 section 7.2.2) */
    int64_t ends;   /* ERR_OK: when the first certificate of the path expires */
    char text[256]; /* a sentence */
};

/* Fills *v. Signatures are checked once names have led to something trusted: 24 at
 * most, whatever was shown. */
void path_verify(const struct path_question *q, struct path_verdict *v);

/* Writes the order of a server's own certificates into order[n]: the one at `leaf`, then each one's
 * issuer. Returns how many belong to it; the others are doubled or strays. */
size_t path_order(const struct certificate *c, size_t n, size_t leaf, size_t order[]);

#endif
