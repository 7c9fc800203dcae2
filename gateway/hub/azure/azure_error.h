/* The errors of Azure's REST interface for device streams. SDKs tell them by the HTTP status, by
 * the header iothub-errorcode, and by "ErrorCode:NAME;" at the front of the body's Message; this
 * older form of the body is the one that all of them understand. */
#ifndef GATEWAY_HUB_AZURE_AZURE_ERROR_H
#define GATEWAY_HUB_AZURE_AZURE_ERROR_H

#include "core/base/json_write.h"

/* X(name, HTTP status, iothub-errorcode, what is said unless there is more to say) */
#define AZURE_ERROR_TABLE(X)                                                                       \
    X(NONE, 200, "", "")                                                                           \
    X(ARGUMENT, 400, "ArgumentInvalid", "The request is not valid.")                               \
    X(UNAUTHORIZED, 401, "IotHubUnauthorizedAccess", "Unauthorized")                               \
    X(QUOTA, 403, "IotHubQuotaExceeded", "A quota of this policy's streams is used up.")           \
    X(DEVICE_UNKNOWN, 404, "DeviceNotFound", "There is no such device.")                           \
    X(DEVICE_OFFLINE, 404, "DeviceNotOnline", "Timed out waiting for device to connect.")          \
    X(TOO_LARGE, 413, "RequestTooLarge", "The request is too large.")                              \
    X(THROTTLED, 429, "ThrottlingException", "Too many new streams: try again in a second.")       \
    X(SERVER, 500, "ServerError", "The hub cannot do that now.")                                   \
    X(UNAVAILABLE, 503, "ServiceUnavailable", "The hub cannot do that now: try again.")            \
    X(DEVICE_SILENT, 504, "GatewayTimeout", "Timed out waiting for the response from device.")
enum azure_error {
#define X(name, status, code, text) AZURE_##name,
    AZURE_ERROR_TABLE(X)
#undef X
        AZURE_ERRORS
};
int azure_error_status(enum azure_error e);
const char *azure_error_code(enum azure_error e);
/* The one that fits an HTTP status of a request that could not be read. */
enum azure_error azure_error_of_status(int status);

#define AZURE_ERROR_TYPE "application/json; charset=utf-8"
#define AZURE_ERROR_BODY_MAX ((size_t)4096)
#define AZURE_ERROR_HEADERS_SIZE 80
/* The header line of the answer, with its CRLF. */
void azure_error_headers(enum azure_error e, char out[AZURE_ERROR_HEADERS_SIZE]);
/* Writes the body, JSON. text: a sentence; NULL: the table's. tracking: the request's id; now: ms
 * since 1970. */
void azure_error_write(struct json_writer *w, enum azure_error e, const char *text,
                       const char *tracking, int64_t now);

#endif
