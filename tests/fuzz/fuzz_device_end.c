/* A device's link at a hub. The oracle: what the hub sends are whole frames with messages that a
 * device can read, ended by a Close after a Refused; what it takes from the device can be decoded,
 * is never more than the device may say, and nothing comes after the end. Input: steps, each a byte
 * (what, in its two highest bits, and how many bytes follow): bytes as they are, a message, or
 * something that the hub does. */
#include "core/device/device_message.h"
#include "core/ws/frame.h"
#include "gateway/hub/devices/device_end.h"
#include "tests/fuzz/memory_stream.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct loop *loop;
static struct memory memory;
static struct wire_end *link_end; /* NULL: it is gone */
static size_t n_said, n_notices;
static bool refused; /* a Refused was sent */
static uint64_t now;
static unsigned seed;

static void on_said(void *owner, const struct device_ticket *t, const uint8_t *p, size_t n)
{
    struct device_message m;
    (void)owner;
    MUST(link_end != NULL && t->serial == 1 && !refused);
    MUST(n <= DEVICE_LINK_MESSAGE_MAX && device_message_decode(p, n, &m) == ERR_OK);
    MUST(m.kind == DEVICE_MESSAGE_STATUS || m.kind == DEVICE_MESSAGE_ANSWER);
    n_said++;
}

static void on_gone(void *owner, const struct device_gone *g)
{
    (void)owner;
    MUST(link_end != NULL && g->text[0] != '\0' && g->why != ERR_OK);
    device_ticket_free(g->ticket);
    link_end = NULL;
}

/* ---- what the hub does ---- */

static void send_letter(const struct hub_message *m)
{
    struct device_letter *l = device_letter_new(m);
    MUST(l != NULL);
    refused = refused || m->kind == HUB_MESSAGE_REFUSED;
    n_notices += m->kind == HUB_MESSAGE_NOTICE;
    link_end->ops->send(link_end, l);
}

static void hub_does(unsigned what)
{
    struct hub_message notice = {
        .kind = HUB_MESSAGE_NOTICE,
        .notice = {.id = span_of("id"), .access_token = span_of("t"), .tunnel = span_of("x")}};
    struct hub_message away = {.kind = HUB_MESSAGE_REFUSED,
                               .refused = {.reason = DEVICE_REASON_DISABLED}};
    if (what % 8 == 0)
        send_letter(&away);
    else if (what % 8 < 6)
        send_letter(&notice);
    else
        link_end->ops->tick(link_end, now += 1000);
}

/* ---- what the device does ---- */

static void readable(void)
{
    if (link_end != NULL && memory.reading && !memory.closed)
        memory.stream.events->readable(memory.stream.owner);
}

static void raw(const uint8_t *p, size_t n)
{
    for (size_t at = 0, piece; at < n; at += piece) {
        piece = piece_of(&seed, n - at);
        MUST(buf_append(&memory.in, p + at, piece));
        readable();
    }
}

static void message(const uint8_t *p, size_t n)
{
    static const uint8_t mask[4];
    uint8_t out[WS_HEADER_MAX + 64];
    memcpy(out + WS_HEADER_MAX, p, n);
    size_t header = ws_header(out + WS_HEADER_MAX, true, WS_BINARY, n, mask);
    raw(out + WS_HEADER_MAX - header, header + n);
}

/* ---- what came of it ---- */

static void look_at_message(const uint8_t *p, size_t n, bool *end)
{
    struct hub_message m;
    MUST(!*end && hub_message_decode(p, n, &m) == ERR_OK);
    *end = m.kind == HUB_MESSAGE_REFUSED;
}

static void look_at_output(void)
{
    struct ws_parser parser;
    struct buf payload = {.limit = SIZE_MAX / 2};
    bool end = false, closed = false;
    ws_parser_init(&parser, false);
    for (size_t at = 0;;) {
        uint8_t nothing, *p = memory.out.size > 0 ? memory.out.data : &nothing;
        struct ws_event e = ws_parse(&parser, p + at, memory.out.size - at);
        at += e.used;
        if (e.type == WS_NEED_MORE)
            break;
        MUST(e.type != WS_ERROR && !closed);
        if (e.type == WS_FRAME_END) {
            if (parser.op == WS_BINARY)
                look_at_message(payload.data, payload.size, &end);
            closed = parser.op == WS_CLOSE;
            buf_take(&payload, payload.size);
            continue;
        }
        MUST(buf_append(&payload, e.payload, e.n));
        ws_parser_took(&parser, e.n);
        at += e.n;
    }
    MUST(parser.left == 0 && (!end || closed));
    buf_free(&payload);
}

static void begin(void)
{
    static struct list links = {&links, &links};
    struct wire_end_options o = {.loop = loop, .list = &links, .said = on_said, .gone = on_gone};
    struct device_ticket *t = calloc(1, sizeof *t);
    MUST(t != NULL);
    *t = (struct device_ticket){.serial = 1, .ping_s = 20, .device = strdup("pump-07")};
    memory_begin(&memory, false);
    n_said = n_notices = 0;
    refused = false;
    seed = 1;
    now = loop_now(loop);
    link_end = device_end_new(&o, t, &memory.stream);
    MUST(link_end != NULL);
}

static void finish(void)
{
    if (link_end != NULL)
        link_end->ops->drop(link_end, ERR_SHUTDOWN, "the end");
    MUST(link_end == NULL && memory.closed);
    MUST(n_said <= DEVICE_BURST + n_notices * DEVICE_PER_NOTICE);
    look_at_output();
    memory_end(&memory);
    uv_run(loop_uv(loop), UV_RUN_NOWAIT);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (loop == NULL)
        loop = loop_new();
    MUST(loop != NULL);
    begin();
    for (size_t at = 0; at < size && link_end != NULL;) {
        unsigned what = data[at] >> 6, n = data[at] & 63;
        at++;
        n = n < size - at ? n : (unsigned)(size - at);
        if (what == 0) {
            hub_does(data[at - 1]);
            continue;
        }
        if (what == 1)
            raw(data + at, n);
        else
            message(data + at, n);
        at += n;
    }
    finish();
    return 0;
}
