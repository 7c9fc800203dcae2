/* What every registry of devices has to do: enrolment, what operators change, what is there after
 * it was opened anew. */
#include "tests/unit/devices_contract.h"

#define DAY_MS 86400000

/* ---- enrolment ---- */

static void test_enrols(void **state)
{
    (void)state;
    assert_int_equal(enrol("pump-07", 'a', "join_x"), ENROL_TOKEN_UNKNOWN);
    assert_int_equal(enrol("pump-07", 'a', NULL), ENROL_UNKNOWN_DEVICE);
    assert_int_equal(invite("join_x", "pump-* press", 2, DAY_MS), ERR_OK);
    assert_int_equal(enrol("valve-1", 'a', "join_x"), ENROL_NOT_INVITED);
    assert_int_equal(enrol("pump 07", 'a', "join_x"), ENROL_NAME_INVALID);
    assert_int_equal(enrol("", 'a', "join_x"), ENROL_NAME_INVALID);
    assert_int_equal(n_enrolled, 0);
    assert_int_equal(enrol("pump-07", 'a', "join_x"), ENROL_NEW);
    assert_int_equal(n_enrolled, 1);
    assert_int_equal(enrol("pump-07", 'a', NULL), ENROL_KNOWN);
    assert_int_equal(enrol("pump-07", 'a', "join_x"), ENROL_KNOWN);
    assert_int_equal(invitation_of("join_x")->used, 1);
    assert_int_equal(enrol("pump-07", 'b', "join_x"), ENROL_NAME_TAKEN);
    assert_int_equal(enrol("Pump_07", 'a', "join_x"), ENROL_NAME_TAKEN);
    assert_int_equal(enrol("press", 'b', "join_x"), ENROL_NEW);
    assert_int_equal(enrol("pump-08", 'c', "join_x"), ENROL_TOKEN_USED_UP);
    assert_int_equal(n_enrolled, 2);
    assert_int_equal(count_devices(), 2);
}

static void must_be_pump(void)
{
    const struct device_record *d = get("pump-07");
    assert_non_null(d);
    assert_string_equal(d->name, "pump-07");
    assert_int_equal(d->state, DEVICE_ENABLED);
    assert_true(d->has_key);
    assert_false(d->by_certificate);
    assert_memory_equal(d->key, key_of('a'), DEVICE_KEY_SIZE);
    assert_int_equal(strlen(d->invitation), 36);
    assert_int_equal(d->enrolled, start_ms);
    assert_int_equal(d->labels.n, 1);
    assert_string_equal(d->labels.items[0].key, "site");
    assert_string_equal(d->labels.items[0].value, "7");
    assert_string_equal(d->version, "1.2");
    assert_string_equal(d->last_address, "192.0.2.1");
}

static void test_is_kept(void **state)
{
    (void)state;
    invite("join_x", "*", 9, DAY_MS);
    assert_int_equal(enrol("pump-07", 'a', "join_x"), ENROL_NEW);
    assert_int_equal(enrol("a:b_C", 0, NULL), ENROL_NEW);
    must_be_pump();
    reopen();
    must_be_pump();
    const struct device_record *d = get("a-b-c");
    assert_string_equal(d->name, "a:b_C");
    assert_true(d->by_certificate);
    assert_false(d->has_key);
    assert_string_equal(d->invitation, "");
    const struct invitation *i = invitation_of("join_x");
    assert_int_equal(i->used, 1);
    assert_int_equal(i->uses, 9);
    assert_int_equal(i->created, clock_ms);
    assert_int_equal(i->expires, clock_ms + DAY_MS);
    assert_string_equal(i->names.items[0], "*");
    assert_string_equal(i->labels.items[0].value, "7");
    assert_int_equal(count_devices(), 2);
    assert_int_equal(enrol("pump-07", 'a', NULL), ENROL_KNOWN);
}

static void test_certificate(void **state)
{
    (void)state;
    invite("join_x", "*", 9, DAY_MS);
    assert_int_equal(enrol("press", 0, NULL), ENROL_NEW);
    assert_int_equal(enrol("press", 0, NULL), ENROL_KNOWN);
    assert_int_equal(enrol("PRESS", 0, NULL), ENROL_NAME_TAKEN);
    assert_int_equal(enrol("press", 'a', "join_x"), ENROL_NAME_TAKEN);
    assert_int_equal(enrol("pump", 'a', "join_x"), ENROL_NEW);
    assert_int_equal(enrol("pump", 0, NULL), ENROL_KNOWN); /* the device CA vouches for it */
    set_state("press", DEVICE_DISABLED);
    assert_int_equal(enrol("press", 0, NULL), ENROL_DISABLED);
}

/* All are asked for before any is stored: neither a name nor a use is given twice. */
static void test_at_once(void **state)
{
    struct answer all[6];
    int of[ENROL_COUNT] = {0};
    (void)state;
    invite("join_x", "*", 3, DAY_MS);
    for (int i = 0; i < 6; i++) {
        char name[] = {'d', (char)('0' + i / 2), '\0'}; /* two ask for each name */
        ask_enrol(&all[i], name, (char)('a' + i), "join_x");
    }
    if (devices_backend->in_turn)
        assert_int_equal(count_devices(), 0);
    for (int i = 0; i < 6; i++) {
        UNTIL(loop, all[i].calls > 0);
        of[all[i].result]++;
        answer_clear(&all[i]);
    }
    assert_int_equal(of[ENROL_NEW], 3);
    assert_int_equal(of[ENROL_NAME_TAKEN], 3);
    assert_int_equal(invitation_of("join_x")->used, 3);
    assert_int_equal(count_devices(), 3);
    for (int i = 0; i < 6; i++)
        ask_enrol(&all[i], (char[]){'e', (char)('0' + i), '\0'}, 'a', "join_x");
    for (int i = 0; i < 6; i++) {
        UNTIL(loop, all[i].calls > 0);
        assert_int_equal(all[i].result, ENROL_TOKEN_USED_UP);
    }
    reopen();
    assert_int_equal(count_devices(), 3);
    assert_int_equal(invitation_of("join_x")->used, 3);
}

static void test_pending(void **state)
{
    struct answer a = {0};
    struct invitation i = {.uses = 1, .expires = clock_ms + DAY_MS, .approve = true};
    struct enrolment e = {.name = span_of("two"), .approve_all = true};
    (void)state;
    texts_add(&i.names, span_of("*"));
    device_registry_invite(devices, &i, "join_x", 0, on_invitation, &a);
    UNTIL(loop, a.calls > 0);
    assert_int_equal(enrol("one", 'a', "join_x"), ENROL_NEW);
    assert_int_equal(get("one")->state, DEVICE_PENDING);
    a = (struct answer){0};
    device_registry_enrol(devices, &e, on_enrolled, &a);
    UNTIL(loop, a.calls > 0);
    assert_int_equal(a.device.state, DEVICE_PENDING);
    answer_clear(&a);
    assert_int_equal(set_state("one", DEVICE_ENABLED), ERR_OK);
    assert_int_equal(n_changed, 1);
    reopen();
    assert_int_equal(get("one")->state, DEVICE_ENABLED);
    assert_int_equal(get("two")->state, DEVICE_PENDING);
    struct device_counts c = device_registry_counts(devices);
    assert_int_equal(c.by_state[DEVICE_PENDING], 1);
    assert_int_equal(c.by_state[DEVICE_ENABLED], 1);
    assert_int_equal(c.invitations, 1);
}

static void test_limits(void **state)
{
    (void)state;
    device_registry_limit(devices, 2);
    assert_int_equal(enrol("a", 0, NULL), ENROL_NEW);
    assert_int_equal(enrol("b", 0, NULL), ENROL_NEW);
    assert_int_equal(enrol("c", 0, NULL), ENROL_FULL);
    assert_int_equal(enrol("a", 0, NULL), ENROL_KNOWN);
    assert_int_equal(remove_device("a"), ERR_OK);
    assert_int_equal(enrol("c", 0, NULL), ENROL_NEW);
    for (int i = 0; i < 100; i++)
        assert_int_equal(invite((char[]){'j', (char)(i + 1), '\0'}, "*", 1, DAY_MS), ERR_OK);
    assert_int_equal(invite("one more", "*", 1, DAY_MS), ERR_LIMIT);
    struct invitation i = {.uses = 1, .expires = clock_ms + DAY_MS};
    struct answer a = {0};
    texts_add(&i.names, span_of("*"));
    device_registry_invite(devices, &i, "another", 3, on_invitation, &a);
    UNTIL(loop, a.calls > 0);
    assert_int_equal(a.why, ERR_LIMIT);
}

/* ---- what operators change ---- */

static void test_disable_reset_remove(void **state)
{
    (void)state;
    invite("join_x", "*", 9, DAY_MS);
    enrol("pump", 'a', "join_x");
    assert_int_equal(set_state("PUMP", DEVICE_DISABLED), ERR_OK);
    assert_int_equal(enrol("pump", 'a', NULL), ENROL_DISABLED);
    assert_int_equal(enrol("pump", 'b', "join_x"), ENROL_NAME_TAKEN);
    assert_int_equal(set_state("pump", DEVICE_ENABLED), ERR_OK);
    assert_int_equal(enrol("pump", 'a', NULL), ENROL_KNOWN);
    assert_int_equal(reset("pump"), ERR_OK);
    assert_int_equal(n_reset, 1);
    assert_int_equal(enrol("pump", 'a', NULL), ENROL_UNKNOWN_DEVICE);
    reopen();
    assert_int_equal(enrol("pump", 'b', "join_x"), ENROL_NEW);
    assert_int_equal(enrol("pump", 'a', "join_x"), ENROL_NAME_TAKEN);
    assert_int_equal(invitation_of("join_x")->used, 2);
    assert_int_equal(remove_device("pump"), ERR_OK);
    assert_int_equal(n_removed, 1);
    assert_null(get("pump"));
    assert_int_equal(remove_device("pump"), ERR_NOT_FOUND);
    assert_int_equal(reset("pump"), ERR_NOT_FOUND);
    assert_int_equal(set_state("pump", DEVICE_ENABLED), ERR_NOT_FOUND);
    reopen();
    assert_int_equal(count_devices(), 0);
    assert_int_equal(enrol("Pump", 'c', "join_x"), ENROL_NEW);
}

static bool refuse(void *ctx, const struct device_record *d, const struct tags *after)
{
    (void)ctx;
    assert_string_equal(d->name, "pump");
    assert_int_equal(after->n, d->labels.n + 1);
    return false;
}

static void test_labels(void **state)
{
    struct answer a = {0}, b = {0}, c = {0};
    struct tags add = {0}, many = {0};
    struct texts gone = {0};
    (void)state;
    enrol("pump", 0, NULL);
    tags_set(&add, span_of("site"), span_of("7"));
    tags_set(&add, span_of("note"), span_of(""));
    texts_add(&gone, span_of("site"));
    device_registry_update(devices, span_of("pump"), &(struct device_update){.add = &add},
                           on_device, &a);
    device_registry_update(devices, span_of("pump"), &(struct device_update){.remove = &gone},
                           on_device, &b); /* sees what the first has done */
    device_registry_update(devices, span_of("pump"),
                           &(struct device_update){.add = &add, .permits = refuse}, on_device, &c);
    UNTIL(loop, c.calls > 0);
    assert_int_equal(a.device.labels.n, 2);
    assert_int_equal(b.device.labels.n, 1);
    assert_int_equal(c.why, ERR_FORBIDDEN);
    answer_clear(&a);
    answer_clear(&b);
    answer_clear(&c);
    reopen();
    assert_int_equal(get("pump")->labels.n, 1);
    assert_string_equal(get("pump")->labels.items[0].key, "note");
    assert_string_equal(get("pump")->labels.items[0].value, "");
    for (int i = 0; i < DEVICE_LABELS_MAX; i++)
        tags_set(&many, (struct span){"0123456789", (size_t)(1 + i % 10)},
                 span_of("x")); /* ten keys */
    for (int i = 0; i < DEVICE_LABELS_MAX; i++)
        tags_set(&many, span_of((char[]){'k', (char)('0' + i), '\0'}), span_of("x"));
    device_registry_update(devices, span_of("pump"), &(struct device_update){.add = &many},
                           on_device, &a);
    UNTIL(loop, a.calls > 0);
    assert_int_equal(a.why, ERR_LIMIT);
    tags_free(&add);
    tags_free(&many);
    texts_free(&gone);
}

/* ---- invitations ---- */

static void test_uninvite(void **state)
{
    struct answer a = {0}, b = {0}, c = {0};
    char id[64];
    (void)state;
    invite("join_x", "*", 9, DAY_MS);
    invite("join_y", "*", 9, DAY_MS);
    snprintf(id, sizeof id, "%s", invitation_of("join_x")->id);
    device_registry_invitation(devices, span_of(id), on_invitation, &a);
    UNTIL(loop, a.calls > 0);
    assert_string_equal(a.id, id);
    ask_enrol(&a, "pump", 'a', "join_x"); /* is still invited */
    if (!devices_backend->in_turn)
        UNTIL(loop, a.calls > 0);
    device_registry_uninvite(devices, span_of(id), on_invitation, &b);
    device_registry_uninvite(devices, span_of(id), on_invitation, &c);
    UNTIL(loop, c.calls > 0);
    assert_string_equal(enrol_result_name(a.result), "enrolled");
    answer_clear(&a);
    assert_int_equal(b.why, ERR_OK);
    assert_int_equal(c.why, ERR_NOT_FOUND);
    assert_string_equal(enrol_result_name(enrol("press", 'b', "join_x")), "join-token-unknown");
    reopen();
    assert_null(invitation_of("join_x"));
    assert_non_null(invitation_of("join_y"));
    assert_int_equal(enrol("pump", 'a', NULL), ENROL_KNOWN);
    a = (struct answer){0};
    device_registry_invitation(devices, span_of(id), on_invitation, &a);
    UNTIL(loop, a.calls > 0);
    assert_int_equal(a.why, ERR_NOT_FOUND);
}

/* ---- subscribers ---- */

struct listener {
    struct device_subscriber subscriber;
    int n;
};

static void hear_once(void *owner, const struct device_record *d)
{
    struct listener *l = owner;
    (void)d;
    l->n++;
    device_registry_unsubscribe(&l->subscriber);
}

static void test_unsubscribes(void **state)
{
    static const struct device_events events = {.enrolled = hear_once};
    struct listener l = {.subscriber = {.events = &events, .owner = &l}};
    (void)state;
    device_registry_subscribe(devices, &l.subscriber);
    enrol("one", 0, NULL);
    enrol("two", 0, NULL);
    assert_int_equal(l.n, 1);
    assert_int_equal(n_enrolled, 2);
}

/* ---- symmetric keys, and what Azure's clients call devices ---- */

static void test_creates(void **state)
{
    (void)state;
    assert_int_equal(create_device("pump", NULL), ERR_OK);
    assert_int_equal(create_device("valve", "Plant 7/valve.1"), ERR_OK);
    assert_int_equal(n_enrolled, 2);
    for (int i = 0; i < 2; i++) {
        assert_string_equal(azure_device("pump"), "pump");
        assert_string_equal(azure_device("Pump"), "");
        assert_string_equal(azure_device("valve"), "");
        assert_string_equal(azure_device("Plant 7/valve.1"), "valve");
        const struct device_record *d = get("valve");
        assert_int_equal(d->state, DEVICE_ENABLED);
        assert_int_equal(d->enrolled, clock_ms);
        assert_memory_equal(d->sealed, "sealed", d->n_sealed);
        assert_null(get("pump")->azure_id);
        reopen();
    }
    assert_int_equal(set_state("valve", DEVICE_DISABLED), ERR_OK);
    assert_string_equal(azure_device("Plant 7/valve.1"), "valve");
    assert_int_equal(remove_device("valve"), ERR_OK);
    assert_string_equal(azure_device("Plant 7/valve.1"), "");
    assert_int_equal(create_device("other", "Plant 7/valve.1"), ERR_OK);
}

/* No device takes what another one is called, in either way. */
static void test_creates_no_second(void **state)
{
    (void)state;
    invite("join_x", "*", 9, DAY_MS);
    assert_int_equal(create_device("pump", "Far"), ERR_OK);
    assert_int_equal(create_device("PUMP", NULL), ERR_AMBIGUOUS);
    assert_int_equal(create_device("valve", "Far"), ERR_AMBIGUOUS);
    assert_int_equal(create_device("valve", "pump"), ERR_AMBIGUOUS); /* though it is called Far */
    assert_int_equal(create_device("Far", NULL), ERR_AMBIGUOUS);
    assert_int_equal(enrol("Far", 'a', "join_x"), ENROL_NAME_TAKEN);
    assert_int_equal(enrol("near", 'a', "join_x"), ENROL_NEW);
    assert_int_equal(create_device("third", "near"), ERR_AMBIGUOUS);
    /* a join token takes no name that has keys, but a certificate says who it is */
    assert_int_equal(enrol("pump", 'a', "join_x"), ENROL_NAME_TAKEN);
    assert_int_equal(enrol("pump", 0, NULL), ENROL_KNOWN);
    assert_int_equal(reset("pump"), ERR_OK);
    assert_null(get("pump")->sealed);
    assert_int_equal(enrol("pump", 'a', "join_x"), ENROL_NEW);
}

static void test_topics(void **state)
{
    struct answer a = {0};
    (void)state;
    create_device("pump", NULL);
    device_registry_topics(devices, span_of("nobody"), 5, NULL, NULL);
    device_registry_topics(devices, span_of("pump"), 4, NULL, NULL);
    device_registry_topics(devices, span_of("pump"), 5, on_device, &a);
    UNTIL(loop, a.calls > 0);
    assert_int_equal(a.why, ERR_OK);
    assert_int_equal(a.device.topics, 5);
    answer_clear(&a);
    assert_int_equal(n_changed, 0);
    reopen();
    assert_int_equal(get("pump")->topics, 5);
    reset("pump");
    assert_int_equal(get("pump")->topics, 0);
}

int run_devices_contract(const struct CMUnitTest *own, size_t n)
{
    static const struct CMUnitTest all[] = {
        TEST(test_enrols),
        TEST(test_is_kept),
        TEST(test_certificate),
        TEST(test_at_once),
        TEST(test_pending),
        TEST(test_limits),
        TEST(test_disable_reset_remove),
        TEST(test_labels),
        TEST(test_uninvite),
        TEST(test_unsubscribes),
        TEST(test_creates),
        TEST(test_creates_no_second),
        TEST(test_topics),
    };
    const size_t n_all = sizeof all / sizeof *all;
    struct CMUnitTest *tests = calloc(n_all + n, sizeof *tests);
    assert_non_null(tests);
    memcpy(tests, all, sizeof all);
    memcpy(tests + n_all, own, n * sizeof *own);
    int failed = _cmocka_run_group_tests("devices", tests, n_all + n, NULL, NULL);
    free(tests);
    return failed;
}
