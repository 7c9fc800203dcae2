/* Every way in which something can end or fail, in one table: the log, the access line, the SOCKS
 * and HTTP answers, metrics and screens all take names and texts from here.
 *
 * Functions that can fail return `enum err`; ERR_OK is 0. `errno` does not leave a module. */
#ifndef CORE_BASE_ERR_H
#define CORE_BASE_ERR_H

#include <stdbool.h>

/* X(name, text for people, SOCKS5 reply, HTTP status) */
#define ERR_TABLE(X)                                                                               \
    X(OK, "complete", 0, 200)                                                                      \
    X(EOF, "the other side closed", 1, 502)                                                        \
    X(CLIENT_CLOSED, "the client closed", 1, 502)                                                  \
    X(SERVICE_CLOSED, "the service closed", 1, 502)                                                \
    X(PEER_RESET, "the far end reset the connection", 5, 502)                                      \
    X(PEER_LOST, "the other end of the tunnel went away", 3, 503)                                  \
    X(DEVICE_OFFLINE, "the device is not connected", 4, 503)                                       \
    X(DEVICE_UNKNOWN, "no such device", 4, 502)                                                    \
    X(DEVICE_REJECTED, "the device refused", 2, 403)                                               \
    X(DEVICE_SILENT, "the device did not answer in time", 6, 504)                                  \
    X(ACCESS_DENIED, "the access key may not do this", 2, 403)                                     \
    X(CLIENT_RESET, "the client reset the connection", 1, 502)                                     \
    X(STREAM_REPLACED, "a newer stream took its place", 1, 502)                                    \
    X(LINGERED, "silence after the client finished sending", 1, 504)                               \
    X(IDLE, "no byte moved for too long", 1, 504)                                                  \
    X(STALLED, "it did not read while others waited", 1, 502)                                      \
    X(LINK_LOST, "the connection to the hub was lost", 3, 503)                                     \
    X(HUB_DOWN, "not connected to the hub", 3, 503)                                                \
    X(TUNNEL_CLOSED, "the tunnel was closed", 3, 503)                                              \
    X(TOKEN_REPLACED, "the access token was replaced", 3, 503)                                     \
    X(REFUSED, "connection refused", 5, 502)                                                       \
    X(UNREACHABLE, "no route to host", 4, 502)                                                     \
    X(TIMEOUT, "timed out", 6, 504)                                                                \
    X(RESOLVE, "name does not resolve", 4, 502)                                                    \
    X(RESET, "connection reset", 5, 502)                                                           \
    X(NO_SERVICE, "no such service", 4, 502)                                                       \
    X(NEEDS_TARGET, "the service leads to several hosts, and none was named", 4, 502)              \
    X(NO_TARGETS, "a host cannot be named there", 4, 502)                                          \
    X(AMBIGUOUS, "ambiguous name", 4, 409)                                                         \
    X(FORBIDDEN, "not allowed", 2, 403)                                                            \
    X(NOT_HTTP, "the service is not known to be HTTP", 2, 403)                                     \
    X(FOREIGN_ORIGIN, "a web page from elsewhere asked for it", 2, 403)                            \
    X(AUTH, "authentication required", 2, 407)                                                     \
    X(BUSY, "the service takes one connection at a time and is in use", 1, 503)                    \
    X(LIMIT, "too many connections", 1, 503)                                                       \
    X(NO_MEMORY, "out of memory", 1, 503)                                                          \
    X(NO_DESCRIPTORS, "out of file descriptors", 1, 503)                                           \
    X(UNSUPPORTED, "command not supported", 7, 405)                                                \
    X(ADDRESS_TYPE, "address type not supported", 8, 400)                                          \
    X(PROTOCOL, "not understood", 1, 400)                                                          \
    X(TOO_LARGE, "too large", 1, 431)                                                              \
    X(SILENT, "nothing came in time", 1, 408)                                                      \
    X(TLS, "TLS error", 1, 502)                                                                    \
    X(TLS_UNTRUSTED, "certificate not signed by a trusted authority", 1, 502)                      \
    X(TLS_EXPIRED, "certificate expired or not yet valid", 1, 502)                                 \
    X(TLS_CERTIFICATE, "certificate that may not be used for this", 1, 502)                        \
    X(TLS_NAME, "certificate is for another host name", 1, 502)                                    \
    X(REJECTED, "the hub refused", 1, 502)                                                         \
    X(IO, "input/output error", 1, 502)                                                            \
    X(ADDRESS_IN_USE, "address already in use", 1, 500)                                            \
    X(PERMISSION, "permission denied", 1, 500)                                                     \
    X(NOT_FOUND, "no such file", 1, 500)                                                           \
    X(USAGE, "wrong usage", 1, 500)                                                                \
    X(OPERATOR, "closed by the operator", 2, 403)                                                  \
    X(SHUTDOWN, "shutting down", 1, 503)                                                           \
    X(INTERNAL, "internal error", 1, 500)

enum err {
#define X(name, text, socks, http) ERR_##name,
    ERR_TABLE(X)
#undef X
        ERR_COUNT
};

const char *err_name(enum err e); /* "peer-reset": for logs, JSON and metrics */
const char *err_text(enum err e); /* "the far end reset the connection" */
/* Whether this reason is the orderly end of a connection, which its other side learns by a FIN.
 * Every other reason is a break and is told by a reset, so that a part is never taken for the
 * whole. */
bool err_is_end(enum err e);
int err_socks5(enum err e); /* RFC 1928 section 6, REP */
int err_http(enum err e);   /* HTTP status code */

/* For a positive errno of a file operation; a directory in place of a file is ERR_UNSUPPORTED. */
enum err err_from_errno(int number);

#endif
