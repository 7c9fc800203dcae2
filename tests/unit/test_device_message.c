/* core/device: the messages of the device link, both ways. */
#include "core/device/device_message.h"
#include "core/device/device_proof.h"
#include "core/device/hub_message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SIZE DEVICE_LINK_MESSAGE_MAX

/* Bytes in memory of exactly their size, so that a read past the end is seen. */
static uint8_t *copy_of(const uint8_t *p, size_t n)
{
    uint8_t *copy = malloc(n + (n == 0));
    assert_non_null(copy);
    memcpy(copy, p, n);
    return copy;
}

static enum err decode_hub(const uint8_t *p, size_t n, struct hub_message *m, uint8_t **copy)
{
    *copy = copy_of(p, n);
    memset(m, 0xee, sizeof *m); /* whatever stood there before must not count */
    return hub_message_decode(*copy, n, m);
}

static enum err decode_device(const uint8_t *p, size_t n, struct device_message *m, uint8_t **copy)
{
    *copy = copy_of(p, n);
    memset(m, 0xee, sizeof *m);
    return device_message_decode(*copy, n, m);
}

static void assert_text(struct span s, const char *text)
{
    assert_int_equal(s.n, strlen(text));
    if (s.n > 0)
        assert_memory_equal(s.p, text, s.n);
}

/* ---- there and back ---- */

static const uint8_t nonce[DEVICE_NONCE_SIZE] = {0, 1, 2, 0xff};

static const struct hub_message from_hub[] = {
    {.kind = HUB_MESSAGE_CHALLENGE, .nonce = nonce},
    {.kind = HUB_MESSAGE_WELCOME, .welcome = {true, true, {"plant7-press", 12}}},
    {.kind = HUB_MESSAGE_WELCOME, .welcome = {false, false, {"a", 1}}},
    {.kind = HUB_MESSAGE_REFUSED, .refused = {DEVICE_REASON_NAME_TAKEN, {"by whom", 7}}},
    {.kind = HUB_MESSAGE_REFUSED, .refused = {DEVICE_REASON_UNKNOWN, {"", 0}}},
    {.kind = HUB_MESSAGE_NOTICE,
     .notice = {.id = {"n-1", 3},
                .access_token = {"token", 5},
                .services = {{"SSH1", 4}, {"HTTP:1", 6}},
                .n_services = 2,
                .service = {"SSH1", 4},
                .opened_by = {"AKID", 4},
                .why = {"the pump\0is loud", 16},
                .tunnel = {"tunnel-1", 8},
                .answer_ms = 30000}},
    {.kind = HUB_MESSAGE_NOTICE, .notice = {.id = {"n", 1}, .access_token = {"t", 1}}},
    {.kind = HUB_MESSAGE_WITHDRAWN, .withdrawn = {"n-1", 3}},
};
#define N_FROM_HUB (sizeof from_hub / sizeof *from_hub)

static void assert_same_notice(const struct hub_notice *a, const struct hub_notice *b)
{
    assert_true(span_equal(a->id, b->id) && span_equal(a->access_token, b->access_token));
    assert_true(span_equal(a->service, b->service) && span_equal(a->opened_by, b->opened_by));
    assert_true(span_equal(a->why, b->why) && span_equal(a->tunnel, b->tunnel));
    assert_int_equal(a->answer_ms, b->answer_ms);
    assert_int_equal(a->n_services, b->n_services);
    for (size_t i = 0; i < a->n_services; i++)
        assert_true(span_equal(a->services[i], b->services[i]));
}

static void assert_same_hub(const struct hub_message *a, const struct hub_message *b)
{
    assert_int_equal(a->kind, b->kind);
    switch (a->kind) {
    case HUB_MESSAGE_CHALLENGE:
        assert_memory_equal(a->nonce, b->nonce, DEVICE_NONCE_SIZE);
        break;
    case HUB_MESSAGE_WELCOME:
        assert_int_equal(a->welcome.enrolled, b->welcome.enrolled);
        assert_int_equal(a->welcome.pending, b->welcome.pending);
        assert_true(span_equal(a->welcome.device, b->welcome.device));
        break;
    case HUB_MESSAGE_REFUSED:
        assert_int_equal(a->refused.reason, b->refused.reason);
        assert_true(span_equal(a->refused.text, b->refused.text));
        break;
    case HUB_MESSAGE_NOTICE:
        assert_same_notice(&a->notice, &b->notice);
        break;
    case HUB_MESSAGE_WITHDRAWN:
        assert_true(span_equal(a->withdrawn, b->withdrawn));
        break;
    case HUB_MESSAGE_OTHER:
        break;
    }
}

static void hub_messages_go_there_and_back(void **state)
{
    uint8_t bytes[SIZE], *copy;
    struct hub_message again;
    (void)state;
    for (size_t i = 0; i < N_FROM_HUB; i++) {
        size_t n = hub_message_encode(&from_hub[i], bytes, sizeof bytes);
        assert_true(n > 0);
        assert_int_equal(decode_hub(bytes, n, &again, &copy), ERR_OK);
        assert_same_hub(&from_hub[i], &again);
        free(copy);
        for (size_t room = 0; room < n; room++)
            assert_int_equal(hub_message_encode(&from_hub[i], bytes, room), 0);
    }
}

static const uint8_t point[P256_POINT_SIZE] = {4, 1}, signature[P256_SIGNATURE_SIZE] = {0, 7};
#define STATUS                                                                                     \
    {                                                                                              \
        {{"SSH1", 4}, {"DB", 2}}, 2, {"0.1.0", 5}, UINT64_MAX, true, 240                           \
    }

static const struct device_message from_device[] = {
    {.kind = DEVICE_MESSAGE_HELLO,
     .hello = {.device = {"plant7-press", 12},
               .public_key = point,
               .signature = signature,
               .join_token = {"join_x", 6},
               .status = STATUS}},
    {.kind = DEVICE_MESSAGE_HELLO,
     .hello = {.device = {"by-certificate", 14},
               .tunnels = {{"tunnel-1", 8}, {"tunnel-2", 8}},
               .n_tunnels = 2,
               .names_tunnels = true}},
    {.kind = DEVICE_MESSAGE_HELLO, .hello = {.device = {"a", 1}, .names_tunnels = true}},
    {.kind = DEVICE_MESSAGE_STATUS, .status = STATUS},
    {.kind = DEVICE_MESSAGE_STATUS},
    {.kind = DEVICE_MESSAGE_ANSWER, .answer = {{"n-1", 3}, true, DEVICE_CODE_UNKNOWN, {"", 0}}},
    {.kind = DEVICE_MESSAGE_ANSWER, .answer = {{"n", 1}, false, DEVICE_CODE_REFUSED, {"no", 2}}},
};
#define N_FROM_DEVICE (sizeof from_device / sizeof *from_device)

static void assert_same_status(const struct device_status *a, const struct device_status *b)
{
    assert_int_equal(a->n_services, b->n_services);
    for (size_t i = 0; i < a->n_services; i++)
        assert_true(span_equal(a->services[i], b->services[i]));
    assert_true(span_equal(a->version, b->version) && a->uptime_s == b->uptime_s);
    assert_true(a->accepting == b->accepting && a->ping_s == b->ping_s);
}

static void assert_same_bytes(const uint8_t *a, const uint8_t *b, size_t n)
{
    assert_int_equal(a == NULL, b == NULL);
    if (a != NULL)
        assert_memory_equal(a, b, n);
}

static void assert_same_device(const struct device_message *a, const struct device_message *b)
{
    assert_int_equal(a->kind, b->kind);
    switch (a->kind) {
    case DEVICE_MESSAGE_HELLO:
        assert_true(span_equal(a->hello.device, b->hello.device));
        assert_true(span_equal(a->hello.join_token, b->hello.join_token));
        assert_same_bytes(a->hello.public_key, b->hello.public_key, P256_POINT_SIZE);
        assert_same_bytes(a->hello.signature, b->hello.signature, P256_SIGNATURE_SIZE);
        assert_same_status(&a->hello.status, &b->hello.status);
        assert_int_equal(a->hello.names_tunnels, b->hello.names_tunnels);
        assert_int_equal(a->hello.n_tunnels, b->hello.n_tunnels);
        for (size_t i = 0; i < a->hello.n_tunnels; i++)
            assert_true(span_equal(a->hello.tunnels[i], b->hello.tunnels[i]));
        break;
    case DEVICE_MESSAGE_STATUS:
        assert_same_status(&a->status, &b->status);
        break;
    case DEVICE_MESSAGE_ANSWER:
        assert_true(span_equal(a->answer.id, b->answer.id));
        assert_int_equal(a->answer.accepted, b->answer.accepted);
        assert_int_equal(a->answer.code, b->answer.code);
        assert_true(span_equal(a->answer.why, b->answer.why));
        break;
    case DEVICE_MESSAGE_OTHER:
        break;
    }
}

static void device_messages_go_there_and_back(void **state)
{
    uint8_t bytes[SIZE], *copy;
    struct device_message again;
    (void)state;
    for (size_t i = 0; i < N_FROM_DEVICE; i++) {
        size_t n = device_message_encode(&from_device[i], bytes, sizeof bytes);
        assert_true(n > 0);
        assert_int_equal(decode_device(bytes, n, &again, &copy), ERR_OK);
        assert_same_device(&from_device[i], &again);
        free(copy);
        for (size_t room = 0; room < n; room++)
            assert_int_equal(device_message_encode(&from_device[i], bytes, room), 0);
    }
}

/* ---- damage ---- */

/* A part of a message is none, unless the cut falls between two of its outer fields: there is only
 * one, so only the empty part is a message, of a kind that we do not know. */
static void parts_are_no_messages(void **state)
{
    uint8_t bytes[SIZE], *copy;
    struct hub_message hub;
    struct device_message device;
    (void)state;
    for (size_t i = 0; i < N_FROM_HUB; i++) {
        size_t n = hub_message_encode(&from_hub[i], bytes, sizeof bytes);
        for (size_t part = 1; part < n; part++) {
            assert_int_equal(decode_hub(bytes, part, &hub, &copy), ERR_PROTOCOL);
            free(copy);
        }
    }
    for (size_t i = 0; i < N_FROM_DEVICE; i++) {
        size_t n = device_message_encode(&from_device[i], bytes, sizeof bytes);
        for (size_t part = 1; part < n; part++) {
            assert_int_equal(decode_device(bytes, part, &device, &copy), ERR_PROTOCOL);
            free(copy);
        }
    }
}

static void later_versions_are_ignored(void **state)
{
    static const uint8_t later[] = {0xfa, 0x01, 2, 'h', 'i'}; /* field 31 */
    uint8_t bytes[SIZE], *copy;
    struct hub_message hub;
    struct device_message device;
    (void)state;
    assert_int_equal(decode_hub(later, sizeof later, &hub, &copy), ERR_OK);
    assert_int_equal(hub.kind, HUB_MESSAGE_OTHER);
    free(copy);
    assert_int_equal(decode_device(later, 0, &device, &copy), ERR_OK);
    assert_int_equal(device.kind, DEVICE_MESSAGE_OTHER);
    free(copy);
    size_t n = hub_message_encode(&from_hub[5], bytes, sizeof bytes);
    memcpy(bytes + n, later, sizeof later);
    assert_int_equal(decode_hub(bytes, n + sizeof later, &hub, &copy), ERR_OK);
    assert_same_hub(&from_hub[5], &hub);
    free(copy);
}

static void two_in_one_are_refused(void **state)
{
    uint8_t bytes[SIZE], *copy;
    struct hub_message hub;
    (void)state;
    size_t n = hub_message_encode(&from_hub[1], bytes, sizeof bytes);
    n += hub_message_encode(&from_hub[7], bytes + n, sizeof bytes - n);
    assert_int_equal(decode_hub(bytes, n, &hub, &copy), ERR_PROTOCOL);
    free(copy);
}

static void a_field_of_another_type_is_refused(void **state)
{
    static const uint8_t wrong[] = {0x0a, 2, 0x08, 5}; /* challenge { nonce: varint 5 } */
    uint8_t *copy;
    struct hub_message hub;
    (void)state;
    assert_int_equal(decode_hub(wrong, sizeof wrong, &hub, &copy), ERR_PROTOCOL);
    free(copy);
}

/* ---- limits ---- */

static char letters[8192];

/* With a text of this many letters in the place of one field. */
static enum err hub_with(struct hub_message *m, struct span *field, size_t n)
{
    static uint8_t bytes[SIZE];
    uint8_t *copy;
    struct hub_message again;
    struct span before = *field;
    *field = (struct span){letters, n};
    size_t size = hub_message_encode(m, bytes, sizeof bytes);
    *field = before;
    assert_true(size > 0);
    enum err why = decode_hub(bytes, size, &again, &copy);
    free(copy);
    return why;
}

static enum err device_with(struct device_message *m, struct span *field, size_t n)
{
    static uint8_t bytes[SIZE];
    uint8_t *copy;
    struct device_message again;
    struct span before = *field;
    *field = (struct span){letters, n};
    size_t size = device_message_encode(m, bytes, sizeof bytes);
    *field = before;
    assert_true(size > 0);
    enum err why = decode_device(bytes, size, &again, &copy);
    free(copy);
    return why;
}

static void hub_messages_have_limits(void **state)
{
    struct hub_message welcome = from_hub[1], refused = from_hub[3], notice = from_hub[5],
                       withdrawn = from_hub[7];
    struct {
        struct hub_message *m;
        struct span *field;
        size_t least, most;
    } rows[] = {
        {&welcome, &welcome.welcome.device, 1, 128},
        {&refused, &refused.refused.text, 0, 256},
        {&notice, &notice.notice.id, 1, 64},
        {&notice, &notice.notice.access_token, 1, 4096},
        {&notice, &notice.notice.services[1], 1, 128},
        {&notice, &notice.notice.service, 0, 128},
        {&notice, &notice.notice.opened_by, 0, 256},
        {&notice, &notice.notice.why, 0, 256},
        {&notice, &notice.notice.tunnel, 0, 256},
        {&withdrawn, &withdrawn.withdrawn, 1, 64},
    };
    (void)state;
    memset(letters, 'x', sizeof letters);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(hub_with(rows[i].m, rows[i].field, rows[i].least), ERR_OK);
        assert_int_equal(hub_with(rows[i].m, rows[i].field, rows[i].most), ERR_OK);
        assert_int_equal(hub_with(rows[i].m, rows[i].field, rows[i].most + 1), ERR_PROTOCOL);
        if (rows[i].least > 0)
            assert_int_equal(hub_with(rows[i].m, rows[i].field, 0), ERR_PROTOCOL);
    }
}

/* The token goes into a header of HTTP. */
static void a_token_adds_no_header(void **state)
{
    static const char *const bad[] = {"T\r\nx: y", "T\nx", "T x", "T\t", "T\x7f", "\xc3\xa9"};
    struct hub_message notice = from_hub[5];
    uint8_t bytes[SIZE];
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct hub_message again;
        notice.notice.access_token = span_of(bad[i]);
        size_t size = hub_message_encode(&notice, bytes, sizeof bytes);
        assert_true(size > 0);
        assert_int_equal(hub_message_decode(bytes, size, &again), ERR_PROTOCOL);
    }
}

static void device_messages_have_limits(void **state)
{
    struct device_message hello = from_device[0], named = from_device[1], status = from_device[3],
                          answer = from_device[6];
    struct {
        struct device_message *m;
        struct span *field;
        size_t least, most;
    } rows[] = {
        {&hello, &hello.hello.device, 0, 1024},
        {&hello, &hello.hello.join_token, 0, 4096},
        {&hello, &hello.hello.status.services[0], 1, 128},
        {&named, &named.hello.tunnels[1], 1, 64},
        {&status, &status.status.services[1], 1, 128},
        {&status, &status.status.version, 0, 256},
        {&answer, &answer.answer.id, 1, 64},
        {&answer, &answer.answer.why, 0, 256},
    };
    (void)state;
    memset(letters, 'x', sizeof letters);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(device_with(rows[i].m, rows[i].field, rows[i].least), ERR_OK);
        assert_int_equal(device_with(rows[i].m, rows[i].field, rows[i].most), ERR_OK);
        assert_int_equal(device_with(rows[i].m, rows[i].field, rows[i].most + 1), ERR_PROTOCOL);
        if (rows[i].least > 0)
            assert_int_equal(device_with(rows[i].m, rows[i].field, 0), ERR_PROTOCOL);
    }
}

/* A key without a signature proves nothing, and a signature needs its key. */
static void a_key_and_its_signature_come_together(void **state)
{
    uint8_t bytes[SIZE], *copy;
    struct device_message again, m = from_device[0];
    (void)state;
    m.hello.signature = NULL;
    size_t n = device_message_encode(&m, bytes, sizeof bytes);
    assert_int_equal(decode_device(bytes, n, &again, &copy), ERR_PROTOCOL);
    free(copy);
    m.hello.signature = signature;
    m.hello.public_key = NULL;
    n = device_message_encode(&m, bytes, sizeof bytes);
    assert_int_equal(decode_device(bytes, n, &again, &copy), ERR_PROTOCOL);
    free(copy);
}

static void messages_above_16_kib_are_refused(void **state)
{
    static uint8_t bytes[SIZE + 1] = {0xfa, 0x01, 0xfd, 0x7f}; /* field 31, 16381 bytes */
    uint8_t *copy;
    struct device_message device;
    (void)state;
    assert_int_equal(decode_device(bytes, SIZE + 1, &device, &copy), ERR_PROTOCOL);
    free(copy);
    bytes[2] = 0xfc;
    assert_int_equal(decode_device(bytes, SIZE, &device, &copy), ERR_OK);
    free(copy);
}

static void reasons_and_codes_have_words(void **state)
{
    (void)state;
    assert_string_equal(device_reason_name(DEVICE_REASON_NAME_TAKEN), "name-taken");
    assert_int_equal(device_reason_retry(DEVICE_REASON_REPLACED), DEVICE_RETRY_SLOWLY);
    assert_string_equal(device_reason_name((enum device_reason)99), "unknown");
    assert_string_equal(device_code_name(DEVICE_CODE_NOT_SERVED), "not-served");
    assert_string_equal(device_code_text((enum device_code) - 1), device_code_text(0));
}

static void services_above_the_most_are_left_out(void **state)
{
    uint8_t bytes[SIZE], *copy;
    struct device_message again, m = {.kind = DEVICE_MESSAGE_STATUS};
    (void)state;
    for (size_t i = 0; i < DEVICE_LINK_SERVICES_MAX; i++)
        m.status.services[i] = span_of("SSH1");
    m.status.n_services = DEVICE_LINK_SERVICES_MAX;
    size_t n = device_message_encode(&m, bytes, sizeof bytes);
    assert_true(n > 0 && bytes[1] >= 0x80);
    /* One more in a status of two bytes of length. */
    static const uint8_t more[] = {0x0a, 4, 'M', 'O', 'R', 'E'};
    memcpy(bytes + n, more, sizeof more);
    size_t length = n - 3 + sizeof more;
    bytes[1] = (uint8_t)(length | 0x80);
    bytes[2] = (uint8_t)(length >> 7);
    assert_int_equal(decode_device(bytes, n + sizeof more, &again, &copy), ERR_OK);
    assert_int_equal(again.status.n_services, DEVICE_LINK_SERVICES_MAX);
    assert_text(again.status.services[DEVICE_LINK_SERVICES_MAX - 1], "SSH1");
    free(copy);
}

/* As large as a device of this program makes it, at a hub that names tunnels by UUIDs. */
static void the_largest_hello_fits(void **state)
{
    static char uuid[] = "01234567-89ab-cdef-0123-456789abcdef";
    uint8_t bytes[SIZE], *copy;
    struct device_message again, m = from_device[0];
    (void)state;
    memset(letters, 'x', sizeof letters);
    m.hello.device = (struct span){letters, 128};
    m.hello.join_token = (struct span){letters, DEVICE_LINK_TOKEN_MAX};
    for (size_t i = 0; i < DEVICE_LINK_SERVICES_MAX; i++)
        m.hello.status.services[i] = (struct span){letters, 128};
    m.hello.status.n_services = DEVICE_LINK_SERVICES_MAX;
    for (size_t i = 0; i < DEVICE_LINK_TUNNELS_MAX; i++)
        m.hello.tunnels[i] = span_of(uuid);
    m.hello.n_tunnels = DEVICE_LINK_TUNNELS_MAX;
    m.hello.names_tunnels = true;
    size_t n = device_message_encode(&m, bytes, sizeof bytes);
    assert_true(n > 0);
    assert_int_equal(decode_device(bytes, n, &again, &copy), ERR_OK);
    assert_same_device(&m, &again);
    free(copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hub_messages_go_there_and_back),
        cmocka_unit_test(device_messages_go_there_and_back),
        cmocka_unit_test(parts_are_no_messages),
        cmocka_unit_test(later_versions_are_ignored),
        cmocka_unit_test(two_in_one_are_refused),
        cmocka_unit_test(a_field_of_another_type_is_refused),
        cmocka_unit_test(hub_messages_have_limits),
        cmocka_unit_test(a_token_adds_no_header),
        cmocka_unit_test(device_messages_have_limits),
        cmocka_unit_test(a_key_and_its_signature_come_together),
        cmocka_unit_test(messages_above_16_kib_are_refused),
        cmocka_unit_test(reasons_and_codes_have_words),
        cmocka_unit_test(services_above_the_most_are_left_out),
        cmocka_unit_test(the_largest_hello_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
