/* Answers of a frontend's HTTPS connections that are sentences for people. */
#include "core/http/server.h"
#include "gateway/hub/frontend_internal.h"

#include <stdio.h>

static const char *more_headers(int status)
{
    switch (status) {
    case 401:
        return "WWW-Authenticate: Bearer\r\n";
    case 405:
        return "Allow: GET\r\n";
    case 426:
        return "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n";
    case 503:
        return "Retry-After: 1\r\n";
    default:
        return "";
    }
}

void frontend_answer(struct pending_conn *conn, int status, const char *text, bool close)
{
    char headers[160], body[600];
    int n = snprintf(body, sizeof body, "%s\n", text);
    snprintf(headers, sizeof headers, "channel-id: %s\r\n%s", conn->channel, more_headers(status));
    struct http_response a = {.status = status,
                              .type = "text/plain; charset=utf-8",
                              .headers = headers,
                              .body = {body, (size_t)n < sizeof body ? (size_t)n : sizeof body - 1},
                              .close = close};
    http_conn_answer(conn->session, &a);
    pending_conn_rest(conn);
}
