/* SOCKS5 (RFC 1928 with RFC 1929), SOCKS4 and SOCKS4a as a server sees them: bytes in, in any
 * split, one request out. Pure. */
#ifndef GATEWAY_SOURCE_SOCKS_H
#define GATEWAY_SOURCE_SOCKS_H

#include "core/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* bytes of a host, user or password; SOCKS4, which has no limit of its own, is held to it, too */
#define SOCKS_NAME_MAX 255
#define SOCKS_OUTPUT_MAX 16
#define SOCKS_REPLY_MAX 10

enum socks_command { SOCKS_CONNECT = 1, SOCKS_BIND = 2, SOCKS_UDP = 3, SOCKS_RESOLVE = 0xf0 };

enum socks_auth {
    SOCKS_AUTH_NONE,     /* "no authentication" where offered; else any user and password will do */
    SOCKS_AUTH_OPTIONAL, /* A client that can give a user name is asked for it. */
    SOCKS_AUTH_REQUIRED
};

enum socks_state {
    SOCKS_MORE,  /* The request is not complete. */
    SOCKS_CHECK, /* User and password are there: call socks_authenticated. */
    SOCKS_DONE,  /* A CONNECT request is complete: answer it with socks_reply. */
    SOCKS_FAILED /* The request is refused (socks_why): send the output, then close. */
};

struct socks_request {
    int version; /* 4 or 5 */
    int command;
    char host[SOCKS_NAME_MAX + 1]; /* any bytes but NULs; an IPv6 address has no brackets */
    bool literal;                  /* The host came as an address, not as a name. */
    int port;
    char user[SOCKS_NAME_MAX + 1]; /* "" when none was given */
    char password[SOCKS_NAME_MAX + 1];
};

struct socks;
struct socks *socks_new(enum socks_auth auth); /* NULL: memory */
void socks_free(struct socks *s);              /* wipes the password; NULL is fine */

/* Takes bytes while the state is SOCKS_MORE, and none beyond the request's end. Returns how many it
 * took. */
size_t socks_feed(struct socks *s, const uint8_t *p, size_t n);
enum socks_state socks_state(const struct socks *s);
enum err socks_why(const struct socks *s); /* why the state is SOCKS_FAILED */
const struct socks_request *socks_request(const struct socks *s); /* what is known so far */

/* Whether the SOCKS5 client has agreed on a method and has sent nothing of its request. */
bool socks_idle(const struct socks *s);

/* Ends SOCKS_CHECK: whether the credentials are right. */
void socks_authenticated(struct socks *s, bool right);

/* Moves the bytes that the client must get now into out. Returns how many there are. */
size_t socks_output(struct socks *s, uint8_t out[SOCKS_OUTPUT_MAX]);

/* Writes the answer to a request, ERR_OK for success. Returns its length. */
size_t socks_reply(int version, enum err why, uint8_t out[SOCKS_REPLY_MAX]);

#endif
