/* Private to core/tls: checks the other side's certificate chain. This is an X.509 class for
 * BearSSL's engine, which gathers what the other side shows and asks path.h at the end. BearSSL's
 * own class ("minimal") supports neither name constraints nor purposes nor addresses, and accepts
 * certificates in the right order only. */
#ifndef CORE_TLS_VERIFY_H
#define CORE_TLS_VERIFY_H

#include "core/base/buf.h"
#include "core/tls/path.h"
#include "core/tls/trust.h"

struct verifier {
    const br_x509_class *vtable; /* first member: BearSSL's way of inheriting */
    const struct trust *trust;
    const char *host;
    int64_t now;
    unsigned certificates;       /* certificates that have begun */
    struct buf chain;            /* the certificates as they came, one after the other */
    size_t ends[PATH_MAX_SHOWN]; /* offset of each certificate's end */
    /* The server's engine that asks its client; NULL: we are the client. */
    br_ssl_engine_context *asking;
    bool no_memory;
    struct public_key key;       /* the other side's key */
    struct path_verdict verdict; /* set at the end of the chain */
};

/* Checks a server: for this host, at this time (seconds since 1970). trust and host must outlive
 * the verifier. */
void verifier_init(struct verifier *v, const struct trust *trust, const char *host, int64_t now);
/* Checks the client of this server's engine. The engine's option to go on without client
 * authentication is set here. It would also accept clients with a wrong certificate, so it is taken
 * back as soon as a certificate comes. trust and engine must outlive the verifier. */
void verifier_init_client(struct verifier *v, const struct trust *trust,
                          br_ssl_engine_context *engine, int64_t now);
void verifier_free(struct verifier *v);

/* The other side's own certificate; empty: it has shown none. */
struct der verifier_leaf(const struct verifier *v);

#endif
