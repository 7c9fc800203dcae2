/* SOCKS5 (RFC 1928 with RFC 1929), SOCKS4 and SOCKS4a as a server sees them: bytes in, in any
 * split, one request out. Pure. */
#ifndef GATEWAY_SOURCE_SOCKS_H
#define GATEWAY_SOURCE_SOCKS_H

#include "core/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SOCKS_NAME_MAX 255 /* host, user and password; SOCKS4 strings are held to it, too */
#define SOCKS_OUTPUT_MAX 16
#define SOCKS_REPLY_MAX 10

enum socks_command { SOCKS_CONNECT = 1, SOCKS_BIND = 2, SOCKS_UDP = 3, SOCKS_RESOLVE = 0xf0 };

enum socks_auth {
    SOCKS_AUTH_NONE,     /* "no authentication" when offered; else whatever is said is taken */
    SOCKS_AUTH_OPTIONAL, /* a user name is asked for when the client can give one */
    SOCKS_AUTH_REQUIRED
};

enum socks_state {
    SOCKS_MORE,  /* the request is not complete */
    SOCKS_CHECK, /* user and password are there: call socks_verdict */
    SOCKS_DONE,  /* a CONNECT request is complete: answer it with socks_reply */
    SOCKS_FAILED /* not acceptable (socks_why); what is to be sent is in the output; then close */
};

struct socks_request {
    int version; /* 4 or 5 */
    int command;
    char host[SOCKS_NAME_MAX + 1]; /* text without NULs; may hold any other byte */
    bool literal;                  /* host came as an address, not as a name */
    int port;
    char user[SOCKS_NAME_MAX + 1]; /* "" when none was given */
    char password[SOCKS_NAME_MAX + 1];
};

struct socks;
struct socks *socks_new(enum socks_auth auth); /* NULL: memory */
void socks_free(struct socks *s);              /* wipes the password; NULL is fine */

/* Takes bytes, none beyond the request's end, and none while the state is not SOCKS_MORE. Returns
 * how many were taken. */
size_t socks_feed(struct socks *s, const uint8_t *p, size_t n);
enum socks_state socks_state(const struct socks *s);
enum err socks_why(const struct socks *s);                        /* SOCKS_FAILED: why */
const struct socks_request *socks_request(const struct socks *s); /* what is known so far */

/* SOCKS5: the method is agreed on, and nothing of the request itself has come. */
bool socks_idle(const struct socks *s);

/* SOCKS_CHECK: whether the credentials are right. */
void socks_verdict(struct socks *s, bool right);

/* Moves what the client must be sent now into out; returns how many bytes. */
size_t socks_output(struct socks *s, uint8_t out[SOCKS_OUTPUT_MAX]);

/* The answer to a request: ERR_OK is success. Returns its length. */
size_t socks_reply(int version, enum err why, uint8_t out[SOCKS_REPLY_MAX]);

#endif
