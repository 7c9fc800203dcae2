#include "tests/unit/http_server_help.h"

void spend(uint64_t ms)
{
    for (; ms > 0; ms--) {
        uv_run(loop_uv(loop), UV_RUN_NOWAIT);
        EACH_TURN();
    }
}

/* ---- an owner, and its client ---- */

void answer(struct desk *d)
{
    struct http_response a = {.status = 200,
                              .type = "text/plain",
                              .headers = d->headers,
                              .body = d->body.p != NULL ? d->body : span_of(d->asked),
                              .close = d->close};
    http_conn_answer(d->conn, &a);
}

void drop(struct desk *d)
{
    http_conn_free(d->conn);
    d->conn = NULL;
}

static bool on_head(void *owner, const struct http_head *head)
{
    struct desk *d = owner;
    d->heads++;
    assert_int_equal(d->heads, d->requests + 1);
    snprintf(d->asked, sizeof d->asked, "%.*s %.*s ", (int)head->method.n, head->method.p,
             (int)head->target.n, head->target.p);
    if (d->free_at_head)
        drop(d);
    else if (d->answer_at_head)
        answer(d);
    else if (d->take_at_head)
        d->taken = http_conn_take(d->conn);
    else
        return true;
    if (d->taken != NULL)
        d->conn = NULL;
    return false;
}

void on_request(void *owner, const struct http_head *head, struct span body)
{
    struct desk *d = owner;
    d->requests++;
    snprintf(d->asked, sizeof d->asked, "%.*s %.*s %.*s", (int)head->method.n, head->method.p,
             (int)head->target.n, head->target.p, (int)body.n, body.p);
    assert_int_equal(body.n, head->content_length > 0 ? head->content_length : 0);
    if (d->free_at_request)
        drop(d);
    else if (!d->later)
        answer(d);
}

static void on_bad(void *owner, const struct http_head *head, int status, const char *text)
{
    struct desk *d = owner;
    d->bads++;
    d->status = status;
    snprintf(d->text, sizeof d->text, "%s%s", head != NULL ? "head: " : "", text);
    snprintf(d->asked, sizeof d->asked, "sorry");
    if (d->free_at_bad)
        drop(d);
    else if (d->own_words)
        answer(d);
    else
        http_conn_refuse(d->conn, status, text);
}

void on_closed(void *owner, const char *why)
{
    struct desk *d = owner;
    d->closes++;
    snprintf(d->why, sizeof d->why, "%s", why);
    drop(d);
}

static const struct http_conn_events desk_events = {
    .head = on_head, .request = on_request, .bad = on_bad, .closed = on_closed};

void open_desk(struct desk *d, enum kind kind, const struct http_conn_options *o)
{
    static const struct http_conn_options none;
    int fds[2], small = 20000;
    make_pair(kind, fds);
    setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    setsockopt(fds[1], SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    *d = (struct desk){.fd = fds[1]};
    struct stream *s = stream_from_fd(loop, fds[0]);
    assert_non_null(s);
    d->conn = http_conn_new(loop, s, o != NULL ? o : &none, &desk_events, d);
    assert_non_null(d->conn);
}

void close_desk(struct desk *d)
{
    drop(d);
    if (d->taken != NULL)
        stream_close(d->taken);
    if (d->fd >= 0)
        close(d->fd);
    free(d->got);
    d->got = NULL;
}

void ask(struct desk *d, const char *text)
{
    say(d->fd, text, strlen(text));
}

bool receive(struct desk *d, size_t n)
{
    char bytes[65536];
    ssize_t took = recv(d->fd, bytes, n < sizeof bytes ? n : sizeof bytes, MSG_DONTWAIT);
    if (took > 0) {
        d->got = realloc(d->got, d->size + (size_t)took + 1);
        assert_non_null(d->got);
        memcpy(d->got + d->size, bytes, (size_t)took);
        d->size += (size_t)took;
        d->got[d->size] = '\0';
    }
    d->ended = d->ended || took == 0;
    d->was_reset = d->was_reset || (took < 0 && errno == ECONNRESET);
    return took > 0;
}

bool has_come(struct desk *d, size_t n)
{
    receive(d, SIZE_MAX);
    return d->size >= n || d->ended || d->was_reset;
}

void assert_reply(struct desk *d, const char *text)
{
    UNTIL(has_come(d, strlen(text)));
    assert_non_null(d->got);
    assert_string_equal((char *)d->got, text);
    d->size = 0;
    d->got[0] = '\0';
}

void assert_end(struct desk *d)
{
    UNTIL(has_come(d, 1));
    assert_int_equal(d->size, 0);
    assert_true(d->ended);
    assert_false(d->was_reset);
}

void assert_closed(struct desk *d, const char *why)
{
    UNTIL(d->closes == 1);
    assert_string_equal(d->why, why);
    assert_null(d->conn);
}

const char *reply(const char *body, const char *connection)
{
    static char text[800];
    snprintf(text, sizeof text, OK_LINES "Content-Length: %zu" CRLF NO_STORE "%s" CRLF "%s",
             strlen(body), connection, body);
    return text;
}

const char *refusal(int status, const char *text)
{
    static char out[800];
    snprintf(out, sizeof out,
             "HTTP/1.1 %d %s" CRLF "Content-Type: text/plain; charset=utf-8" CRLF
             "Content-Length: %zu" CRLF NO_STORE CLOSE CRLF "%s\n",
             status, http_reason(status), strlen(text) + 1, text);
    return out;
}

/* ---- time ---- */

const struct http_conn_options impatient = {.request_ms = SHORT_MS, .idle_ms = SHORT_MS};
