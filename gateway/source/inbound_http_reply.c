#include "core/http/response.h"
#include "gateway/source/inbound_http_internal.h"

#define RETRY_AFTER_SECONDS 5

static bool failure_page(enum err why, const char *text, bool head, struct buf *out)
{
    int status = err_http(why);
    return proxy_answer_write(
        &(struct proxy_answer){.status = status,
                               .reason = text,
                               .error = err_name(why),
                               .head = head,
                               .retry_after = status == 503 ? RETRY_AFTER_SECONDS : 0},
        out);
}

static bool answer_connect(enum err why, const char *text, struct buf *out)
{
    return why == ERR_OK ? buf_append(out, HTTP_ESTABLISHED, sizeof HTTP_ESTABLISHED - 1)
                         : failure_page(why, text, false, out);
}

static bool answer_forward(enum err why, const char *text, struct buf *out)
{
    return why == ERR_OK || failure_page(why, text, false, out);
}

static bool answer_forward_head(enum err why, const char *text, struct buf *out)
{
    return why == ERR_OK || failure_page(why, text, true, out);
}

const struct reply_format inbound_reply_connect = {
    .protocol = "connect", .patient = true, .answer = answer_connect};
const struct reply_format inbound_reply_forward = {
    .protocol = "http", .patient = true, .answer = answer_forward};
const struct reply_format inbound_reply_forward_head = {
    .protocol = "http", .patient = true, .answer = answer_forward_head};

void inbound_http_refuse(struct inbound_conn *c, const char *asked, enum err why, int status,
                         const char *text, bool head)
{
    struct buf words = {.limit = 8192};
    const struct proxy_answer a = {
        .status = status, .reason = text, .error = err_name(why), .head = head};
    if (!proxy_answer_write(&a, &words))
        buf_free(&words);
    inbound_conn_refuse(c, inbound_reply_forward.protocol, asked, why, text, &words);
}
