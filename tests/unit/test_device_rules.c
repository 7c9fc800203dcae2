/* The rules about devices, on records alone. */
#include "gateway/hub/devices/device_requests.h"
#include "gateway/hub/devices/device_rules.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define NOW INT64_C(1700000000000)

static uint8_t key_a[DEVICE_KEY_SIZE], key_b[DEVICE_KEY_SIZE];

static void make(struct device_record *d)
{
    memset(key_a, 'a', sizeof key_a);
    memset(key_b, 'b', sizeof key_b);
    *d = (struct device_record){0};
    assert_true(device_rules_begin(d, span_of("Pump"), NOW));
}

static void make_invitation(struct invitation *i)
{
    *i = (struct invitation){.uses = 2, .expires = NOW + 1000};
    assert_true(device_rules_invite(i, "id", "join_x", NOW));
    assert_true(texts_add(&i->names, span_of("pump-*")));
    assert_true(tags_set(&i->labels, span_of("site"), span_of("7")));
}

/* ---- who it is ---- */

static void test_identify(void **state)
{
    /* What the record has: a key, a certificate, sealed keys; what is proven, and what it is then.
     */
    static const struct {
        bool key, certificate, sealed;
        char proven; /* 'c': a certificate */
        enum enrol_result is;
    } cases[] = {
        {true, false, false, 'a', ENROL_KNOWN}, {true, false, false, 'b', ENROL_NAME_TAKEN},
        {true, false, false, 'c', ENROL_KNOWN}, {false, true, false, 'a', ENROL_NAME_TAKEN},
        {false, true, false, 'c', ENROL_KNOWN}, {false, false, true, 'a', ENROL_NAME_TAKEN},
        {false, false, true, 'c', ENROL_KNOWN}, {false, false, false, 'a', ENROL_NEW},
        {false, false, false, 'c', ENROL_NEW},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct device_record d;
        make(&d);
        const uint8_t *key = cases[i].proven == 'a' ? key_a : NULL;
        key = cases[i].proven == 'b' ? key_b : key;
        d.has_key = cases[i].key;
        d.by_certificate = cases[i].certificate;
        memcpy(d.key, key_a, cases[i].key ? sizeof d.key : 0);
        assert_true(device_record_seal(&d, (const uint8_t *)"sealed", cases[i].sealed ? 6 : 0));
        d.state = DEVICE_ENABLED;
        assert_int_equal(device_rules_identify(&d, span_of("Pump"), key), cases[i].is);
        assert_int_equal(device_rules_identify(&d, span_of("pump"), key), ENROL_NAME_TAKEN);
        d.state = DEVICE_DISABLED;
        enum enrol_result then =
            cases[i].is == ENROL_NAME_TAKEN ? ENROL_NAME_TAKEN : ENROL_DISABLED;
        assert_int_equal(device_rules_identify(&d, span_of("Pump"), key), then);
        device_record_free(&d);
    }
}

static void test_invited(void **state)
{
    struct invitation i;
    struct span name = span_of("pump-7");
    (void)state;
    make_invitation(&i);
    assert_int_equal(device_rules_invited(NULL, 0, name, NOW), ENROL_TOKEN_UNKNOWN);
    assert_int_equal(device_rules_invited(&i, 0, name, NOW), ENROL_NEW);
    assert_int_equal(device_rules_invited(&i, 1, name, NOW + 999), ENROL_NEW);
    assert_int_equal(device_rules_invited(&i, 1, name, NOW + 1000), ENROL_TOKEN_EXPIRED);
    assert_int_equal(device_rules_invited(&i, 2, name, NOW), ENROL_TOKEN_USED_UP);
    assert_int_equal(device_rules_invited(&i, 2, span_of("valve"), NOW), ENROL_NOT_INVITED);
    assert_int_equal(i.created, NOW);
    assert_string_equal(i.key_id, "");
    invitation_free(&i);
}

/* ---- records ---- */

static void test_enrols_and_resets(void **state)
{
    struct device_record d;
    struct invitation i;
    (void)state;
    make(&d);
    make_invitation(&i);
    assert_true(device_rules_enrol(&d, key_a, &i, false, NOW + 5));
    assert_true(d.has_key && !d.by_certificate && d.state == DEVICE_ENABLED);
    assert_memory_equal(d.key, key_a, sizeof key_a);
    assert_string_equal(d.invitation, "id");
    assert_int_equal(d.labels.n, 1);
    assert_int_equal(d.enrolled, NOW + 5);
    d.topics = 3;
    device_rules_reset(&d);
    assert_false(device_record_is_keyed(&d));
    assert_int_equal(d.key[0] + d.topics, 0);
    assert_int_equal(device_rules_identify(&d, span_of("Pump"), key_b), ENROL_NEW);
    assert_true(device_rules_enrol(&d, NULL, NULL, true, NOW));
    assert_true(!d.has_key && d.by_certificate && d.state == DEVICE_PENDING);
    assert_string_equal(d.invitation, "");
    i.approve = true;
    assert_true(device_rules_enrol(&d, key_a, &i, false, NOW));
    assert_int_equal(d.state, DEVICE_PENDING);
    invitation_free(&i);
    device_record_free(&d);
}

static void test_sees(void **state)
{
    struct device_record d;
    struct texts told = {0};
    (void)state;
    make(&d);
    for (int i = 0; i < DEVICE_SERVICES_MAX + 2; i++)
        texts_add(&told, span_of((char[]){'s', (char)('0' + i), '\0'}));
    struct device_sighting s = {.address = "192.0.2.1", .version = "2", .services = &told};
    assert_true(device_rules_see(&d, &s, NOW + 1));
    assert_int_equal(d.last_seen, NOW + 1);
    assert_string_equal(d.last_address, "192.0.2.1");
    assert_true(d.services.n > 0 && d.services.n <= DEVICE_SERVICES_MAX);
    size_t n = d.services.n;
    assert_true(device_rules_see(&d, &(struct device_sighting){0}, NOW + 2));
    assert_string_equal(d.version, "2");
    assert_int_equal(d.services.n, n);
    texts_free(&told);
    device_record_free(&d);
}

static void test_creates(void **state)
{
    struct device_creation c = {.name = "pump", .azure_id = "pump"};
    struct device_record d = {0};
    (void)state;
    assert_true(device_rules_create(&d, &c, NOW));
    assert_null(d.azure_id); /* it is the name */
    assert_int_equal(d.last_seen, NOW);
    device_record_free(&d);
    c.azure_id = "Far";
    assert_true(device_rules_create(&d, &c, NOW));
    assert_string_equal(d.azure_id, "Far");
    device_record_free(&d);
}

static enum err fails(void *ctx, struct device_record *next)
{
    assert_ptr_equal(ctx, &key_a);
    next->topics = 9;
    return ERR_USAGE;
}

static bool only_one_label(void *ctx, const struct device_record *d, const struct tags *after)
{
    (void)ctx;
    return d->labels.n == 0 && after->n == 1;
}

static void test_updates(void **state)
{
    enum device_state disabled = DEVICE_DISABLED;
    struct device_record d, next = {0};
    struct tags add = {0};
    struct texts gone = {0};
    struct kept_update kept = {0};
    struct device_update u = {.state = &disabled, .add = &add, .permits = only_one_label};
    (void)state;
    make(&d);
    d.state = DEVICE_ENABLED;
    tags_set(&add, span_of("site"), span_of("7"));
    assert_true(device_record_copy(&next, &d));
    assert_int_equal(device_rules_update(&d, &next, &u, NULL), ERR_OK);
    assert_int_equal(next.state, DEVICE_DISABLED);
    assert_int_equal(device_rules_update(&next, &next, &u, NULL), ERR_FORBIDDEN);
    texts_add(&gone, span_of("site"));
    u = (struct device_update){.remove = &gone, .reseal = fails};
    assert_true(kept_update_keep(&kept, &u));
    texts_free(&gone);
    assert_int_equal(device_rules_update(&d, &next, &kept.u, &key_a), ERR_USAGE);
    assert_int_equal(next.labels.n, 0);
    kept_update_drop(&kept);
    for (int i = 0; i <= DEVICE_LABELS_MAX; i++)
        tags_set(&add, span_of((char[]){'k', (char)('0' + i), '\0'}), span_of("x"));
    u = (struct device_update){.add = &add};
    assert_int_equal(device_rules_update(&d, &next, &u, NULL), ERR_LIMIT);
    tags_free(&add);
    device_record_free(&next);
    device_record_free(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_identify),          cmocka_unit_test(test_invited),
        cmocka_unit_test(test_enrols_and_resets), cmocka_unit_test(test_sees),
        cmocka_unit_test(test_creates),           cmocka_unit_test(test_updates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
