/* The dialogue with a proxy on the way: CONNECT with a login, or SOCKS5. */
#include "core/base/clock.h"
#include "core/base/encoding.h"
#include "core/base/random.h"
#include "core/base/text.h"
#include "core/http/later.h"
#include "core/reach/reach_internal.h"

#include <stdio.h>
#include <string.h>

#define ASKED_MAX 4 /* without a login, with Basic, with Digest, with a fresh nonce */

static enum proxy_next failed(struct reach *r, struct reach_failure f)
{
    if (f.text != r->text)
        snprintf(r->text, sizeof r->text, "%s", f.text);
    f.text = r->text;
    r->failure = f;
    return PROXY_FAILED;
}

static enum proxy_next fail(struct reach *r, enum err why, const char *text)
{
    return failed(r, (struct reach_failure){.why = why, .text = text, .later_ms = -1});
}

/* ---- CONNECT ---- */

/* Writes the value of Proxy-Authorization; *value stays empty when no login is shown. */
static bool write_login(struct reach *r, const char *target, struct buf *value)
{
    const struct upstream *u = r->target.proxy;
    uint8_t random[16];
    char cnonce[2 * sizeof random + 1];
    random_bytes(random, sizeof random);
    hex_encode(random, sizeof random, cnonce);
    const struct login_as as = {.user = u->user,
                                .password = u->password,
                                .method = "CONNECT",
                                .uri = target,
                                .cnonce = cnonce};
    bool first = r->asked == 1 && !r->target.memory->digest;
    enum login_kind kind = u->user == NULL ? LOGIN_NONE : first ? LOGIN_BASIC : r->login.kind;
    r->shown[kind] = true;
    return (kind == LOGIN_BASIC    ? login_basic(&as, value)
            : kind == LOGIN_DIGEST ? login_digest(&r->login, &as, value)
                                   : true) &&
           (value->size == 0 || buf_append(value, "", 1));
}

static enum proxy_next ask_connect(struct reach *r)
{
    char target[300];
    struct buf value = {.limit = REACH_REQUEST_MAX};
    r->asked++;
    http_reader_free(r->answer);
    r->answer = http_reader_new(HTTP_PROXY_ANSWER, REACH_ANSWER_MAX);
    if (r->answer == NULL)
        return fail(r, ERR_NO_MEMORY, err_text(ERR_NO_MEMORY));
    bool ok =
        upstream_target(r->target.host, r->target.port, target, sizeof target) &&
        write_login(r, target, &value) &&
        upstream_request(target, value.size > 0 ? (const char *)value.data : NULL, &r->request);
    buf_wipe(&value);
    return ok ? PROXY_SEND : fail(r, ERR_TOO_LARGE, "the request to it cannot be written");
}

/* Says what to do about a 407, for the person who configured the proxy. */
static enum proxy_next login_refused(struct reach *r)
{
    const char *offered = r->login.offered;
    if (r->target.proxy->user == NULL)
        snprintf(r->text, sizeof r->text,
                 "it wants a login (407; %s): give user:password in the proxy's URL",
                 offered[0] != '\0' ? offered : "it does not say which");
    else if (r->login.kind == LOGIN_NONE && offered[0] != '\0')
        snprintf(r->text, sizeof r->text,
                 "it wants a login by %s (407); Basic and Digest with MD5 or SHA-256 are spoken "
                 "here",
                 offered);
    else
        snprintf(r->text, sizeof r->text, "it did not accept user and password (407; %s)",
                 offered[0] != '\0' ? offered : "it does not say why");
    return failed(r, (struct reach_failure){
                         .why = ERR_REJECTED, .text = r->text, .final = true, .later_ms = -1});
}

static enum proxy_next login_wanted(struct reach *r)
{
    login_free(&r->login);
    if (login_choose(http_reader_head(r->answer), &r->login) != ERR_OK)
        return fail(r, ERR_NO_MEMORY, err_text(ERR_NO_MEMORY));
    enum login_kind kind = r->login.kind;
    bool new = kind != LOGIN_NONE && (!r->shown[kind] || r->login.stale);
    r->target.memory->digest = kind == LOGIN_DIGEST;
    return r->target.proxy->user != NULL && new && r->asked < ASKED_MAX ? PROXY_AGAIN
                                                                        : login_refused(r);
}

static enum proxy_next connect_answered(struct reach *r)
{
    const struct http_head *head = http_reader_head(r->answer);
    int status = head->status;
    char reason[120];
    if (!stream_ready(r->stream)) /* the stream still needs the request's memory */
        return fail(r, ERR_PROTOCOL, "its answer came before the request was sent");
    if (status >= 200 && status < 300)
        return PROXY_THROUGH;
    if (status == 407)
        return login_wanted(r);
    snprintf(r->text, sizeof r->text, " refused the way to %.100s:%d: %d %s", r->target.host,
             r->target.port, status, str_escape(head->reason, reason, sizeof reason));
    struct span later = http_header(head, "Retry-After");
    return failed(r, (struct reach_failure){.why = ERR_REJECTED,
                                            .text = r->text,
                                            .later_ms = http_later(later, clock_wall_ms())});
}

/* ---- SOCKS5 ---- */

static enum proxy_next ask_socks(struct reach *r)
{
    const struct upstream *u = r->target.proxy;
    r->socks = (struct socks5){
        .user = u->user,
        .password = u->password,
        .host = r->target.host,
        .address = r->addresses.n > 0 ? &r->addresses.at[r->next] : NULL,
        .port = r->target.port,
    };
    if (socks5_begin(&r->socks, &r->request))
        return PROXY_SEND;
    return fail(r, ERR_USAGE, "user, password or host are longer than SOCKS can say");
}

static enum proxy_next socks_failed(struct reach *r, enum err why, const char *text)
{
    if (r->socks.elsewhere && r->next + 1 < r->addresses.n) {
        r->next++;
        return PROXY_AGAIN;
    }
    return failed(r, (struct reach_failure){
                         .why = why, .text = text, .final = why == ERR_AUTH, .later_ms = -1});
}

static enum proxy_next socks_answered(struct reach *r, uint8_t *p, size_t n)
{
    const char *text = "";
    if (!stream_ready(r->stream))
        return fail(r, ERR_PROTOCOL, "its answer came before the request was sent");
    buf_take(&r->request, r->request.size);
    long used = socks5_feed(&r->socks, p, n, &r->request, &text);
    if (used < 0)
        return socks_failed(r, (enum err) - used, text);
    stream_consume(r->stream, (size_t)used);
    if (r->socks.step != SOCKS5_DONE)
        return r->request.size > 0 ? PROXY_SEND : PROXY_WAIT;
    if (r->addresses.n > 0)
        r->target.memory->target = (struct dial_memory){.last = r->addresses.at[r->next]};
    return PROXY_THROUGH;
}

/* ---- proxies ---- */

bool reach_by_socks(const struct reach *r)
{
    enum upstream_kind kind = r->target.proxy->kind;
    return kind == UPSTREAM_SOCKS5 || kind == UPSTREAM_SOCKS5H;
}

enum proxy_next reach_ask_proxy(struct reach *r)
{
    return reach_by_socks(r) ? ask_socks(r) : ask_connect(r);
}

enum proxy_next reach_proxy_said(struct reach *r, uint8_t *p, size_t n)
{
    if (reach_by_socks(r))
        return socks_answered(r, p, n);
    long used = http_reader_feed(r->answer, p, n);
    if (used < 0)
        return fail(r, (enum err) - used, "its answer is not HTTP");
    stream_consume(r->stream, (size_t)used);
    return http_reader_head(r->answer) != NULL ? connect_answered(r) : PROXY_WAIT;
}

/* ssh -D closes the connection instead of saying that it cannot reach an address. */
enum proxy_next reach_proxy_gone(struct reach *r, enum err why)
{
    const char *text = "it hung up without an answer";
    r->socks.elsewhere = true;
    if (reach_by_socks(r) && r->socks.step == SOCKS5_REPLY)
        return socks_failed(r, why, text);
    return fail(r, why, text);
}
