/* core/ws: frames, Close payloads and the opening handshake. */
#include "core/base/buf.h"
#include "core/ws/frame.h"
#include "core/ws/handshake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static const uint8_t MASK[4] = {0x37, 0xfa, 0x21, 0x3d};

static unsigned next_random(unsigned *seed)
{
    *seed = *seed * 1103515245u + 12345u;
    return *seed >> 16;
}

static void assert_bytes(const struct buf *b, const void *p, size_t n)
{
    assert_int_equal(b->size, n);
    if (n > 0)
        assert_memory_equal(b->data, p, n);
}

/* ---- frames ---- */

/* What a parser says about an input, as text: "binary(hello)! ping(x)! error 1002"; '!' after a
 * frame that is the last of its message, '+' after others. */
static const char *const op_names[] = {[WS_TEXT] = "text",
                                       [WS_BINARY] = "binary",
                                       [WS_CLOSE] = "close",
                                       [WS_PING] = "ping",
                                       [WS_PONG] = "pong"};

struct script {
    struct ws_parser parser;
    struct buf log;
    bool open; /* a frame's payload is being written down */
};

static void note_payload(struct script *s, const uint8_t *p, size_t n)
{
    if (!s->open)
        buf_printf(&s->log, "%s(", op_names[s->parser.op]);
    s->open = true;
    buf_append(&s->log, p, n);
}

static void note_end(struct script *s)
{
    note_payload(s, NULL, 0);
    buf_printf(&s->log, ")%c ", s->parser.fin ? '!' : '+');
    s->open = false;
}

/* Gives n bytes at p to the parser as a careful caller would: takes as much of each piece as `take`
 * says (0: all), and shows the rest again. Returns how many were used. */
static size_t give(struct script *s, uint8_t *p, size_t n, size_t take)
{
    size_t used = 0;
    for (;;) {
        struct ws_event e = ws_parse(&s->parser, p + used, n - used);
        used += e.used;
        if (e.type == WS_NEED_MORE) {
            assert_int_equal(used, n);
            return used;
        }
        if (e.type == WS_ERROR) {
            assert_non_null(e.text);
            assert_int_equal(e.why, s->parser.close_code == 1009 ? ERR_TOO_LARGE : ERR_PROTOCOL);
            buf_printf(&s->log, "error %d", s->parser.close_code);
            return n;
        }
        if (e.type == WS_FRAME_END) {
            note_end(s);
            continue;
        }
        assert_ptr_equal(e.payload, p + used);
        assert_true(e.n > 0 && e.n <= n - used);
        size_t took = take > 0 && take < e.n ? take : e.n;
        note_payload(s, e.payload, took);
        ws_parser_took(&s->parser, took);
        used += took;
    }
}

/* The log of `n` bytes cut into pieces: at random with a seed, byte by byte with 1, whole with 0.
 */
static struct buf script_of(const uint8_t *p, size_t n, bool masked, unsigned seed, size_t take)
{
    struct script s = {.log = {.limit = 1 << 20}};
    ws_parser_init(&s.parser, masked);
    for (size_t at = 0; at < n || n == 0;) {
        size_t piece = seed == 0 ? n : seed == 1 ? 1 : 1 + next_random(&seed) % 9;
        piece = piece < n - at ? piece : n - at;
        uint8_t *copy = malloc(piece + 1);
        assert_non_null(copy);
        memcpy(copy, p + at, piece);
        give(&s, copy, piece, take);
        free(copy);
        at += piece;
        if (n == 0 || s.parser.close_code != 0)
            break;
    }
    return s.log;
}

static void assert_script(const void *p, size_t n, bool masked, const char *want)
{
    for (unsigned seed = 0; seed < 10; seed++)
        for (size_t take = 0; take < 4; take++) {
            struct buf log = script_of(p, n, masked, seed, take);
            if (log.size != strlen(want) || memcmp(log.data, want, log.size) != 0)
                fail_msg("seed %u: \"%.*s\", want \"%s\"", seed, (int)log.size,
                         log.size > 0 ? (char *)log.data : "", want);
            buf_free(&log);
        }
}

#define BYTES(...)                                                                                 \
    (const uint8_t[]){__VA_ARGS__}, sizeof(const uint8_t[])                                        \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }

static void rfc_examples(void **state)
{
    (void)state; /* RFC 6455 section 5.7 */
    assert_script(BYTES(0x81, 5, 'H', 'e', 'l', 'l', 'o'), false, "text(Hello)! ");
    assert_script(BYTES(0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58), true,
                  "text(Hello)! ");
    assert_script(BYTES(0x01, 3, 'H', 'e', 'l', 0x80, 2, 'l', 'o'), false, "text(Hel)+ text(lo)! ");
    assert_script(BYTES(0x89, 5, 'H', 'e', 'l', 'l', 'o'), false, "ping(Hello)! ");
    assert_script(BYTES(0x8a, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58), true,
                  "pong(Hello)! ");
    uint8_t end[20], *p = end + 16;
    assert_int_equal(ws_header(p, true, WS_BINARY, 256, NULL), 4);
    assert_memory_equal(p - 4, "\x82\x7e\x01\x00", 4);
    assert_int_equal(ws_header(p, true, WS_BINARY, 65536, NULL), 10);
    assert_memory_equal(p - 10, "\x82\x7f\0\0\0\0\0\x01\0\0", 10);
    assert_int_equal(ws_header(p, false, WS_TEXT, 5, MASK), 6);
    assert_memory_equal(p - 6, "\x01\x85\x37\xfa\x21\x3d", 6);
}

static void controls_come_between_fragments(void **state)
{
    (void)state;
    assert_script(BYTES(0x02, 1, 'a', 0x89, 1, 'x', 0x00, 0, 0x8a, 0, 0x00, 1, 'b', 0x88, 2, 3, 'c',
                        0x80, 1, 'd', 0x82, 0),
                  false,
                  "binary(a)+ ping(x)! binary()+ pong()! binary(b)+ close(\003c)! binary(d)! "
                  "binary()! ");
}

/* Control frames of 125 bytes and empty ones; what is next to a limit on the right side. */
static void length_classes(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 125, 126, 127, 65535, 65536, 131076, 131077};
    for (size_t i = 0; i < COUNT(sizes); i++)
        for (int masked = 0; masked <= 1; masked++) {
            size_t n = sizes[i];
            uint8_t *room = malloc(WS_HEADER_MAX + n), *p = room + WS_HEADER_MAX;
            assert_non_null(room);
            for (size_t k = 0; k < n; k++)
                p[k] = (uint8_t)(k * 7 + k / 256);
            if (masked)
                ws_mask(p, n, MASK, 0);
            size_t header = ws_header(p, true, WS_BINARY, n, masked ? MASK : NULL);
            for (unsigned seed = 0; seed < 3; seed++) {
                struct buf log = script_of(p - header, header + n, masked, seed, 0);
                if (n > WS_FRAME_MAX) {
                    assert_bytes(&log, "error 1009", 10);
                } else {
                    assert_int_equal(log.size, n + strlen("binary()! "));
                    for (size_t k = 0; k < n; k++)
                        assert_int_equal(log.data[7 + k], (uint8_t)(k * 7 + k / 256));
                }
                buf_free(&log);
            }
            free(room);
        }
}

static void wrong_frames(void **state)
{
    (void)state;
    static const struct {
        bool masked;
        size_t n;
        uint8_t bytes[16];
        const char *want;
    } cases[] = {
        {false, 2, {0xc2, 0}, "error 1002"},
        {false, 2, {0xa2, 0}, "error 1002"},
        {false, 2, {0x92, 0}, "error 1002"},
        {false, 2, {0x83, 0}, "error 1002"}, /* reserved opcodes */
        {false, 2, {0x87, 0}, "error 1002"},
        {false, 2, {0x8b, 0}, "error 1002"},
        {false, 2, {0x8f, 0}, "error 1002"},
        {false, 2, {0x82, 0x80}, "error 1002"}, /* masked at a client */
        {true, 2, {0x82, 0x00}, "error 1002"},  /* unmasked at a server */
        {false, 2, {0x09, 0}, "error 1002"},    /* control in pieces */
        {false, 2, {0x08, 0}, "error 1002"},
        {false, 2, {0x89, 126}, "error 1002"}, /* control too long */
        {false, 2, {0x88, 127}, "error 1002"},
        {false, 2, {0x80, 0}, "error 1002"}, /* continuation of nothing */
        {false, 2, {0x00, 0}, "error 1002"},
        {false, 4, {0x02, 0, 0x82, 0}, "binary()+ error 1002"}, /* a message in a message */
        {false, 4, {0x02, 0, 0x01, 0}, "binary()+ error 1002"},
        {false, 6, {0x02, 0, 0x80, 0, 0x80, 0}, "binary()+ binary()! error 1002"},
        {false, 4, {0x82, 126, 0, 125}, "error 1002"}, /* not the shortest form */
        {false, 4, {0x82, 126, 0, 0}, "error 1002"},
        {false, 10, {0x82, 127, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, "error 1002"},
        {false, 10, {0x82, 127, 0, 0, 0, 0, 0, 0, 0, 5}, "error 1002"},
        {false, 10, {0x82, 127, 0x80, 0, 0, 0, 0, 1, 0, 0}, "error 1002"}, /* top bit */
        {false, 10, {0x82, 127, 0x80, 0, 0, 0, 0, 0, 0, 0}, "error 1002"},
        {false, 10, {0x82, 127, 0, 0, 0, 0, 0, 2, 0, 5}, "error 1009"},
        {false, 10, {0x82, 127, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, "error 1009"},
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_script(cases[i].bytes, cases[i].n, cases[i].masked, cases[i].want);
    struct ws_parser w;
    ws_parser_init(&w, false);
    uint8_t bad[] = {0xf2, 0}, good[] = {0x82, 0};
    assert_int_equal(ws_parse(&w, bad, 2).type, WS_ERROR);
    assert_int_equal(ws_parse(&w, good, 2).type, WS_ERROR); /* and stays so */
}

/* Against the definition in 5.3, at every alignment and payload offset. */
static void masking(void **state)
{
    (void)state;
    uint8_t plain[160], have[160], want[160];
    for (size_t i = 0; i < sizeof plain; i++)
        plain[i] = (uint8_t)(i * 37 + 11);
    for (size_t from = 0; from < 16; from++)
        for (size_t at = 0; at < 9; at++)
            for (size_t n = 0; from + n <= sizeof plain; n += n < 70 ? 1 : 13) {
                memcpy(have, plain, sizeof plain);
                memcpy(want, plain, sizeof plain);
                ws_mask(have + from, n, MASK, at);
                for (size_t i = 0; i < n; i++)
                    want[from + i] ^= MASK[(at + i) % 4];
                assert_memory_equal(have, want, sizeof want);
            }
}

/* A taker who leaves bytes lying while more come in behind them: each is unmasked once. */
static void leftovers_are_unmasked_once(void **state)
{
    (void)state;
    uint8_t frame[2 + 4 + 60], plain[60];
    for (size_t i = 0; i < sizeof plain; i++)
        plain[i] = (uint8_t)(i + 100);
    memcpy(frame, (const uint8_t[]){0x82, 0x80 | sizeof plain}, 2);
    memcpy(frame + 2, MASK, 4);
    memcpy(frame + 6, plain, sizeof plain);
    ws_mask(frame + 6, sizeof plain, MASK, 0);
    for (unsigned seed = 1; seed < 200; seed++) {
        struct ws_parser w;
        uint8_t input[sizeof frame];
        unsigned random = seed;
        size_t shown = 6, from = 6, got = 0;
        memcpy(input, frame, sizeof frame);
        ws_parser_init(&w, true);
        assert_int_equal(ws_parse(&w, input, 6).type, WS_NEED_MORE);
        while (got < sizeof plain) {
            shown += next_random(&random) % (sizeof frame - shown + 1);
            struct ws_event e = ws_parse(&w, input + from, shown - from);
            if (e.type == WS_NEED_MORE)
                continue;
            assert_int_equal(e.type, WS_PAYLOAD);
            assert_int_equal(e.n, shown - from);
            assert_memory_equal(e.payload, plain + got, e.n);
            size_t took = next_random(&random) % (e.n + 1);
            ws_parser_took(&w, took);
            got += took;
            from += took;
        }
        assert_int_equal(ws_parse(&w, input + from, 0).type, WS_FRAME_END);
    }
}

static void close_payloads(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t n;
        bool ok;
        int code;
        const char *text;
    } cases[] = {
        {"", 0, true, 1005, ""},
        {"\x03\xe8", 2, true, 1000, ""},
        {"\x03\xe9"
         "bye",
         5, true, 1001, "bye"},
        {"\x03\xf6", 2, true, 1014, ""},
        {"\x0b\xb8", 2, true, 3000, ""},
        {"\x13\x87", 2, true, 4999, ""},
        {"\x03\xe8\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 11, true, 1000, "é€😀"},
        {"\x03", 1, false, 0, NULL},
        {"\x00\x00", 2, false, 0, NULL},
        {"\x03\xe7", 2, false, 0, NULL}, /* 999 */
        {"\x03\xec", 2, false, 0, NULL}, /* 1004 */
        {"\x03\xed", 2, false, 0, NULL}, /* 1005 */
        {"\x03\xee", 2, false, 0, NULL}, /* 1006 */
        {"\x03\xf7", 2, false, 0, NULL}, /* 1015 */
        {"\x07\xd0", 2, false, 0, NULL}, /* 2000 */
        {"\x13\x88", 2, false, 0, NULL}, /* 5000 */
        {"\xff\xff", 2, false, 0, NULL},
        {"\x03\xe8\x80", 3, false, 0, NULL},             /* not UTF-8: a lone continuation */
        {"\x03\xe8\xc3", 3, false, 0, NULL},             /* cut short */
        {"\x03\xe8\xc0\xaf", 4, false, 0, NULL},         /* overlong */
        {"\x03\xe8\xe0\x80\xaf", 5, false, 0, NULL},     /* overlong */
        {"\x03\xe8\xed\xa0\x80", 5, false, 0, NULL},     /* a surrogate */
        {"\x03\xe8\xf4\x90\x80\x80", 6, false, 0, NULL}, /* above U+10FFFF */
        {"\x03\xe8\xf0\x9f\x98\x28", 6, false, 0, NULL},
        {"\x03\xe8"
         "a\xff",
         4, false, 0, NULL},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        int code;
        struct span text;
        bool ok = ws_close_parse((const uint8_t *)cases[i].bytes, cases[i].n, &code, &text);
        if (ok != cases[i].ok)
            fail_msg("case %zu", i);
        if (ok) {
            assert_int_equal(code, cases[i].code);
            assert_true(span_is(text, cases[i].text));
        }
    }
    uint8_t out[WS_CONTROL_MAX];
    char longer[200] = "";
    assert_int_equal(ws_close_write(out, 1005, "never seen"), 0);
    assert_int_equal(ws_close_write(out, 1000, NULL), 2);
    assert_int_equal(ws_close_write(out, 1000, "bye"), 5);
    assert_memory_equal(out,
                        "\x03\xe8"
                        "bye",
                        5);
    for (int i = 0; i < 41; i++)
        strcat(longer, "€");
    strcat(longer, "€€"); /* 129 bytes: 41 characters fit */
    assert_int_equal(ws_close_write(out, 1000, longer), 2 + 123);
    memmove(longer + 1, longer, sizeof longer - 1);
    longer[0] = 'x'; /* now the 41st does not */
    assert_int_equal(ws_close_write(out, 1000, longer), 2 + 121);
}

/* ---- the opening handshake ---- */

#define KEY "dGhlIHNhbXBsZSBub25jZQ==" /* RFC 6455 section 1.3 */
#define ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

static void accept_key(void **state)
{
    (void)state;
    char out[WS_ACCEPT_SIZE];
    ws_accept_key(span_of(KEY), out);
    assert_string_equal(out, ACCEPT);
}

static struct http_reader *read_head(bool request, const char *text)
{
    struct http_reader *r = http_reader_new(request ? HTTP_REQUEST : HTTP_RESPONSE, 4096);
    assert_int_equal(http_reader_feed(r, (const uint8_t *)text, strlen(text)), strlen(text));
    assert_non_null(http_reader_head(r));
    return r;
}

static void our_request_is_one(void **state)
{
    (void)state;
    struct buf b = {.limit = 4096};
    const char *text;
    struct ws_request request = {.host = "hub.example",
                                 .target = "/tunnel?local-proxy-mode=source",
                                 .protocols = "aws.iot.securetunneling-3.0",
                                 .key = KEY,
                                 .extra = "access-token: secret\r\nX-Y: z\r\n"};
    assert_true(ws_request_write(&request, &b));
    buf_append(&b, "", 1);
    struct http_reader *r = read_head(true, (const char *)b.data);
    const struct http_head *h = http_reader_head(r);
    assert_int_equal(ws_request_check(h, &text), ERR_OK);
    assert_true(span_is(h->target, "/tunnel?local-proxy-mode=source"));
    assert_true(span_is(http_header(h, "Host"), "hub.example"));
    assert_true(span_is(http_header(h, "Sec-WebSocket-Protocol"), "aws.iot.securetunneling-3.0"));
    assert_true(span_is(http_header(h, "access-token"), "secret"));
    assert_true(span_is(http_header(h, "X-Y"), "z"));
    http_reader_free(r);
    buf_free(&b);
    request.protocols = request.extra = NULL;
    assert_true(ws_request_write(&request, &b));
    buf_append(&b, "", 1);
    r = read_head(true, (const char *)b.data);
    assert_int_equal(http_header_count(http_reader_head(r), "Sec-WebSocket-Protocol"), 0);
    http_reader_free(r);
    buf_free(&b);
    static const char *const evil[] = {"", "a b", "a\r\nX: y", "a\x80"};
    for (size_t i = 0; i < COUNT(evil); i++) {
        struct ws_request bad = request;
        bad.host = evil[i];
        assert_false(ws_request_write(&bad, &b));
        bad = request;
        bad.target = evil[i];
        assert_false(ws_request_write(&bad, &b));
        bad = request;
        bad.protocols = evil[i];
        assert_int_equal(ws_request_write(&bad, &b), i == 1); /* a list may have blanks */
    }
    buf_free(&b);
}

#define UPGRADE "Upgrade: websocket\r\nConnection: Upgrade\r\n"

static void answers_are_checked(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum err want;
    } cases[] = {
        {"HTTP/1.1 101 X\r\n" UPGRADE "Sec-WebSocket-Accept: " ACCEPT "\r\n\r\n", ERR_OK},
        {"HTTP/1.1 101 X\r\nconnection: keep-alive, upgrade\r\nupgrade: WebSocket\r\n"
         "sec-websocket-accept: " ACCEPT "\r\nsec-websocket-protocol: other\r\n"
         "channel-id: 1\r\n\r\n",
         ERR_OK},
        {"HTTP/1.1 400 Bad Request\r\n\r\n", ERR_REJECTED},
        {"HTTP/1.1 200 OK\r\n" UPGRADE "Sec-WebSocket-Accept: " ACCEPT "\r\n\r\n", ERR_REJECTED},
        {"HTTP/1.1 503 Later\r\n\r\n", ERR_REJECTED},
        {"HTTP/1.0 101 X\r\n" UPGRADE "Sec-WebSocket-Accept: " ACCEPT "\r\n\r\n", ERR_PROTOCOL},
        {"HTTP/1.1 101 X\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " ACCEPT "\r\n\r\n",
         ERR_PROTOCOL},
        {"HTTP/1.1 101 X\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: " ACCEPT "\r\n\r\n",
         ERR_PROTOCOL},
        {"HTTP/1.1 101 X\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n"
         "Sec-WebSocket-Accept: " ACCEPT "\r\n\r\n",
         ERR_PROTOCOL},
        {"HTTP/1.1 101 X\r\n" UPGRADE "\r\n", ERR_PROTOCOL},
        {"HTTP/1.1 101 X\r\n" UPGRADE "Sec-WebSocket-Accept: " KEY "\r\n\r\n", ERR_PROTOCOL},
        {"HTTP/1.1 101 X\r\n" UPGRADE "Sec-WebSocket-Accept: S3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
         ERR_PROTOCOL},
        {"HTTP/1.1 101 X\r\n" UPGRADE "Sec-WebSocket-Accept: " ACCEPT
         "\r\nSec-WebSocket-Accept: " ACCEPT "\r\n\r\n",
         ERR_PROTOCOL},
        {"HTTP/1.1 101 X\r\n" UPGRADE "Sec-WebSocket-Accept: " ACCEPT
         "\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n",
         ERR_PROTOCOL},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *text = NULL;
        struct http_reader *r = read_head(false, cases[i].text);
        if (ws_response_check(http_reader_head(r), KEY, &text) != cases[i].want)
            fail_msg("case %zu: %s", i, cases[i].text);
        assert_non_null(text);
        assert_int_equal(text[0] != '\0', cases[i].want == ERR_PROTOCOL);
        http_reader_free(r);
    }
}

#define VERSION "Sec-WebSocket-Version: 13\r\n"
#define KEYED "Sec-WebSocket-Key: " KEY "\r\n"

static void requests_are_checked(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool ok;
    } cases[] = {
        {"GET /t HTTP/1.1\r\nHost: h\r\n" UPGRADE VERSION KEYED "\r\n", true},
        {"GET /t HTTP/1.1\r\nhost: h\r\nUPGRADE: h2c, WEBSOCKET\r\nConnection: keep-alive\r\n"
         "Connection: upgrade\r\n" VERSION KEYED "Content-Length: 0\r\n\r\n",
         true},
        {"POST /t HTTP/1.1\r\nHost: h\r\n" UPGRADE VERSION KEYED "\r\n", false},
        {"get /t HTTP/1.1\r\nHost: h\r\n" UPGRADE VERSION KEYED "\r\n", false},
        {"GET /t HTTP/1.0\r\nHost: h\r\n" UPGRADE VERSION KEYED "\r\n", false},
        {"GET /t HTTP/1.1\r\n" UPGRADE VERSION KEYED "\r\n", false},
        {"GET /t HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\n" VERSION KEYED "\r\n", false},
        {"GET /t HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\n" VERSION KEYED "\r\n", false},
        {"GET /t HTTP/1.1\r\nHost: h\r\n" UPGRADE KEYED "\r\n", false},
        {"GET /t HTTP/1.1\r\nHost: h\r\n" UPGRADE KEYED "Sec-WebSocket-Version: 8\r\n\r\n", false},
        {"GET /t HTTP/1.1\r\nHost: h\r\n" UPGRADE KEYED VERSION VERSION "\r\n", false},
        {"GET /t HTTP/1.1\r\nHost: h\r\n" UPGRADE VERSION "\r\n", false},
        {"GET /t HTTP/1.1\r\nHost: h\r\n" UPGRADE VERSION KEYED KEYED "\r\n", false},
        {"GET /t HTTP/1.1\r\nHost: h\r\n" UPGRADE VERSION "Sec-WebSocket-Key: x\r\n\r\n", false},
        {"GET /t HTTP/1.1\r\nHost: h\r\n" UPGRADE VERSION
         "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAAAA\r\n\r\n", /* 18 bytes */
         false},
        {"GET /t HTTP/1.1\r\nHost: h\r\n" UPGRADE VERSION
         "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAA===\r\n\r\n",
         false},
        {"GET /t HTTP/1.1\r\nHost: h\r\n" UPGRADE VERSION KEYED "Content-Length: 5\r\n\r\n", false},
        {"GET /t HTTP/1.1\r\nHost: h\r\n" UPGRADE VERSION KEYED
         "Transfer-Encoding: chunked\r\n\r\n",
         false},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *text = NULL;
        struct http_reader *r = read_head(true, cases[i].text);
        if ((ws_request_check(http_reader_head(r), &text) == ERR_OK) != cases[i].ok)
            fail_msg("case %zu: %s", i, cases[i].text);
        assert_int_equal(text[0] == '\0', cases[i].ok);
        http_reader_free(r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rfc_examples),
        cmocka_unit_test(controls_come_between_fragments),
        cmocka_unit_test(length_classes),
        cmocka_unit_test(wrong_frames),
        cmocka_unit_test(masking),
        cmocka_unit_test(leftovers_are_unmasked_once),
        cmocka_unit_test(close_payloads),
        cmocka_unit_test(accept_key),
        cmocka_unit_test(our_request_is_one),
        cmocka_unit_test(answers_are_checked),
        cmocka_unit_test(requests_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
