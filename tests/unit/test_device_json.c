/* Devices and invitations as JSON: what is written is read, and nothing else is. */
#include "gateway/hub/devices/shared/device_json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void make(struct device_record *d)
{
    *d = (struct device_record){.name = strdup("a:b_C"),
                                .state = DEVICE_DISABLED,
                                .has_key = true,
                                .invitation = strdup("id"),
                                .enrolled = 1700000000001,
                                .last_seen = 1700000000002,
                                .last_address = strdup("2001:db8::1"),
                                .version = strdup("2\n\"\\\x01\xff\xc3\xa4"),
                                .azure_id = strdup("Plant 7/x"),
                                .topics = UINT32_MAX};
    memset(d->key, 7, sizeof d->key);
    tags_set(&d->labels, span_of("site"), span_of("7"));
    tags_set(&d->labels, span_of("note"), span_of(""));
    texts_add(&d->services, span_of("SSH1"));
    assert_true(device_record_seal(d, (const uint8_t *)"\0\1\2", 3));
}

static void must_be_same(const struct device_record *d)
{
    struct device_record other = {0};
    char *record = device_json_write(d), *seen = device_json_write_seen(d);
    assert_non_null(record);
    assert_int_equal(device_json_read(span_of(record), span_of(seen), &other), ERR_OK);
    char *again = device_json_write(&other), *seen_again = device_json_write_seen(&other);
    assert_string_equal(again, record);
    assert_string_equal(seen_again, seen);
    assert_string_equal(other.version, d->version);
    assert_memory_equal(other.key, d->key, sizeof d->key);
    assert_int_equal(other.has_key, d->has_key);
    assert_int_equal(other.n_sealed, d->n_sealed);
    assert_int_equal(other.enrolled, d->enrolled);
    assert_int_equal(other.topics, d->topics);
    assert_int_equal(other.labels.n, d->labels.n);
    device_record_free(&other);
    free(record);
    free(seen);
    free(again);
    free(seen_again);
}

static void test_same(void **state)
{
    struct device_record d;
    (void)state;
    make(&d);
    must_be_same(&d);
    d.has_key = false;
    memset(d.key, 0, sizeof d.key);
    free(d.azure_id);
    d.azure_id = NULL;
    device_record_seal(&d, NULL, 0);
    must_be_same(&d);
    device_record_free(&d);
}

#define SEEN "{\"at\":1,\"address\":\"\",\"version\":\"\",\"services\":[]}"
#define HEAD "{\"name\":\"pump\",\"state\":\"ENABLED\",\"labels\":{},"
#define TAIL "\"certificate\":true,\"invitation\":\"\",\"enrolled\":1,\"topics\":0}"

static void test_strict(void **state)
{
    static const struct {
        const char *record, *seen;
        enum err why;
    } cases[] = {
        {HEAD TAIL, SEEN, ERR_OK},
        {HEAD TAIL, "", ERR_PROTOCOL},
        {HEAD TAIL " ", SEEN, ERR_PROTOCOL},
        {HEAD TAIL, SEEN "x", ERR_PROTOCOL},
        {"[]", SEEN, ERR_PROTOCOL},
        {HEAD "\"other\":1," TAIL, SEEN, ERR_PROTOCOL},
        {HEAD "\"name\":\"pump\"," TAIL, SEEN, ERR_PROTOCOL},
        {HEAD "\"key\":\"AAAA\"," TAIL, SEEN, ERR_PROTOCOL},
        {HEAD "\"key\":null," TAIL, SEEN, ERR_PROTOCOL},
        {HEAD "\"sealed\":\"\"," TAIL, SEEN, ERR_PROTOCOL},
        {HEAD "\"sealed\":\"AAAA\"," TAIL, SEEN, ERR_OK},
        {HEAD "\"sealed\":\"A\"," TAIL, SEEN, ERR_PROTOCOL},
        {HEAD "\"certificate\":1,\"invitation\":\"\",\"enrolled\":1,\"topics\":0}", SEEN,
         ERR_PROTOCOL},
        {HEAD "\"certificate\":true,\"invitation\":\"\",\"enrolled\":-1,\"topics\":0}", SEEN,
         ERR_PROTOCOL},
        {HEAD "\"certificate\":true,\"invitation\":\"\",\"enrolled\":1e300,\"topics\":0}", SEEN,
         ERR_PROTOCOL},
        {HEAD "\"certificate\":true,\"invitation\":\"\",\"enrolled\":1,\"topics\":4294967296}",
         SEEN, ERR_PROTOCOL},
        {HEAD "\"certificate\":true,\"invitation\":\"\",\"enrolled\":1,\"topics\":0.5}", SEEN,
         ERR_PROTOCOL},
        {"{\"name\":\"pump 7\",\"state\":\"ENABLED\",\"labels\":{}," TAIL, SEEN, ERR_PROTOCOL},
        {"{\"name\":\"pump\",\"state\":\"AWAY\",\"labels\":{}," TAIL, SEEN, ERR_PROTOCOL},
        {"{\"name\":\"pump\",\"state\":\"ENABLED\",\"labels\":{\"a\":\"1\",\"a\":\"2\"}," TAIL,
         SEEN, ERR_PROTOCOL},
        {"{\"name\":\"pump\",\"state\":\"ENABLED\",\"labels\":{\"a\":1}," TAIL, SEEN, ERR_PROTOCOL},
        {"{\"name\":7,\"state\":\"ENABLED\",\"labels\":{}," TAIL, SEEN, ERR_PROTOCOL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct device_record d = {0};
        enum err why = device_json_read(span_of(cases[i].record), span_of(cases[i].seen), &d);
        if (why != cases[i].why)
            fail_msg("%zu: %s: %s", i, cases[i].record, err_name(why));
        device_record_free(&d);
    }
}

/* Each beginning of a record is none. */
static void test_cut(void **state)
{
    struct device_record d;
    (void)state;
    make(&d);
    char *record = device_json_write(&d);
    for (size_t n = 0; n < strlen(record); n++) {
        struct device_record other = {0};
        assert_int_equal(device_json_read((struct span){record, n}, span_of(SEEN), &other),
                         ERR_PROTOCOL);
        device_record_free(&other);
    }
    free(record);
    device_record_free(&d);
}

static void test_invitation(void **state)
{
    struct invitation i = {.id = strdup("id"), .uses = 7, .used = 3, .created = 1, .expires = 2},
                      o = {0};
    (void)state;
    i.key_id = strdup("AKIA");
    i.approve = true;
    memset(i.token, 9, sizeof i.token);
    texts_add(&i.names, span_of("pump-*"));
    tags_set(&i.labels, span_of("site"), span_of("7"));
    char *text = invitation_json_write(&i);
    assert_int_equal(invitation_json_read(span_of(text), &o), ERR_OK);
    char *again = invitation_json_write(&o);
    assert_string_equal(text, again);
    assert_int_equal(o.used, 0);
    assert_int_equal(o.uses, 7);
    assert_memory_equal(o.token, i.token, sizeof i.token);
    assert_string_equal(o.names.items[0], "pump-*");
    invitation_free(&o);
    *strstr(text, "\"uses\":7") = '\0';
    assert_int_equal(invitation_json_read(span_of(text), &o), ERR_PROTOCOL);
    invitation_free(&o);
    invitation_free(&i);
    free(text);
    free(again);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same),
        cmocka_unit_test(test_strict),
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_invitation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
