/* What passes between two ends at a hub, whatever both of them send, in any pieces, however full
 * the other one is, and coming and going. The oracles: an end is only sent to while it can take a
 * message, and while it is there; what V1 to V3 get is whole frames that decode, one whole message
 * each; no end is thrown out twice.
 *
 * Input: one byte that says what the ends speak, then steps: one byte of what and who, and for
 * bytes of an end one more that says how many follow. */
#include "core/base/log.h"
#include "core/tunnel/frame.h"
#include "gateway/hub/relay/relay.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition))                                                                          \
            abort();                                                                               \
    } while (0)
#define PIECE_MAX 255
#define FILLED 40 /* of such a step: so many KiB, so that frames larger than a step are there */

struct end {
    bool here, full, once;
    const struct relay_peer *peer;
};

static struct end ends[SIDE_COUNT];
static struct loop *loop;

static bool ready(const void *end)
{
    const struct end *e = end;
    MUST(e->here);
    return !e->full;
}

static void send_message(void *end, const uint8_t *p, size_t n)
{
    struct end *e = end;
    MUST(e->here && !e->full && n > 0 && n <= LOOP_BLOCK - 16);
    struct frame_cutter cutter = {0};
    for (size_t at = 0; at < n;) {
        uint8_t *message;
        size_t length,
            used = frame_cut(&cutter, (uint8_t *)(uintptr_t)p + at, n - at, &message, &length);
        struct frame f;
        MUST(used > 0 && message != NULL);
        MUST(frame_decode(message, length, &f) == ERR_OK);
        at += used;
    }
    e->full = e->once;
}

static void resume(void *end)
{
    MUST(((const struct end *)end)->here);
}

static void reject(void *end, int code, const char *text)
{
    struct end *e = end;
    MUST(e->here && code >= 0 && text[0] != '\0');
    e->here = false;
}

static const struct relay_end_ops ops = {ready, send_message, resume, reject};

static void come(struct relay *r, enum side side)
{
    struct end *e = &ends[side];
    if (e->here)
        return;
    e->here = true;
    relay_attach(r, side, e->peer, &ops, e);
}

static void go(struct relay *r, enum side side)
{
    if (!ends[side].here)
        return;
    ends[side].here = false;
    relay_detach(r, side);
}

/* What is not taken is offered once more when there is room. */
static void give(struct relay *r, enum side side, const uint8_t *p, size_t n)
{
    uint8_t *piece = malloc(n);
    MUST(piece != NULL || n == 0);
    memcpy(piece, p, n);
    size_t taken = ends[side].here ? relay_input(r, side, piece, n) : n;
    MUST(taken <= n);
    if (taken < n && ends[side].here) {
        struct end *other = &ends[side_other(side)];
        other->full = other->once = false;
        if (other->here)
            relay_writable(r, side_other(side));
        uv_run(loop_uv(loop), UV_RUN_NOWAIT);
        if (ends[side].here)
            MUST(relay_input(r, side, piece + taken, n - taken) <= n - taken);
    }
    free(piece);
}

static void fill(struct relay *r, enum side side)
{
    static uint8_t zeroes[1024];
    for (int i = 0; i < FILLED && ends[side].here; i++)
        give(r, side, zeroes, sizeof zeroes);
}

/* Returns how many bytes of the input the step used besides its own. */
static size_t step(struct relay *r, uint8_t what, const uint8_t *p, size_t n)
{
    enum side side = (what & 1) != 0 ? SIDE_DESTINATION : SIDE_SOURCE;
    size_t bytes = n > 0 ? p[0] : 0;
    switch (what >> 1 & 7) {
    case 0:
        come(r, side);
        return 0;
    case 1:
        go(r, side);
        return 0;
    case 2:
        ends[side].full = true;
        return 0;
    case 3:
        ends[side].full = false;
        if (ends[side].here)
            relay_writable(r, side);
        return 0;
    case 4:
        ends[side].once = !ends[side].once;
        return 0;
    case 5:
        fill(r, side);
        return 0;
    default:
        if (n == 0)
            return 0;
        bytes = bytes < n - 1 ? bytes : n - 1;
        give(r, side, p + 1, bytes);
        return bytes + 1;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const services[] = {"SSH1", "HTTP1"};
    static const struct relay_peer peers[] = {
        {1, "aws.iot.securetunneling-1.0", "", ""},
        {2, "aws.iot.securetunneling-2.0", "", ""},
        {3, "aws.iot.securetunneling-3.0", "", ""},
        {3, FRAME_NATIVE_PROTOCOL, "AAAAAAAAAAAAAAAAAAAAAA", "plant7"},
    };
    if (size == 0)
        return 0;
    log_setup(LOG_OFF, false);
    loop = loop_new();
    struct relay *r = loop != NULL ? relay_new(loop, services, 2) : NULL;
    MUST(r != NULL);
    for (int side = 0; side < SIDE_COUNT; side++)
        ends[side] = (struct end){.peer = &peers[data[0] >> 2 * side & 3]};
    come(r, SIDE_SOURCE);
    come(r, SIDE_DESTINATION);
    for (size_t at = 1; at < size;) {
        at += 1 + step(r, data[at], data + at + 1, size - at - 1);
        uv_run(loop_uv(loop), UV_RUN_NOWAIT);
    }
    go(r, SIDE_SOURCE);
    go(r, SIDE_DESTINATION);
    relay_free(r);
    loop_free(loop);
    return 0;
}
