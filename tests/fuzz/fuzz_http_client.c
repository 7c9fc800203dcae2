/* What a server says to an HTTP client, over a stream in memory. The oracle: however the bytes are
 * cut, the first request comes to the same; each request comes to one thing, an answer or a loss; a
 * request that may not be repeated is sent once, and over a connection of its own; nothing is held
 * beyond the limits. Input: a byte of flags, a seed for the cuts, then the bytes of the server. */
#include "core/http/client.h"
#include "memory_stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    LINES = 1,
    ONCE = 2,         /* requests are not repeatable */
    SMALL_LIMITS = 4, /* of a body */
    SLOW_WRITES = 8,
    FREE_EARLY = 16,   /* the client, in the first event */
    REST = 32,         /* the client, after the first event */
    ASK_IN_EVENTS = 64 /* the next request, from inside of what the one before came to */
};

#define REQUEST "GET / HTTP/1.1\r\nHost: h\r\n\r\n"
#define REQUESTS 4
#define SMALL_BODY 16
#define LARGE_BODY 1000000

struct owner {
    struct memory memory;
    struct http_client *client;
    int flags;
    bool connecting, open;
    size_t asked, sent, connections, over;
    size_t on_this; /* requests sent over the connection at hand */
    /* What the first one came to. */
    int status;
    enum http_loss loss;
    struct buf content; /* of its body or lines */
};

static bool kept_open(const struct owner *o)
{
    return o->open && !o->memory.closed;
}

static bool on_connect(void *owner)
{
    struct owner *o = owner;
    MUST(!o->connecting && !kept_open(o));
    return o->connecting = true;
}

static void on_abandon(void *owner)
{
    struct owner *o = owner;
    MUST(o->connecting);
    o->connecting = false;
}

static void ask(struct owner *o)
{
    struct buf request = {.limit = 100};
    unsigned how = ((o->flags & LINES) != 0 ? HTTP_LINES : 0u) |
                   ((o->flags & ONCE) != 0 ? 0u : HTTP_REPEATABLE);
    MUST(buf_append(&request, REQUEST, sizeof REQUEST - 1));
    o->asked++;
    MUST(http_client_ask(o->client, &request, how) && request.size == 0);
    MUST(http_client_busy(o->client));
}

static void came_to_something(struct owner *o)
{
    o->over++;
    MUST(o->over <= o->asked && !http_client_busy(o->client));
    if ((o->flags & FREE_EARLY) != 0) {
        http_client_free(o->client);
        o->client = NULL;
    } else if ((o->flags & ASK_IN_EVENTS) != 0 && o->asked < REQUESTS) {
        ask(o);
    }
}

static void on_answer(void *owner, const struct http_head *head, struct buf *body)
{
    struct owner *o = owner;
    MUST(head->status >= 200 || head->status == 101);
    MUST(body->size <= ((o->flags & SMALL_LIMITS) != 0 ? SMALL_BODY : LARGE_BODY));
    if (o->over == 0) {
        o->status = head->status;
        MUST(buf_append(&o->content, body->data, body->size));
    }
    came_to_something(o);
}

static void on_line(void *owner, struct span line)
{
    struct owner *o = owner;
    MUST((o->flags & LINES) != 0 && line.n > 0 && memchr(line.p, '\n', line.n) == NULL);
    if (o->over == 0)
        MUST(buf_append(&o->content, line.p, line.n) && buf_append(&o->content, "\n", 1));
}

static void on_lost(void *owner, enum http_loss loss, enum err why, const char *text)
{
    struct owner *o = owner;
    MUST(loss < HTTP_LOSS_COUNT && why != ERR_OK && text != NULL);
    if (o->over == o->asked) { /* between requests */
        MUST(loss == HTTP_LOSS_HUNG_UP || loss == HTTP_LOSS_UNASKED);
        return;
    }
    if (o->over == 0)
        o->loss = loss;
    came_to_something(o);
}

static const struct http_client_events events = {.connect = on_connect,
                                                 .abandon = on_abandon,
                                                 .answer = on_answer,
                                                 .line = on_line,
                                                 .lost = on_lost};

/* ---- one conversation ---- */

/* The server says the same on each connection. */
static void connected(struct owner *o)
{
    if (o->connections > 0)
        memory_end(&o->memory);
    memory_begin(&o->memory, (o->flags & SLOW_WRITES) != 0);
    o->connecting = false;
    o->open = true;
    o->connections++;
    http_client_connected(o->client, &o->memory.stream);
}

/* Takes what the client wrote; whole requests only. */
static void written(struct owner *o)
{
    struct memory *m = &o->memory;
    if (m->pending != NULL) {
        MUST(buf_append(&m->out, m->pending, m->pending_size));
        m->pending = NULL;
        m->stream.events->writable(m->stream.owner);
    }
    MUST(m->out.size % (sizeof REQUEST - 1) == 0);
    o->sent += m->out.size / (sizeof REQUEST - 1);
    buf_take(&m->out, m->out.size);
}

/* Until there is nothing to do. seed 0: all bytes at once. */
static void turn(struct owner *o, unsigned seed, const uint8_t *p, size_t n)
{
    struct memory *m = &o->memory;
    size_t at = 0;
    while (o->client != NULL) {
        if (o->connecting) {
            at = 0;
            connected(o);
        } else if (!kept_open(o)) {
            return;
        } else if (m->pending != NULL || m->out.size > 0) {
            written(o);
        } else if (m->in.size > 0 || m->eof) {
            m->stream.events->readable(m->stream.owner);
        } else if (at == n) {
            m->eof = true;
        } else {
            size_t piece = seed != 0 ? piece_of(&seed, n - at) : n;
            MUST(buf_append(&m->in, p + at, piece));
            at += piece;
        }
    }
}

static void converse(struct owner *o, struct loop *loop, int flags, unsigned seed, const uint8_t *p,
                     size_t n)
{
    struct http_client_options options = {.max_head = 4096,
                                          .max_body =
                                              (flags & SMALL_LIMITS) != 0 ? SMALL_BODY : LARGE_BODY,
                                          .max_line = LARGE_BODY,
                                          .timeout_ms = 10000};
    *o = (struct owner){.flags = flags, .content.limit = SIZE_MAX / 2};
    o->client = http_client_new(loop, &options, &events, o);
    MUST(o->client != NULL);
    while (o->client != NULL && o->asked < REQUESTS) {
        size_t before = o->over;
        ask(o);
        turn(o, seed, p, n);
        MUST(o->over > before);
        if (o->client != NULL && (o->flags & REST) != 0)
            http_client_rest(o->client);
    }
}

static void end(struct owner *o)
{
    MUST(o->over == o->asked);
    MUST((o->flags & ONCE) != 0 ? o->sent <= o->asked : o->sent <= 2 * o->asked);
    MUST((o->flags & ONCE) == 0 || o->connections == o->asked);
    http_client_free(o->client);
    MUST(!kept_open(o));
    memory_end(&o->memory);
    buf_free(&o->content);
}

static bool is_same(const struct owner *a, const struct owner *b)
{
    return a->status == b->status && a->loss == b->loss && a->content.size == b->content.size &&
           (a->content.size == 0 || memcmp(a->content.data, b->content.data, a->content.size) == 0);
}

/* What is too large may be found before what is wrong behind it, or after. */
static bool is_too_large(const struct owner *o)
{
    return o->loss == HTTP_LOSS_TOO_LARGE;
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
    MUST(is_same(&whole, &cut) || is_too_large(&whole) || is_too_large(&cut));
    end(&whole);
    end(&cut);
    uv_run(loop_uv(loop), UV_RUN_NOWAIT); /* for the timers that were closed */
    return 0;
}
