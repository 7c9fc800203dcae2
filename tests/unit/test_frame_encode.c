/* Frames: encoding and cutting. */
#include "tests/unit/frame_help.h"

/* ---- encoding ---- */

static void encodes_known_bytes(void **state)
{
    struct frame f = {
        .type = FRAME_STREAM_START, .stream = 1, .service = span_of("SSH1"), .connection = 1};
    uint8_t out[100];
    (void)state;
    assert_int_equal(frame_encode(&f, out, sizeof out), 14);
    assert_memory_equal(out, "\x00\x0c\x08\x02\x10\x01\x2a\x04SSH1\x38\x01", 14);
    f = (struct frame){.type = FRAME_DATA, .stream = -1, .ignorable = true};
    f.payload = (const uint8_t *)"ab";
    f.payload_size = 2;
    assert_int_equal(frame_encode(&f, out, sizeof out), 21);
    assert_memory_equal(out,
                        "\x00\x13\x08\x01\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x18\x01"
                        "\x22\x02"
                        "ab",
                        21);
}

static char id[FRAME_SERVICE_MAX];

/* A frame with a payload of n bytes and, when `wide`, the longest of everything else. */
static struct frame sample(bool wide, const uint8_t *payload, size_t n)
{
    struct frame f = {.type = FRAME_DATA, .stream = 1, .payload = payload, .payload_size = n};
    memset(id, 'I', sizeof id);
    if (wide) {
        f.type = -1;
        f.stream = INT32_MIN;
        f.connection = UINT32_MAX;
        f.ignorable = true;
        f.service = (struct span){id, sizeof id};
    }
    return f;
}

static void assert_same(const struct frame *a, const struct frame *b)
{
    assert_int_equal(a->type, b->type);
    assert_int_equal(a->stream, b->stream);
    assert_int_equal(a->connection, b->connection);
    assert_int_equal(a->ignorable, b->ignorable);
    assert_true(span_equal(a->service, b->service));
    assert_int_equal(a->payload_size, b->payload_size);
    if (a->payload_size > 0)
        assert_memory_equal(a->payload, b->payload, a->payload_size);
    assert_int_equal(a->n_services, b->n_services);
    for (size_t i = 0; i < a->n_services; i++)
        assert_true(span_equal(a->services[i], b->services[i]));
}

static const size_t sizes[] = {0,   1,     2,     126,   127,   128,   129,   255,
                               256, 16382, 16383, 16384, 16385, 32768, 64511, FRAME_PAYLOAD_MAX};

#define SIZES (sizeof sizes / sizeof *sizes)

static void payloads_round_trip(void **state)
{
    static uint8_t payload[FRAME_PAYLOAD_MAX], out[FRAME_MAX];
    (void)state;
    for (size_t i = 0; i < sizeof payload; i++)
        payload[i] = (uint8_t)(i * 31 + (i >> 8));
    for (size_t i = 0; i < SIZES; i++) {
        for (int wide = 0; wide <= 1; wide++) {
            struct frame from = sample(wide, payload, sizes[i]), to;
            if (wide)
                from.type = 2000000000;
            size_t n = frame_encode(&from, out, sizeof out);
            assert_in_range(n, 2 + sizes[i], sizeof out);
            assert_int_equal(out[0] << 8 | out[1], n - 2);
            assert_int_equal(frame_decode(out + 2, n - 2, &to), ERR_OK);
            assert_same(&from, &to);
            if (sizes[i] > 0) /* last, so that it can be read straight to where it goes out */
                assert_ptr_equal(to.payload, out + n - sizes[i]);
            assert_int_equal(frame_encode(&from, out, n), n);
            assert_int_equal(frame_encode(&from, out, n - 1), 0);
        }
    }
}

/* The head in front of a payload is what encoding the whole frame begins with. */
static void wrap_agrees_with_encode(void **state)
{
    static uint8_t payload[FRAME_PAYLOAD_MAX], out[FRAME_MAX];
    (void)state;
    for (size_t i = 0; i < SIZES; i++) {
        for (int wide = 0; wide <= 1; wide++) {
            struct frame f = sample(wide, payload, sizes[i]);
            uint8_t room[FRAME_HEAD_MAX + 8];
            memset(room, 0xaa, sizeof room);
            size_t n = frame_wrap(room + FRAME_HEAD_MAX, &f, sizes[i]);
            assert_in_range(n, 2, FRAME_HEAD_MAX);
            size_t whole = frame_encode(&f, out, sizeof out);
            assert_int_equal(whole, n + sizes[i]);
            assert_memory_equal(room + FRAME_HEAD_MAX - n, out, n);
            for (size_t j = 0; j < sizeof room; j++) /* nothing else is touched */
                if (j < FRAME_HEAD_MAX - n || j >= FRAME_HEAD_MAX)
                    assert_int_equal(room[j], 0xaa);
        }
    }
}

static void services_round_trip(void **state)
{
    static uint8_t out[FRAME_MAX];
    struct frame from = {.type = FRAME_SERVICE_IDS}, to;
    (void)state;
    memset(id, 'X', sizeof id);
    for (size_t n = 0; n <= FRAME_SERVICES_MAX; n++) {
        from.n_services = n;
        size_t size = frame_encode(&from, out, sizeof out);
        assert_true(size >= 2);
        assert_int_equal(frame_decode(out + 2, size - 2, &to), ERR_OK);
        assert_same(&from, &to);
        if (n < FRAME_SERVICES_MAX)
            from.services[n] = (struct span){id, 1 + n * 2};
    }
}

/* ---- DATA, which is mostly read and written without nanopb ---- */

static const uint32_t ids[] = {0,          1,          127,      128,       16383,
                               16384,      99999,      2097151,  2097152,   0x0fffffff,
                               0x10000000, 0x7fffffff, 1u << 31, UINT32_MAX};
#define IDS (sizeof ids / sizeof *ids)

/* A buffer of the very size is left to nanopb. */
static void data_is_written_as_nanopb_does(void **state)
{
    (void)state;
    for (size_t i = 0; i < IDS * IDS; i++) {
        uint8_t ours[64], theirs[64];
        struct frame f = {.type = FRAME_DATA,
                          .stream = (int32_t)ids[i / IDS],
                          .connection = ids[i % IDS],
                          .payload = (const uint8_t *)"x",
                          .payload_size = i % 2};
        size_t n = frame_encode(&f, ours, sizeof ours);
        assert_int_equal(frame_encode(&f, theirs, n), n);
        assert_memory_equal(ours, theirs, n);
    }
}

/* Behind a field that nobody knows, everything is read by nanopb. */
static void assert_read_as_nanopb_does(const uint8_t *p, size_t n)
{
    uint8_t more[80];
    struct frame f, theirs;
    if (frame_decode(p, n, &f) != ERR_OK)
        return;
    memcpy(more, p, n);
    memcpy(more + n, "\xf8\x06\x01", 3);
    assert_int_equal(frame_decode(more, n + 3, &theirs), ERR_OK);
    assert_same(&f, &theirs);
    assert_true((f.payload == NULL) == (theirs.payload == NULL));
    assert_true(f.payload == NULL || f.payload - p == theirs.payload - more);
}

static void data_is_read_as_nanopb_does(void **state)
{
    (void)state;
    for (int i = 0; i < 200000; i++) {
        uint8_t bytes[64];
        struct frame f = {.type = FRAME_DATA,
                          .stream = (int32_t)ids[dice(IDS)],
                          .connection = ids[dice(IDS)],
                          .payload = (const uint8_t *)"payload",
                          .payload_size = dice(8)};
        size_t n = frame_encode(&f, bytes, sizeof bytes) - 2;
        assert_read_as_nanopb_does(bytes + 2, n);
        bytes[2 + dice((uint32_t)n)] = (uint8_t)dice(256);
        assert_read_as_nanopb_does(bytes + 2, n);
        assert_read_as_nanopb_does(bytes + 2, dice((uint32_t)n));
    }
}

/* What native sessions add, and which messages are theirs. */
static void native_fields_round_trip(void **state)
{
    (void)state;
    static const struct frame peer = {.type = FRAME_PEER,
                                      .epoch = 7,
                                      .attached = true,
                                      .subprotocol = {"tunnel.native-1", 15},
                                      .instance = {"AAAA", 4},
                                      .device = {"plant7", 6}};
    static const struct frame credit = {.type = FRAME_CREDIT,
                                        .connection = UINT32_MAX,
                                        .received = UINT64_MAX,
                                        .window = UINT32_MAX,
                                        .fin = true,
                                        .error = 15};
    uint8_t out[200];
    struct frame f;
    size_t n = frame_encode(&peer, out, sizeof out);
    assert_int_equal(frame_decode(out + 2, n - 2, &f), ERR_OK);
    assert_int_equal(f.epoch, 7);
    assert_true(f.attached);
    assert_true(span_is(f.subprotocol, "tunnel.native-1"));
    assert_true(span_is(f.instance, "AAAA") && span_is(f.device, "plant7"));
    assert_int_equal(f.received + f.window + f.error + f.fin, 0);
    n = frame_encode(&credit, out, sizeof out);
    assert_int_equal(frame_decode(out + 2, n - 2, &f), ERR_OK);
    assert_int_equal(f.connection, UINT32_MAX);
    assert_true(f.received == UINT64_MAX && f.window == UINT32_MAX && f.fin);
    assert_int_equal(f.error, 15);
    assert_int_equal(f.epoch + f.attached + f.device.n + f.instance.n + f.subprotocol.n, 0);
}

static void native_messages_are_told_apart(void **state)
{
    (void)state;
    for (int type = -1; type < 40; type++) {
        bool with_stream = type >= FRAME_PEER && type <= FRAME_ECHO_REPLY;
        bool without = with_stream || type == FRAME_DATA || type == FRAME_CONNECTION_START ||
                       type == FRAME_CONNECTION_RESET;
        assert_int_equal(frame_is_native(&(struct frame){.type = type, .stream = 1}), with_stream);
        assert_int_equal(frame_is_native(&(struct frame){.type = type}), without);
        assert_non_null(frame_type_name(type));
    }
}

static void encode_knows_its_limits(void **state)
{
    static uint8_t payload[70000], out[70100];
    struct frame f = {.type = FRAME_DATA, .payload = payload};
    (void)state;
    for (size_t size = 0; size < 14; size++) {
        struct frame start = {
            .type = FRAME_STREAM_START, .stream = 1, .service = span_of("SSH1"), .connection = 1};
        uint8_t *exact = malloc(size + 1);
        assert_non_null(exact);
        assert_int_equal(frame_encode(&start, exact, size), 0);
        free(exact);
    }
    f.payload_size = 65535 - 2 - 4; /* type, tag and length: the largest that 16 bits can say */
    assert_int_equal(frame_encode(&f, out, sizeof out), FRAME_MAX);
    f.payload_size++;
    assert_int_equal(frame_encode(&f, out, sizeof out), 0);
    f.payload_size = sizeof payload;
    assert_int_equal(frame_encode(&f, out, sizeof out), 0);
}

/* ---- cutting ---- */

#define FRAMES 60

/* A byte stream of frames, each filled with its number. */
struct script {
    uint8_t *p;
    size_t n, sizes[FRAMES];
};

static struct script write_script(void)
{
    struct script s = {.n = 0};
    for (size_t i = 0; i < FRAMES; i++) {
        s.sizes[i] = i % 7 == 0 ? 0 : i % 11 == 0 ? 5000 : i == 20 ? 65535 : dice(40);
        s.n += 2 + s.sizes[i];
    }
    s.p = malloc(s.n);
    assert_non_null(s.p);
    uint8_t *to = s.p;
    for (size_t i = 0; i < FRAMES; i++) {
        *to++ = (uint8_t)(s.sizes[i] >> 8);
        *to++ = (uint8_t)s.sizes[i];
        memset(to, (int)i, s.sizes[i]);
        to += s.sizes[i];
    }
    return s;
}

struct reader {
    const struct script *script;
    struct frame_cutter cutter;
    size_t frames, in_place, lent;
};

static void got_frame(struct reader *r, const uint8_t *frame, size_t size, const uint8_t *input,
                      size_t n)
{
    assert_true(r->frames < FRAMES);
    assert_int_equal(size, r->script->sizes[r->frames]);
    for (size_t i = 0; i < size; i++)
        assert_int_equal(frame[i], r->frames & 0xff);
    if (frame > input && frame + size <= input + n)
        r->in_place++;
    else
        assert_ptr_equal(frame, r->cutter.memory + 2);
    assert_int_equal(r->cutter.have, 0);
    r->frames++;
}

/* Feeds one piece in memory of its own; lends memory only when it is asked for, and takes it back
 * as soon as nothing is in it. */
static void feed(struct reader *r, const uint8_t *p, size_t n, uint8_t *memory)
{
    uint8_t *copy = malloc(n + (n == 0)), *at = copy;
    assert_non_null(copy);
    memcpy(copy, p, n);
    for (size_t left = n; left > 0;) {
        uint8_t *frame;
        size_t size, used = frame_cut(&r->cutter, at, left, &frame, &size);
        assert_true(used <= left);
        if (used == 0) {
            assert_null(frame);
            assert_null(r->cutter.memory);
            assert_int_equal(r->cutter.have, 0);
            r->cutter.memory = memory;
            r->lent++;
            continue;
        }
        at += used;
        left -= used;
        if (frame != NULL)
            got_frame(r, frame, size, copy, n);
        else
            assert_int_equal(left, 0); /* incomplete: everything was used */
        if (r->cutter.have == 0)
            r->cutter.memory = NULL;
    }
    free(copy);
}

static void cuts_a_whole_stream_in_place(void **state)
{
    struct script s = write_script();
    struct reader r = {.script = &s};
    (void)state;
    feed(&r, s.p, s.n, NULL);
    assert_int_equal(r.frames, FRAMES);
    assert_int_equal(r.in_place, FRAMES);
    assert_int_equal(r.lent, 0);
    free(s.p);
}

static void cuts_byte_by_byte(void **state)
{
    struct script s = write_script();
    struct reader r = {.script = &s};
    uint8_t *memory = malloc(FRAME_MAX);
    (void)state;
    for (size_t i = 0; i < s.n; i++)
        feed(&r, s.p + i, 1, memory);
    assert_int_equal(r.frames, FRAMES);
    assert_int_equal(r.in_place, 0);
    assert_int_equal(r.lent, FRAMES);
    free(memory);
    free(s.p);
}

static void cuts_at_random_splits(void **state)
{
    static const uint32_t pieces[] = {3, 10, 50, 300, 7000, 70000};
    struct script s = write_script();
    uint8_t *memory = malloc(FRAME_MAX);
    (void)state;
    for (int round = 0; round < 120; round++) {
        struct reader r = {.script = &s};
        for (size_t at = 0; at < s.n;) {
            size_t n = 1 + dice(pieces[round % 6]);
            if (n > s.n - at)
                n = s.n - at;
            feed(&r, s.p + at, n, memory);
            at += n;
        }
        assert_int_equal(r.frames, FRAMES);
        assert_int_equal(r.cutter.have, 0);
    }
    free(memory);
    free(s.p);
}

/* What lies whole in the input is given where it lies, before and behind one that does not. */
static void assembles_only_what_is_cut(void **state)
{
    uint8_t first[] = {0, 1, 'a', 0, 3, 'b'}, second[] = {'c', 'd', 0, 2, 'e', 'f'}, *frame;
    uint8_t memory[FRAME_MAX];
    struct frame_cutter c = {.memory = memory};
    size_t size;
    (void)state;
    assert_int_equal(frame_cut(&c, first, 6, &frame, &size), 3);
    assert_ptr_equal(frame, first + 2);
    assert_int_equal(size, 1);
    assert_int_equal(frame_cut(&c, first + 3, 3, &frame, &size), 3);
    assert_null(frame);
    assert_int_equal(c.have, 3);
    assert_int_equal(frame_cut(&c, second, 6, &frame, &size), 2);
    assert_ptr_equal(frame, memory + 2);
    assert_int_equal(size, 3);
    assert_memory_equal(frame, "bcd", 3);
    assert_int_equal(frame_cut(&c, second + 2, 4, &frame, &size), 4);
    assert_ptr_equal(frame, second + 4);
    assert_int_equal(frame_cut(&c, second, 0, &frame, &size), 0);
    assert_null(frame);
}

static void asks_for_memory_only_when_needed(void **state)
{
    uint8_t whole[] = {0, 2, 'a', 'b'}, empty[] = {0, 0}, *frame;
    struct frame_cutter c = {.memory = NULL};
    size_t size;
    (void)state;
    assert_int_equal(frame_cut(&c, whole, 4, &frame, &size), 4);
    assert_non_null(frame);
    assert_int_equal(frame_cut(&c, empty, 2, &frame, &size), 2);
    assert_ptr_equal(frame, empty + 2);
    assert_int_equal(size, 0);
    for (size_t n = 0; n < 4; n++) {
        assert_int_equal(frame_cut(&c, whole, n, &frame, &size), 0);
        assert_null(frame);
        assert_int_equal(c.have, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(native_fields_round_trip),
        cmocka_unit_test(native_messages_are_told_apart),
        cmocka_unit_test(encodes_known_bytes),
        cmocka_unit_test(payloads_round_trip),
        cmocka_unit_test(data_is_written_as_nanopb_does),
        cmocka_unit_test(data_is_read_as_nanopb_does),
        cmocka_unit_test(wrap_agrees_with_encode),
        cmocka_unit_test(services_round_trip),
        cmocka_unit_test(encode_knows_its_limits),
        cmocka_unit_test(cuts_a_whole_stream_in_place),
        cmocka_unit_test(cuts_byte_by_byte),
        cmocka_unit_test(cuts_at_random_splits),
        cmocka_unit_test(assembles_only_what_is_cut),
        cmocka_unit_test(asks_for_memory_only_when_needed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
