/* Shared access signatures, by which Azure's SDKs say who they are (in the Authorization header of
 * service programs, as the MQTT password of devices):
 *
 *   SharedAccessSignature sr=<resource>&sig=<base64>&se=<seconds since 1970>[&skn=<policy>]
 *
 * with the fields in any order. The signature is the HMAC-SHA256 of the texts of sr and se, exactly
 * as they stand there, with a line feed between them. Pure. */
#ifndef GATEWAY_HUB_AZURE_SAS_H
#define GATEWAY_HUB_AZURE_SAS_H

#include "core/base/hash.h"
#include "core/base/str.h"

#define SAS_MAX 4096     /* bytes of a token */
#define SAS_NAME_MAX 128 /* bytes of a policy's name */

/* X(name, sentence for people) */
#define SAS_TABLE(X)                                                                               \
    X(OK, "The token is valid.")                                                                   \
    X(MISSING, "There is no shared access signature.")                                             \
    X(MALFORMED, "The shared access signature is malformed: it has sr, sig and se, each once.")    \
    X(EXPIRED, "The shared access signature has expired.")                                         \
    X(UNKNOWN, "Nothing is known that this shared access signature could be of.")                  \
    X(MISMATCH, "The shared access signature was made with another key.")                          \
    X(SCOPE, "The shared access signature is for another resource.")
enum sas_verdict {
#define X(name, text) SAS_##name,
    SAS_TABLE(X)
#undef X
        SAS_VERDICTS
};
const char *sas_text(enum sas_verdict v);

/* Views into the token, but for what is decoded. */
struct sas {
    struct span resource, expiry;  /* sr and se, as they stand in it */
    uint64_t expires;              /* seconds since 1970 */
    char policy[SAS_NAME_MAX + 1]; /* skn; "": none */
    uint8_t signature[HASH_SHA256_SIZE];
};

/* SAS_OK, SAS_MISSING (the text is empty, or no such thing) or SAS_MALFORMED. */
enum sas_verdict sas_parse(struct span token, struct sas *out);
/* Checks the time (ms since 1970), the signature, and the resource, in this order: SAS_OK,
 * SAS_EXPIRED, SAS_MISMATCH or SAS_SCOPE. key: bytes. host, path: what the token is used for, as
 * "hub.example:443" and "/devices/pump"; the token may be for this, or for something that it is
 * part of. Case of the host is ignored, and so is a port that only one of the two has. */
enum sas_verdict sas_verify(const struct sas *s, const uint8_t *key, size_t n, struct span host,
                            struct span path, int64_t now_ms);

#endif
