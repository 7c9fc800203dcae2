/* Private to core/tls: a server's sessions, and a client's. */
#ifndef CORE_TLS_CACHE_H
#define CORE_TLS_CACHE_H

#include "core/tls/tls.h"
#include "core/tls/trust.h"

#include <bearssl.h>

/* What one server connection puts between its engine and the shared cache, to learn whether the
 * session was resumed: then one was found, and none is saved at the end. */
struct cache_use {
    const br_ssl_session_cache_class *vtable; /* first */
    struct tls_cache *cache;
    bool resumed;
};
void cache_attach(struct cache_use *use, struct tls_cache *cache, br_ssl_server_context *server);

/* Takes the session out, when it is good for this host and this trust: only those that it was
 * verified with. It comes back when the handshake succeeds, so one that makes a handshake fail is
 * not offered again. s may be NULL. */
bool session_take(struct tls_session *s, const struct trust *trust, const char *host,
                  br_ssl_session_parameters *out);
/* The handshake must be complete and the server verified. s may be NULL. */
void session_put(struct tls_session *s, const struct trust *trust, const char *host,
                 const br_ssl_session_parameters *parameters);

#endif
