/* Frames: decoding. */
#include "tests/unit/frame_help.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
