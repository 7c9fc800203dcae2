/* Private to core/tls: a set of trust anchors. */
#ifndef CORE_TLS_TRUST_H
#define CORE_TLS_TRUST_H

#include "core/tls/certificate.h"
#include "core/tls/tls.h"

struct trust {
    bool insecure;
    enum key_purpose purpose;    /* the use of the certificates that these anchors sign */
    struct certificate *anchors; /* each anchor owns its bytes (whole.p) */
    br_x500_name *names; /* subjects of the anchors, for the certificate request to clients */
    size_t n, capacity;
    bool distrusted;      /* a certificate was skipped because its file distrusts it */
    char unsupported[24]; /* the kind of a key that was skipped, or empty */
    uint8_t id[16];       /* random: ties sessions to the trust they were verified with */
};

/* Adds every certificate of the PEM text that is not in the set yet, and counts in *found those
 * whose keys are supported. Other objects, certificates that cannot be read, and TRUSTED
 * CERTIFICATEs that are not trusted for this purpose are skipped. False: no memory or above 10,000
 * anchors. */
bool trust_add_pem(struct trust *t, const void *text, size_t n, size_t *found);

void trust_clear(struct trust *t); /* frees the members, not t */

#endif
