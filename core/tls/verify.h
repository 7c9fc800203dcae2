/* Private to core/tls: checks the other side's certificate chain. An X.509 class for BearSSL's
 * engine around its "minimal" one, which adds what that lacks: IP addresses, trusting anything, and
 * clients that may have no certificate but not a wrong one. */
#ifndef CORE_TLS_VERIFY_H
#define CORE_TLS_VERIFY_H

#include "core/base/buf.h"
#include "core/tls/trust.h"

struct verifier {
    const br_x509_class *vtable; /* first: BearSSL's way of inheriting */
    const struct trust *trust;
    const char *host;
    uint8_t address[16]; /* host as an address, address_bytes of it; 0: a name */
    size_t address_bytes;
    unsigned certificates;         /* begun */
    struct buf leaf;               /* the other side's own certificate */
    br_ssl_engine_context *asking; /* of the server that asks its client; NULL: we are the client */
    bool no_memory;
    br_x509_minimal_context minimal;
    br_x509_decoder_context decoder; /* insecure: the key as it comes */
    const br_x509_pkey *key;
};

/* Of a server: for this host. trust and host must outlive it. */
void verifier_init(struct verifier *v, const struct trust *trust, const char *host);
/* Of a client, whom this server's engine asks. BearSSL's option to go on without client
 * authentication, which is set there, also lets those in whose certificate is wrong; so it is taken
 * back as soon as a certificate comes. trust and engine must outlive it. */
void verifier_init_client(struct verifier *v, const struct trust *trust,
                          br_ssl_engine_context *engine);
void verifier_free(struct verifier *v);

#endif
