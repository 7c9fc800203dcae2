#include "gateway/source/inbound_internal.h"
#include "gateway/source/socks.h"

#include <stdlib.h>

struct state {
    struct socks *socks;
    uint8_t out[SOCKS_OUTPUT_MAX]; /* pending while the stream is not ready */
};

/* ---- replies ---- */

static bool answer(int version, enum err why, struct buf *out)
{
    uint8_t reply[SOCKS_REPLY_MAX];
    return buf_append(out, reply, socks_reply(version, why, reply));
}

static bool answer_socks5(enum err why, const char *text, struct buf *out)
{
    (void)text;
    return answer(5, why, out);
}

static bool answer_socks4(enum err why, const char *text, struct buf *out)
{
    (void)text;
    return answer(4, why, out);
}

const struct reply_format inbound_reply_socks5 = {
    .protocol = "socks5", .patient = true, .answer = answer_socks5};
const struct reply_format inbound_reply_socks4 = {
    .protocol = "socks4", .patient = true, .answer = answer_socks4};

static const struct reply_format *format_of(const struct socks_request *r)
{
    return r->version == 4 ? &inbound_reply_socks4 : &inbound_reply_socks5;
}

/* ---- requests ---- */

static struct socks *socks_of(const struct inbound_conn *c)
{
    return ((const struct state *)c->state)->socks;
}

static void failed(struct inbound_conn *c, const char *text)
{
    struct socks *s = socks_of(c);
    const struct socks_request *r = socks_request(s);
    struct buf words = {.limit = 64};
    uint8_t out[SOCKS_OUTPUT_MAX];
    size_t n = socks_output(s, out);
    if (!buf_append(&words, out, n))
        buf_free(&words);
    inbound_conn_refuse(c, format_of(r)->protocol, r->host, socks_why(s), text, &words);
}

static void complete(struct inbound_conn *c)
{
    const struct socks_request *r = socks_request(socks_of(c));
    inbound_conn_forward(
        c,
        &(struct forward_options){
            .format = format_of(r),
            .question = {.host = span_of(r->host), .literal = r->literal, .hint = r->user},
        },
        r->port);
}

static bool feed(struct inbound_conn *c, const uint8_t *p, size_t n)
{
    struct state *state = c->state;
    struct socks *s = state->socks;
    stream_consume(c->stream, socks_feed(s, p, n));
    if (socks_state(s) == SOCKS_CHECK) {
        const struct socks_request *r = socks_request(s);
        const char *wrong = inbound_conn_authenticate(c, r->user, r->password);
        socks_authenticated(s, wrong == NULL);
        if (wrong != NULL) {
            inbound_conn_deny(c, wrong, failed);
            return false;
        }
    }
    if (socks_state(s) == SOCKS_FAILED) {
        failed(c, NULL);
        return false;
    }
    size_t size = socks_output(s, state->out);
    if (size > 0 && !stream_write(c->stream, state->out, size)) {
        stream_read_on(c->stream, false); /* until `written` */
        return false;
    }
    if (socks_state(s) == SOCKS_DONE) {
        complete(c);
        return false;
    }
    return true;
}

static void written(struct inbound_conn *c)
{
    if (socks_state(socks_of(c)) == SOCKS_DONE)
        complete(c);
    else
        stream_read_on(c->stream, true);
}

/* A client that greets and leaves has failed to look the name up. */
static void left(struct inbound_conn *c)
{
    if (socks_idle(socks_of(c)))
        access_log_refused(
            c->in->access_log, c->stream->name, inbound_reply_socks5.protocol, "",
            ERR_CLIENT_CLOSED,
            "it left without naming a host: if it looks up names itself, say socks5h:// "
            "instead of socks5://, or proxy DNS");
}

static void late(struct inbound_conn *c)
{
    access_log_refused(c->in->access_log, c->stream->name, c->protocol->name, "", ERR_SILENT, NULL);
    inbound_conn_close(c);
}

/* ---- the row ---- */

static bool claims(uint8_t first)
{
    return first == 4 || first == 5;
}

static void *state_make(const struct inbound *in)
{
    struct state *s = calloc(1, sizeof *s);
    if (s == NULL)
        return NULL;
    s->socks = socks_new(in->user != NULL ? SOCKS_AUTH_REQUIRED
                         : in->ask_user   ? SOCKS_AUTH_OPTIONAL
                                          : SOCKS_AUTH_NONE);
    if (s->socks != NULL)
        return s;
    free(s);
    return NULL;
}

static void state_free(void *state)
{
    struct state *s = state;
    socks_free(s->socks);
    free(s);
}

const struct inbound_protocol inbound_socks = {
    .name = "socks",
    .claims = claims,
    .make = state_make,
    .free = state_free,
    .feed = feed,
    .written = written,
    .left = left,
    .late = late,
};
