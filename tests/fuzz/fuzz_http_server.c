/* Requests to an HTTP server's connection over a stream in memory. The oracle: however the bytes
 * are cut, the answers are the same; they are well-formed, one for each request, and nothing
 * follows the one that says close; a stream that is taken keeps every byte behind the head. Input:
 * a byte of flags, a seed for the cuts, then the bytes of the client. */
#include "core/http/server.h"
#include "memory_stream.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    ANSWER_LATER = 1, /* not from inside the event */
    SLOW_WRITES = 2,  /* each is pending once */
    SMALL_LIMITS = 4,
    OWN_WORDS = 8,   /* for requests that cannot be taken */
    TAKE = 16,       /* the stream, at a head for a target that begins with /t */
    AT_HEAD = 32,    /* answers heads of targets that begin with /h */
    FREE_EARLY = 64, /* the connection, at a target that begins with /f */
    HALF = 128       /* the client ends its side when it has sent all */
};

/* ---- an owner ---- */

struct owner {
    struct memory memory;
    struct http_conn *conn;
    int flags;
    bool due, taken, over;
    size_t requests, at_head, bad;
};

static void answer(struct owner *o, const char *text)
{
    struct http_response a = {.status = 200, .type = "text/plain", .body = span_of(text)};
    o->due = false;
    http_conn_answer(o->conn, &a);
}

static bool begins(const struct http_head *head, const char *text)
{
    return head->target.n >= 2 && memcmp(head->target.p, text, 2) == 0;
}

static void let_go(struct owner *o)
{
    http_conn_free(o->conn);
    o->conn = NULL;
}

static bool on_head(void *owner, const struct http_head *head)
{
    struct owner *o = owner;
    MUST(!o->over && !o->due);
    if ((o->flags & TAKE) != 0 && begins(head, "/t")) {
        MUST(http_conn_take(o->conn) == &o->memory.stream);
        o->conn = NULL;
        o->taken = true;
        return false;
    }
    if ((o->flags & FREE_EARLY) != 0 && begins(head, "/f")) {
        let_go(o);
        return false;
    }
    if ((o->flags & AT_HEAD) != 0 && begins(head, "/h")) {
        o->at_head++;
        answer(o, "at the head");
        return false;
    }
    return true;
}

static void on_request(void *owner, const struct http_head *head, struct span body)
{
    struct owner *o = owner;
    MUST(!o->over && !o->due && head != NULL && !head->chunked);
    MUST((int64_t)body.n == (head->content_length > 0 ? head->content_length : 0));
    MUST(head->minor == 0 || http_header_count(head, "Host") == 1);
    o->requests++;
    o->due = true;
    if ((o->flags & ANSWER_LATER) == 0)
        answer(o, "now");
}

static void on_bad(void *owner, const struct http_head *head, int status, const char *text)
{
    struct owner *o = owner;
    (void)head;
    MUST(!o->over && !o->due && status >= 400 && status < 600 && text[0] != '\0');
    o->bad++;
    if ((o->flags & OWN_WORDS) != 0)
        answer(o, "sorry");
    else
        http_conn_refuse(o->conn, status, text);
}

static void on_closed(void *owner, const char *why)
{
    struct owner *o = owner;
    MUST(!o->over && why[0] != '\0');
    o->over = true;
    let_go(o);
}

static const struct http_conn_events events = {
    .head = on_head, .request = on_request, .bad = on_bad, .closed = on_closed};

/* ---- one conversation ---- */

static bool wants_bytes(const struct owner *o)
{
    const struct memory *m = &o->memory;
    return o->conn != NULL && m->reading && (m->in.size > 0 || m->eof);
}

/* What a loop would do, until there is nothing to do. */
static void turn(struct owner *o)
{
    struct memory *m = &o->memory;
    while (o->conn != NULL) {
        if (wants_bytes(o)) {
            m->stream.events->readable(m->stream.owner);
        } else if (m->pending != NULL) {
            MUST(buf_append(&m->out, m->pending, m->pending_size));
            m->pending = NULL;
            m->stream.events->writable(m->stream.owner);
        } else if (o->due) {
            answer(o, "now");
        } else {
            return;
        }
    }
}

/* seed 0: all at once. */
static void converse(struct owner *o, struct loop *loop, int flags, unsigned seed, const uint8_t *p,
                     size_t n)
{
    struct http_conn_options options = {0};
    if ((flags & SMALL_LIMITS) != 0)
        options = (struct http_conn_options){.max_head = 80, .max_body = 7};
    *o = (struct owner){.flags = flags};
    memory_begin(&o->memory, (flags & SLOW_WRITES) != 0);
    o->conn = http_conn_new(loop, &o->memory.stream, &options, &events, o);
    MUST(o->conn != NULL);
    for (size_t at = 0; at < n;) {
        size_t piece = seed != 0 ? piece_of(&seed, n - at) : n;
        MUST(buf_append(&o->memory.in, p + at, piece));
        at += piece;
        turn(o);
    }
    o->memory.eof = (flags & HALF) != 0;
    turn(o);
}

static void end(struct owner *o)
{
    let_go(o);
    MUST(o->memory.closed == !o->taken);
    memory_end(&o->memory);
}

static bool same(const struct buf *a, const struct buf *b)
{
    return a->size == b->size && (a->size == 0 || memcmp(a->data, b->data, a->size) == 0);
}

/* ---- what came back ---- */

/* One answer, to another method than HEAD, with its body; returns its size. */
static size_t check_answer(const uint8_t *p, size_t n, bool *last, bool *interim)
{
    struct http_reader *r = http_reader_new(HTTP_RESPONSE, 4096);
    MUST(r != NULL);
    long used = http_reader_feed(r, p, n);
    MUST(used > 0);
    const struct http_head *head = http_reader_head(r);
    MUST(head != NULL);
    *interim = head->status == 100;
    MUST(*interim || head->content_length >= 0);
    *last = http_header_has(head, "Connection", "close");
    size_t size = (size_t)used + (*interim ? 0 : (size_t)head->content_length);
    MUST(size <= n);
    http_reader_free(r);
    return size;
}

static void check_answers(const struct owner *o)
{
    const struct buf *out = &o->memory.out;
    size_t answers = 0;
    for (size_t at = 0; at < out->size;) {
        bool last, interim;
        at += check_answer(out->data + at, out->size - at, &last, &interim);
        answers += !interim;
        MUST(!last || at == out->size);
    }
    MUST(answers == o->requests + o->at_head + o->bad);
}

static bool has_head_request(const uint8_t *p, size_t n)
{
    return n > 0 && memmem(p, n, "HEAD", 4) != NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct loop *loop;
    static struct owner whole, cut;
    if (loop == NULL)
        loop = loop_new();
    MUST(loop != NULL);
    if (size < 2)
        return 0;
    converse(&whole, loop, data[0], 0, data + 2, size - 2);
    converse(&cut, loop, data[0], data[1] + 1u, data + 2, size - 2);
    MUST(same(&whole.memory.out, &cut.memory.out));
    MUST(whole.requests == cut.requests && whole.taken == cut.taken && whole.over == cut.over);
    if (whole.taken)
        MUST(same(&whole.memory.in, &cut.memory.in));
    if (!has_head_request(data + 2, size - 2))
        check_answers(&whole);
    end(&whole);
    end(&cut);
    uv_run(loop_uv(loop), UV_RUN_NOWAIT); /* for the timers that were closed */
    return 0;
}
