/* The registry of devices that the nodes of a cluster share: the contract, and what three nodes
 * make of it at once, with and without Redis. */
#include "tests/unit/devices_shared_help.h"

#define DAY_MS 86400000

static void link_at(int n, const char *name)
{
    device_registry_linked(node[n].devices, span_of(name), true);
    settle();
}

/* ---- any node ---- */

static void test_any_node(void **state)
{
    (void)state;
    assert_int_equal(invite("join_x", "*", 3, DAY_MS), ERR_OK);
    at_node(1);
    assert_int_equal(enrol("pump", 'a', "join_x"), ENROL_NEW);
    at_node(2);
    assert_int_equal(enrol("pump", 'a', NULL), ENROL_KNOWN);
    assert_int_equal(enrol("Pump", 'b', "join_x"), ENROL_NAME_TAKEN);
    assert_int_equal(set_state("pump", DEVICE_DISABLED), ERR_OK);
    at_node(0);
    assert_int_equal(enrol("pump", 'a', NULL), ENROL_DISABLED);
    assert_int_equal(invitation_of("join_x")->used, 1);
    assert_int_equal(remove_device("pump"), ERR_OK);
    at_node(1);
    assert_null(get("pump"));
}

/* 100 devices with one token for ten uses, at three nodes at once. */
static void test_uses_at_once(void **state)
{
    enum { DEVICES = 100, USES = 10 };
    int rounds = getenv("ROUNDS") != NULL ? atoi(getenv("ROUNDS")) : 10;
    (void)state;
    for (int round = 0; round < rounds; round++) {
        static struct answer all[DEVICES];
        char token[32], name[32];
        int of[ENROL_COUNT] = {0};
        snprintf(token, sizeof token, "join_%d", round);
        at_node(0);
        assert_int_equal(invite(token, "*", USES, DAY_MS), ERR_OK);
        for (int i = 0; i < DEVICES; i++) {
            at_node(i % NODES);
            snprintf(name, sizeof name, "d%d-%d", round, i);
            ask_enrol(&all[i], name, 'a', token);
        }
        for (int i = 0; i < DEVICES; i++) {
            UNTIL(loop, all[i].calls > 0);
            of[all[i].result]++;
            answer_clear(&all[i]);
        }
        assert_int_equal(of[ENROL_NEW], USES);
        assert_int_equal(of[ENROL_TOKEN_USED_UP], DEVICES - USES);
        assert_int_equal(invitation_of(token)->used, USES);
        flush_servers();
    }
}

/* One name at three nodes at once, each with a key of its own, or with the same. */
static void test_name_at_once(void **state)
{
    (void)state;
    for (int round = 0; round < 60; round++) {
        struct answer all[NODES];
        int of[ENROL_COUNT] = {0};
        bool same = round % 2 == 1;
        at_node(0);
        assert_int_equal(invite("join_x", "*", 9, DAY_MS), ERR_OK);
        for (int i = 0; i < NODES; i++) {
            at_node(i);
            ask_enrol(&all[i], i == 1 ? "Pump_7" : "pump-7", (char)(same ? 'a' : 'a' + i),
                      "join_x");
        }
        for (int i = 0; i < NODES; i++) {
            UNTIL(loop, all[i].calls > 0);
            of[all[i].result]++;
            answer_clear(&all[i]);
        }
        assert_int_equal(of[ENROL_NEW] + of[ENROL_KNOWN], same && of[ENROL_NAME_TAKEN] < 2 ? 2 : 1);
        assert_int_equal(of[ENROL_NEW] + of[ENROL_KNOWN] + of[ENROL_NAME_TAKEN], NODES);
        settle();
        assert_int_equal(invitation_of("join_x")->used, 1);
        flush_servers();
    }
}

/* A name that another device is called by, at the same time: at most one of them. */
static void test_azure_at_once(void **state)
{
    int both = 0, none = 0;
    (void)state;
    for (int round = 0; round < 60; round++) {
        struct device_creation c = {.name = "pump", .azure_id = "Far"};
        struct answer a = {0}, b = {0};
        at_node(0);
        assert_int_equal(invite("join_x", "*", 9, DAY_MS), ERR_OK);
        if (round % 2 == 0)
            device_registry_create(node[0].devices, &c, on_device, &a);
        at_node(1);
        ask_enrol(&b, "Far", 'a', "join_x");
        if (round % 2 == 1)
            device_registry_create(node[0].devices, &c, on_device, &a);
        UNTIL(loop, a.calls > 0 && b.calls > 0);
        settle();
        both += a.why == ERR_OK && b.result == ENROL_NEW;
        none += a.why != ERR_OK && b.result != ENROL_NEW;
        at_node(2);
        assert_int_equal(get("Far") != NULL, b.result == ENROL_NEW);
        assert_int_equal(list_devices(), (size_t)(a.why == ERR_OK) + (b.result == ENROL_NEW));
        assert_int_equal(invitation_of("join_x")->used, b.result == ENROL_NEW);
        answer_clear(&a);
        answer_clear(&b);
        flush_servers();
    }
    assert_int_equal(both, 0);
    assert_true(none < 60);
}

/* Changes of one device at all nodes at once: none gets lost. */
static void test_changes_at_once(void **state)
{
    enum { CHANGES = 30 };
    struct answer all[CHANGES] = {0};
    (void)state;
    enrol("pump", 0, NULL);
    for (int i = 0; i < CHANGES; i++) {
        struct tags add = {0};
        char key[16];
        snprintf(key, sizeof key, "k%d", i);
        tags_set(&add, span_of(key), span_of("x"));
        device_registry_update(node[i % NODES].devices, span_of("pump"),
                               &(struct device_update){.add = &add}, on_device, &all[i]);
        tags_free(&add);
    }
    for (int i = 0; i < CHANGES; i++) {
        UNTIL(loop, all[i].calls > 0);
        assert_int_equal(all[i].why, ERR_OK);
        answer_clear(&all[i]);
    }
    assert_int_equal(get("pump")->labels.n, CHANGES);
}

static bool count_name(void *ctx, const struct device_record *d)
{
    struct {
        size_t n;
        char last[129];
    } *c = ctx;
    assert_true(strcmp(c->last, d->name) < 0);
    snprintf(c->last, sizeof c->last, "%s", d->name);
    return ++c->n < 100;
}

static bool page_ended;

static void on_page(void *ctx, enum err why)
{
    (void)ctx;
    assert_int_equal(why, ERR_OK);
    page_ended = true;
}

/* Pages over all shards, in order, while names come and go. */
static void test_pages(void **state)
{
    enum { DEVICES = 1500 };
    struct {
        size_t n;
        char last[129];
    } c = {0};
    size_t shown = 0;
    char name[32], after[129] = "";
    static struct answer all[DEVICES];
    (void)state;
    for (int i = 0; i < DEVICES; i++) {
        snprintf(name, sizeof name, "device%c%d", i % 7 == 0 ? '-' : 'x', i);
        ask_enrol(&all[i], name, 0, NULL);
    }
    for (int i = 0; i < DEVICES; i++) {
        UNTIL(loop, all[i].calls > 0);
        assert_int_equal(all[i].result, ENROL_NEW);
        answer_clear(&all[i]);
    }
    for (int i = 0; i < 16; i++) { /* in its own shard, and in others */
        snprintf(name, sizeof name, "tunnel:names:{%d}", i);
        REDIS_CLI(&server, "ZADD", name, "0", "device-ghost");
    }
    do {
        c.n = 0;
        page_ended = false;
        device_registry_page(
            node[2].devices,
            &(struct device_page){.after = after, .each = count_name, .done = on_page}, &c);
        UNTIL(loop, page_ended);
        snprintf(after, sizeof after, "%s", c.last);
        shown += c.n;
    } while (c.n == 100);
    assert_int_equal(shown, DEVICES);
    settle();
    int left = 0;
    for (int i = 0; i < 16; i++) {
        snprintf(name, sizeof name, "tunnel:names:{%d}", i);
        left += REDIS_CLI(&server, "ZSCORE", name, "device-ghost")[0] != '\0';
    }
    assert_int_equal(left, 15); /* it is not in its own any more */
}

/* ---- links ---- */

static void test_links(void **state)
{
    (void)state;
    enrol("pump", 0, NULL);
    assert_string_equal(where(1, "pump"), "");
    link_at(0, "pump");
    assert_string_equal(where(0, "pump"), "");
    assert_string_equal(where(1, "pump"), "a");
    link_at(1, "PUMP"); /* it takes the link, and tells the first */
    assert_int_equal(node[0].moved, 1);
    assert_string_equal(where(0, "pump"), "b");
    assert_string_equal(where(1, "pump"), "");
    device_registry_linked(node[0].devices, span_of("pump"), false); /* when its old one ends */
    settle();
    assert_string_equal(where(2, "pump"), "b");
    link_at(0, "pump");
    assert_int_equal(node[1].moved, 1);
    device_registry_linked(node[0].devices, span_of("pump"), false);
    settle();
    assert_string_equal(where(2, "pump"), "");
    link_at(1, "pump");
    double_fenced(node[1].nodes); /* for the others it is dead */
    assert_string_equal(where(2, "pump"), "");
    device_registry_reclaim(node[1].devices);
    settle();
    assert_string_equal(where(2, "pump"), "b");
    double_fenced(node[1].nodes);
    link_at(2, "pump");
    device_registry_reclaim(node[1].devices); /* too late */
    settle();
    assert_int_equal(node[1].moved, 2);
    assert_string_equal(where(1, "pump"), "c");
    assert_int_equal(node[0].moved + node[2].moved, 1);
}

static char commands[400];

static void note_command(const char *command)
{
    static const char *const others[] = {"HGET", "ZCARD", "SCARD"}; /* from time to time */
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (strcmp(command, others[i]) == 0)
            return;
    size_t n = strlen(commands);
    snprintf(commands + n, sizeof commands - n, "%s%s", n > 0 ? " " : "", command);
}

/* What a device costs Redis: its record read, its link written, its name's index put right; and its
 * link written once more when it leaves. */
static void test_commands(void **state)
{
    (void)state;
    invite("join_x", "*", 9, DAY_MS);
    settle();
    redis_faults.before = note_command;
    commands[0] = '\0';
    assert_int_equal(enrol("pump", 'a', "join_x"), ENROL_NEW);
    settle();
    assert_string_equal(commands, "HGETALL HGETALL GET HGETALL spend ZADD put HGETALL ZADD");
    commands[0] = '\0';
    assert_int_equal(enrol("pump", 'a', NULL), ENROL_KNOWN);
    link_at(0, "pump");
    assert_string_equal(commands, "HGETALL keep ZADD");
    commands[0] = '\0';
    device_registry_linked(devices, span_of("pump"), false);
    settle();
    assert_string_equal(commands, "keep");
    redis_faults.before = NULL;
}

/* It comes back to a node that has not heard that another one had it. */
static void test_comes_back(void **state)
{
    (void)state;
    enrol("pump", 0, NULL);
    link_at(0, "pump");
    hints_get_lost = true;
    link_at(1, "pump");
    hints_get_lost = false;
    link_at(0, "pump");
    assert_string_equal(where(2, "pump"), "a");
    assert_int_equal(node[1].moved, 1);
    device_registry_look(node[0].devices, span_of("pump"));
    settle();
    assert_int_equal(node[0].moved, 0);
}

/* The node that has it joined a moment ago: who asks for the device waits until that is known. */
static void test_unheard(void **state)
{
    (void)state;
    enrol("pump", 0, NULL);
    link_at(1, "pump");
    doubles[1].unheard = true;
    assert_string_equal(where(0, "pump"), "b");
    assert_int_equal(doubles_asked, 1);
    doubles[1].unheard = doubles_deaf = true;
    assert_string_equal(where(0, "pump"), "");
    assert_int_equal(doubles_asked, 2);
}

/* A lost hint is found by the sweep. */
static void test_swept(void **state)
{
    (void)state;
    enrol("pump", 0, NULL);
    link_at(0, "pump");
    hints_get_lost = true;
    link_at(1, "pump");
    UNTIL(loop, node[0].moved == 1);
}

/* What operators change at one node reaches the link at another. */
static void test_events_elsewhere(void **state)
{
    (void)state;
    enrol("pump", 0, NULL);
    link_at(1, "pump");
    at_node(0);
    assert_int_equal(set_state("pump", DEVICE_DISABLED), ERR_OK);
    UNTIL(loop, node[1].changed == 1);
    assert_int_equal(set_state("pump", DEVICE_ENABLED), ERR_OK);
    UNTIL(loop, node[1].changed == 2);
    assert_int_equal(reset("pump"), ERR_OK);
    UNTIL(loop, node[1].reset == 1);
    enrol("pump", 0, NULL);
    link_at(1, "pump");
    assert_int_equal(remove_device("pump"), ERR_OK);
    UNTIL(loop, node[1].removed == 1);
    device_registry_linked(node[1].devices, span_of("pump"), false);
    settle();
    assert_int_equal(node[0].changed, 2);
    assert_int_equal(node[0].reset, 1);
    assert_int_equal(node[0].removed, 1);
    assert_int_equal(node[1].reset + node[1].removed, 2);
    assert_string_equal(REDIS_CLI(&server, "EXISTS", "tunnel:d:{pump}"), "0");
}

static void test_seen(void **state)
{
    struct texts services = {0};
    (void)state;
    texts_add(&services, span_of("SSH1"));
    enrol("pump", 0, NULL);
    clock_ms += 5000;
    device_registry_seen(devices, span_of("pump"),
                         &(struct device_sighting){
                             .address = "198.51.100.9", .version = "2", .services = &services});
    texts_free(&services);
    device_registry_seen(devices, span_of("nobody"), &(struct device_sighting){0});
    assert_int_equal(get("pump")->last_seen, clock_ms); /* here at once */
    link_at(0, "pump");                                 /* and stored with its link */
    at_node(1);
    assert_int_equal(get("pump")->last_seen, clock_ms);
    assert_string_equal(get("pump")->last_address, "198.51.100.9");
    assert_string_equal(get("pump")->services.items[0], "SSH1");
    at_node(0);
    clock_ms += 1000;
    device_registry_seen(devices, span_of("pump"), &(struct device_sighting){0});
    set_state("pump", DEVICE_DISABLED);
    assert_int_equal(get("pump")->last_seen, clock_ms); /* nothing that is read sets it back */
    at_node(1);
    UNTIL(loop, get("pump")->last_seen == clock_ms); /* some seconds later */
    assert_string_equal(REDIS_CLI(&server, "EXISTS", "tunnel:d:{nobody}"), "0");
}

static void count_each(void *to, const struct device_record *d)
{
    assert_non_null(d->name);
    ++*(int *)to;
}

/* Those whose links are here, and of those that were here the last five. */
static void test_each(void **state)
{
    int n = 0;
    (void)state;
    for (char c = 'a'; c < 'k'; c++) {
        char name[] = {c, '\0'};
        enrol(name, 0, NULL);
        link_at(0, name);
        if (c >= 'c')
            device_registry_linked(devices, span_of(name), false);
    }
    settle();
    device_registry_each(devices, count_each, &n);
    assert_int_equal(n, 2 + 5);
    n = 0;
    device_registry_each(node[1].devices, count_each, &n);
    assert_int_equal(n, 0);
}

/* ---- without Redis ---- */

static void test_away(void **state)
{
    (void)state;
    invite("join_x", "*", 9, DAY_MS);
    enrol("pump", 'a', "join_x");
    enrol("valve", 'b', "join_x");
    create_device("azure", "Far");
    link_at(0, "pump");
    link_at(0, "azure");
    device_registry_linked(devices, span_of("azure"), false);
    settle();
    redis_faults.away = true;
    assert_int_equal(enrol("pump", 'a', NULL), ENROL_KNOWN);
    assert_int_equal(enrol("pump", 'b', NULL), ENROL_NOT_STORED);
    assert_int_equal(enrol("valve", 'b', NULL), ENROL_NOT_STORED); /* its link was not here */
    assert_int_equal(enrol("new", 'c', "join_x"), ENROL_NOT_STORED);
    assert_string_equal(azure_device("Far"), "azure");
    assert_string_equal(azure_device("valve"), "");
    assert_int_equal(set_state("pump", DEVICE_DISABLED), ERR_BUSY);
    assert_int_equal(create_device("other", NULL), ERR_BUSY);
    assert_int_equal(invite("join_y", "*", 9, DAY_MS), ERR_BUSY);
    at_node(1);
    assert_int_equal(enrol("pump", 'a', NULL), ENROL_NOT_STORED);
    device_registry_linked(node[0].devices, span_of("pump"), false);
    device_registry_linked(node[0].devices, span_of("azure"), true);
    UNTIL(loop, redis_faults.count > 30); /* it is not asked again and again */
    redis_faults.away = false;
    UNTIL(loop, strcmp(where(1, "azure"), "a") == 0);
    UNTIL(loop, where(1, "pump")[0] == '\0');
    assert_int_equal(enrol("new", 'c', "join_x"), ENROL_NEW);
}

/* ---- the secrets key ---- */

static void test_secrets(void **state)
{
    static const uint8_t one[32] = {1}, other[32] = {2};
    struct shared_devices_options o = {
        .loop = loop, .redis = node[0].redis, .nodes = node[0].nodes};
    char text[256];
    enum err why;
    (void)state;
    o.secrets_key = one;
    struct device_registry *r = shared_devices_new(&o, &why, text, sizeof text);
    assert_non_null(r);
    settle();
    device_registry_free(r);
    r = shared_devices_new(&o, &why, text, sizeof text);
    assert_non_null(r);
    settle();
    device_registry_free(r);
    o.secrets_key = other;
    assert_null(shared_devices_new(&o, &why, text, sizeof text));
    assert_int_equal(why, ERR_USAGE);
    assert_non_null(strstr(text, "secrets key"));
    redis_faults.away = true;
    assert_null(shared_devices_new(&o, &why, text, sizeof text));
    assert_int_equal(why, ERR_BUSY);
    redis_faults.away = false;
    o.secrets_key = NULL;
    r = shared_devices_new(&o, &why, text, sizeof text);
    assert_non_null(r);
    settle();
    device_registry_free(r);
}

/* ---- ends ---- */

static void test_invitation_ends(void **state)
{
    (void)state;
    invite("join_x", "*", 9, DAY_MS);
    clock_ms += DAY_MS - 1;
    assert_int_equal(enrol("one", 'a', "join_x"), ENROL_NEW);
    clock_ms++;
    assert_int_equal(enrol("two", 'a', "join_x"), ENROL_TOKEN_EXPIRED);
    char key[128];
    snprintf(key, sizeof key, "tunnel:i:{%s}", invitation_of("join_x")->id);
    REDIS_CLI(&server, "PEXPIRE", key, "0"); /* as Redis does a week after its end */
    assert_null(invitation_of("join_x"));
    assert_int_equal(enrol("two", 'a', "join_x"), ENROL_TOKEN_UNKNOWN);
    settle();
    assert_string_equal(REDIS_CLI(&server, "ZCARD", "tunnel:is:{invitations}"), "0");
}

/* Invitations that are gone are no reason to refuse a new one. */
static void test_room_for_invitations(void **state)
{
    char key[128], token[32];
    (void)state;
    for (int i = 0; i < 100; i++) {
        snprintf(token, sizeof token, "join_%d", i);
        assert_int_equal(invite(token, "*", 1, DAY_MS), ERR_OK);
    }
    assert_int_equal(invite("join_x", "*", 1, DAY_MS), ERR_LIMIT);
    snprintf(key, sizeof key, "tunnel:i:{%s}", invitation_of("join_7")->id);
    REDIS_CLI(&server, "PEXPIRE", key, "0");
    assert_int_equal(invite("join_x", "*", 1, DAY_MS), ERR_OK);
    assert_int_equal(invite("join_y", "*", 1, DAY_MS), ERR_LIMIT);
}

/* Redis ends what is still asked. */
static void test_end_answers(void **state)
{
    struct answer a, b;
    (void)state;
    invite("join_x", "*", 9, DAY_MS);
    ask_enrol(&a, "pump", 'a', "join_x");
    ask_enrol(&b, "pump", 'a', "join_x");
    device_registry_linked(devices, span_of("pump"), true);
    close_devices();
    assert_int_equal(a.calls + b.calls, 2);
    assert_int_equal(a.result, ENROL_NOT_STORED);
    open_devices();
}

int main(void)
{
    static const struct CMUnitTest own[] = {
        TEST(test_any_node),
        TEST(test_uses_at_once),
        TEST(test_name_at_once),
        TEST(test_azure_at_once),
        TEST(test_changes_at_once),
        TEST(test_pages),
        TEST(test_links),
        TEST(test_comes_back),
        TEST(test_unheard),
        TEST(test_swept),
        TEST(test_commands),
        TEST(test_events_elsewhere),
        TEST(test_seen),
        TEST(test_each),
        TEST(test_away),
        TEST(test_secrets),
        TEST(test_invitation_ends),
        TEST(test_room_for_invitations),
        TEST(test_end_answers),
    };
    static const struct CMUnitTest sharded[] = {
        TEST(test_any_node),        TEST(test_uses_at_once), TEST(test_name_at_once),
        TEST(test_azure_at_once),   TEST(test_links),        TEST(test_away),
        TEST(test_changes_at_once),
    };
    bool shards = getenv("TEST_SHARDS") != NULL;
    devices_backend = &shared_backend;
    if (shards)
        start_shards();
    int failed = shards ? run_devices_contract(sharded, sizeof sharded / sizeof *sharded)
                        : run_devices_contract(own, sizeof own / sizeof *own);
    stop_servers();
    return failed;
}
