#include "core/base/secret.h"
#include "core/base/text.h"
#include "core/net/address.h"
#include "core/net/peer.h"
#include "gateway/source/exchange.h"
#include "gateway/source/inbound_http_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EARLY_MAX 65536 /* bytes of a rewritten head and of what has come of the body */
#define PAGE_MS 20000   /* for a page of ours that takes time */
/* for the answer to a whole request; then the client is attached all the same */
#define FIRST_BYTE_MS 30000

static const struct http_state *state_of(const struct inbound_conn *c)
{
    return c->state;
}

static void http_page(struct inbound_conn *c, const struct http_head *head,
                      const struct proxy_request *r, bool known)
{
    struct buf words = {.limit = 2097152};
    const struct inbound_page page = {
        .head = head,
        .request = r,
        .listener = listener_name(c->listener),
        .trusted = known || (c->in->user == NULL && !inbound_conn_is_untrusted(c)),
        .known = known,
        .local = address_is_local(c->stream->name),
        .ours = peer_is_ours(c->stream)};
    struct http_state *s = c->state;
    s->wait = (struct inbound_wait){.conn = c};
    if (c->in->later != NULL && c->in->later(c->in->owner, &page, &s->wait)) {
        stream_read_on(c->stream, false);
        timer_start(c->timer, PAGE_MS);
        return;
    }
    if (!c->in->page(c->in->owner, &page, &words))
        buf_free(&words);
    inbound_conn_linger(c, &words);
}

void inbound_wait_over(struct inbound_wait *w, struct buf *words)
{
    w->cancel = NULL;
    inbound_conn_linger(w->conn, words);
}

#define MISSING "user name and password required"

/* Checks Proxy-Authorization (for our own pages: Authorization). NULL: the password is right, or
 * none is asked for; else MISSING, or a sentence why not. *user is malloc'd, or NULL. */
static const char *http_user(struct inbound_conn *c, const struct http_head *head, bool page,
                             char **user)
{
    char *password = NULL;
    *user = NULL;
    struct span value = http_header(head, page ? "Authorization" : "Proxy-Authorization");
    bool given = value.p != NULL && http_basic(value, user, &password);
    const char *wrong = NULL;
    if (c->in->user != NULL)
        wrong = given ? inbound_conn_authenticate(c, *user, password) : MISSING;
    secret_free(password);
    return wrong;
}

/* The request is still in the reader. */
static void http_denied(struct inbound_conn *c, const char *text)
{
    const struct http_head *head = http_reader_head(state_of(c)->reader);
    struct proxy_request r;
    proxy_decide(head, &r);
    inbound_http_refuse(c, r.host, ERR_AUTH, 407, text, span_is(head->method, "HEAD"));
}

static void page_denied(struct inbound_conn *c, const char *text)
{
    const struct http_head *head = http_reader_head(state_of(c)->reader);
    struct proxy_request r;
    (void)text; /* Our pages say less to strangers, and refuse none. */
    proxy_decide(head, &r);
    http_page(c, head, &r, false);
}

static void http_connect(struct inbound_conn *c, const struct proxy_request *r, const char *user)
{
    inbound_conn_forward(c,
                         &(struct forward_options){
                             .format = &inbound_reply_connect,
                             .question = {.host = span_of(r->host), .hint = user},
                         },
                         r->port);
}

/* Appends to *early what has come of the body. A request that is whole can then be answered with a
 * page of ours when the service refuses it. */
static enum err take_body(struct inbound_conn *c, struct exchange *e, struct buf *early)
{
    uint8_t *p;
    long n = stream_peek(c->stream, 1, &p);
    while (n > 0 && early->size + (size_t)n <= early->limit) {
        size_t belongs = exchange_up(e, p, (size_t)n);
        if (belongs > 0 && !buf_append(early, p, belongs))
            return ERR_NO_MEMORY;
        stream_consume(c->stream, belongs);
        n = belongs < (size_t)n ? 0 : stream_peek(c->stream, 1, &p);
    }
    return exchange_broken(e) ? ERR_PROTOCOL : ERR_OK;
}

static void forward(struct inbound_conn *c, const struct proxy_request *r, const char *user,
                    bool head, struct exchange *e, struct buf *early)
{
    inbound_conn_forward(c,
                         &(struct forward_options){
                             .format = head ? &inbound_reply_forward_head : &inbound_reply_forward,
                             .question = {.host = span_of(r->host), .hint = user, .http = true},
                             .early = early,
                             .tap = {.up = exchange_up,
                                     .down = exchange_down,
                                     .whole = exchange_whole,
                                     .torn = exchange_broken,
                                     .ctx = e},
                             .tap_free = exchange_free,
                             .patience_ms = exchange_request_done(e) ? FIRST_BYTE_MS : 0,
                         },
                         r->port != 0 ? r->port : HTTP_PORT);
}

static void refuse_origin(struct inbound_conn *c, const struct http_head *head,
                          const struct proxy_request *r, bool is_head)
{
    char text[PROXY_TEXT_MAX], page[80];
    snprintf(text, sizeof text, "a page of %s may not ask for this (--forward-origins)",
             str_escape(http_header(head, "Origin"), page, sizeof page));
    inbound_http_refuse(c, r->host, ERR_FOREIGN_ORIGIN, err_http(ERR_FOREIGN_ORIGIN), text,
                        is_head);
}

static void http_forward(struct inbound_conn *c, const struct http_head *head,
                         const struct proxy_request *r, const char *user)
{
    struct buf early = {.limit = EARLY_MAX};
    bool is_head = span_is(head->method, "HEAD");
    if (!names_is_foreign(c->in->names, span_of(r->host), false) &&
        !origins_allow(c->in->origins, c->in->names, head, span_of(r->host))) {
        refuse_origin(c, head, r, is_head);
        return;
    }
    if (!names_is_foreign(c->in->names, span_of(r->host), false) &&
        inbound_count(c->in) <= c->in->max_clients &&
        (pinned_wanted(head) || (pinned_fits(c, r) && !proxy_upgrades(head)))) {
        pinned_request(c, head, r, user);
        return;
    }
    struct exchange *e = exchange_new(head);
    enum err why = e != NULL && proxy_rewrite(head, r, &early) ? ERR_OK : ERR_NO_MEMORY;
    if (why == ERR_OK)
        why = take_body(c, e, &early);
    if (why == ERR_OK) {
        forward(c, r, user, is_head, e, &early);
    } else {
        exchange_free(e);
        inbound_http_refuse(c, r->host, why, err_http(why),
                            why == ERR_PROTOCOL ? "broken chunks in the body" : err_text(why),
                            is_head);
    }
    buf_free(&early);
}

/* Whether the request has the form that web servers get, and names a service as its host: then the
 * client takes the gateway for that service. */
static bool is_for_a_service(const struct inbound_conn *c, const struct http_head *head)
{
    char host[PROXY_HOST_MAX + 1];
    int port;
    return head->target.n > 0 && head->target.p[0] == '/' &&
           proxy_authority(http_header(head, "Host"), host, &port) &&
           !names_is_foreign(c->in->names, span_of(host), false);
}

static void refuse_origin_form(struct inbound_conn *c, const struct http_head *head)
{
    char text[PROXY_TEXT_MAX], host[80];
    text_copy(http_header(head, "Host"), TEXT_ASCII, host, sizeof host);
    snprintf(text, sizeof text,
             "a proxy wants the whole URL, http://%s/...: set the gateway as HTTP proxy, it is no "
             "web server",
             host);
    inbound_http_refuse(c, host, ERR_PROTOCOL, err_http(ERR_PROTOCOL), text,
                        span_is(head->method, "HEAD"));
}

static void http_complete(struct inbound_conn *c, const struct http_head *head)
{
    struct proxy_request r;
    char *user;
    bool is_head = span_is(head->method, "HEAD");
    proxy_decide(head, &r);
    const char *wrong = http_user(c, head, r.kind == PROXY_PAGE, &user);
    if (is_for_a_service(c, head))
        refuse_origin_form(c, head);
    else if (r.kind == PROXY_REFUSE)
        inbound_http_refuse(c, r.host, r.why, r.status, r.text, is_head);
    else if (wrong != NULL && user != NULL)
        inbound_conn_deny(c, wrong, r.kind == PROXY_PAGE ? page_denied : http_denied);
    else if (r.kind == PROXY_PAGE)
        http_page(c, head, &r, c->in->user != NULL && wrong == NULL);
    else if (wrong != NULL)
        inbound_http_refuse(c, r.host, ERR_AUTH, 407, wrong, is_head);
    else if (r.kind == PROXY_CONNECT)
        http_connect(c, &r, user);
    else
        http_forward(c, head, &r, user);
    free(user);
}

/* ---- the row ---- */

static bool feed(struct inbound_conn *c, const uint8_t *p, size_t n)
{
    struct http_state *s = c->state;
    long used = http_reader_feed(s->reader, p, n);
    if (used < 0) {
        enum err why = (enum err) - used;
        inbound_http_refuse(c, "", why, err_http(why),
                            why == ERR_TOO_LARGE ? "the request's head is too large"
                                                 : "a request that is no valid HTTP/1.1",
                            false);
        return false;
    }
    stream_consume(c->stream, (size_t)used);
    const struct http_head *head = http_reader_head(s->reader);
    if (head != NULL)
        http_complete(c, head);
    return head == NULL;
}

static void late(struct inbound_conn *c)
{
    if (state_of(c)->wait.cancel != NULL)
        inbound_http_refuse(c, "", ERR_TIMEOUT, 504, "the hub did not answer in time", false);
    else
        inbound_http_refuse(c, "", ERR_SILENT, 408, "the request did not come in time", false);
}

static bool claims(uint8_t first)
{
    return (first >= 'A' && first <= 'Z') || (first >= 'a' && first <= 'z');
}

static void *state_make(const struct inbound *in)
{
    struct http_state *s = calloc(1, sizeof *s);
    (void)in;
    if (s == NULL)
        return NULL;
    s->reader = http_reader_new(HTTP_REQUEST, PROXY_HEAD_MAX);
    if (s->reader != NULL)
        return s;
    free(s);
    return NULL;
}

static void state_free(void *state)
{
    struct http_state *s = state;
    if (s->wait.cancel != NULL)
        s->wait.cancel(s->wait.ctx);
    http_reader_free(s->reader);
    pinned_free(s->pinned);
    free(s);
}

const struct inbound_protocol inbound_http = {
    .name = "http",
    .claims = claims,
    .make = state_make,
    .free = state_free,
    .feed = feed,
    .late = late,
    .stop = pinned_free_all,
};
