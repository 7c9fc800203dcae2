/* Private to core/tls: checks a server's certificate chain. An X.509 class for BearSSL's engine
 * around its "minimal" one, which adds what that lacks: IP addresses, and trusting anything. */
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
    unsigned certificates; /* begun */
    struct buf leaf;       /* the server's own certificate */
    bool no_memory;
    br_x509_minimal_context minimal;
    br_x509_decoder_context decoder; /* insecure: the key as it comes */
    const br_x509_pkey *key;
};

/* trust and host must outlive it. */
void verifier_init(struct verifier *v, const struct trust *trust, const char *host);
void verifier_free(struct verifier *v);

#endif
