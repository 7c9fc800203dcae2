/* WebSocket frames. The oracle: frames fed whole and fed in pieces, with pieces taken in part, give
 * the same messages and the same error. Input: one byte of flags, then what the peer sent. */
#include "core/base/buf.h"
#include "core/ws/frame.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition))                                                                          \
            abort();                                                                               \
    } while (0)

struct reading {
    struct ws_parser parser;
    struct buf log; /* payloads, and a mark for the end of each frame and for an error */
    bool failed;
};

static unsigned next_random(unsigned *seed)
{
    *seed = *seed * 1103515245u + 12345u;
    return *seed >> 16;
}

static void note(struct reading *r, char kind, unsigned what)
{
    MUST(buf_printf(&r->log, "<%c%u>", kind, what));
}

static void frame_end(struct reading *r)
{
    const struct ws_parser *w = &r->parser;
    MUST(w->left == 0 && w->op != WS_CONTINUATION);
    MUST(w->op < WS_CLOSE || (w->fin && w->at <= WS_CONTROL_MAX));
    MUST(w->at <= WS_FRAME_MAX);
    note(r, w->fin ? 'F' : 'f', (unsigned)w->op);
}

/* Gives n bytes at p; with a seed takes payload in parts and may stop at any of them. Returns how
 * many were used. */
static size_t give(struct reading *r, uint8_t *p, size_t n, unsigned *seed)
{
    size_t used = 0;
    while (!r->failed) {
        struct ws_event e = ws_parse(&r->parser, p + used, n - used);
        used += e.used;
        MUST(used <= n);
        if (e.type == WS_NEED_MORE) {
            MUST(used == n);
            return n;
        }
        if (e.type == WS_ERROR) {
            r->failed = true;
            note(r, 'e', r->parser.close_code);
        } else if (e.type == WS_FRAME_END) {
            frame_end(r);
        } else {
            MUST(e.n > 0 && e.payload == p + used && e.n <= n - used);
            size_t took = seed != NULL ? next_random(seed) % (e.n + 1) : e.n;
            MUST(buf_append(&r->log, e.payload, took));
            ws_parser_took(&r->parser, took);
            used += took;
            if (took < e.n && next_random(seed) % 2 == 0)
                return used;
        }
    }
    return n;
}

static struct buf whole(bool masked, const uint8_t *p, size_t n)
{
    struct reading r = {.log = {.limit = SIZE_MAX}};
    uint8_t *copy = malloc(n + 1);
    MUST(copy != NULL);
    memcpy(copy, p, n);
    ws_parser_init(&r.parser, masked);
    give(&r, copy, n, NULL);
    free(copy);
    return r.log;
}

/* What was not used is shown again, with more behind it. */
static struct buf split(bool masked, const uint8_t *p, size_t n, unsigned seed)
{
    struct reading r = {.log = {.limit = SIZE_MAX}};
    struct buf held = {.limit = n};
    uint8_t nothing;
    ws_parser_init(&r.parser, masked);
    for (size_t at = 0; !r.failed && (at < n || held.size > 0);) {
        size_t piece = 1 + next_random(&seed) % 11;
        piece = piece < n - at ? piece : n - at;
        MUST(buf_append(&held, p + at, piece));
        at += piece;
        size_t used = give(&r, held.size > 0 ? held.data : &nothing, held.size, &seed);
        buf_take(&held, used);
    }
    buf_free(&held);
    return r.log;
}

static void close_payload(const uint8_t *p, size_t n)
{
    int code;
    struct span text;
    uint8_t out[WS_CONTROL_MAX];
    if (n > WS_CONTROL_MAX || !ws_close_parse(p, n, &code, &text))
        return;
    char *copy = span_dup(text);
    MUST(copy != NULL);
    size_t size = ws_close_write(out, code, copy);
    MUST(strlen(copy) < text.n || (size == n && memcmp(out, p, n) == 0)); /* NULs end a text */
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    bool masked = (data[0] & 1) != 0;
    struct buf a = whole(masked, data + 1, size - 1);
    struct buf b = split(masked, data + 1, size - 1, data[0]);
    MUST(a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0));
    buf_free(&a);
    buf_free(&b);
    close_payload(data + 1, size - 1);
    return 0;
}
