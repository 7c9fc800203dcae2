/* The registry of devices of one hub: the contract, and what its store and memory make of it. */
#include "tests/unit/devices_contract.h"

#define DAY_MS 86400000

/* ---- enrolment ---- */

static void test_expires(void **state)
{
    (void)state;
    invite("join_x", "*", 9, DAY_MS);
    clock_ms += DAY_MS - 1;
    assert_int_equal(enrol("one", 'a', "join_x"), ENROL_NEW);
    clock_ms++;
    assert_int_equal(enrol("two", 'a', "join_x"), ENROL_TOKEN_EXPIRED);
    clock_ms += INT64_C(8) * DAY_MS;
    UNTIL(loop, invitation_of("join_x") == NULL);
    assert_int_equal(enrol("two", 'a', "join_x"), ENROL_TOKEN_UNKNOWN);
    reopen();
    assert_null(invitation_of("join_x"));
}

/* ---- what devices tell ---- */

static void test_seen(void **state)
{
    struct texts services = {0};
    (void)state;
    enrol("pump", 0, NULL);
    texts_add(&services, span_of("SSH1"));
    texts_add(&services, span_of("no service"));
    texts_add(&services, span_of("SSH1"));
    texts_add(&services, span_of("HTTP1"));
    clock_ms += 5000;
    device_registry_seen(devices, span_of("pump"),
                         &(struct device_sighting){
                             .address = "198.51.100.9", .version = "2\n3", .services = &services});
    device_registry_seen(devices, span_of("nobody"), &(struct device_sighting){0});
    for (int i = 0; i < 2; i++) {
        const struct device_record *d = get("pump");
        assert_int_equal(d->last_seen, clock_ms);
        assert_string_equal(d->last_address, "198.51.100.9");
        assert_string_equal(d->version, "2\n3");
        assert_int_equal(d->services.n, 2);
        assert_string_equal(d->services.items[1], "HTTP1");
        reopen();
    }
    clock_ms += 1000;
    device_registry_seen(devices, span_of("pump"), &(struct device_sighting){0});
    set_state("pump", DEVICE_DISABLED);
    assert_int_equal(get("pump")->last_seen, clock_ms); /* nothing that is stored sets it back */
    assert_int_equal(get("pump")->services.n, 2);
    UNTIL(loop, number_in_database("SELECT last_seen FROM devices") == clock_ms);
    texts_free(&services);
}

/* ---- symmetric keys, and what Azure's clients call devices ---- */

static void test_creates_at_once(void **state)
{
    struct device_creation c = {.name = "pump", .azure_id = "Far"};
    struct answer a = {0}, b = {0}, d;
    (void)state;
    invite("join_x", "*", 9, DAY_MS);
    device_registry_create(devices, &c, on_device, &a);
    c = (struct device_creation){.name = "valve", .azure_id = "Far"};
    device_registry_create(devices, &c, on_device, &b);
    ask_enrol(&d, "Far", 'a', "join_x");
    UNTIL(loop, a.calls + b.calls + d.calls == 3);
    assert_int_equal(a.why, ERR_OK);
    assert_int_equal(b.why, ERR_AMBIGUOUS);
    assert_int_equal(d.result, ENROL_NAME_TAKEN);
    answer_clear(&a);
    sqlite3 *other = other_program("BEGIN IMMEDIATE");
    assert_int_equal(create_device("valve", "Near"), ERR_BUSY);
    sqlite3_close(other);
    assert_int_equal(create_device("other", "Near"), ERR_OK); /* the id was given back */
}

/* ---- trouble ---- */

static void test_store_fails(void **state)
{
    (void)state;
    invite("join_x", "*", 1, DAY_MS);
    sqlite3 *other = other_program("BEGIN IMMEDIATE");
    assert_int_equal(enrol("pump", 'a', "join_x"), ENROL_NOT_STORED);
    assert_null(get("pump"));
    assert_int_equal(invite("join_y", "*", 1, DAY_MS), ERR_BUSY);
    assert_null(invitation_of("join_y"));
    assert_int_equal(n_enrolled, 0);
    sqlite3_close(other);
    assert_int_equal(enrol("pump", 'a', "join_x"), ENROL_NEW); /* the use was given back */
    assert_int_equal(n_enrolled, 1);
}

/* A hub does not start with what it cannot understand, and says what that is. */
static void test_damaged_rows(void **state)
{
    static const struct {
        const char *sql, *words;
    } cases[] = {
        {"UPDATE devices SET state = 'AWAY'", "device pump: its state is not one"},
        {"UPDATE devices SET key = zeroblob(64)", "device pump: a hash or key has another size"},
        {"UPDATE devices SET name = 'pump 07'", "device pump 07: its name is none"},
        {"UPDATE devices SET sealed = zeroblob(257)", "device pump: sealed keys have another size"},
        {"UPDATE devices SET topics = 4294967296", "device pump: a number is too large"},
        {"INSERT INTO devices SELECT 'valve', state, NULL, 1, '', 0, 0, '', '', '', '', 'pump', "
         "NULL, 0 FROM devices",
         "device valve: its name is none, or also another one's"},
        {"UPDATE devices SET by_certificate = 2", "device pump: a number that is yes or no"},
        {"INSERT INTO devices SELECT 'Pump', state, NULL, 1, '', 0, 0, '', '', '', '', NULL, NULL, 0 "
         "FROM devices",
         "or also another one's"},
        {"UPDATE invitations SET token = zeroblob(31)", ": a hash or key has another size"},
        {"UPDATE invitations SET uses = 0", ": a number is too small"},
        {"INSERT INTO invitations SELECT 'x', token, names, labels, uses, used, created, expires, "
         "key_id, approve FROM invitations",
         "invitation x: its token is another one's, too"},
    };
    char text[512], path[128], command[320];
    enum err why;
    (void)state;
    invite("join_x", "*", 9, DAY_MS);
    enrol("pump", 'a', "join_x");
    close_devices();
    snprintf(path, sizeof path, "%s.good", database_path);
    snprintf(command, sizeof command, "cp %s %s", database_path, path);
    assert_int_equal(system(command), 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        snprintf(command, sizeof command, "cp %s %s", path, database_path);
        assert_int_equal(system(command), 0);
        sqlite3_close(other_program(cases[i].sql));
        devices = device_registry_new(&(struct device_registry_options){.loop = loop});
        assert_null(registry_new(
            &(struct registry_options){
                .loop = loop, .folder = folder, .companion = device_registry_companion(devices)},
            &why, text, sizeof text));
        device_registry_free(devices);
        devices = NULL;
        assert_int_equal(why, ERR_PROTOCOL);
        if (strstr(text, cases[i].words) == NULL)
            fail_msg("\"%s\" instead of \"%s\"", text, cases[i].words);
    }
}

static void test_end_answers(void **state)
{
    struct answer a, b;
    (void)state;
    invite("join_x", "*", 9, DAY_MS);
    ask_enrol(&a, "pump", 'a', "join_x");
    ask_enrol(&b, "pump", 'a', "join_x"); /* waits for the first */
    close_devices();
    assert_int_equal(a.result, ENROL_NEW);
    assert_true(b.calls == 1 && (b.result == ENROL_KNOWN || b.result == ENROL_NOT_STORED));
    answer_clear(&a);
    answer_clear(&b);
    open_devices();
    assert_int_equal(count_devices(), 1);
}

int main(void)
{
    static const struct CMUnitTest own[] = {
        TEST(test_expires),     TEST(test_seen),         TEST(test_creates_at_once),
        TEST(test_store_fails), TEST(test_damaged_rows), TEST(test_end_answers),
    };
    return run_devices_contract(own, sizeof own / sizeof *own);
}
