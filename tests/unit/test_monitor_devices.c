/* A hub's devices as its watchers see them: counts, filter, order, and no more rows than asked. */
#include "core/control/client/snapshot.h"
#include "tests/unit/monitor_help.h"

struct fleet {
    size_t n;
    struct monitor_device *all;
};

static void each(void *ctx, void (*take)(void *to, const struct monitor_device *d), void *to)
{
    const struct fleet *f = ctx;
    for (size_t i = 0; i < f->n; i++)
        take(to, &f->all[i]);
}

static struct monitor_label label(const void *labels, size_t i)
{
    return ((const struct monitor_label *)labels)[i];
}

static const char *const both[] = {"SSH1", "HTTP1"};
static const struct monitor_label site7[] = {{"site", "7"}, {"line", "a b"}};

static struct monitor_device three[] = {
    {.name = "pump-07",
     .state = MONITOR_DEVICE_PRESENT,
     .present = true,
     .since = 3000,
     .address = "10.0.0.7:4711",
     .version = "1.2.0",
     .carrier = "device-link",
     .node = "a",
     .services = both,
     .n_services = 2,
     .label = label,
     .labels = site7,
     .n_labels = 2},
    {.name = "Pump-09",
     .state = MONITOR_DEVICE_AWAY,
     .since = 2000,
     .version = "1.1.0",
     .node = "b"},
    {.name = "press", .state = MONITOR_DEVICE_PENDING, .present = true, .since = 1000},
};
static struct fleet fleet = {3, three};

static cJSON *ask(const char *filter, const char *sort, size_t from, size_t limit)
{
    const struct monitor_device_source source = {.each = each, .ctx = &fleet};
    monitor_devices(monitor, &source);
    return read_with(&(struct snapshot_query){
        .devices = {.filter = span_of(filter), .sort = span_of(sort), from, limit}});
}

/* The names of the rows, with blanks between them. */
static void assert_rows(const char *filter, const char *sort, const char *names)
{
    char is[200] = "";
    cJSON *j = ask(filter, sort, 0, 10);
    const cJSON *row;
    cJSON_ArrayForEach(row, at(j, "devices.rows"))
    {
        strcat(is, is[0] != '\0' ? " " : "");
        strcat(is, text(row, "device"));
    }
    assert_string_equal(is, names);
    cJSON_Delete(j);
}

static void counts_alone_unless_rows_are_asked_for(void **state)
{
    (void)state;
    cJSON *j = ask("", "", 0, 0);
    assert_int_equal(number(j, "devices.total"), 3);
    assert_int_equal(number(j, "devices.pending"), 1);
    assert_int_equal(number(j, "devices.away"), 1);
    assert_int_equal(number(j, "devices.present"), 1);
    assert_int_equal(number(j, "devices.disabled"), 0);
    assert_null(cJSON_GetObjectItem(at(j, "devices"), "rows"));
    cJSON_Delete(j);
}

static void who_has_no_devices_says_nothing(void **state)
{
    (void)state;
    cJSON *j = read_all();
    assert_null(cJSON_GetObjectItem(j, "devices"));
    cJSON_Delete(j);
}

static void orders(void **state)
{
    (void)state;
    assert_rows("", "", "press Pump-09 pump-07");
    assert_rows("", "-state", "pump-07 Pump-09 press");
    assert_rows("", "device", "Pump-09 press pump-07");
    assert_rows("", "state_for", "pump-07 Pump-09 press");
    assert_rows("", "-version", "pump-07 Pump-09 press");
    assert_rows("", "node", "press pump-07 Pump-09");
    assert_rows("", "-node", "Pump-09 pump-07 press");
    assert_rows("", "nonsense", "press Pump-09 pump-07");
}

static void filters(void **state)
{
    (void)state;
    assert_rows("pump", "device", "Pump-09 pump-07");
    assert_rows("  pump   09 ", "device", "Pump-09");
    assert_rows("away", "device", "Pump-09");
    assert_rows("site=7", "device", "pump-07");
    assert_rows("site=", "device", "");
    assert_rows("http1", "device", "pump-07");
    assert_rows("10.0.0.7", "device", "pump-07");
    assert_rows("device=Pump-09", "", "Pump-09");
    assert_rows("device=pump-09", "", "");
    assert_rows("node=a", "device", "pump-07");
    assert_rows("node=b away", "device", "Pump-09");
    assert_rows("node=", "device", "press"); /* is at none */
    assert_rows("node=ab", "device", "");
    assert_rows("nobody", "device", "");
}

static void pages(void **state)
{
    (void)state;
    cJSON *j = ask("", "device", 1, 1);
    assert_int_equal(number(j, "devices.matching"), 3);
    assert_int_equal(number(j, "devices.from"), 1);
    assert_int_equal(cJSON_GetArraySize(at(j, "devices.rows")), 1);
    assert_string_equal(text(j, "devices.rows.0.device"), "press");
    cJSON_Delete(j);
    j = ask("", "device", 9, 5);
    assert_int_equal(number(j, "devices.from"), 3);
    assert_int_equal(cJSON_GetArraySize(at(j, "devices.rows")), 0);
    cJSON_Delete(j);
}

/* What is written here, core/control/client reads. */
static void readers_see_the_same(void **state)
{
    struct snapshot s;
    char problem[200] = "";
    (void)state;
    cJSON *j = ask("", "-state", 0, 10);
    char *json = cJSON_PrintUnformatted(j);
    assert_int_equal(snapshot_read(span_of(json), &s, problem, sizeof problem), ERR_OK);
    assert_true(s.devices.known);
    assert_int_equal(s.devices.total, 3);
    assert_int_equal(s.devices.n_rows, 3);
    const struct snapshot_device *d = &s.devices.rows[0];
    assert_string_equal(d->device, "pump-07");
    assert_string_equal(d->carrier, "device-link");
    assert_true(d->present);
    assert_about(d->since, 3);
    assert_about(d->state_for, (double)wall_ms / 1000 - 3);
    assert_string_equal(d->services[1], "HTTP1");
    assert_int_equal(d->n_labels, 2);
    assert_string_equal(d->labels[1].value, "a b");
    assert_string_equal(d->node, "a");
    for (size_t i = 0; i < s.devices.n_rows; i++)
        if (strcmp(s.devices.rows[i].device, "Pump-09") == 0)
            assert_string_equal(s.devices.rows[i].node, "b");
    snapshot_free(&s);
    cJSON_free(json);
    cJSON_Delete(j);
}

/* ---- a node of a cluster ---- */

static struct monitor_fleet told;
static int watched;

static bool tell_fleet(void *ctx, bool rows, struct monitor_fleet *out)
{
    (void)ctx;
    watched += rows;
    *out = told;
    return told.counts[MONITOR_DEVICE_PRESENT] > 0;
}

static cJSON *ask_node(size_t limit)
{
    const struct monitor_device_source source = {each, tell_fleet, &fleet};
    monitor_devices(monitor, &source);
    return read_with(&(struct snapshot_query){.devices.limit = limit});
}

static bool has_flag(const cJSON *j, const char *name)
{
    return cJSON_IsTrue(cJSON_GetObjectItem(at(j, "devices"), name));
}

/* Until all are here, the counts are what the cluster tells; somebody who wants rows sees to it. */
static void a_node_reads_those_of_others(void **state)
{
    (void)state;
    watched = 0;
    told = (struct monitor_fleet){
        .counts = {[MONITOR_DEVICE_AWAY] = 5, [MONITOR_DEVICE_PRESENT] = 90}};
    cJSON *j = ask_node(0);
    assert_int_equal(watched, 0);
    assert_int_equal(number(j, "devices.total"), 95);
    assert_int_equal(number(j, "devices.away"), 5);
    assert_int_equal(number(j, "devices.pending"), 0);
    assert_false(has_flag(j, "reading"));
    cJSON_Delete(j);
    j = ask_node(10);
    assert_int_equal(watched, 1);
    assert_true(has_flag(j, "reading"));
    assert_int_equal(number(j, "devices.total"), 95);
    assert_int_equal(number(j, "devices.matching"), 3);
    cJSON_Delete(j);
    told.whole = true;
    told.age_ms = 1500;
    j = ask_node(10);
    assert_false(has_flag(j, "reading"));
    assert_false(has_flag(j, "lacks"));
    assert_int_equal(number(j, "devices.total"), 3);
    assert_int_equal(number(j, "devices.pending"), 1);
    assert_about(number(j, "devices.read_ago"), 1.5);
    cJSON_Delete(j);
    told.cut = true;
    j = ask_node(10);
    assert_true(has_flag(j, "lacks"));
    assert_int_equal(number(j, "devices.total"), 95);
    cJSON_Delete(j);
    told = (struct monitor_fleet){0}; /* it is no node any more */
    j = ask_node(10);
    assert_false(has_flag(j, "reading"));
    assert_int_equal(number(j, "devices.total"), 3);
    cJSON_Delete(j);
}

static void ten_thousand(void **state)
{
    struct fleet many = {10000, calloc(10000, sizeof *many.all)};
    char(*names)[16] = calloc(10000, sizeof *names);
    (void)state;
    for (size_t i = 0; i < many.n; i++) {
        snprintf(names[i], sizeof names[i], "d%05zu", 9999 - i);
        many.all[i] =
            (struct monitor_device){.name = names[i], .state = i % 2 + MONITOR_DEVICE_AWAY};
    }
    const struct monitor_device_source source = {.each = each, .ctx = &many};
    monitor_devices(monitor, &source);
    cJSON *j = read_with(&(struct snapshot_query){.devices = {.from = 4990, .limit = 20}});
    assert_int_equal(number(j, "devices.total"), 10000);
    assert_int_equal(cJSON_GetArraySize(at(j, "devices.rows")), 20);
    assert_string_equal(text(j, "devices.rows.9.state"), "away");
    assert_string_equal(text(j, "devices.rows.9.device"), "d09999");
    assert_string_equal(text(j, "devices.rows.10.device"), "d00000");
    cJSON_Delete(j);
    free(many.all);
    free(names);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(counts_alone_unless_rows_are_asked_for),
        TEST(who_has_no_devices_says_nothing),
        TEST(orders),
        TEST(filters),
        TEST(pages),
        TEST(readers_see_the_same),
        TEST(a_node_reads_those_of_others),
        TEST(ten_thousand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
