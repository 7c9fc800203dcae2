/* Private to core/tls: checks the other side's certificate chain. An X.509 class for BearSSL's
 * engine, which gathers what the other side shows and asks path.h at the end: BearSSL's own
 * ("minimal") knows no name constraints, purposes and addresses, and no order but the right one. */
#ifndef CORE_TLS_VERIFY_H
#define CORE_TLS_VERIFY_H

#include "core/base/buf.h"
#include "core/tls/path.h"
#include "core/tls/trust.h"

struct verifier {
    const br_x509_class *vtable; /* first: BearSSL's way of inheriting */
    const struct trust *trust;
    const char *host;
    int64_t now;
    unsigned certificates;         /* begun */
    struct buf chain;              /* as they came, one behind the other */
    size_t ends[PATH_MAX_SHOWN];   /* where each one of them ends */
    br_ssl_engine_context *asking; /* of the server that asks its client; NULL: we are the client */
    bool no_memory;
    struct public_key key;       /* of the other side */
    struct path_verdict verdict; /* at the end */
};

/* Of a server: for this host, at this time (seconds since 1970). trust and host must outlive it. */
void verifier_init(struct verifier *v, const struct trust *trust, const char *host, int64_t now);
/* Of a client, whom this server's engine asks. BearSSL's option to go on without client
 * authentication, which is set there, also lets those in whose certificate is wrong; so it is taken
 * back as soon as a certificate comes. trust and engine must outlive it. */
void verifier_init_client(struct verifier *v, const struct trust *trust,
                          br_ssl_engine_context *engine, int64_t now);
void verifier_free(struct verifier *v);

/* The other side's own certificate; empty: none. */
struct der verifier_leaf(const struct verifier *v);

#endif
