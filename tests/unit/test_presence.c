/* How the ends of a tunnel look to who watches a hub. */
#include "gateway/hub/presence.h"

#include "core/control/report.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>
#include <cmocka.h>
#include <string.h>

static struct monitor *monitor;
static struct map presences;
static struct tunnel_record record;
static uint64_t serial;

static uint64_t now(void *clock)
{
    (void)clock;
    return 5000;
}

static int64_t wall(void *clock)
{
    (void)clock;
    return 1700000000000;
}

static int begin(void **state)
{
    static char id[] = "36bbe34e-0000", thing[] = "plant7";
    (void)state;
    record = (struct tunnel_record){.id = id, .thing = thing};
    monitor = monitor_new(&(struct monitor_options){
        .program = "tunnel-hub", .role = "hub", .version = "9.9", .now = now, .wall = wall});
    return monitor == NULL;
}

static int end(void **state)
{
    (void)state;
    presences_free(&presences);
    presences = (struct map){0};
    monitor_free(monitor);
    return 0;
}

static struct presence *tunnel(void)
{
    struct presence *p = presence_get(&presences, record.id, 3);
    assert_non_null(p);
    return p;
}

static struct registration join(struct presence *p, enum side side, const char *client)
{
    struct registration t = {.serial = ++serial, .side = side};
    strcpy(t.client, client);
    presence_join(p, monitor, &record, &t);
    assert_ptr_equal(presence_of(&t), p);
    return t;
}

/* Whether it held its side. */
static bool leave(struct registration *t, enum err why)
{
    struct end_report d = {.registration = t, .why = why};
    strcpy(d.text, "words");
    return presence_leave(presence_of(t), &d);
}

/* ---- what is seen ---- */

static cJSON *seen(void)
{
    struct json_writer w = {.bytes.limit = 1 << 20};
    report_snapshot(monitor, &(struct snapshot_query){0}, &w);
    assert_false(w.failed);
    cJSON *j = cJSON_ParseWithLength((const char *)w.bytes.data, w.bytes.size);
    assert_non_null(j);
    buf_free(&w.bytes);
    return j;
}

static const char *text(const cJSON *j, const char *name)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(j, name);
    return cJSON_IsString(item) ? item->valuestring : "";
}

static int number(const cJSON *j, const char *name)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(j, name);
    return item != NULL ? item->valueint : 0;
}

/* The only tunnel: its state, and who is at both ends. */
static void assert_seen(const char *state, const char *client, const char *target)
{
    cJSON *j = seen();
    const cJSON *tunnels = cJSON_GetObjectItemCaseSensitive(j, "streams");
    assert_int_equal(cJSON_GetArraySize(tunnels), 1);
    const cJSON *s = cJSON_GetArrayItem(tunnels, 0);
    assert_string_equal(text(s, "state"), state);
    assert_string_equal(text(s, "client"), client);
    assert_string_equal(text(s, "target"), target);
    assert_string_equal(text(s, "asked"), "36bbe34e-0000");
    assert_string_equal(text(s, "service"), "plant7");
    cJSON_Delete(j);
}

static void assert_total(const char *name, int n)
{
    cJSON *j = seen();
    assert_int_equal(number(cJSON_GetObjectItemCaseSensitive(j, "totals"), name), n);
    cJSON_Delete(j);
}

static void assert_last_event(const char *event, const char *reason)
{
    cJSON *j = seen();
    const cJSON *list =
        cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(j, "events"), "list");
    const cJSON *last = cJSON_GetArrayItem(list, cJSON_GetArraySize(list) - 1);
    assert_string_equal(text(last, "event"), event);
    assert_string_equal(text(last, "reason"), reason);
    assert_string_equal(text(last, "service"), "plant7");
    cJSON_Delete(j);
}

/* ---- tests ---- */

static void ends_come_and_go(void **state)
{
    struct presence *p = tunnel();
    (void)state;
    struct registration destination = join(p, SIDE_DESTINATION, "10.0.0.2:6");
    assert_seen("half", "", "10.0.0.2:6");
    assert_last_event("open", "");
    assert_total("served", 0);
    struct registration source = join(p, SIDE_SOURCE, "10.0.0.1:5");
    assert_seen("open", "10.0.0.1:5", "10.0.0.2:6");
    stat_add(&p->traffic.received[SIDE_SOURCE], 7);
    stat_add(&p->traffic.received[SIDE_DESTINATION], 11);
    assert_total("bytes_up", 7);
    assert_total("bytes_down", 11);
    assert_true(leave(&source, ERR_RESET));
    assert_seen("half", "", "10.0.0.2:6");
    source = join(p, SIDE_SOURCE, "10.0.0.1:8");
    assert_seen("open", "10.0.0.1:8", "10.0.0.2:6");
    assert_true(leave(&destination, ERR_CLIENT_CLOSED));
    assert_seen("half", "10.0.0.1:8", "");
    stat_add(&p->traffic.received[SIDE_SOURCE], 1);
    assert_true(leave(&source, ERR_RESET));
    assert_int_equal(p->present, 0);
    presence_free(p);
    assert_seen("closed", "10.0.0.1:8", "");
    assert_last_event("close", "reset");
    assert_total("served", 1);
    assert_total("failed", 1);
    assert_total("refused", 0);
    assert_total("open", 0);
    assert_total("bytes_up", 8);
}

static void one_takes_the_others_place(void **state)
{
    struct presence *p = tunnel();
    (void)state;
    struct registration old = join(p, SIDE_SOURCE, "10.0.0.1:5");
    struct registration new = join(p, SIDE_SOURCE, "10.0.0.1:6");
    assert_seen("half", "10.0.0.1:6", "");
    assert_false(leave(&old, ERR_STREAM_REPLACED));
    assert_seen("half", "10.0.0.1:6", "");
    assert_true(leave(&new, ERR_CLIENT_CLOSED));
    presence_free(p);
    assert_last_event("close", "client-closed");
    assert_total("served", 0);  /* the other side did not come, */
    assert_total("refused", 0); /* which nobody refused */
    assert_total("failed", 0);
}

static void sent_away(void **state)
{
    struct presence *p = tunnel();
    (void)state;
    struct registration source = join(p, SIDE_SOURCE, "10.0.0.1:5");
    struct registration destination = join(p, SIDE_DESTINATION, "10.0.0.2:6");
    assert_true(presence_dismiss(p, SIDE_SOURCE, ERR_TUNNEL_CLOSED, "closed"));
    assert_false(presence_dismiss(p, SIDE_SOURCE, ERR_TUNNEL_CLOSED, "closed"));
    assert_true(presence_dismiss(p, SIDE_DESTINATION, ERR_TUNNEL_CLOSED, "closed"));
    assert_seen("draining", "10.0.0.1:5", "10.0.0.2:6");
    assert_false(leave(&source, ERR_TUNNEL_CLOSED));
    assert_seen("draining", "10.0.0.1:5", "10.0.0.2:6"); /* who was there */
    assert_false(leave(&destination, ERR_RESET));
    presence_free(p);
    assert_seen("closed", "10.0.0.1:5", "10.0.0.2:6");
    assert_last_event("close", "tunnel-closed");
    assert_total("failed", 0);
}

/* A new source comes while the ends before it are still being sent away. */
static void sent_away_and_back(void **state)
{
    struct presence *p = tunnel();
    (void)state;
    struct registration source = join(p, SIDE_SOURCE, "10.0.0.1:5");
    struct registration destination = join(p, SIDE_DESTINATION, "10.0.0.2:6");
    presence_dismiss(p, SIDE_SOURCE, ERR_TOKEN_REPLACED, "rotated");
    presence_dismiss(p, SIDE_DESTINATION, ERR_TOKEN_REPLACED, "rotated");
    assert_false(leave(&destination, ERR_TOKEN_REPLACED));
    struct registration again = join(p, SIDE_SOURCE, "10.0.0.1:7");
    assert_seen("half", "10.0.0.1:7", "");
    assert_false(leave(&source, ERR_TOKEN_REPLACED));
    assert_seen("half", "10.0.0.1:7", "");
    assert_true(leave(&again, ERR_SILENT));
    presence_free(p);
    assert_last_event("close", "silent");
    assert_total("failed", 1);
}

/* One for each tunnel with ends, which goes with its last end. */
static void found_by_its_tunnel(void **state)
{
    struct presence *p = tunnel();
    (void)state;
    assert_ptr_equal(presence_get(&presences, record.id, 5), p);
    assert_int_equal(p->home, 3);
    assert_ptr_equal(presence_find(&presences, record.id), p);
    struct presence *other = presence_get(&presences, "36bbe34e-0001", 5);
    assert_ptr_not_equal(other, p);
    assert_int_equal(other->home, 5);
    presence_free(p);
    assert_null(presence_find(&presences, record.id));
    assert_ptr_equal(presence_find(&presences, "36bbe34e-0001"), other);
}

static void nobody_watches_any_more(void **state)
{
    struct presence *p = tunnel();
    (void)state;
    struct registration source = join(p, SIDE_SOURCE, "10.0.0.1:5");
    presences_unwatch(&presences);
    assert_last_event("close", "shutdown");
    join(p, SIDE_DESTINATION, "10.0.0.2:6");
    assert_true(leave(&source, ERR_SHUTDOWN));
    assert_total("open", 0);
    assert_total("refused", 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(ends_come_and_go),   TEST(one_takes_the_others_place), TEST(sent_away),
        TEST(sent_away_and_back), TEST(nobody_watches_any_more),    TEST(found_by_its_tunnel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
