/* AWS Signature Version 4 for HTTP requests (docs: "Create a signed AWS API request"; a test vector
 * is in share/doc/access.md): a client proves that it has a secret key without sending it. Both
 * sides are here: the hub verifies, tunnelctl signs. Pure: the time is passed in. */
#ifndef CORE_AWS_SIGV4_H
#define CORE_AWS_SIGV4_H

#include "core/http/http.h"

#define SIGV4_SERVICE "IoTSecuredTunneling" /* the signing name of the tunneling API */
#define SIGV4_SKEW_MS 900000                /* 15 minutes, in milliseconds */
#define SIGV4_MAX_HEADERS 32                /* in SignedHeaders */
#define SIGV4_MAX_KEY_ID 128
#define SIGV4_MAX_REGION 64 /* bytes; of the service's name, too */

/* The parts of the Authorization header, as views into the head. */
struct sigv4_auth {
    struct span key_id, date, region, service; /* date: YYYYMMDD */
    struct span signed_headers;                /* "content-type;host;…" */
    struct span signature;                     /* 64 hex digits */
    struct span time;                          /* X-Amz-Date: YYYYMMDDTHHMMSSZ */
};

enum sigv4_verdict {
    SIGV4_OK,
    SIGV4_MISSING,    /* there is no Authorization */
    SIGV4_INCOMPLETE, /* not AWS4-HMAC-SHA256, or a part is missing, twice, or malformed */
    SIGV4_EXPIRED,    /* X-Amz-Date is further away than SIGV4_SKEW_MS */
    SIGV4_SCOPE,      /* another service, or another date than X-Amz-Date's */
    /* Host or x-amz-target is not signed or occurs twice, or a signed header is missing. */
    SIGV4_HEADERS,
    SIGV4_MISMATCH /* the signature is wrong, or x-amz-content-sha256 is not the body's */
};
const char *sigv4_text(enum sigv4_verdict v); /* a sentence for the client */

bool sigv4_is_key_id(struct span s); /* 1 to 128 of A-Z a-z 0-9 _ + . @ - */
bool sigv4_is_region(struct span s); /* 1 to 64 of A-Z a-z 0-9 _ - */

/* Takes the Authorization header apart: SIGV4_OK, _MISSING or _INCOMPLETE. The parts may come in
 * any order, and blanks may follow commas; SignedHeaders must be sorted, and dates must exist. */
enum sigv4_verdict sigv4_parse(const struct http_head *head, struct sigv4_auth *out);

/* Checks time, scope, the required headers, and the signature (in constant time), in that order.
 * now: ms since the epoch. Any region is accepted. Path and query count as AWS documents it for
 * services other than S3: the path normalised (no "//", ".", "..") and encoded once more, the query
 * decoded, encoded and sorted ('+' is a plus); each may have at most 64 parts, more never match.
 * Allocates nothing; the time is linear in the request, except for the sorting of the query. */
enum sigv4_verdict sigv4_verify(const struct sigv4_auth *auth, const struct http_head *head,
                                struct span body, struct span secret, int64_t now);

struct sigv4_credentials {
    char *key_id, *secret;
    char *token; /* the session token, or NULL */
};

/* Signs a POST of `body` to `path` at `host` (as in the Host header). Writes the header lines
 * X-Amz-Date, X-Amz-Security-Token (with a token) and Authorization, each with CRLF, to `out`;
 * content-type, host and x-amz-target are signed with them. ERR_TOO_LARGE: out is too small.
 * ERR_USAGE: there is no secret, the key id or the region cannot stand in a credential, a header
 * would be empty or has control characters, the path is not one, or the time is not of the years
 * 1970 to 9999. */
struct sigv4_request {
    const char *host, *path, *content_type, *target, *region;
    struct span body;
    int64_t now; /* ms since the epoch */
};
enum err sigv4_sign(const struct sigv4_request *r, const struct sigv4_credentials *c, char *out,
                    size_t size);

#endif
