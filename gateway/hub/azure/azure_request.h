/* Requests of Azure's service programs, as the SDKs for device streams send them:
 *
 *   POST /twins/DEVICE[/modules/MODULE]/streams/STREAM?api-version=…
 *   iothub-streaming-connect-timeout-in-seconds: 30     how long to wait until the device is there
 *   iothub-streaming-response-timeout-in-seconds: 30    and how long for its answer
 *
 * and GET /devicestreams, what "az iot hub devicestream show" prints of a hub. Pure. */
#ifndef GATEWAY_HUB_AZURE_AZURE_REQUEST_H
#define GATEWAY_HUB_AZURE_AZURE_REQUEST_H

#include "core/http/http.h"
#include "gateway/hub/azure/azure_error.h"
#include "gateway/hub/azure/azure_topics.h"
#include "gateway/hub/registry/device_record.h"

#define AZURE_HANDSHAKE_MS 60000 /* connecting and answering together, at most */
#define AZURE_VERSION_MAX 64

enum azure_kind {
    AZURE_STREAM,
    AZURE_ENDPOINTS,
};
struct azure_request {
    enum azure_kind kind;
    enum azure_error error; /* AZURE_NONE, or what is wrong; then `problem` says it in words */
    const char *problem;
    /* Of a stream: */
    char azure_id[DEVICE_AZURE_ID_MAX + 1]; /* "pump", or "edge/module" */
    char stream[AZURE_STREAM_NAME_MAX + 1];
    char version[AZURE_VERSION_MAX + 1]; /* api-version, whatever it is; "": none was given */
    /* 0 when it is not given: who is not there is told so at once. An answer is always waited for,
     * for AZURE_HANDSHAKE_MS if nothing is said. Neither is longer than that. */
    uint64_t connect_ms, response_ms;
};

/* Whether the request is one of these, by its path. */
bool azure_wants(const struct http_head *head);
/* Whether its answer may have to wait for a device. */
bool azure_may_wait(const struct http_head *head);
/* Reads a request that azure_wants. */
struct azure_request azure_request_read(const struct http_head *head);
/* What a token of the request must be for: the path of it, decoded, "/twins/pump/streams/SSH1". */
#define AZURE_RESOURCE_SIZE (DEVICE_AZURE_ID_MAX + AZURE_STREAM_NAME_MAX + 40)
void azure_request_resource(const struct azure_request *r, char out[AZURE_RESOURCE_SIZE]);

#endif
