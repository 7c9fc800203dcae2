#include "gateway/source/inbound_internal.h"

static const char *socks_name(const struct socks_request *r)
{
    return r->version == 4 ? "socks4" : "socks5";
}

static void socks_failed(struct inbound_conn *c, const char *text)
{
    const struct socks_request *r = socks_request(c->socks);
    struct buf words = {.limit = 64};
    uint8_t out[SOCKS_OUTPUT_MAX];
    size_t n = socks_output(c->socks, out);
    if (!buf_append(&words, out, n))
        buf_free(&words);
    inbound_conn_refuse(c, socks_name(r), r->host, socks_why(c->socks), text, &words);
}

static void socks_complete(struct inbound_conn *c)
{
    const struct socks_request *r = socks_request(c->socks);
    inbound_conn_forward(
        c,
        &(struct forward_options){
            .format = r->version == 4 ? &reply_socks4 : &reply_socks5,
            .question = {.host = span_of(r->host), .literal = r->literal, .hint = r->user},
        },
        r->port);
}

bool inbound_socks(struct inbound_conn *c, const uint8_t *p, size_t n)
{
    stream_consume(c->stream, socks_feed(c->socks, p, n));
    if (socks_state(c->socks) == SOCKS_CHECK) {
        const struct socks_request *r = socks_request(c->socks);
        const char *wrong = inbound_conn_authenticate(c, r->user, r->password);
        socks_verdict(c->socks, wrong == NULL);
        if (wrong != NULL) {
            inbound_conn_deny(c, wrong, socks_failed);
            return false;
        }
    }
    if (socks_state(c->socks) == SOCKS_FAILED) {
        socks_failed(c, NULL);
        return false;
    }
    size_t size = socks_output(c->socks, c->out);
    if (size > 0 && !stream_write(c->stream, c->out, size)) {
        stream_read_on(c->stream, false); /* until on_writable */
        return false;
    }
    if (socks_state(c->socks) == SOCKS_DONE) {
        socks_complete(c);
        return false;
    }
    return true;
}

void inbound_socks_written(struct inbound_conn *c)
{
    if (socks_state(c->socks) == SOCKS_DONE)
        socks_complete(c);
    else
        stream_read_on(c->stream, true);
}
