/* An X.509 certificate (RFC 5280), taken apart: views into its DER bytes, which must outlive it.
 * Nothing is judged here; path.h does that. */
#ifndef CORE_TLS_CERTIFICATE_H
#define CORE_TLS_CERTIFICATE_H

#include "core/tls/der.h"

#include <bearssl.h>

struct public_key {
    br_x509_pkey key; /* when supported */
    bool supported;   /* RSA of up to 4096 bits; EC on P-256, P-384 or P-521 */
    unsigned bits;    /* of an RSA key */
    char kind[24];    /* for people: "RSA-2048", "EC P-256", "Ed25519" */
};

enum key_usage { USAGE_SIGNATURE = 0x80, USAGE_CERTIFICATES = 0x04 }; /* in its first byte */
enum key_purpose { PURPOSE_SERVER = 1, PURPOSE_CLIENT = 2, PURPOSE_ANY = 4, PURPOSE_OTHER = 8 };

struct certificate {
    struct der whole;
    struct der body;               /* TBSCertificate with its header: what is signed */
    struct der algorithm;          /* the signature's AlgorithmIdentifier, its content */
    struct der signature;          /* the BIT STRING's bytes */
    struct der issuer, subject;    /* RDNSequences, their content */
    struct der subject_name;       /* the same with its header */
    int64_t not_before, not_after; /* seconds since 1970 */
    struct public_key key;
    bool first_version;             /* version 1, which has no extensions */
    bool unknown_critical;          /* a critical extension that is not known here */
    bool has_basic, is_ca;          /* basicConstraints */
    int64_t path_length;            /* -1: not limited */
    bool has_usage;                 /* keyUsage */
    unsigned usage;                 /* bits of enum key_usage */
    unsigned purposes;              /* bits of enum key_purpose; 0: no extendedKeyUsage */
    struct der names;               /* subjectAltName: GeneralNames, their content */
    struct der permitted, excluded; /* nameConstraints: GeneralSubtrees, their content */
    bool tells_issuer;              /* authorityInfoAccess: where its issuer's certificate is */
};

/* Adds the purposes of a list of OBJECT IDENTIFIERs (its content). False: it is none. */
bool certificate_purposes(struct der list, unsigned *purposes);

/* NULL, or a sentence that says what is wrong: it is not DER, not a certificate, or has an
 * extension twice. A key or signature of a kind that is not supported is no error here. */
const char *certificate_parse(struct certificate *c, const uint8_t *p, size_t n);

bool certificate_self_issued(const struct certificate *c);

enum signature_result { SIGNATURE_GOOD, SIGNATURE_WRONG, SIGNATURE_UNSUPPORTED };
/* Whether the key has signed c: PKCS #1 v1.5 or ECDSA with SHA-2. */
enum signature_result signature_check(const struct certificate *c, const struct public_key *issuer);
/* "SHA-1 with RSA", "RSA-PSS", … or "an unknown algorithm". */
const char *signature_name(const struct certificate *c);
/* Of the key that has signed c: BR_KEYTYPE_RSA or BR_KEYTYPE_EC; 0: of another kind. */
int signature_key_type(const struct certificate *c);

/* The key in a SubjectPublicKeyInfo (its content). False: not DER. */
bool public_key_parse(struct public_key *k, struct der info);

#define CERTIFICATE_TIME 24
/* "2026-11-30 08:20 UTC" for people. Returns out. */
char *certificate_time(int64_t seconds, char out[static CERTIFICATE_TIME]);

#endif
