/* Answers of a frontend's HTTPS connections that are sentences for people. */
#include "core/base/clock.h"
#include "core/base/random.h"
#include "core/http/server.h"
#include "gateway/hub/api/api.h"
#include "gateway/hub/azure/azure_request.h"
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

static void answer(struct pending_conn *conn, int status, const char *headers, const char *text,
                   bool close)
{
    char body[600];
    int n = snprintf(body, sizeof body, "%s\n", text);
    struct http_response a = {.status = status,
                              .type = "text/plain; charset=utf-8",
                              .headers = headers,
                              .body = {body, (size_t)n < sizeof body ? (size_t)n : sizeof body - 1},
                              .close = close || conn->via == VIA_FORWARD};
    http_conn_answer(conn->session, &a);
    pending_conn_rest(conn);
}

void frontend_answer(struct pending_conn *conn, int status, const char *text, bool close)
{
    char headers[160];
    snprintf(headers, sizeof headers, "channel-id: %s\r\n%s", conn->channel, more_headers(status));
    answer(conn, status, headers, text, close);
}

/* The target is one of visible ASCII (core/http/http.h), and of a request of 4 KB at most. */
void frontend_redirect(struct pending_conn *conn, const char *location)
{
    struct buf headers = {.limit = 8192};
    bool ok = buf_printf(&headers, "channel-id: %s\r\nLocation: %s%.*s\r\n", conn->channel,
                         location, (int)conn->head->target.n, conn->head->target.p) &&
              buf_append(&headers, (const uint8_t *)"", 1);
    if (ok)
        answer(conn, 307, (const char *)headers.data, "Another hub of this cluster has it.", true);
    else
        frontend_answer(conn, 503, "The hub is out of memory: try again.", true);
    buf_free(&headers);
}

static void azure_error_answer(int status, const char *text,
                               void (*take)(void *ctx, const struct http_response *a), void *ctx)
{
    enum azure_error e = azure_error_of_status(status);
    struct json_writer w = {.bytes.limit = AZURE_ERROR_BODY_MAX};
    char headers[AZURE_ERROR_HEADERS_SIZE], id[UUID_SIZE];
    random_uuid(id);
    azure_error_write(&w, e, text, id, clock_wall_ms());
    azure_error_headers(e, headers);
    take(ctx, &(struct http_response){.status = status,
                                      .type = AZURE_ERROR_TYPE,
                                      .headers = headers,
                                      .body = {(const char *)w.bytes.data, w.bytes.size},
                                      .close = true});
    buf_free(&w.bytes);
}

void frontend_call_error(const struct http_head *head, int status, const char *text,
                         void (*take)(void *ctx, const struct http_response *a), void *ctx)
{
    char headers[API_HEADERS_SIZE], body[600];
    struct api_answer a;
    if (azure_wants(head)) {
        azure_error_answer(status, text, take, ctx);
        return;
    }
    api_bad_request(status, text, &a, body, sizeof body);
    api_headers(&a, headers);
    take(ctx, &(struct http_response){.status = a.status,
                                      .type = API_CONTENT_TYPE,
                                      .headers = headers,
                                      .body = a.body,
                                      .close = true});
}
