/* An X.509 certificate (RFC 5280), taken apart: views into its DER bytes, which must outlive it.
 * Nothing is judged here; path.h does that. */
#ifndef CORE_TLS_CERTIFICATE_H
#define CORE_TLS_CERTIFICATE_H

#include "core/tls/der.h"

#include <bearssl.h>

struct public_key {
    br_x509_pkey key; /* valid when supported */
    bool supported;   /* RSA of up to 4096 bits; EC on P-256, P-384 or P-521 */
    unsigned bits;    /* size of an RSA key */
    char kind[24];    /* for people: "RSA-2048", "EC P-256", "Ed25519" */
};

/* Bits of the first byte of keyUsage. */
enum key_usage { USAGE_SIGNATURE = 0x80, USAGE_CERTIFICATES = 0x04 };
enum key_purpose { PURPOSE_SERVER = 1, PURPOSE_CLIENT = 2, PURPOSE_ANY = 4, PURPOSE_OTHER = 8 };

struct certificate {
    struct der whole;
    struct der body;               /* TBSCertificate with its header, which is what is signed */
    struct der algorithm;          /* content of the signature's AlgorithmIdentifier */
    struct der signature;          /* bytes of the BIT STRING */
    struct der issuer, subject;    /* content of the RDNSequences */
    struct der subject_name;       /* the subject with its header */
    int64_t not_before, not_after; /* seconds since 1970 */
    struct public_key key;
    bool first_version;             /* version 1, which has no extensions */
    bool unknown_critical;          /* it has a critical extension that is not known here */
    bool has_basic, is_ca;          /* the basicConstraints extension */
    int64_t path_length;            /* -1: not limited */
    bool has_usage;                 /* the keyUsage extension */
    unsigned usage;                 /* bits of enum key_usage */
    unsigned purposes;              /* bits of enum key_purpose; 0: there is no extendedKeyUsage */
    struct der names;               /* content of subjectAltName's GeneralNames */
    struct der permitted, excluded; /* content of nameConstraints' GeneralSubtrees */
    bool tells_issuer; /* authorityInfoAccess names where the issuer's certificate is */
};

/* Adds the purposes of a list of OBJECT IDENTIFIERs (its content). False: it is no such list. */
bool certificate_purposes(struct der list, unsigned *purposes);

/* Parses a certificate. NULL, or a sentence that says what is wrong: it is not DER, not a
 * certificate, or has an extension twice. A key or signature of an unsupported kind is no error
 * here. */
const char *certificate_parse(struct certificate *c, const uint8_t *p, size_t n);

bool certificate_self_issued(const struct certificate *c);

enum signature_result { SIGNATURE_GOOD, SIGNATURE_WRONG, SIGNATURE_UNSUPPORTED };
/* Whether the key has signed c: PKCS #1 v1.5 or ECDSA with SHA-2. */
enum signature_result signature_check(const struct certificate *c, const struct public_key *issuer);
/* "SHA-1 with RSA", "RSA-PSS", … or "an unknown algorithm". */
const char *signature_name(const struct certificate *c);
/* The type of the key that has signed c: BR_KEYTYPE_RSA or BR_KEYTYPE_EC; 0: another type. */
int signature_key_type(const struct certificate *c);

/* Parses the key in a SubjectPublicKeyInfo (its content). False: not DER. */
bool public_key_parse(struct public_key *k, struct der info);

#define CERTIFICATE_TIME 24
/* Writes "2026-11-30 08:20 UTC", for people. Returns out. */
char *certificate_time(int64_t seconds, char out[static CERTIFICATE_TIME]);

#endif
