#include "core/reach/reach.h"

#include "core/base/text.h"
#include "core/http/connect.h"
#include "core/http/later.h"
#include "core/http/login.h"
#include "core/net/lookup.h"
#include "core/reach/socks5.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define REQUEST_LIMIT 16384 /* to the proxy */
#define ASKED_MAX 4         /* without a login, with Basic, with Digest, with a fresh nonce */

enum step { LOOKING_UP, DIALLING, PROXY_TLS, PROXY_ANSWER, TARGET_TLS };

struct reach {
    struct loop *loop;
    struct reach_target target;
    const struct reach_events *events;
    void *owner;
    enum step step;
    struct lookup *lookup;
    struct addresses addresses; /* socks5://: of the target */
    size_t next;                /* of them */
    struct dial *dial;
    struct stream *stream; /* from the dial on */
    struct buf request;
    struct connect_answer answer;
    struct login login; /* what the proxy wanted when it was asked last */
    unsigned asked;     /* how often */
    bool shown[3];      /* which kinds of login it has seen; of NONE that means nothing */
    struct socks5 socks;
    struct reach_memory own; /* when the owner has none */
};

/* ---- the end ---- */

void reach_cancel(struct reach *r)
{
    if (r == NULL)
        return;
    if (r->lookup != NULL)
        lookup_cancel(r->lookup);
    if (r->dial != NULL)
        dial_cancel(r->dial);
    if (r->stream != NULL)
        stream_close(r->stream);
    buf_wipe(&r->request);
    connect_free(&r->answer);
    login_free(&r->login);
    free(r);
}

/* At the proxy the text becomes a sentence about it; one that begins with a blank goes on with its
 * name. */
static void end(struct reach *r, struct reach_failure f)
{
    const struct reach_events *events = r->events;
    const struct upstream *proxy = r->target.proxy;
    void *owner = r->owner;
    char where[900];
    f.at_proxy = proxy != NULL && r->step < TARGET_TLS;
    if (f.at_proxy)
        snprintf(where, sizeof where, "the proxy %.200s:%d%s%s", proxy->host, proxy->port,
                 f.text[0] == ' ' ? "" : ": ", f.text);
    else
        snprintf(where, sizeof where, "%s", f.text);
    f.text = where;
    if (r->stream != NULL) /* who only takes connections keeps nobody from the rest */
        r->target.memory->dial.failed = true;
    reach_cancel(r);
    events->failed(owner, &f);
}

static void fail(struct reach *r, enum err why, const char *text)
{
    end(r, (struct reach_failure){.why = why, .text = text, .later_ms = -1});
}

static void arrive(struct reach *r)
{
    const struct reach_events *events = r->events;
    void *owner = r->owner;
    struct stream *s = r->stream;
    r->stream = NULL;
    reach_cancel(r);
    events->arrived(owner, s);
}

/* ---- the way ---- */

static void dial(struct reach *r);
static void on_opened(void *owner);
static void on_readable(void *owner);
static void on_failed(void *owner, enum err why);

static void on_writable(void *owner)
{
    (void)owner; /* requests to the proxy are sent whole; its answers are what counts */
}

static const struct stream_events stream_events = {
    .opened = on_opened,
    .readable = on_readable,
    .writable = on_writable,
    .failed = on_failed,
};

static void start_tls(struct reach *r, enum step step)
{
    bool there = step == TARGET_TLS;
    struct tls_client_options o = {.trust = r->target.trust,
                                   .host = there ? r->target.host : r->target.proxy->host,
                                   .session = there ? r->target.tls_session : NULL,
                                   .identity = there ? r->target.identity : NULL};
    struct stream *lower = r->stream;
    r->step = step;
    r->stream = tls_client(r->loop, lower, &o, &stream_events, r);
    if (r->stream == NULL)
        fail(r, ERR_NO_MEMORY, err_text(ERR_NO_MEMORY));
}

static void on_failed(void *owner, enum err why)
{
    struct reach *r = owner;
    char text[400];
    bool tls = (r->step == PROXY_TLS || r->step == TARGET_TLS) && r->stream != NULL;
    const char *detail = tls ? tls_problem(r->stream) : "";
    snprintf(text, sizeof text, "%s", detail[0] != '\0' ? detail : err_text(why));
    fail(r, why, text);
}

static void send_request(struct reach *r)
{
    r->step = PROXY_ANSWER;
    stream_read_on(r->stream, true);
    stream_write(r->stream, r->request.data, r->request.size);
}

/* ---- CONNECT ---- */

/* The value of Proxy-Authorization; *value stays empty when nothing is shown. */
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

static void ask_connect(struct reach *r)
{
    char target[300];
    struct buf value = {.limit = REQUEST_LIMIT};
    r->asked++;
    bool ok =
        upstream_target(r->target.host, r->target.port, target, sizeof target) &&
        write_login(r, target, &value) &&
        upstream_request(target, value.size > 0 ? (const char *)value.data : NULL, &r->request);
    buf_wipe(&value);
    if (ok)
        send_request(r);
    else
        fail(r, ERR_TOO_LARGE, "the request to it cannot be written");
}

/* Once more on a new connection: many proxies close the one on which they said 407. */
static void again(struct reach *r)
{
    stream_close(r->stream);
    r->stream = NULL;
    buf_wipe(&r->request);
    connect_free(&r->answer);
    dial(r);
}

/* What there is to do about a 407, for the one who set the proxy up. */
static void login_refused(struct reach *r)
{
    char text[300];
    const char *offered = r->login.offered;
    if (r->target.proxy->user == NULL)
        snprintf(text, sizeof text,
                 "it wants a login (407; %s): give user:password in the proxy's URL",
                 offered[0] != '\0' ? offered : "it does not say which");
    else if (r->login.kind == LOGIN_NONE && offered[0] != '\0')
        snprintf(text, sizeof text,
                 "it wants a login by %s (407); Basic and Digest with MD5 or SHA-256 are spoken "
                 "here",
                 offered);
    else
        snprintf(text, sizeof text, "it did not accept user and password (407; %s)",
                 offered[0] != '\0' ? offered : "it does not say why");
    end(r,
        (struct reach_failure){.why = ERR_REJECTED, .text = text, .final = true, .later_ms = -1});
}

static void login_wanted(struct reach *r)
{
    login_free(&r->login);
    if (login_choose(&r->answer, &r->login) != ERR_OK) {
        fail(r, ERR_NO_MEMORY, err_text(ERR_NO_MEMORY));
        return;
    }
    enum login_kind kind = r->login.kind;
    bool new = kind != LOGIN_NONE && (!r->shown[kind] || r->login.stale);
    r->target.memory->digest = kind == LOGIN_DIGEST;
    if (r->target.proxy->user != NULL && new && r->asked < ASKED_MAX)
        again(r);
    else
        login_refused(r);
}

static int64_t wall_clock_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void connect_answered(struct reach *r)
{
    int status = r->answer.status;
    char text[300], reason[120];
    if (!stream_ready(r->stream)) { /* it still needs the request's memory */
        fail(r, ERR_PROTOCOL, "its answer came before the request was sent");
    } else if (status >= 200 && status < 300) {
        stream_read_on(r->stream, false);
        start_tls(r, TARGET_TLS);
    } else if (status == 407) {
        login_wanted(r);
    } else {
        snprintf(text, sizeof text, " refused the way to %.100s:%d: %d %s", r->target.host,
                 r->target.port, status,
                 str_escape(connect_reason(&r->answer), reason, sizeof reason));
        struct span later = connect_header(&r->answer, "Retry-After", 0);
        end(r, (struct reach_failure){.why = ERR_REJECTED,
                                      .text = text,
                                      .later_ms = http_later(later, wall_clock_ms())});
    }
}

/* ---- SOCKS5 ---- */

static void ask_socks(struct reach *r)
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
        send_request(r);
    else
        fail(r, ERR_USAGE, "user, password or host are longer than SOCKS can say");
}

static void socks_failed(struct reach *r, enum err why, const char *text)
{
    if (r->socks.elsewhere && r->next + 1 < r->addresses.n) {
        r->next++;
        again(r);
        return;
    }
    end(r,
        (struct reach_failure){.why = why, .text = text, .final = why == ERR_AUTH, .later_ms = -1});
}

static void socks_answered(struct reach *r, uint8_t *p, size_t n)
{
    const char *text = "";
    size_t before = r->request.size;
    if (!stream_ready(r->stream)) {
        fail(r, ERR_PROTOCOL, "its answer came before the request was sent");
        return;
    }
    buf_take(&r->request, before);
    long used = socks5_feed(&r->socks, p, n, &r->request, &text);
    if (used < 0) {
        socks_failed(r, (enum err) - used, text);
        return;
    }
    stream_consume(r->stream, (size_t)used);
    if (r->socks.step == SOCKS5_DONE) {
        if (r->addresses.n > 0)
            r->target.memory->target = (struct dial_memory){.last = r->addresses.at[r->next]};
        stream_read_on(r->stream, false);
        start_tls(r, TARGET_TLS);
    } else if (r->request.size > 0) {
        stream_write(r->stream, r->request.data, r->request.size);
    }
}

/* ---- proxies ---- */

static bool is_socks(const struct reach *r)
{
    enum upstream_kind kind = r->target.proxy->kind;
    return kind == UPSTREAM_SOCKS5 || kind == UPSTREAM_SOCKS5H;
}

static void ask_proxy(struct reach *r)
{
    if (is_socks(r))
        ask_socks(r);
    else
        ask_connect(r);
}

static void on_opened(void *owner)
{
    struct reach *r = owner;
    if (r->step == PROXY_TLS)
        ask_proxy(r);
    else
        arrive(r);
}

static void on_readable(void *owner)
{
    struct reach *r = owner;
    uint8_t *p;
    long n = stream_peek(r->stream, 1, &p);
    if (n == 0)
        return;
    if (n < 0) {
        fail(r, (enum err) - n, "it hung up without an answer");
    } else if (is_socks(r)) {
        socks_answered(r, p, (size_t)n);
    } else {
        long used = connect_feed(&r->answer, p, (size_t)n);
        if (used < 0) {
            fail(r, (enum err) - used, "its answer is not HTTP");
            return;
        }
        stream_consume(r->stream, (size_t)used);
        if (r->answer.status != 0)
            connect_answered(r);
    }
}

/* ---- the beginning ---- */

static void on_dialled(void *owner, struct stream *s, enum err why)
{
    struct reach *r = owner;
    r->dial = NULL;
    if (s == NULL) {
        on_failed(r, why);
        return;
    }
    if (r->target.unsent_limit != 0)
        stream_unsent_limit(s, r->target.unsent_limit);
    if (r->target.unread_limit != 0)
        stream_unread_limit(s, r->target.unread_limit);
    stream_own(s, &stream_events, r);
    r->stream = s;
    if (r->target.proxy == NULL)
        start_tls(r, TARGET_TLS);
    else if (r->target.proxy->kind == UPSTREAM_HTTPS)
        start_tls(r, PROXY_TLS);
    else
        ask_proxy(r);
}

static bool begin_dial(struct reach *r)
{
    const struct upstream *proxy = r->target.proxy;
    struct dial_options o = {
        .host = proxy != NULL ? proxy->host : r->target.host,
        .port = proxy != NULL ? proxy->port : r->target.port,
        .bind = r->target.bind,
        .memory = &r->target.memory->dial,
    };
    r->step = DIALLING;
    r->dial = dial_start(r->loop, &o, on_dialled, r);
    return r->dial != NULL;
}

static void dial(struct reach *r)
{
    if (!begin_dial(r))
        fail(r, ERR_NO_MEMORY, err_text(ERR_NO_MEMORY));
}

static void on_found(void *owner, const struct addresses *found, enum err why)
{
    struct reach *r = owner;
    char text[300];
    r->lookup = NULL;
    if (why != ERR_OK) {
        snprintf(text, sizeof text,
                 " is to be given an address (socks5h:// gives it the name): "
                 "%.150s: %s",
                 r->target.host, err_text(why));
        fail(r, why, text);
        return;
    }
    r->addresses = *found;
    addresses_interleave(&r->addresses);
    addresses_rotate(&r->addresses, &r->target.memory->target.last,
                     r->target.memory->target.failed);
    dial(r);
}

/* Whether the target's address is to be known here; then it is, or is being looked up. */
static bool begin(struct reach *r)
{
    const struct upstream *proxy = r->target.proxy;
    bool named = proxy == NULL || !is_socks(r) || proxy->kind == UPSTREAM_SOCKS5H;
    if (proxy != NULL && is_socks(r) && address_is_ip(r->target.host))
        addresses_known(r->target.host, &r->addresses); /* as an address, not as a name */
    if (named || addresses_known(r->target.host, &r->addresses))
        return begin_dial(r);
    r->step = LOOKING_UP;
    r->lookup =
        lookup_start(r->loop, &(struct lookup_options){.host = r->target.host}, on_found, r);
    return r->lookup != NULL;
}

struct reach *reach_start(struct loop *loop, const struct reach_target *target,
                          const struct reach_events *events, void *owner)
{
    struct reach *r = calloc(1, sizeof *r);
    if (r == NULL)
        return NULL;
    *r = (struct reach){.loop = loop, .target = *target, .events = events, .owner = owner};
    r->request.limit = REQUEST_LIMIT;
    if (r->target.memory == NULL)
        r->target.memory = &r->own;
    if (begin(r))
        return r;
    reach_cancel(r);
    return NULL;
}
