#include "gateway/source/reply_format.h"

#include "core/http/response.h"
#include "gateway/source/proxy.h"
#include "gateway/source/socks.h"

#define RETRY_AFTER_SECONDS 5

static bool answer_socks(int version, enum err why, struct buf *out)
{
    uint8_t reply[SOCKS_REPLY_MAX];
    return buf_append(out, reply, socks_reply(version, why, reply));
}

static bool answer_socks5(enum err why, const char *text, struct buf *out)
{
    (void)text;
    return answer_socks(5, why, out);
}

static bool answer_socks4(enum err why, const char *text, struct buf *out)
{
    (void)text;
    return answer_socks(4, why, out);
}

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

static bool answer_mapped(enum err why, const char *text, struct buf *out)
{
    (void)why, (void)text, (void)out;
    return true;
}

const struct reply_format reply_socks5 = {"socks5", true, answer_socks5};
const struct reply_format reply_socks4 = {"socks4", true, answer_socks4};
const struct reply_format reply_connect = {"connect", true, answer_connect};
const struct reply_format reply_forward = {"http", true, answer_forward};
const struct reply_format reply_forward_head = {"http", true, answer_forward_head};
const struct reply_format reply_mapped = {"port", false, answer_mapped};
