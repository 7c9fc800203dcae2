/* Pages of streams and of those that have ended: filter, order, places, and no more rows than
 * asked; what a row has for them. */
#include "core/control/query.h"
#include "tests/unit/monitor_help.h"

#define FLOWS 64

static struct flow flows[FLOWS];
static struct monitor_tunnel_state up = {.link = MONITOR_UP};

static cJSON *ask(const char *query)
{
    struct query_texts texts;
    struct snapshot_query wanted;
    query_snapshot(span_of(query), &wanted, &texts);
    return read_with(&wanted);
}

/* The ids of an array's rows, "3 1 2". */
static const char *ids(const cJSON *rows)
{
    static char out[1024];
    const cJSON *row;
    size_t n = 0;
    out[0] = '\0';
    cJSON_ArrayForEach(row, rows) n +=
        (size_t)snprintf(out + n, sizeof out - n, "%s%.0f", n > 0 ? " " : "", number(row, "id"));
    return out;
}

static void rows(const char *query, const char *expected)
{
    cJSON *j = ask(query);
    if (strcmp(ids(at(j, "streams")), expected) != 0)
        fail_msg("%s: %s, not %s", query, ids(at(j, "streams")), expected);
    cJSON_Delete(j);
}

static void closed_rows(const char *query, const char *expected)
{
    cJSON *j = ask(query);
    if (strcmp(ids(at(j, "closed.rows")), expected) != 0)
        fail_msg("%s: %s, not %s", query, ids(at(j, "closed.rows")), expected);
    cJSON_Delete(j);
}

/* Five streams, a second apart, each with a hundred bytes more than the one before; the services
 * are a, b, a, b, a. */
static void five(void)
{
    struct monitor_tunnel *t = add_tunnel("pump", &up);
    for (size_t i = 0; i < 5; i++) {
        char client[32];
        snprintf(client, sizeof client, "192.0.2.%zu:4000", 5 - i);
        start(&flows[i], client);
        serve(&flows[i], t, i % 2 == 0 ? "a" : "b");
        second();
        flows[i].counters.down = 100 * (i + 1);
        flows[i].counters.up = i == 2 ? 9000 : 0;
    }
}

static void finish_all(size_t n)
{
    for (size_t i = 0; i < n; i++)
        finish(&flows[i], ERR_OK);
}

/* ---- pages ---- */

static void without_a_limit_there_are_all(void **state)
{
    (void)state;
    five();
    rows("filter=service%3da&sort=age&from=2", "1 2 3 4 5");
    cJSON *j = read_all();
    assert_null(at(j, "streams_page"));
    assert_null(at(j, "closed"));
    assert_null(at(j, "groups"));
    cJSON_Delete(j);
    finish_all(5);
}

static void pages_are_cut(void **state)
{
    (void)state;
    five();
    rows("limit=2", "1 2");
    rows("limit=2&from=2", "3 4");
    rows("limit=2&from=4", "5");
    rows("limit=2&from=5", "");
    rows("limit=2&from=99999999999", "");
    rows("limit=0", "");
    rows("limit=", "");
    rows("limit=99999999999", "1 2 3 4 5");
    rows("limit=2&after=2", "3 4");
    rows("limit=2&after=5", "");
    rows("limit=2&after=77", "1 2");
    rows("limit=2&from=4&after=1", "2 3");
    cJSON *j = ask("limit=2&from=1&find=4&filter=pump&sort=id");
    assert_string_equal(ids(at(j, "streams")), "4 3");
    assert_int_equal(number(j, "streams_page.total"), 5);
    assert_int_equal(number(j, "streams_page.matching"), 5);
    assert_int_equal(number(j, "streams_page.from"), 1);
    assert_int_equal(number(j, "streams_page.found"), 2);
    assert_string_equal(text(j, "streams_page.filter"), "pump");
    assert_string_equal(text(j, "streams_page.sort"), "id");
    cJSON_Delete(j);
    finish_all(5);
}

static void pages_are_filtered_and_sorted(void **state)
{
    static const struct {
        const char *query, *ids;
    } cases[] = {
        {"filter=service%3db", "2 4"},
        {"filter=!service%3db&sort=id", "5 3 1"},
        {"filter=down>250%20service%3da", "3 5"},
        {"filter=id%3d3", "3"},
        {"filter=nothing", ""},
        {"sort=bytes_down", "5 4 3 2 1"},
        {"sort=-bytes_down", "1 2 3 4 5"},
        {"sort=bytes_up", "3 1 2 4 5"}, /* equal ones by id */
        {"sort=-bytes_up", "1 2 4 5 3"},
        {"sort=client", "5 4 3 2 1"},
        {"sort=service", "1 3 5 2 4"},
        {"sort=-service", "2 4 1 3 5"},
        {"sort=age", "1 2 3 4 5"},
        {"sort=nonsense", "1 2 3 4 5"},
        {"groups=service&group=b", "2 4"},
        {"groups=service&group=b&filter=id%3d4", "4"},
        {"groups=client&group=192.0.2.4", "2"},
        {"groups=device&group=pump&sort=id", "5 4 3 2 1"},
        {"groups=device&group=pum", ""},
        {"groups=user&group=", "1 2 3 4 5"},
        {"group=b", "1 2 3 4 5"}, /* of no kind */
    };
    (void)state;
    five();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char query[128];
        snprintf(query, sizeof query, "limit=9&%s", cases[i].query);
        rows(query, cases[i].ids);
    }
    finish_all(5);
}

static void a_wrong_filter_is_told(void **state)
{
    (void)state;
    five();
    cJSON *j = ask("limit=9&filter=colour%3dred&closed=9&closed_filter=age>");
    assert_int_equal(cJSON_GetArraySize(at(j, "streams")), 0);
    assert_string_equal(text(j, "streams_page.problem"), "there is no field \"colour\"");
    assert_string_equal(text(j, "closed.problem"), "age> needs a number, such as 10m");
    cJSON_Delete(j);
    finish_all(5);
}

/* Whatever page is asked for: it is the one that sorting all of them would give. */
static void pages_are_pieces_of_the_whole(void **state)
{
    static const char *const sorts[] = {"id", "-id", "bytes_down", "-bytes_up", "client"};
    struct monitor_tunnel *t = add_tunnel("t", &up);
    uint32_t x = 12345;
    (void)state;
    for (size_t i = 0; i < FLOWS; i++) {
        char client[32];
        x = x * 1664525 + 1013904223;
        snprintf(client, sizeof client, "10.0.0.%u:1", x >> 28);
        start(&flows[i], client);
        serve(&flows[i], t, "a");
        flows[i].counters.down = (x >> 8) % 16;
        flows[i].counters.up = (x >> 16) % 16;
    }
    for (size_t s = 0; s < sizeof sorts / sizeof *sorts; s++) {
        char query[80], whole[1024], pieces[1024] = "";
        snprintf(query, sizeof query, "limit=4096&sort=%s", sorts[s]);
        cJSON *j = ask(query);
        snprintf(whole, sizeof whole, "%s", ids(at(j, "streams")));
        cJSON_Delete(j);
        for (size_t from = 0, n = 1; from < FLOWS; from += n, n = 1 + n * 2 % 11) {
            snprintf(query, sizeof query, "limit=%zu&from=%zu&sort=%s", n, from, sorts[s]);
            j = ask(query);
            size_t used = strlen(pieces);
            snprintf(pieces + used, sizeof pieces - used, "%s%s", from > 0 ? " " : "",
                     ids(at(j, "streams")));
            cJSON_Delete(j);
        }
        assert_string_equal(pieces, whole);
    }
    finish_all(FLOWS);
}

/* ---- what rows have ---- */

static void trends_are_eight_cells(void **state)
{
    struct monitor_tunnel *t = add_tunnel("t", &up);
    (void)state;
    start(&flows[0], "a:1");
    serve(&flows[0], t, "a");
    for (int i = 0; i < 70; i++) {
        flows[0].counters.down += i < 62 ? 10 : 0;
        flows[0].counters.up += i == 69 ? 5 : 0;
        second();
    }
    cJSON *j = ask("limit=1&trend=1");
    assert_int_equal(cJSON_GetArraySize(at(j, "streams.0.trend")), 8);
    assert_int_equal(number(j, "streams.0.trend.0"), 70); /* 7 s or 8 s each */
    assert_int_equal(number(j, "streams.0.trend.1"), 80);
    assert_int_equal(number(j, "streams.0.trend.6"), 70);
    assert_int_equal(number(j, "streams.0.trend.7"), 5);
    cJSON_Delete(j);
    j = ask("limit=1");
    assert_null(at(j, "streams.0.trend"));
    cJSON_Delete(j);
    finish(&flows[0], ERR_OK);
    j = ask("limit=1&trend=1");
    assert_null(at(j, "streams.0.trend"));
    cJSON_Delete(j);
}

static void idle_is_told(void **state)
{
    (void)state;
    start(&flows[0], "a:1");
    serve(&flows[0], add_tunnel("t", &up), "a");
    second();
    second();
    cJSON *j = read_all();
    assert_about(number(j, "streams.0.idle"), 2);
    cJSON_Delete(j);
    flows[0].counters.up = 1;
    pass(500);
    j = read_all();
    assert_null(at(j, "streams.0.idle"));
    cJSON_Delete(j);
    second();
    second();
    j = read_all();
    assert_about(number(j, "streams.0.idle"), 1);
    cJSON_Delete(j);
    rows("limit=9&filter=idle>0", "1");
    rows("limit=9&filter=idle>1", "");
    finish(&flows[0], ERR_OK);
    second();
    j = ask("closed=9");
    assert_about(number(j, "closed.rows.0.idle"), 1);
    cJSON_Delete(j);
}

/* ---- those that have ended ---- */

static void ended_streams_stay(void **state)
{
    (void)state;
    five();
    pass(100);
    finish(&flows[3], ERR_PEER_RESET);
    second();
    finish(&flows[1], ERR_OK);
    for (int i = 0; i < 7; i++)
        second();
    closed_rows("closed=9", "2 4");
    closed_rows("closed=1", "2");
    closed_rows("closed=9&closed_from=1", "4");
    closed_rows("closed=9&closed_sort=-closed_at", "4 2");
    closed_rows("closed=9&closed_sort=bytes_down", "4 2");
    closed_rows("closed=9&closed_filter=peer-reset", "4");
    closed_rows("closed=9&closed_filter=down%2fs>1", "2 4"); /* there is no such field */
    closed_rows("closed=9&groups=client&group=192.0.2.4", "2");
    rows("limit=9", "1 3 5"); /* not listed as open ones any more */
    cJSON *j = ask("closed=9&limit=0");
    assert_int_equal(number(j, "closed.total"), 2);
    assert_int_equal(number(j, "closed.matching"), 2);
    assert_string_equal(text(j, "closed.rows.1.client"), "192.0.2.2:4000");
    assert_string_equal(text(j, "closed.rows.1.service"), "b");
    assert_string_equal(text(j, "closed.rows.1.tunnel"), "pump");
    assert_string_equal(text(j, "closed.rows.1.asked"), "ssh1.tunnel");
    assert_string_equal(text(j, "closed.rows.1.via"), "socks5");
    assert_string_equal(text(j, "closed.rows.1.state"), "closed");
    assert_string_equal(text(j, "closed.rows.1.reason"), "peer-reset");
    assert_about(number(j, "closed.rows.1.opened"), 1700000003);
    assert_about(number(j, "closed.rows.1.closed_at"), 1700000005.1);
    assert_about(number(j, "closed.rows.1.closed_for"), 8);
    assert_about(number(j, "closed.rows.1.age"), 2.1);
    assert_int_equal(number(j, "closed.rows.1.bytes_down"), 400);
    assert_int_equal(number(j, "closed.rows.1.peak_down"), 400);
    cJSON_Delete(j);
    finish(&flows[0], ERR_OK);
    finish(&flows[2], ERR_OK);
    finish(&flows[4], ERR_OK);
}

/* A browser asks for hundreds of names that are none of ours. */
static void untold_refusals_are_not_kept(void **state)
{
    (void)state;
    start(&flows[0], "a:1");
    monitor_stream_ended(flows[0].stream,
                         &(struct monitor_end){.why = ERR_NO_SERVICE, .untold = true});
    start(&flows[0], "a:2");
    finish(&flows[0], ERR_NO_SERVICE);
    closed_rows("closed=9", "2");
}

static void the_oldest_go(void **state)
{
    char client[600];
    (void)state;
    memset(client, 'x', sizeof client - 1);
    client[sizeof client - 1] = '\0';
    for (int i = 0; i < 1003; i++) {
        start(&flows[0], client);
        monitor_stream_answered(flows[0].stream);
        finish(&flows[0], ERR_OK);
        pass(1);
    }
    closed_rows("closed=2", "1003 1002");
    closed_rows("closed=2&closed_sort=-id", "4 5");
    cJSON *j = ask("closed=1");
    assert_int_equal(number(j, "closed.total"), 1000);
    assert_int_equal(strlen(text(j, "closed.rows.0.client")), 255);
    cJSON_Delete(j);
}

/* ---- what was at a moment ---- */

/* At `ms` on the program's clock, which begins at 5,000. */
static cJSON *then(uint64_t ms, const char *more)
{
    char query[200];
    snprintf(query, sizeof query, "limit=10&at=%llu%s", (unsigned long long)ms, more);
    return ask(query);
}

static void there(uint64_t ms, const char *more, const char *expected)
{
    cJSON *j = then(ms, more);
    if (strcmp(ids(at(j, "streams")), expected) != 0)
        fail_msg("at %llu%s: %s, not %s", (unsigned long long)ms, more, ids(at(j, "streams")),
                 expected);
    assert_about(number(j, "streams_page.at"), (double)ms / 1000);
    cJSON_Delete(j);
}

static void who_was_there(void **state)
{
    (void)state;
    five(); /* at 5, 6, 7, 8 and 9 s; it is 10 s now */
    finish(&flows[1], ERR_EOF);
    second();
    finish(&flows[2], ERR_RESET);
    second();
    there(4999, "", "");
    there(5000, "", "1");
    there(7500, "", "1 2 3");
    there(7500, "&during=1000", "1 2 3");
    there(10000, "", "1 2 3 4 5");
    there(10001, "", "1 3 4 5");
    there(10500, "&during=1000", "1 2 3 4 5"); /* 2 was there, too */
    there(11500, "", "1 4 5");
    there(7500, "&filter=service%3da", "1 3");
    there(7500, "&sort=-age", "3 2 1");
    there(7500, "&groups=service&group=b", "2");
    pass(60000);
    for (int i = 0; i < 61; i++)
        second();
    there(7500, "", "1 2 3"); /* also when they are not listed any more */
    finish(&flows[0], ERR_OK);
    finish_all(0);
    finish(&flows[3], ERR_OK);
    finish(&flows[4], ERR_OK);
}

static void bytes_of_a_moment(void **state)
{
    (void)state;
    struct monitor_tunnel *t = add_tunnel("pump", &up);
    start(&flows[0], "192.0.2.1:4000");
    serve(&flows[0], t, "a");
    for (uint64_t i = 1; i <= 90; i++) { /* i bytes in the second from 5 + i - 1 on */
        flows[0].counters.down += i;
        flows[0].counters.up += 2;
        second();
    }
    cJSON *j = then(90000, ""); /* after 85 seconds */
    assert_true(cJSON_IsTrue(at(j, "streams.0.counted")));
    assert_int_equal(number(j, "streams.0.bytes_down"), 85 * 86 / 2);
    assert_int_equal(number(j, "streams.0.bytes_up"), 170);
    assert_int_equal(number(j, "streams.0.rate_down"), 85);
    assert_about(number(j, "streams.0.age"), 85);
    assert_string_equal(text(j, "streams.0.state"), "open");
    cJSON_Delete(j);
    j = then(35000, ""); /* what is older than sixty seconds is known ten by ten */
    assert_true(cJSON_IsTrue(at(j, "streams.0.counted")));
    assert_int_equal(number(j, "streams.0.bytes_down"), 30 * 31 / 2);
    assert_int_equal(number(j, "streams.0.bytes_up"), 60);
    assert_int_equal(number(j, "streams.0.rate_down"), 255 / 10);
    assert_about(number(j, "streams.0.age"), 30);
    cJSON_Delete(j);
    j = then(30000, ""); /* and in between as if they had come evenly */
    assert_int_equal(number(j, "streams.0.bytes_down"), 20 * 21 / 2 + 255 / 2 + 1);
    cJSON_Delete(j);
    there(90000, "&filter=down%3e1G", "");
    there(90000, "&filter=down%3e3K", "1");
    finish(&flows[0], ERR_RESET);
    j = then(96000, "&during=2000");
    assert_string_equal(text(j, "streams.0.state"), "closed");
    assert_string_equal(text(j, "streams.0.reason"), "reset");
    assert_int_equal(number(j, "streams.0.bytes_down"), 90 * 91 / 2);
    assert_about(number(j, "streams.0.age"), 90);
    cJSON_Delete(j);
}

/* Ten minutes, and no more. */
static void bytes_of_long_ago(void **state)
{
    (void)state;
    struct monitor_tunnel *t = add_tunnel("pump", &up);
    start(&flows[0], "192.0.2.1:4000");
    serve(&flows[0], t, "a");
    for (uint64_t i = 1; i <= 1400; i++) {
        uint64_t before = flows[0].counters.down;
        flows[0].counters.down += i <= 700 ? 100 : 0;
        second();
        if (i % 50 != 0 || i > 700)
            continue;
        for (uint64_t ago = 0; ago < i && ago <= 595; ago += 5) {
            cJSON *j = then(5000 + 1000 * (i - ago), "");
            assert_int_equal(number(j, "streams.0.bytes_down"), before + 100 - 100 * ago);
            assert_int_equal(number(j, "streams.0.rate_down"), 100);
            cJSON_Delete(j);
        }
    }
    cJSON *j = then(5000 + 1000 * 805, "");
    assert_true(cJSON_IsTrue(at(j, "streams.0.counted")));
    assert_int_equal(number(j, "streams.0.bytes_down"), 70000);
    cJSON_Delete(j);
    j = then(5000 + 1000 * 795, ""); /* words about what is not known have no effect */
    assert_null(at(j, "streams.0.counted"));
    assert_null(at(j, "streams.0.bytes_down"));
    cJSON_Delete(j);
    there(5000 + 1000 * 795, "&filter=down%3e1G", "1");
    finish(&flows[0], ERR_OK);
}

static void before_an_answer(void **state)
{
    (void)state;
    struct monitor_tunnel *t = add_tunnel("pump", &up);
    start(&flows[0], "192.0.2.1:4000");
    second();
    second();
    serve(&flows[0], t, "a");
    second();
    for (int i = 0; i < 2; i++) { /* open, and when it has ended */
        cJSON *j = then(6000, "");
        assert_string_equal(text(j, "streams.0.state"), "connecting");
        cJSON_Delete(j);
        j = then(7500, "");
        assert_string_equal(text(j, "streams.0.state"), "open");
        assert_null(at(j, "streams.0.reason"));
        cJSON_Delete(j);
        if (i == 0)
            finish(&flows[0], ERR_RESET);
    }
}

/* The ring has the last thousand; whoever looks further back is told that some may lack. */
static void forgotten(void **state)
{
    (void)state;
    struct monitor_tunnel *t = add_tunnel("pump", &up);
    for (int i = 0; i < 1010; i++) {
        start(&flows[0], "192.0.2.1:4000");
        serve(&flows[0], t, "a");
        pass(1);
        finish(&flows[0], ERR_OK);
    }
    cJSON *j = then(5005, "");
    assert_true(cJSON_IsTrue(at(j, "streams_page.lacks")));
    assert_int_equal(number(j, "streams_page.total"), 0);
    cJSON_Delete(j);
    j = then(5500, "");
    assert_null(at(j, "streams_page.lacks"));
    assert_int_equal(number(j, "streams_page.total"), 2); /* one ends as the next one comes */
    cJSON_Delete(j);
}

/* As many as there are, whatever is asked for at once. */
static void moments_and_bounds(void **state)
{
    (void)state;
    five();
    there(UINT32_MAX, "", "1 2 3 4 5");
    there(7500, "&during=9999999999", "1 2 3");
    there(7500, "&from=1", "2 3");
    there(7500, "&from=9", "");
    cJSON *j = ask("limit=0&at=7500");
    assert_int_equal(number(j, "streams_page.total"), 3);
    cJSON_Delete(j);
    j = ask("limit=9&at=9223372036854775807&during=9223372036854775807");
    assert_int_equal(number(j, "streams_page.total"), 5);
    cJSON_Delete(j);
    rows("limit=9&at=0", "1 2 3 4 5");
    rows("at=7500", "1 2 3 4 5"); /* without a limit all are listed as they are */
    finish_all(5);
}

/* ---- sums of a moment ---- */

static const cJSON *row_with(const cJSON *rows, const char *name, const char *value)
{
    const cJSON *row;
    cJSON_ArrayForEach(row, rows) if (strcmp(text(row, name), value) == 0) return row;
    return NULL;
}

static bool flag(const cJSON *j, const char *path)
{
    return cJSON_IsTrue(at(j, path));
}

/* Two and a half seconds after the first began: 1 and 3 are in a, and 2 in b. */
static cJSON *ask_then(uint64_t begin_ms, const char *more)
{
    char query[120];
    snprintf(query, sizeof query, "limit=9&at=%llu&during=1000%s",
             (unsigned long long)(begin_ms + 2500), more);
    return ask(query);
}

static void services_and_groups_of_a_moment(void **state)
{
    uint64_t begin_ms = clock_ms;
    (void)state;
    five();
    second();
    cJSON *j = ask_then(begin_ms, "&groups=service");
    const cJSON *a = row_with(at(j, "services"), "id", "a");
    const cJSON *b = row_with(at(j, "services"), "id", "b");
    assert_int_equal(number(a, "open"), 3); /* of now, as ever */
    assert_int_equal(number(a, "then.open"), 2);
    assert_int_equal(number(a, "then.served"), 2);
    assert_int_equal(number(a, "then.bytes_down"), 100);
    assert_true(flag(a, "then.counted") && flag(a, "then.rated"));
    assert_int_equal(number(a, "then.rate_down"), 100);
    assert_int_equal(number(b, "then.open"), 1);
    assert_null(at(b, "then.bytes_down"));
    assert_int_equal(number(j, "totals.then.open"), 3);
    assert_int_equal(number(j, "totals.then.bytes_down"), 100);
    const cJSON *group = row_with(at(j, "groups.rows"), "key", "a");
    assert_int_equal(number(group, "then.open"), 2);
    assert_int_equal(number(group, "then.bytes_down"), 100);
    cJSON_Delete(j);
    j = ask_then(begin_ms, "&groups=client"); /* those of 4 and 5 had not come */
    assert_int_equal(cJSON_GetArraySize(at(j, "groups.rows")), 3);
    assert_null(row_with(at(j, "groups.rows"), "key", "192.0.2.1"));
    cJSON_Delete(j);
    finish(&flows[1], ERR_IO); /* of which nobody knows when its bytes moved, */
    finish(&flows[3], ERR_OK); /* and of which all came later */
    j = ask_then(begin_ms, "&groups=service");
    b = row_with(at(j, "services"), "id", "b");
    assert_int_equal(number(b, "failed"), 1);
    assert_int_equal(number(b, "then.open"), 1);
    assert_int_equal(number(b, "then.served"), 1);
    assert_null(at(b, "then.failed"));
    assert_false(flag(b, "then.counted") || flag(b, "then.rated"));
    assert_true(flag(row_with(at(j, "services"), "id", "a"), "then.counted"));
    assert_false(flag(j, "totals.then.counted"));
    cJSON_Delete(j);
    j = ask("limit=9");
    assert_null(at(j, "totals.then"));
    cJSON_Delete(j);
    finish(&flows[0], ERR_OK);
    finish(&flows[2], ERR_OK);
    finish(&flows[4], ERR_OK);
}

/* More have ended since than are kept: nothing is told. */
static void sums_of_a_moment_that_is_not_kept(void **state)
{
    uint64_t begin_ms = clock_ms;
    struct monitor_tunnel *t = add_tunnel("pump", &up);
    (void)state;
    pass(5000);
    for (size_t i = 0; i < 1001; i++) {
        start(&flows[0], "192.0.2.1:4000");
        serve(&flows[0], t, "a");
        finish(&flows[0], ERR_OK);
    }
    cJSON *j = ask_then(begin_ms, "");
    assert_null(at(j, "totals.then"));
    assert_null(at(row_with(at(j, "services"), "id", "a"), "then"));
    cJSON_Delete(j);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(without_a_limit_there_are_all),
        TEST(pages_are_cut),
        TEST(pages_are_filtered_and_sorted),
        TEST(a_wrong_filter_is_told),
        TEST(pages_are_pieces_of_the_whole),
        TEST(trends_are_eight_cells),
        TEST(idle_is_told),
        TEST(ended_streams_stay),
        TEST(untold_refusals_are_not_kept),
        TEST(the_oldest_go),
        TEST(who_was_there),
        TEST(bytes_of_a_moment),
        TEST(bytes_of_long_ago),
        TEST(before_an_answer),
        TEST(forgotten),
        TEST(moments_and_bounds),
        TEST(services_and_groups_of_a_moment),
        TEST(sums_of_a_moment_that_is_not_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
