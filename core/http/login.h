/* Logging in to a web proxy: the challenges in the Proxy-Authenticate lines of its 407 (RFC 9110
 * section 11), and the credentials that answer them, Basic (RFC 7617) or Digest (RFC 7616, and RFC
 * 2069 where there is no qop). Pure: randomness is passed in. */
#ifndef CORE_HTTP_LOGIN_H
#define CORE_HTTP_LOGIN_H

#include "core/base/buf.h"
#include "core/http/http.h"

enum login_kind { LOGIN_NONE, LOGIN_BASIC, LOGIN_DIGEST };

/* The best of the offered challenges: Digest with SHA-256, then Digest with MD5, then Basic. */
struct login {
    enum login_kind kind;  /* NONE: no offered scheme is supported */
    bool stale;            /* Digest: the nonce was too old; user and password were not judged */
    const char *algorithm; /* as the challenge says; NULL: absent, which means MD5 */
    bool sha256, session, qop, userhash;
    char *realm, *nonce, *opaque; /* Digest; malloc'd, opaque may be NULL */
    char offered[100];            /* the names of all schemes, for people: "Negotiate, NTLM" */
};

/* Chooses a challenge. ERR_NO_MEMORY, else ERR_OK, whatever was offered. The caller frees *l
 * afterwards. */
enum err login_choose(const struct http_head *answer, struct login *out);
void login_free(struct login *l); /* zeroed afterwards */

struct login_as {
    const char *user, *password;
    const char *method, *uri; /* Digest: those of the request: "CONNECT", "hub.example:443" */
    const char *cnonce;       /* Digest: random, of visible ASCII without quotes */
};
/* Appends the value of Proxy-Authorization. False: it does not fit, or the challenge has characters
 * that cannot be sent back. */
bool login_basic(const struct login_as *as, struct buf *out);
bool login_digest(const struct login *l, const struct login_as *as, struct buf *out);

#endif
