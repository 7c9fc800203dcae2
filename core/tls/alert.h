/* TLS alerts (RFC 5246 section 7.2). */
#ifndef CORE_TLS_ALERT_H
#define CORE_TLS_ALERT_H

enum alert_level { ALERT_WARNING = 1, ALERT_FATAL = 2 };

/* X(name, number, text for people) */
#define ALERT_TABLE(X)                                                                             \
    X(CLOSE_NOTIFY, 0, "close notify")                                                             \
    X(UNEXPECTED_MESSAGE, 10, "unexpected message")                                                \
    X(BAD_RECORD_MAC, 20, "bad record MAC")                                                        \
    X(RECORD_OVERFLOW, 22, "record overflow")                                                      \
    X(HANDSHAKE_FAILURE, 40, "handshake failure")                                                  \
    X(BAD_CERTIFICATE, 42, "bad certificate")                                                      \
    X(UNSUPPORTED_CERTIFICATE, 43, "unsupported certificate")                                      \
    X(CERTIFICATE_REVOKED, 44, "certificate revoked")                                              \
    X(CERTIFICATE_EXPIRED, 45, "certificate expired")                                              \
    X(CERTIFICATE_UNKNOWN, 46, "certificate unknown")                                              \
    X(ILLEGAL_PARAMETER, 47, "illegal parameter")                                                  \
    X(UNKNOWN_CA, 48, "unknown CA")                                                                \
    X(ACCESS_DENIED, 49, "access denied")                                                          \
    X(DECODE_ERROR, 50, "decode error")                                                            \
    X(DECRYPT_ERROR, 51, "decrypt error")                                                          \
    X(PROTOCOL_VERSION, 70, "protocol version")                                                    \
    X(INSUFFICIENT_SECURITY, 71, "insufficient security")                                          \
    X(INTERNAL_ERROR, 80, "internal error")                                                        \
    X(INAPPROPRIATE_FALLBACK, 86, "inappropriate fallback")                                        \
    X(USER_CANCELED, 90, "user canceled")                                                          \
    X(NO_RENEGOTIATION, 100, "no renegotiation")                                                   \
    X(UNSUPPORTED_EXTENSION, 110, "unsupported extension")                                         \
    X(UNRECOGNIZED_NAME, 112, "unrecognized name")                                                 \
    X(CERTIFICATE_REQUIRED, 116, "certificate required")                                           \
    X(NO_APPLICATION_PROTOCOL, 120, "no application protocol")

enum alert {
#define X(name, number, text) ALERT_##name = number,
    ALERT_TABLE(X)
#undef X
};

const char *alert_name(int number); /* "bad certificate"; "unknown" for others */

#endif
