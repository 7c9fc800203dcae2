/* Private to core/tls: a set of trust anchors. */
#ifndef CORE_TLS_TRUST_H
#define CORE_TLS_TRUST_H

#include "core/tls/certificate.h"
#include "core/tls/tls.h"

struct trust {
    bool insecure;
    enum key_purpose purpose;    /* of what they sign */
    struct certificate *anchors; /* each owns its bytes (whole.p) */
    br_x500_name *names;         /* of each its subject, to tell clients */
    size_t n, capacity;
    bool distrusted;      /* one was passed over, since its file says so */
    char unsupported[24]; /* the kind of a key that was passed over, or empty */
    uint8_t id[16];       /* random: ties sessions to the trust they were verified with */
};

/* Adds every certificate of the PEM text that is not there yet, and counts in *found those whose
 * keys are supported. Objects that are something else, certificates that cannot be read, and
 * TRUSTED CERTIFICATEs that are not trusted for this purpose are passed over. False: no memory or
 * above 10,000 anchors. */
bool trust_add_pem(struct trust *t, const void *text, size_t n, size_t *found);

void trust_clear(struct trust *t); /* frees what is in it */

#endif
