/* core/control/client/snapshot: every member of share/doc/control.md, and JSON that is none, wrong,
 * or too much. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/control/client/snapshot.h"

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char problem[200];

static enum err read_text(const char *json, struct snapshot *s)
{
    problem[0] = '\0';
    return snapshot_read(span_of(json), s, problem, sizeof problem);
}

static struct snapshot must_read(const char *json)
{
    struct snapshot s;
    if (read_text(json, &s) != ERR_OK)
        fail_msg("%s: %s", json, problem);
    return s;
}

static void refused(const char *json, enum err why, const char *text)
{
    struct snapshot s;
    assert_int_equal(read_text(json, &s), why);
    assert_null(s.memory);
    if (strcmp(problem, text) != 0)
        fail_msg("%s: %s", json, problem);
}

static const char full[] =
    "{\"schema\":1,\"program\":\"tunnel-gateway\",\"role\":\"source\",\"version\":\"0.1.0\","
    "\"instance\":\"a1\",\"host\":\"gw1\",\"pid\":42,\"time\":1700000000.25,\"clock\":100.5,"
    "\"uptime\":99.5,\"readonly\":true,\"listen\":[\"127.0.0.1:1080\",\"[::1]:1080\"],"
    "\"totals\":{\"open\":1,\"max\":2,\"served\":3,\"failed\":4,\"refused\":5,\"bytes_down\":6,"
    "\"bytes_up\":7,\"rate_down\":8.5,\"rate_up\":9.5,\"errors\":{\"peer-reset\":3,\"eof\":1},"
    "\"refusals\":{\"no-service\":5}},"
    "\"tunnels\":[{\"name\":\"t\",\"hub\":\"wss://h\",\"state\":\"down\",\"state_for\":1.5,"
    "\"retry_in\":2.5,\"reason\":\"refused\",\"text\":\"no\",\"round_trip\":0.023,"
    "\"round_trip_max\":0.061,\"connections\":9,\"far_end\":\"n\",\"far_round_trip\":0.07,"
    "\"memory_held\":1,\"memory_kept\":2,\"memory_limit\":3,\"memory_full\":4,"
    "\"memory_dropped\":5,\"memory_short\":true}],"
    "\"services\":[{\"id\":\"SSH1\",\"tunnel\":\"t\",\"host\":\"ssh1.tunnel\",\"target\":\"x:22\","
    "\"state\":\"ready\",\"open\":2,\"refusals\":{\"busy\":1},\"first_byte\":0.03},{}],"
    "\"streams\":[{\"id\":7,\"client\":\"127.0.0.1:5\",\"pid\":8,\"process\":\"ssh\",\"uid\":1000,"
    "\"via\":\"socks5\",\"asked\":\"ssh1.tunnel\",\"service\":\"SSH1\",\"tunnel\":\"t\","
    "\"target\":\"y\",\"stream_id\":-7,\"connection_id\":12,\"state\":\"half\",\"reason\":\"eof\","
    "\"closed_for\":1,\"opened\":1700000000,\"age\":2,\"bytes_down\":3,\"bytes_up\":4,"
    "\"frames_down\":5,\"frames_up\":6,\"rate_down\":7,\"rate_up\":8,\"mean_down\":9,"
    "\"mean_up\":10,\"peak_down\":11,\"peak_up\":12,\"queued_down\":13,\"queued_up\":14,"
    "\"queue_limit\":15,\"window_down\":20,\"window_up\":21,\"bound_down\":\"path\","
    "\"bound_up\":\"reader\",\"resumed\":22,\"pauses_down\":16,\"paused_down\":17.5,\"pauses_up\":"
    "18,\"paused_up\":19.5,\"ended_down\":true,\"ended_up\":false,\"requested\":0.1,"
    "\"started\":0.2,\"answered\":0.3,\"first_byte\":0.4,"
    "\"history\":{\"last\":3,\"down\":[1,2,3],\"up\":[4,5,6]}}],"
    "\"history\":{\"seconds\":{\"last\":9,\"down\":[1,2],\"up\":[3,4]},"
    "\"tens\":{\"last\":1,\"down\":[5],\"up\":[6]}},"
    "\"events\":{\"last\":4,\"list\":[{\"event\":\"close\",\"number\":4,\"time\":5.5,\"stream\":7,"
    "\"client\":\"c\",\"via\":\"v\",\"asked\":\"a\",\"service\":\"s\",\"tunnel\":\"t\","
    "\"reason\":\"r\",\"text\":\"x\",\"age\":6.5,\"bytes_down\":7,\"bytes_up\":8,\"count\":9}]},"
    "\"later\":{\"unknown\":[1,{\"x\":null}]}}\n";

static void test_head(void **state)
{
    (void)state;
    struct snapshot s = must_read(full);
    assert_int_equal(s.schema, 1);
    assert_string_equal(s.program, "tunnel-gateway");
    assert_string_equal(s.role, "source");
    assert_string_equal(s.version, "0.1.0");
    assert_string_equal(s.instance, "a1");
    assert_string_equal(s.host, "gw1");
    assert_int_equal(s.pid, 42);
    assert_true(s.time == 1700000000.25 && s.clock == 100.5 && s.uptime == 99.5);
    assert_true(s.readonly);
    assert_int_equal(s.n_listen, 2);
    assert_string_equal(s.listen[1], "[::1]:1080");
    const struct snapshot_counts *t = &s.totals;
    assert_true(t->open == 1 && t->max == 2 && t->served == 3 && t->failed == 4 && t->refused == 5);
    assert_true(t->bytes_down == 6 && t->bytes_up == 7 && t->rate_down == 8.5 && t->rate_up == 9.5);
    assert_int_equal(t->errors.n, 2);
    assert_string_equal(t->errors.items[0].name, "peer-reset");
    assert_int_equal(t->errors.items[0].count, 3);
    assert_string_equal(t->errors.items[1].name, "eof");
    assert_string_equal(t->refusals.items[0].name, "no-service");
    assert_true(s.seconds.last == 9 && s.seconds.n == 2 && s.seconds.down[1] == 2 &&
                s.seconds.up[0] == 3);
    assert_true(s.tens.last == 1 && s.tens.n == 1 && s.tens.down[0] == 5 && s.tens.up[0] == 6);
    snapshot_free(&s);
    assert_null(s.program);
    snapshot_free(&s);
}

static void test_tunnels_and_services(void **state)
{
    (void)state;
    struct snapshot s = must_read(full);
    assert_int_equal(s.n_tunnels, 1);
    const struct snapshot_tunnel *t = s.tunnels;
    assert_string_equal(t->name, "t");
    assert_string_equal(t->hub, "wss://h");
    assert_string_equal(t->state, "down");
    assert_string_equal(t->reason, "refused");
    assert_string_equal(t->text, "no");
    assert_true(t->state_for == 1.5 && t->retry_in == 2.5 && t->round_trip == 0.023 &&
                t->round_trip_max == 0.061 && t->connections == 9 && t->far_round_trip == 0.07);
    assert_true(t->memory_held == 1 && t->memory_kept == 2 && t->memory_limit == 3 &&
                t->memory_full == 4 && t->memory_dropped == 5 && t->memory_short);
    assert_string_equal(t->far_end, "n");
    assert_int_equal(s.n_services, 2);
    assert_string_equal(s.services[0].id, "SSH1");
    assert_string_equal(s.services[0].tunnel, "t");
    assert_string_equal(s.services[0].host, "ssh1.tunnel");
    assert_string_equal(s.services[0].target, "x:22");
    assert_string_equal(s.services[0].state, "ready");
    assert_true(s.services[0].counts.open == 2 && s.services[0].first_byte == 0.03);
    assert_string_equal(s.services[0].counts.refusals.items[0].name, "busy");
    assert_string_equal(s.services[1].id, "");
    assert_string_equal(s.services[1].host, "");
    snapshot_free(&s);
}

static void test_streams(void **state)
{
    (void)state;
    struct snapshot s = must_read(full);
    assert_int_equal(s.n_streams, 1);
    const struct snapshot_stream *t = s.streams;
    assert_true(t->id == 7 && t->pid == 8 && t->uid == 1000);
    assert_string_equal(t->client, "127.0.0.1:5");
    assert_string_equal(t->process, "ssh");
    assert_string_equal(t->via, "socks5");
    assert_string_equal(t->asked, "ssh1.tunnel");
    assert_string_equal(t->service, "SSH1");
    assert_string_equal(t->tunnel, "t");
    assert_string_equal(t->target, "y");
    assert_string_equal(t->reason, "eof");
    assert_true(t->stream_id == -7 && t->connection_id == 12 && t->state == SNAPSHOT_HALF);
    assert_true(t->closed_for == 1 && t->opened == 1700000000 && t->age == 2);
    assert_true(t->bytes_down == 3 && t->bytes_up == 4 && t->frames_down == 5 && t->frames_up == 6);
    assert_true(t->rate_down == 7 && t->rate_up == 8 && t->mean_down == 9 && t->mean_up == 10);
    assert_true(t->peak_down == 11 && t->peak_up == 12);
    assert_true(t->queued_down == 13 && t->queued_up == 14 && t->queue_limit == 15);
    assert_true(t->window_down == 20 && t->window_up == 21 && t->resumed == 22);
    assert_string_equal(t->bound_down, "path");
    assert_string_equal(t->bound_up, "reader");
    assert_true(t->pauses_down == 16 && t->paused_down == 17.5 && t->pauses_up == 18 &&
                t->paused_up == 19.5);
    assert_true(t->ended_down && !t->ended_up);
    assert_true(t->requested == 0.1 && t->started == 0.2 && t->answered == 0.3 &&
                t->first_byte == 0.4);
    assert_true(t->history.n == 3 && t->history.last == 3 && t->history.down[2] == 3 &&
                t->history.up[2] == 6);
    snapshot_free(&s);
}

static void is_the_event(const struct snapshot_event *e)
{
    assert_string_equal(e->event, "close");
    assert_true(e->number == 4 && e->time == 5.5 && e->stream == 7 && e->age == 6.5);
    assert_true(e->bytes_down == 7 && e->bytes_up == 8 && e->count == 9);
    const char *texts[] = {e->client, e->via, e->asked, e->service, e->tunnel, e->reason, e->text};
    for (size_t i = 0; i < 7; i++) {
        assert_int_equal(strlen(texts[i]), 1);
        assert_int_equal(texts[i][0], "cvastrx"[i]);
    }
}

static void test_events(void **state)
{
    (void)state;
    struct snapshot s = must_read(full);
    assert_true(s.n_events == 1 && s.last_event == 4);
    is_the_event(&s.events[0]);
    snapshot_free(&s);

    const char *from = strstr(full, "{\"event\":\"close\""), *to = strstr(from, "]}");
    struct span line = {from, (size_t)(to - from)};
    assert_int_equal(snapshot_read_event(line, &s, problem, sizeof problem), ERR_OK);
    assert_true(s.schema == 0 && s.n_events == 1);
    is_the_event(&s.events[0]);
    snapshot_free(&s);
    assert_int_equal(snapshot_read_event(span_of("[]"), &s, problem, sizeof problem), ERR_PROTOCOL);
    assert_null(s.memory);
}

static void test_nothing_is_null(void **state)
{
    (void)state;
    struct snapshot s = must_read(
        "{\"schema\":1,\"host\":null,\"tunnels\":[{}],\"streams\":[{\"state\":\"melting\"},{}],"
        "\"events\":{\"list\":[{}]},\"device\":{\"name\":\"press-7\"}}");
    assert_string_equal(s.device.state, "");
    assert_string_equal(s.device.text, "");
    assert_string_equal(s.program, "");
    assert_string_equal(s.host, "");
    assert_string_equal(s.tunnels[0].state, "");
    assert_string_equal(s.streams[0].client, "");
    assert_string_equal(s.streams[1].reason, "");
    assert_int_equal(s.streams[0].state, SNAPSHOT_STATE_OTHER);
    assert_string_equal(snapshot_state_name(s.streams[0].state), "?");
    assert_string_equal(snapshot_state_name(SNAPSHOT_DRAINING), "draining");
    assert_string_equal(s.events[0].text, "");
    snapshot_free(&s);
}

static void test_numbers_are_held(void **state)
{
    (void)state;
    struct snapshot s = must_read(
        "{\"schema\":1,\"pid\":-1e300,\"time\":-1,\"uptime\":1e999,\"totals\":{\"open\":-5,"
        "\"max\":1e300,\"served\":2.9,\"rate_up\":-0.5},\"streams\":[{\"id\":18446744073709551615,"
        "\"stream_id\":-99999999999999999999,\"age\":0.25}]}");
    const uint64_t most = UINT64_C(1) << 53;
    assert_true(s.pid == -(int64_t)most && s.time == 0 && s.uptime == (double)most);
    assert_true(s.totals.open == 0 && s.totals.max == most && s.totals.served == 2);
    assert_true(s.totals.rate_up == 0);
    assert_true(s.streams[0].id == most && s.streams[0].stream_id == -(int64_t)most);
    assert_true(s.streams[0].age == 0.25);
    snapshot_free(&s);
}

static void test_what_is_none(void **state)
{
    (void)state;
    const char *none = "it is not a JSON object", *old = "there is no schema number in it";
    refused("", ERR_PROTOCOL, none);
    refused("null", ERR_PROTOCOL, none);
    refused("[1]", ERR_PROTOCOL, none);
    refused("{\"schema\":1", ERR_PROTOCOL, none);
    refused("{\"schema\":1}}", ERR_PROTOCOL, none);
    refused("{\"schema\":1} x", ERR_PROTOCOL, none);
    refused("{}", ERR_PROTOCOL, old);
    refused("{\"schema\":\"1\"}", ERR_PROTOCOL, old);
    refused("{\"schema\":0}", ERR_PROTOCOL, old);
    assert_int_equal(snapshot_read((struct span){"{\"schema\":1}\0", 13}, &(struct snapshot){0},
                                   problem, sizeof problem),
                     ERR_PROTOCOL);
    struct snapshot s;
    assert_int_equal(read_text("{\"schema\":2,\"pid\":\"x\"}", &s), ERR_UNSUPPORTED);
    assert_int_equal(s.schema, 2);
    assert_string_equal(problem, "it is of schema 2, and only 1 is known here");
}

static void test_wrong_types(void **state)
{
    (void)state;
    refused("{\"schema\":1,\"pid\":\"x\"}", ERR_PROTOCOL, "\"pid\" is not a number");
    refused("{\"schema\":1,\"host\":7}", ERR_PROTOCOL, "\"host\" is not text");
    refused("{\"schema\":1,\"readonly\":0}", ERR_PROTOCOL,
            "\"readonly\" is neither true nor false");
    refused("{\"schema\":1,\"streams\":{}}", ERR_PROTOCOL, "\"streams\" is not an array");
    refused("{\"schema\":1,\"streams\":[[]]}", ERR_PROTOCOL,
            "\"streams\" holds something that is not an object");
    refused("{\"schema\":1,\"streams\":[{\"state\":1}]}", ERR_PROTOCOL, "\"state\" is not text");
    refused("{\"schema\":1,\"totals\":[]}", ERR_PROTOCOL, "\"totals\" is not an object");
    refused("{\"schema\":1,\"totals\":{\"errors\":[]}}", ERR_PROTOCOL,
            "\"errors\" is not an object");
    refused("{\"schema\":1,\"totals\":{\"errors\":{\"a\\u001b\":\"\"}}}", ERR_PROTOCOL,
            "\"a\\x1b\" is not a number");
    refused("{\"schema\":1,\"listen\":[1]}", ERR_PROTOCOL, "\"\" is not text");
    refused("{\"schema\":1,\"history\":{\"seconds\":{\"down\":[1],\"up\":[]}}}", ERR_PROTOCOL,
            "\"seconds\" has not as many samples down as up");
    refused("{\"schema\":1,\"history\":{\"tens\":{\"down\":[{}],\"up\":[1]}}}", ERR_PROTOCOL,
            "\"\" is not a number");
}

/* {"schema":1, then head, n times item, then tail. */
static struct buf many(const char *head, const char *item, size_t n, const char *tail)
{
    struct buf b = {.limit = 1 << 26};
    assert_true(buf_printf(&b, "{\"schema\":1,%s", head));
    for (size_t i = 0; i < n; i++)
        assert_true(buf_printf(&b, "%s%s", i > 0 ? "," : "", item));
    assert_true(buf_printf(&b, "%s}", tail));
    return b;
}

static enum err read_many(const char *head, const char *item, size_t n, const char *tail)
{
    struct snapshot s;
    struct buf b = many(head, item, n, tail);
    enum err why =
        snapshot_read((struct span){(char *)b.data, b.size}, &s, problem, sizeof problem);
    buf_free(&b);
    snapshot_free(&s);
    return why;
}

static void test_limits(void **state)
{
    (void)state;
    assert_int_equal(read_many("\"streams\":[", "{}", SNAPSHOT_STREAMS_MAX, "]"), ERR_OK);
    assert_int_equal(read_many("\"streams\":[", "{}", SNAPSHOT_STREAMS_MAX + 1, "]"), ERR_PROTOCOL);
    assert_string_equal(problem, "\"streams\" has more than it may hold");
    const char *reasons = "\"totals\":{\"errors\":{";
    assert_int_equal(read_many(reasons, "\"a\":1", SNAPSHOT_REASONS_MAX, "}}"), ERR_OK);
    assert_int_equal(read_many(reasons, "\"a\":1", SNAPSHOT_REASONS_MAX + 1, "}}"), ERR_PROTOCOL);
    const char *samples = "\"history\":{\"tens\":{\"up\":[";
    assert_int_equal(read_many(samples, "1", SNAPSHOT_SAMPLES_MAX + 1, "]}}"), ERR_PROTOCOL);
    assert_int_equal(read_many("\"x\":", "[", 100000, ""), ERR_PROTOCOL);
    /* What takes far more memory than it has bytes. */
    assert_int_equal(read_many("\"x\":[", "1", 4000000, "]"), ERR_NO_MEMORY);
}

/* Any part of it, and any of its bytes changed, is read or refused. */
static void test_cut_and_changed(void **state)
{
    (void)state;
    size_t n = sizeof full - 2; /* without the newline, which may be missing */
    for (size_t i = 0; i < n; i++) {
        struct snapshot s;
        char *part = malloc(i + 1);
        memcpy(part, full, i);
        assert_int_equal(snapshot_read((struct span){part, i}, &s, problem, sizeof problem),
                         ERR_PROTOCOL);
        free(part);
    }
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < 8; j++) {
            struct snapshot s;
            char *changed = malloc(n);
            memcpy(changed, full, n);
            changed[i] = "\"{[\0\\-\xff,"[j];
            snapshot_read((struct span){changed, n}, &s, problem, sizeof problem);
            snapshot_free(&s);
            free(changed);
        }
}

/* ---- pages and groups ---- */

static const char paged[] =
    "{\"schema\":1,\"streams\":[{\"id\":7,\"user\":\"ann\",\"idle\":3,"
    "\"trend\":[0,0,0,0,5,6,7,8]},{\"id\":9}],"
    "\"streams_page\":{\"total\":100000,\"matching\":12,\"from\":10,\"found\":11,"
    "\"filter\":\"ssh\",\"sort\":\"-age\",\"problem\":\"no\"},"
    "\"closed\":{\"total\":1000,\"matching\":2,\"rows\":[{\"id\":3,\"state\":\"closed\","
    "\"reason\":\"eof\",\"closed_at\":1700000000.5}]},"
    "\"groups\":{\"by\":\"user\",\"rows\":[{\"key\":\"ann\",\"open\":1,\"served\":2,"
    "\"refused\":3,\"failed\":4,\"bytes_down\":5,\"bytes_up\":6,\"rate_down\":7,"
    "\"rate_up\":8,\"peak\":9},{},{\"other\":true}]}}";

static void test_pages(void **state)
{
    (void)state;
    struct snapshot s = must_read(paged);
    const struct snapshot_page *p = &s.streams_page;
    assert_true(p->known && p->total == 100000 && p->matching == 12 && p->from == 10);
    assert_int_equal(p->found, 11);
    assert_string_equal(p->filter, "ssh");
    assert_string_equal(p->sort, "-age");
    assert_string_equal(p->problem, "no");
    assert_int_equal(s.n_streams, 2);
    assert_string_equal(s.streams[0].user, "ann");
    assert_true(s.streams[0].idle == 3);
    assert_int_equal(s.streams[0].trend.n, SNAPSHOT_TREND);
    assert_int_equal(s.streams[0].trend.cells[7], 8);
    assert_int_equal(s.streams[1].trend.n, 0);
    assert_string_equal(s.streams[1].user, "");
    p = &s.closed.page;
    assert_true(p->known && p->total == 1000 && p->matching == 2 && p->from == 0);
    assert_string_equal(p->problem, "");
    assert_int_equal(s.closed.n_rows, 1);
    assert_int_equal(s.closed.rows[0].state, SNAPSHOT_CLOSED);
    assert_true(s.closed.rows[0].closed_at == 1700000000.5);
    snapshot_free(&s);
    s = must_read("{\"schema\":1,\"streams\":[{\"id\":1,\"counted\":true},{\"id\":2}],"
                  "\"streams_page\":{\"at\":8997.5,\"lacks\":true}}");
    assert_true(s.streams_page.at == 8997.5 && s.streams_page.lacks);
    assert_true(s.streams[0].then && s.streams[0].counted);
    assert_true(s.streams[1].then && !s.streams[1].counted);
    snapshot_free(&s);
    s = must_read("{\"schema\":1,\"streams\":[{\"counted\":true}],\"streams_page\":{}}");
    assert_true(!s.streams[0].then && s.streams_page.at == 0);
    snapshot_free(&s);
    s = must_read("{\"schema\":1,\"streams\":[{}]}");
    assert_true(!s.streams_page.known && !s.closed.page.known && s.groups.by == NULL);
    snapshot_free(&s);
    s = must_read("{\"schema\":1,\"streams_page\":{\"total\":4294967297,\"from\":-1}}");
    assert_true(s.streams_page.total == INT32_MAX && s.streams_page.from == 0);
    snapshot_free(&s);
    refused("{\"schema\":1,\"streams\":[{\"trend\":[1,2,3,4,5,6,7,8,9]}]}", ERR_PROTOCOL,
            "\"trend\" has more than it may hold");
}

static void test_groups(void **state)
{
    (void)state;
    struct snapshot s = must_read(paged);
    assert_string_equal(s.groups.by, "user");
    assert_int_equal(s.groups.n_rows, 3);
    const struct snapshot_group *g = s.groups.rows;
    assert_string_equal(g->key, "ann");
    assert_true(!g->other && g->open == 1 && g->served == 2 && g->refused == 3 && g->failed == 4);
    assert_true(g->bytes_down == 5 && g->bytes_up == 6);
    assert_true(g->rate_down == 7 && g->rate_up == 8 && g->peak == 9);
    assert_string_equal(g[1].key, "");
    assert_true(!g[1].other && g[2].other);
    snapshot_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_head),
        cmocka_unit_test(test_tunnels_and_services),
        cmocka_unit_test(test_streams),
        cmocka_unit_test(test_events),
        cmocka_unit_test(test_pages),
        cmocka_unit_test(test_groups),
        cmocka_unit_test(test_nothing_is_null),
        cmocka_unit_test(test_numbers_are_held),
        cmocka_unit_test(test_what_is_none),
        cmocka_unit_test(test_wrong_types),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_cut_and_changed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
