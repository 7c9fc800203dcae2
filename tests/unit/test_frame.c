#include "core/tunnel/frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static uint32_t seed = 7;

static uint32_t dice(uint32_t below)
{
    seed = seed * 1664525u + 1013904223u;
    return (uint32_t)((uint64_t)seed * below >> 32);
}

/* ---- a writer of Messages by hand (protobuf encoding guide), independent of the codec ---- */

struct bytes {
    uint8_t p[70000];
    size_t n;
};

static void put(struct bytes *b, const void *p, size_t n)
{
    assert_true(b->n + n <= sizeof b->p);
    if (n > 0)
        memcpy(b->p + b->n, p, n);
    b->n += n;
}

static void put_varint(struct bytes *b, uint64_t v)
{
    for (; v >= 0x80; v >>= 7)
        b->p[b->n++] = (uint8_t)(v | 0x80);
    b->p[b->n++] = (uint8_t)v;
}

static void put_number(struct bytes *b, unsigned field, uint64_t v)
{
    put_varint(b, field << 3);
    put_varint(b, v);
}

static void put_string(struct bytes *b, unsigned field, const void *p, size_t n)
{
    put_varint(b, field << 3 | 2);
    put_varint(b, n);
    put(b, p, n);
}

enum { TYPE = 1, STREAM, IGNORABLE, PAYLOAD, SERVICE, SERVICES, CONNECTION };

/* Decodes from memory of exactly that size, so that a read past its end is seen. The views point
 * into *copy, which the caller frees. */
static enum err decode(const struct bytes *b, uint8_t **copy, struct frame *f)
{
    *copy = malloc(b->n + (b->n == 0));
    assert_non_null(*copy);
    memcpy(*copy, b->p, b->n);
    memset(f, 0xee, sizeof *f); /* whatever stood there before must not count */
    return frame_decode(*copy, b->n, f);
}

static void assert_rejected(const struct bytes *b)
{
    struct frame f;
    uint8_t *copy;
    assert_int_equal(decode(b, &copy, &f), ERR_PROTOCOL);
    free(copy);
}

static void assert_text(struct span s, const char *text)
{
    assert_int_equal(s.n, strlen(text));
    if (s.n > 0)
        assert_memory_equal(s.p, text, s.n);
}

/* ---- decoding ---- */

/* One Message with every field; `order` says which comes first. */
static void write_fields(struct bytes *b, const int order[7])
{
    for (int i = 0; i < 7; i++) {
        switch (order[i]) {
        case TYPE:
            put_number(b, TYPE, FRAME_CONNECTION_START);
            break;
        case STREAM:
            put_number(b, STREAM, 300);
            break;
        case IGNORABLE:
            put_number(b, IGNORABLE, 1);
            break;
        case PAYLOAD:
            put_string(b, PAYLOAD, "pay\0load", 8);
            break;
        case SERVICE:
            put_string(b, SERVICE, "SSH1", 4);
            break;
        case CONNECTION:
            put_number(b, CONNECTION, 0xffffffffu);
            break;
        default:
            put_string(b, SERVICES, "HTTP1", 5);
            put_string(b, SERVICES, "", 0);
            put_string(b, SERVICES, "SSH1", 4);
        }
    }
}

static void assert_full(const struct frame *f)
{
    assert_int_equal(f->type, FRAME_CONNECTION_START);
    assert_int_equal(f->stream, 300);
    assert_int_equal(f->connection, 0xffffffffu);
    assert_true(f->ignorable);
    assert_text(f->service, "SSH1");
    assert_int_equal(f->payload_size, 8);
    assert_memory_equal(f->payload, "pay\0load", 8);
    assert_int_equal(f->n_services, 3);
    assert_text(f->services[0], "HTTP1");
    assert_text(f->services[1], "");
    assert_text(f->services[2], "SSH1");
}

static void decodes_fields_in_any_order(void **state)
{
    static struct bytes b;
    int order[7] = {1, 2, 3, 4, 5, 6, 7};
    (void)state;
    for (int round = 0; round < 400; round++) {
        struct frame f;
        uint8_t *copy;
        b.n = 0;
        write_fields(&b, order);
        assert_int_equal(decode(&b, &copy, &f), ERR_OK);
        assert_full(&f);
        assert_true(f.payload >= copy && f.payload + f.payload_size <= copy + b.n); /* in place */
        assert_true((const uint8_t *)f.service.p >= copy);
        free(copy);
        for (uint32_t i = 6; i > 0; i--) {
            uint32_t j = dice(i + 1);
            int swap = order[i];
            order[i] = order[j];
            order[j] = swap;
        }
    }
}

static void decodes_nothing_as_defaults(void **state)
{
    struct bytes b = {.n = 0};
    struct frame f;
    uint8_t *copy;
    (void)state;
    assert_int_equal(decode(&b, &copy, &f), ERR_OK);
    assert_int_equal(f.type, FRAME_UNKNOWN);
    assert_int_equal(f.stream, 0);
    assert_int_equal(f.connection, 0);
    assert_false(f.ignorable);
    assert_int_equal(f.service.n, 0);
    assert_int_equal(f.payload_size, 0);
    assert_int_equal(f.n_services, 0);
    free(copy);
}

static void decodes_negative_streams(void **state)
{
    static const int32_t streams[] = {-1, INT32_MIN, INT32_MAX, -300, 127, 128};
    (void)state;
    for (size_t i = 0; i < sizeof streams / sizeof *streams; i++) {
        struct bytes b = {.n = 0};
        struct frame f;
        uint8_t *copy;
        put_number(&b, STREAM, (uint64_t)(int64_t)streams[i]);
        assert_int_equal(b.n, streams[i] < 0 ? 11 : b.n);
        assert_int_equal(decode(&b, &copy, &f), ERR_OK);
        assert_int_equal(f.stream, streams[i]);
        free(copy);
        b.n = 0; /* as five bytes, which some writers make of it */
        put_number(&b, STREAM, (uint32_t)streams[i]);
        assert_int_equal(decode(&b, &copy, &f), ERR_OK);
        assert_int_equal(f.stream, streams[i]);
        free(copy);
    }
}

static void skips_unknown_fields(void **state)
{
    struct bytes b = {.n = 0};
    struct frame f;
    uint8_t *copy;
    (void)state;
    put_number(&b, 99, UINT64_MAX);
    put_number(&b, TYPE, FRAME_DATA);
    put_varint(&b, 100 << 3 | 1);
    put(&b, "12345678", 8);
    put_number(&b, STREAM, 5);
    put_varint(&b, 101 << 3 | 5);
    put(&b, "1234", 4);
    put_string(&b, 536870911, "unknown", 7);
    put_string(&b, PAYLOAD, "x", 1);
    put_string(&b, 8, "", 0);
    assert_int_equal(decode(&b, &copy, &f), ERR_OK);
    assert_int_equal(f.type, FRAME_DATA);
    assert_int_equal(f.stream, 5);
    assert_int_equal(f.payload_size, 1);
    assert_int_equal(f.payload[0], 'x');
    free(copy);
}

static void keeps_unknown_types(void **state)
{
    struct bytes b = {.n = 0};
    struct frame f;
    uint8_t *copy;
    (void)state;
    put_number(&b, TYPE, 99);
    put_number(&b, IGNORABLE, 1);
    assert_int_equal(decode(&b, &copy, &f), ERR_OK);
    assert_int_equal(f.type, 99);
    assert_true(f.ignorable);
    assert_string_equal(frame_type_name(f.type), "type 99");
    assert_string_equal(frame_type_name(-1), "type -1");
    assert_string_equal(frame_type_name(FRAME_STREAM_START), "STREAM_START");
    assert_string_equal(frame_type_name(FRAME_CONNECTION_RESET), "CONNECTION_RESET");
    assert_string_equal(frame_type_name(FRAME_CONNECTION_RESET + 1), "type 8");
    free(copy);
}

static void the_last_of_duplicates_counts(void **state)
{
    struct bytes b = {.n = 0};
    struct frame f;
    uint8_t *copy;
    (void)state;
    for (int i = 1; i <= 3; i++) {
        char name[] = {'S', (char)('0' + i)};
        put_number(&b, TYPE, (uint64_t)i);
        put_number(&b, STREAM, (uint64_t)(10 * i));
        put_number(&b, CONNECTION, (uint64_t)(100 * i));
        put_number(&b, IGNORABLE, i == 2);
        put_string(&b, SERVICE, name, 2);
        put_string(&b, PAYLOAD, name, (size_t)(i == 3));
    }
    assert_int_equal(decode(&b, &copy, &f), ERR_OK);
    assert_int_equal(f.type, 3);
    assert_int_equal(f.stream, 30);
    assert_int_equal(f.connection, 300);
    assert_false(f.ignorable);
    assert_text(f.service, "S3");
    assert_int_equal(f.payload_size, 1);
    free(copy);
    put_string(&b, PAYLOAD, "", 0);
    put_string(&b, SERVICE, "", 0);
    assert_int_equal(decode(&b, &copy, &f), ERR_OK);
    assert_int_equal(f.payload_size, 0);
    assert_text(f.service, "");
    free(copy);
}

static void counts_only_so_many_services(void **state)
{
    static struct bytes b;
    struct frame f;
    uint8_t *copy;
    (void)state;
    b.n = 0;
    put_number(&b, TYPE, FRAME_SERVICE_IDS);
    for (int i = 0; i < FRAME_SERVICES_MAX + 10; i++)
        put_string(&b, SERVICES, i % 2 == 0 ? "A" : "BC", i % 2 == 0 ? 1 : 2);
    assert_int_equal(decode(&b, &copy, &f), ERR_OK);
    assert_int_equal(f.n_services, FRAME_SERVICES_MAX);
    for (size_t i = 0; i < FRAME_SERVICES_MAX; i++)
        assert_text(f.services[i], i % 2 == 0 ? "A" : "BC");
    free(copy);
}

/* Cut anywhere, a Message is either not one any more or a shorter one that ends between fields. */
static void rejects_truncation(void **state)
{
    static struct bytes whole, part;
    static const char filler[200];
    size_t ends[16], n_ends = 0, next = 0;
    (void)state;
    whole.n = 0;
    ends[n_ends++] = 0;
    put_number(&whole, TYPE, FRAME_DATA);
    ends[n_ends++] = whole.n;
    put_number(&whole, STREAM, UINT64_MAX);
    ends[n_ends++] = whole.n;
    put_number(&whole, IGNORABLE, 1);
    ends[n_ends++] = whole.n;
    put_string(&whole, SERVICE, "SSH1", 4);
    ends[n_ends++] = whole.n;
    put_number(&whole, CONNECTION, 70000);
    ends[n_ends++] = whole.n;
    put_string(&whole, SERVICES, "HTTP1", 5);
    ends[n_ends++] = whole.n;
    put_string(&whole, 300, "unknown", 7);
    ends[n_ends++] = whole.n;
    put_string(&whole, PAYLOAD, filler, sizeof filler);
    for (size_t n = 0; n < whole.n; n++) {
        part.n = 0;
        put(&part, whole.p, n);
        if (next < n_ends && n == ends[next]) {
            struct frame f;
            uint8_t *copy;
            assert_int_equal(decode(&part, &copy, &f), ERR_OK);
            free(copy);
            next++;
        } else {
            assert_rejected(&part);
        }
    }
    assert_int_equal(next, n_ends);
}

static void rejects_what_is_no_message(void **state)
{
    static const struct {
        const char *p;
        size_t n;
    } bad[] = {
        {"\x00\x00", 2},                                          /* field 0 */
        {"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 12}, /* varint of 11 bytes */
        {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11},     /* tag of 11 bytes */
        {"\x0f", 1},                                              /* wire type 7 */
        {"\x0a\x01x", 3},                                         /* type as a string */
        {"\x12\x01x", 3},                                         /* stream as a string */
        {"\x22\xff\xff\xff\xff\x0f", 6},                          /* 4 GB of payload */
        {"\x22\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11},     /* more than any memory */
        {"\x2a\x05SSH1", 6},                                      /* one byte short */
        {"GET / HTTP/1.1\r\n", 16},
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct bytes b = {.n = 0};
        put(&b, bad[i].p, bad[i].n);
        assert_rejected(&b);
    }
}

/* Bytes fields that come as numbers: there is nothing in the input that a view could show. */
static void rejects_numbers_for_bytes(void **state)
{
    static const unsigned numbers[] = {PAYLOAD, SERVICE, SERVICES};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct bytes b = {.n = 0};
        put_number(&b, numbers[i], 1234);
        assert_rejected(&b);
        b.n = 0;
        put_varint(&b, numbers[i] << 3 | 1);
        put(&b, "12345678", 8);
        assert_rejected(&b);
        b.n = 0;
        put_varint(&b, numbers[i] << 3 | 5);
        put(&b, "1234", 4);
        assert_rejected(&b);
    }
}

static void survives_damage(void **state)
{
    static const int order[7] = {3, 1, 6, 2, 5, 4, 7};
    static struct bytes whole, b;
    (void)state;
    whole.n = 0;
    write_fields(&whole, order);
    for (int round = 0; round < 20000; round++) {
        struct frame f;
        uint8_t *copy;
        b.n = 0;
        put(&b, whole.p, whole.n);
        for (uint32_t i = dice(3) + 1; i > 0; i--)
            b.p[dice((uint32_t)b.n)] = (uint8_t)dice(256);
        if (decode(&b, &copy, &f) == ERR_OK) {
            const uint8_t *end = copy + b.n;
            assert_true(f.payload_size == 0 ||
                        (f.payload >= copy && f.payload + f.payload_size <= end));
            const uint8_t *service = (const uint8_t *)f.service.p;
            assert_true(f.service.n == 0 || (service >= copy && service + f.service.n <= end));
            for (size_t i = 0; i < f.n_services; i++) {
                service = (const uint8_t *)f.services[i].p;
                assert_true(f.services[i].n == 0 ||
                            (service >= copy && service + f.services[i].n <= end));
            }
        }
        free(copy);
    }
}

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
        cmocka_unit_test(decodes_fields_in_any_order),
        cmocka_unit_test(decodes_nothing_as_defaults),
        cmocka_unit_test(decodes_negative_streams),
        cmocka_unit_test(skips_unknown_fields),
        cmocka_unit_test(keeps_unknown_types),
        cmocka_unit_test(the_last_of_duplicates_counts),
        cmocka_unit_test(counts_only_so_many_services),
        cmocka_unit_test(rejects_truncation),
        cmocka_unit_test(rejects_what_is_no_message),
        cmocka_unit_test(rejects_numbers_for_bytes),
        cmocka_unit_test(survives_damage),
        cmocka_unit_test(encodes_known_bytes),
        cmocka_unit_test(payloads_round_trip),
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
