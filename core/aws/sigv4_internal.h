/* Private to core/aws and its tests: the parts that verifying and signing share. */
#ifndef CORE_AWS_SIGV4_INTERNAL_H
#define CORE_AWS_SIGV4_INTERNAL_H

#include "core/aws/sigv4.h"

#define SIGV4_ALGORITHM "AWS4-HMAC-SHA256"
#define SIGV4_TERMINATOR "aws4_request" /* the last part of every scope */
#define SIGV4_HEX 64                    /* digits of a SHA-256 */

/* Hashes the canonical request: method, path, query, the signed headers and the body's hash in the
 * one form that both sides agree on. Only its SHA-256 is kept. False when there is no such form:
 * the target is not a path, has a broken %XX, or more than SIGV4_MAX_SEGMENTS or
 * SIGV4_MAX_PARAMETERS parts. Every name in signed_headers must be in the head. */
#define SIGV4_MAX_SEGMENTS 64
#define SIGV4_MAX_PARAMETERS 64
bool canonical_hash(const struct http_head *head, struct span signed_headers,
                    const char body_hex[SIGV4_HEX + 1], char out[SIGV4_HEX + 1]);

void sha256_hex(struct span bytes, char out[SIGV4_HEX + 1]);

/* Computes the signature of the canonical request with that hash, for auth's time and scope. */
void signature_of(const struct sigv4_auth *auth, const char canonical[SIGV4_HEX + 1],
                  struct span secret, char out[SIGV4_HEX + 1]);

/* "20261120T204350Z": a time that exists, from 1970 on; ms since the epoch. */
#define SIGV4_STAMP 16
bool stamp_parse(struct span s, int64_t *ms);
/* False: outside of the years 1970 to 9999. */
bool stamp_write(int64_t ms, char out[SIGV4_STAMP + 1]);

#endif
