/* Why a hub refuses a device, and why a device rejects a notice: numbers of the device link
 * (proto/device.proto), their names for logs and metrics, their sentences. */
#ifndef CORE_DEVICE_DEVICE_REASON_H
#define CORE_DEVICE_DEVICE_REASON_H

/* What a device does after a refusal. */
enum device_retry {
    DEVICE_RETRY_SOON,   /* as after a lost connection */
    DEVICE_RETRY_SLOWLY, /* after a minute */
    /* At a first start the program ends. A device that was enrolled once tries slowly, since an
     * operator may let it in again. */
    DEVICE_RETRY_NEVER
};

/* X(identifier, number, name, what a device does, sentence) */
#define DEVICE_REASONS(X)                                                                          \
    X(UNKNOWN, 0, "unknown", SOON, "the hub gave no reason")                                       \
    X(BAD_PROOF, 1, "bad-proof", NEVER, "the signature is not one of the device's key")            \
    X(UNKNOWN_DEVICE, 2, "unknown-device", NEVER, "the hub does not know the device")              \
    X(JOIN_TOKEN_UNKNOWN, 3, "join-token-unknown", NEVER, "the hub does not know the join token")  \
    X(JOIN_TOKEN_EXPIRED, 4, "join-token-expired", NEVER, "the join token has expired")            \
    X(JOIN_TOKEN_USED_UP, 5, "join-token-used-up", NEVER, "the join token is used up")             \
    X(NAME_NOT_INVITED, 6, "name-not-invited", NEVER, "the join token is not for this name")       \
    X(NAME_TAKEN, 7, "name-taken", NEVER, "another device has this name")                          \
    X(NAME_INVALID, 8, "name-invalid", NEVER, "it is not a name for a device")                     \
    X(DISABLED, 9, "disabled", NEVER, "the device is disabled")                                    \
    X(REMOVED, 10, "removed", NEVER, "the device was removed")                                     \
    X(REPLACED, 11, "replaced", SLOWLY, "the device connected again from elsewhere")               \
    X(BUSY, 12, "busy", SOON, "the hub is busy")                                                   \
    X(CERTIFICATE_CHANGED, 13, "certificate-changed", SOON, "the hub has another certificate")     \
    X(MALFORMED, 14, "malformed", NEVER, "the message was not understood")

enum device_reason {
#define X(identifier, number, name, retry, text) DEVICE_REASON_##identifier = number,
    DEVICE_REASONS(X)
#undef X
};

/* A number that is none of these counts as UNKNOWN. */
const char *device_reason_name(enum device_reason r);
const char *device_reason_text(enum device_reason r);
enum device_retry device_reason_retry(enum device_reason r);

/* X(identifier, number, name, sentence) */
#define DEVICE_CODES(X)                                                                            \
    X(UNKNOWN, 0, "unknown", "the device gave no reason")                                          \
    X(REFUSED, 1, "refused", "the device's own rules say no")                                      \
    X(NOT_SERVED, 2, "not-served", "the device does not have the service")                         \
    X(BUSY, 3, "busy", "the device has as many tunnels as it may")                                 \
    X(MAINTENANCE, 4, "maintenance", "the device accepts nobody at present")

enum device_code {
#define X(identifier, number, name, text) DEVICE_CODE_##identifier = number,
    DEVICE_CODES(X)
#undef X
};

/* A number that is none of these counts as UNKNOWN. */
const char *device_code_name(enum device_code c);
const char *device_code_text(enum device_code c);

#endif
