/* Tunnel frames: a stream of them cut at splits that the input's first byte decides; every Message
 * is decoded, and what was decoded must survive being written and read again. */
#include "core/tunnel/frame.h"

#include <stdlib.h>
#include <string.h>

static void check(bool holds)
{
    if (!holds)
        abort();
}

/* The service ids of n bytes that would make a frame larger than its length can say do not go. */
static void round_trip(const struct frame *f)
{
    static uint8_t out[FRAME_MAX];
    size_t n = frame_encode(f, out, sizeof out);
    if (n == 0)
        return;
    check(n >= 2 && n == 2 + (size_t)(out[0] << 8 | out[1]));
    struct frame again;
    check(frame_decode(out + 2, n - 2, &again) == ERR_OK);
    check(again.type == f->type && again.stream == f->stream);
    check(again.connection == f->connection && again.ignorable == f->ignorable);
    check(span_equal(again.service, f->service) && again.n_services == f->n_services);
    for (size_t i = 0; i < f->n_services; i++)
        check(span_equal(again.services[i], f->services[i]));
    check(again.epoch == f->epoch && again.attached == f->attached);
    check(span_equal(again.subprotocol, f->subprotocol));
    check(span_equal(again.instance, f->instance) && span_equal(again.device, f->device));
    check(again.error == f->error && again.received == f->received);
    check(again.window == f->window && again.fin == f->fin);
    check(again.payload_size == f->payload_size);
    check(f->payload_size == 0 || memcmp(again.payload, f->payload, f->payload_size) == 0);
}

static void look(const uint8_t *message, size_t size)
{
    struct frame f;
    if (frame_decode(message, size, &f) != ERR_OK)
        return;
    check(frame_type_name(f.type) != NULL);
    if (f.payload_size > 0) /* an empty payload may point anywhere */
        check(f.payload >= message && f.payload + f.payload_size <= message + size);
    round_trip(&f);
}

/* Hands `n` bytes to the cutter in pieces of `step` bytes; returns how many frames came. */
static size_t cut(struct frame_cutter *cutter, uint8_t *p, size_t n, size_t step)
{
    static uint8_t memory[FRAME_MAX];
    size_t frames = 0;
    while (n > 0) {
        size_t piece = n < step ? n : step, at = 0;
        while (at < piece) {
            uint8_t *frame = NULL;
            size_t size = 0;
            size_t used = frame_cut(cutter, p + at, piece - at, &frame, &size);
            check(used <= piece - at);
            if (frame != NULL) {
                look(frame, size);
                frames++;
            } else if (used == 0) {
                check(cutter->memory == NULL);
                cutter->memory = memory;
            } else {
                check(used == piece - at);
            }
            at += used;
        }
        p += piece;
        n -= piece;
    }
    return frames;
}

static size_t whole_frames(const uint8_t *p, size_t n)
{
    size_t frames = 0, at = 0;
    while (n - at >= 2 && n - at - 2 >= (size_t)(p[at] << 8 | p[at + 1])) {
        at += 2 + (size_t)(p[at] << 8 | p[at + 1]);
        frames++;
    }
    return frames;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    look(data + 1, size - 1);
    uint8_t *copy = malloc(size);
    check(copy != NULL);
    size_t steps[] = {1, data[0] + 1U, size};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        struct frame_cutter cutter = {0};
        memcpy(copy, data, size);
        check(cut(&cutter, copy + 1, size - 1, steps[i]) == whole_frames(data + 1, size - 1));
    }
    free(copy);
    return 0;
}
