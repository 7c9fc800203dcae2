#include "core/ws/frame.h"

#include "core/base/unicode.h"

#include <string.h>

void ws_mask(uint8_t *p, size_t n, const uint8_t mask[4], size_t at)
{
    uint8_t turned[8];
    for (size_t i = 0; i < sizeof turned; i++)
        turned[i] = mask[(at + i) & 3];
    uint64_t key, word[4];
    memcpy(&key, turned, sizeof key);
    /* Four words at a time: that is two SSE registers on x86-64, where one word at a time takes
     * twice as long. */
    for (; n >= sizeof word; p += sizeof word, n -= sizeof word) {
        memcpy(word, p, sizeof word);
        for (size_t i = 0; i < 4; i++)
            word[i] ^= key;
        memcpy(p, word, sizeof word);
    }
    for (size_t i = 0; i < n; i++)
        p[i] ^= turned[i & 7];
}

size_t ws_header(uint8_t *end, bool fin, enum ws_opcode op, uint64_t n, const uint8_t mask[4])
{
    uint8_t h[WS_HEADER_MAX];
    size_t extra = n <= 125 ? 0 : n <= 0xffff ? 2 : 8;
    size_t size = 2;
    h[0] = (uint8_t)((fin ? 0x80 : 0) | (unsigned)op);
    h[1] = (uint8_t)((mask != NULL ? 0x80u : 0) | (extra == 0   ? (unsigned)n
                                                   : extra == 2 ? 126
                                                                : 127));
    for (size_t i = extra; i-- > 0;)
        h[size++] = (uint8_t)(n >> 8 * i);
    if (mask != NULL) {
        memcpy(h + size, mask, 4);
        size += 4;
    }
    memcpy(end - size, h, size);
    return size;
}

void ws_parser_init(struct ws_parser *w, bool masked)
{
    *w = (struct ws_parser){.masked = masked, .most = WS_FRAME_MAX, .header_need = 2};
}

static struct ws_event failed(const struct ws_parser *w)
{
    return (struct ws_event){.type = WS_ERROR,
                             .why = w->close_code == 1009 ? ERR_TOO_LARGE : ERR_PROTOCOL,
                             .text = w->problem};
}

static bool refuse(struct ws_parser *w, uint16_t close_code, const char *problem)
{
    w->close_code = close_code;
    w->problem = problem;
    return false;
}

static bool known(unsigned op)
{
    return op <= WS_BINARY || (op >= WS_CLOSE && op <= WS_PONG);
}

/* Returns how many bytes an extended length has. */
static size_t length_bytes(unsigned length)
{
    return length == 126 ? 2 : length == 127 ? 8 : 0;
}

/* After the first two bytes all but the length can be checked, and the header's size is known. */
static bool judge_start(struct ws_parser *w)
{
    unsigned op = w->header[0] & 15, length = w->header[1] & 127;
    w->fin = (w->header[0] & 0x80) != 0;
    if ((w->header[0] & 0x70) != 0)
        return refuse(w, 1002, "reserved bits are set");
    if (!known(op))
        return refuse(w, 1002, "unknown opcode");
    if (((w->header[1] & 0x80) != 0) != w->masked)
        return refuse(w, 1002, w->masked ? "a frame is not masked" : "a frame is masked");
    if (op >= WS_CLOSE && (!w->fin || length > WS_CONTROL_MAX))
        return refuse(w, 1002,
                      w->fin ? "a control frame is too long" : "a control frame in pieces");
    if (op == WS_CONTINUATION && !w->fragmented)
        return refuse(w, 1002, "a continuation of nothing");
    if ((op == WS_TEXT || op == WS_BINARY) && w->fragmented)
        return refuse(w, 1002, "a new message inside another");
    w->op = op == WS_CONTINUATION ? w->message : (enum ws_opcode)op;
    w->header_need += length_bytes(length) + (w->masked ? 4u : 0);
    return true;
}

/* Begins the frame whose whole header lies in w->header. */
static bool begin_frame(struct ws_parser *w)
{
    unsigned length = w->header[1] & 127;
    size_t extra = length_bytes(length);
    uint64_t n = extra == 0 ? length : 0;
    for (size_t i = 0; i < extra; i++)
        n = n << 8 | w->header[2 + i];
    if (n >> 63 != 0)
        return refuse(w, 1002, "a length with its top bit set");
    if ((extra == 2 && n <= 125) || (extra == 8 && n <= 0xffff))
        return refuse(w, 1002, "a length that is not in its shortest form");
    if (w->op < WS_CLOSE && n > w->most)
        return refuse(w, 1009, "a frame is too large");
    if (w->masked)
        memcpy(w->mask, w->header + 2 + extra, 4);
    if (w->op < WS_CLOSE) {
        w->message = w->op;
        w->fragmented = !w->fin;
    }
    w->in_payload = true;
    w->left = n;
    w->at = 0;
    w->clear = 0;
    return true;
}

/* Takes header bytes from p; *used tells how many. False: an error. */
static bool take_header(struct ws_parser *w, const uint8_t *p, size_t n, size_t *used)
{
    while (!w->in_payload && *used < n) {
        w->header[w->header_have++] = p[(*used)++];
        if (w->header_have == 2 && !judge_start(w))
            return false;
        if (w->header_have >= 2 && w->header_have == w->header_need && !begin_frame(w))
            return false;
    }
    return true;
}

struct ws_event ws_parse(struct ws_parser *w, uint8_t *p, size_t n)
{
    size_t used = 0;
    if (w->close_code != 0 || !take_header(w, p, n, &used))
        return failed(w);
    if (w->in_payload && w->left == 0) {
        w->in_payload = false;
        w->header_have = 0;
        w->header_need = 2;
        return (struct ws_event){.type = WS_FRAME_END, .used = used};
    }
    if (!w->in_payload || used == n)
        return (struct ws_event){.type = WS_NEED_MORE, .used = used};
    size_t piece = n - used < w->left ? n - used : (size_t)w->left;
    if (w->clear < piece) {
        if (w->masked)
            ws_mask(p + used + w->clear, piece - w->clear, w->mask, (size_t)w->at + w->clear);
        w->clear = piece;
    }
    return (struct ws_event){.type = WS_PAYLOAD, .used = used, .payload = p + used, .n = piece};
}

void ws_parser_took(struct ws_parser *w, size_t taken)
{
    w->left -= taken;
    w->at += taken;
    w->clear -= taken;
}

/* ---- Close ---- */

/* Returns the length of the longest run of whole UTF-8 characters that s begins with. */
static size_t utf8_run(struct span s)
{
    uint32_t c;
    size_t at = 0, size;
    while ((size = utf8_decode((struct span){s.p + at, s.n - at}, &c)) > 0)
        at += size;
    return at;
}

/* Whether a peer may send the code (7.4.1, 7.4.2 and the registry's additions up to 1014). */
static bool on_the_wire(int code)
{
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
           (code >= 3000 && code <= 4999);
}

bool ws_close_parse(const uint8_t *p, size_t n, int *code, struct span *text)
{
    *code = 1005;
    *text = (struct span){NULL, 0};
    if (n == 0)
        return true;
    if (n == 1)
        return false;
    *code = p[0] << 8 | p[1];
    *text = (struct span){(const char *)p + 2, n - 2};
    return on_the_wire(*code) && utf8_run(*text) == text->n;
}

size_t ws_close_write(uint8_t out[WS_CONTROL_MAX], int code, const char *text)
{
    if (code == 1005)
        return 0;
    size_t n = text != NULL ? strnlen(text, WS_REASON_MAX) : 0;
    out[0] = (uint8_t)(code >> 8);
    out[1] = (uint8_t)code;
    if (n > 0)
        memcpy(out + 2, text, n);
    return 2 + utf8_run((struct span){(const char *)out + 2, n});
}
