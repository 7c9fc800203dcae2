/* What the streams of one client, user, service or device are together. */
#include "core/control/monitor_internal.h"
#include "tests/unit/monitor_help.h"

static struct flow flows[400];
static struct monitor_tunnel_state up = {.link = MONITOR_UP};

static cJSON *ask(enum group_kind kind)
{
    return read_with(&(struct snapshot_query){.groups = {.kind = kind}});
}

/* The row of that key in `groups`; an empty object when there is none. */
static const cJSON *group(const cJSON *j, const char *key)
{
    const cJSON *row;
    cJSON_ArrayForEach(row, at(j, "groups.rows"))
    {
        if (strcmp(text(row, "key"), key) == 0 && at(row, "other") == NULL)
            return row;
    }
    fail_msg("there is no group \"%s\"", key);
    return NULL;
}

static void named(struct flow *f, const char *client, const char *user, const struct peer *peer)
{
    *f = (struct flow){.counters = {.state = MONITOR_STREAM_CONNECTING}};
    f->stream = monitor_stream_began(
        monitor, &(struct monitor_stream_info){
                     .client = client, .user = user, .peer = peer, .look = look_at_flow, .ctx = f});
}

static void sums_are_since_the_start(void **state)
{
    struct monitor_tunnel *t = add_tunnel("pump", &up);
    (void)state;
    named(&flows[0], "192.0.2.1:10", "ann", NULL);
    named(&flows[1], "192.0.2.1:11", "bob", NULL);
    named(&flows[2], "[2001:db8::1]:12", "ann", NULL);
    serve(&flows[0], t, "SSH");
    serve(&flows[1], t, "WEB");
    flows[0].counters.down = 1000;
    flows[1].counters.up = 30;
    second();
    finish(&flows[0], ERR_PEER_RESET);
    finish(&flows[2], ERR_NO_SERVICE);
    second();
    cJSON *j = ask(GROUP_CLIENT);
    assert_string_equal(text(j, "groups.by"), "client");
    assert_string_equal(text(j, "groups.rows.0.key"), "192.0.2.1"); /* most bytes first */
    const cJSON *g = group(j, "192.0.2.1");
    assert_int_equal(number(g, "open"), 1);
    assert_int_equal(number(g, "served"), 2);
    assert_int_equal(number(g, "bytes_down"), 1000);
    assert_int_equal(number(g, "bytes_up"), 30);
    assert_int_equal(number(g, "rate_down"), 0);
    assert_int_equal(number(g, "peak"), 1030);
    g = group(j, "2001:db8::1");
    assert_int_equal(number(g, "refused"), 1);
    assert_int_equal(number(g, "open"), 0);
    cJSON_Delete(j);
    j = ask(GROUP_USER);
    assert_int_equal(number(group(j, "ann"), "bytes_down"), 1000);
    assert_int_equal(number(group(j, "ann"), "refused"), 1);
    assert_int_equal(number(group(j, "bob"), "open"), 1);
    cJSON_Delete(j);
    j = ask(GROUP_SERVICE);
    assert_int_equal(cJSON_GetArraySize(at(j, "groups.rows")), 2);
    assert_int_equal(number(group(j, "WEB"), "bytes_up"), 30);
    cJSON_Delete(j);
    j = ask(GROUP_DEVICE);
    assert_int_equal(cJSON_GetArraySize(at(j, "groups.rows")), 1);
    assert_int_equal(number(group(j, "pump"), "served"), 2);
    cJSON_Delete(j);
    finish(&flows[1], ERR_TIMEOUT);
    j = ask(GROUP_DEVICE);
    assert_int_equal(number(group(j, "pump"), "failed"), 1);
    cJSON_Delete(j);
}

/* The process is found while it runs: what it has used so far goes with it. */
static void a_found_process_moves(void **state)
{
    struct peer local = {.state = PEER_LOCAL};
    (void)state;
    named(&flows[0], "127.0.0.1:10", NULL, &local);
    named(&flows[1], "127.0.0.1:11", NULL, &local);
    serve(&flows[0], add_tunnel("t", &up), "a");
    flows[0].counters.down = 500;
    second();
    struct monitor_row *r = monitor_row_find(monitor, 1);
    monitor_row_stream(r)->peer = (struct peer){
        .state = PEER_SEARCHED, .pid = 7, .uid_known = true, .name = "curl", .user = "ann"};
    monitor_group_who(r);
    cJSON *j = ask(GROUP_CLIENT);
    assert_int_equal(number(group(j, "curl"), "bytes_down"), 500);
    assert_int_equal(number(group(j, "curl"), "served"), 1);
    assert_int_equal(number(group(j, "curl"), "open"), 1);
    assert_int_equal(number(group(j, "127.0.0.1"), "open"), 1);
    assert_int_equal(number(group(j, "127.0.0.1"), "bytes_down"), 0);
    cJSON_Delete(j);
    r = monitor_row_find(monitor, 2);
    monitor_row_stream(r)->peer = monitor_row_stream(monitor_row_find(monitor, 1))->peer;
    monitor_group_who(r);
    j = ask(GROUP_CLIENT);
    assert_int_equal(cJSON_GetArraySize(at(j, "groups.rows")), 1); /* nobody is at the address */
    cJSON_Delete(j);
    j = ask(GROUP_USER);
    assert_int_equal(number(group(j, "ann"), "open"), 2);
    assert_int_equal(cJSON_GetArraySize(at(j, "groups.rows")), 1);
    cJSON_Delete(j);
    finish(&flows[0], ERR_OK);
    finish(&flows[1], ERR_OK);
}

static void sums(const cJSON *j, double *open, double *down, const cJSON **other)
{
    const cJSON *row;
    *open = *down = 0;
    *other = NULL;
    cJSON_ArrayForEach(row, at(j, "groups.rows"))
    {
        *open += number(row, "open");
        *down += number(row, "bytes_down");
        if (at(row, "other") != NULL)
            *other = row;
    }
}

/* Whatever keys clients bring, there are no more groups, and nothing gets lost. */
static void keys_have_a_limit(void **state)
{
    const cJSON *other;
    double open, down;
    char name[32];
    (void)state;
    for (size_t i = 0; i < 400; i++) {
        snprintf(name, sizeof name, "user-%zu", i);
        named(&flows[i], "a:1", name, NULL);
        monitor_stream_answered(flows[i].stream);
        flows[i].counters.down = i + 1;
    }
    second();
    cJSON *j = ask(GROUP_USER);
    assert_int_equal(cJSON_GetArraySize(at(j, "groups.rows")), 257);
    sums(j, &open, &down, &other);
    assert_true(open == 400 && down == 400 * 401 / 2.0);
    assert_int_equal(number(other, "open"), 144);
    cJSON_Delete(j);
    for (size_t i = 0; i < 400; i++)
        finish(&flows[i], ERR_OK);
    for (size_t i = 0; i < 3; i++) { /* the least of those without a stream make room */
        snprintf(name, sizeof name, "late-%zu", i);
        named(&flows[i], "a:1", name, NULL);
        flows[i].counters.down = 1000;
    }
    second();
    j = ask(GROUP_USER);
    sums(j, &open, &down, &other);
    assert_true(open == 3 && down == 400 * 401 / 2.0 + 3000);
    assert_int_equal(number(group(j, "late-2"), "bytes_down"), 1000);
    assert_int_equal(number(group(j, "user-3"), "bytes_down"), 4);
    assert_int_equal(cJSON_GetArraySize(at(j, "groups.rows")), 257);
    cJSON_Delete(j);
    for (size_t i = 0; i < 3; i++)
        finish(&flows[i], ERR_OK);
}

static void clients_are_told_without_their_port(void **state)
{
    static const char *const cases[][3] = {
        {"", "127.0.0.1:80", "127.0.0.1"},
        {"", "[::1]:80", "::1"},
        {"", "2001:db8::1", "2001:db8::1"},
        {"", "/run/x.sock", "/run/x.sock"},
        {"", "a:", "a:"},
        {"", ":1", ""},
        {"", "", ""},
        {"", "pid 5:x", "pid 5:x"},
        {"curl", "127.0.0.1:80", "curl"},
        {"a:80", "127.0.0.1:80", "a:80"},
    };
    char key[GROUP_KEY];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(group_client_key(cases[i][0], cases[i][1], key), cases[i][2]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(sums_are_since_the_start),
        TEST(a_found_process_moves),
        TEST(keys_have_a_limit),
        TEST(clients_are_told_without_their_port),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
