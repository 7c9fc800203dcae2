/* Private to core/tls: the sessions of a server, and of a client. */
#ifndef CORE_TLS_CACHE_H
#define CORE_TLS_CACHE_H

#include "core/tls/identity.h"
#include "core/tls/trust.h"

#include <bearssl.h>

/* A connection of a server: the identity that its sessions belong to, and the time. */
struct cache_server {
    const struct identity *identity;
    const unsigned *shown; /* how many certificates the client has shown; not NULL */
    int64_t now;           /* seconds since 1970 */
    bool certified; /* keep the sessions of those who have shown one, instead of the others' */
};

/* Stands between one server connection's engine and the shared cache, to learn whether the session
 * was resumed: then a session was found, and no new one is saved at the end. */
struct cache_use {
    const br_ssl_session_cache_class *vtable; /* must be the first member */
    struct tls_cache *cache;
    struct cache_server server;
    bool resumed;
};
/* The session of a client that shows a certificate is not saved, since resumption would prove
 * neither that the client still owns the certificate nor that it is still valid, unless the server
 * wants these alone (tls_server_options.cache_certified). */
void cache_attach(struct cache_use *use, struct tls_cache *cache, const struct cache_server *server,
                  br_ssl_server_context *context);

/* Whether a ClientHello, in one whole record, offers a session that is in the cache. */
bool cache_knows(struct tls_cache *c, const uint8_t *record, size_t size);

/* What a client's session depends on: the server it was made with, the client's own identity, and
 * the current time (seconds since 1970). */
struct session_scope {
    const struct trust *trust;
    const char *host;
    const struct identity *identity; /* NULL: without a certificate of our own */
    int64_t now;
};
/* What is remembered of the certificates that verified a session. */
struct session_proof {
    int64_t until;                        /* seconds since 1970, when the first of them ends */
    uint8_t fingerprint[TLS_FINGERPRINT]; /* of the server's own */
};
/* Takes the session out when it is good for this scope: it is offered only under the conditions it
 * was verified with, and not after the certificates behind it end (*proof). It is put back when
 * the handshake succeeds, so a session that makes a handshake fail is not offered again. s may be
 * NULL. */
bool session_take(struct tls_session *s, const struct session_scope *scope,
                  br_ssl_session_parameters *out, struct session_proof *proof);
/* The handshake must be complete and the server verified. s may be NULL. */
void session_put(struct tls_session *s, const struct session_scope *scope,
                 const br_ssl_session_parameters *parameters, const struct session_proof *proof);

#endif
