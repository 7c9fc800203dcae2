/* The parts of the client of Redis that need no server: addresses, replies, what INFO says. */
#include "gateway/hub/redis/redis_info.h"
#include "gateway/hub/redis/redis_reply.h"
#include "gateway/hub/redis/redis_slot.h"
#include "gateway/hub/redis/redis_url.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- addresses ---- */

/* "kind user password master host:port host:port", "-" for what is not said; or the sentence. */
static const char *parsed(const char *text)
{
    static char out[1024];
    struct redis_url u;
    char problem[512];
    if (redis_url_parse(text, &u, problem, sizeof problem) != ERR_OK) {
        snprintf(out, sizeof out, "%s", problem);
        return out;
    }
    int n = snprintf(out, sizeof out, "%d %s %s %s", (int)u.kind, u.user != NULL ? u.user : "-",
                     u.password != NULL ? u.password : "-", u.master != NULL ? u.master : "-");
    for (size_t i = 0; i < u.n; i++)
        n +=
            snprintf(out + n, sizeof out - (size_t)n, " %s:%d", u.places[i].host, u.places[i].port);
    if (u.sentinel_user != NULL || u.sentinel_password != NULL)
        snprintf(out + n, sizeof out - (size_t)n, " asked by %s with %s",
                 u.sentinel_user != NULL ? u.sentinel_user : "-",
                 u.sentinel_password != NULL ? u.sentinel_password : "-");
    redis_url_free(&u);
    return out;
}

static void addresses_are_read(void **state)
{
    (void)state;
    static const char *const good[][2] = {
        {"redis://h", "0 - - - h:6379"},
        {"redis://h:1", "0 - - - h:1"},
        {"redis://[::1]", "0 - - - ::1:6379"},
        {"redis://[::1]:1", "0 - - - ::1:1"},
        {"redis://u:p@h", "0 u p - h:6379"},
        {"redis://:p@h", "0 - p - h:6379"},
        {"redis://u%40x:p%3A%2f@h", "0 u@x p:/ - h:6379"},
        {"redis://u:p@ss@h", "0 u p@ss - h:6379"},
        {"redis://h/", "0 - - - h:6379"},
        {"unix:/run/redis.sock", "0 - - - /run/redis.sock:0"},
        {"redis+cluster://a,b:1,[::1]:2", "1 - - - a:6379 b:1 ::1:2"},
        {"redis+sentinel://u:p@a,b:1/main", "2 u p main a:26379 b:1"},
        {"redis+sentinel://a/main?sentinel_password=q%26%40@x",
         "2 - - main a:26379 asked by - with q&@@x"},
        {"redis+sentinel://u:p?q@a/main?sentinel_username=v&sentinel_password=q",
         "2 u p?q main a:26379 asked by v with q"},
        {"redis://u:p?sentinel_password=q@h", "0 u p?sentinel_password=q - h:6379"},
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_string_equal(parsed(good[i][0]), good[i][1]);
}

static void what_is_no_address_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "redis:",
        "redis://",
        "redis://:1",
        "redis://h:0",
        "redis://h:65536",
        "redis://h:x",
        "redis://h/3",
        "redis://a,b",
        "redis://a,",
        "redis+cluster://a,,b",
        "redis+cluster://",
        "redis+sentinel://a",
        "redis+sentinel://a/",
        "redis+sentinel://a/b/c",
        "redis+sentinel://a/?sentinel_password=x",
        "redis+sentinel://a/b?sentinel_password=",
        "redis+sentinel://a/b?sentinel_password=x&other=y",
        "redis+sentinel://a/b?sentinel_password=x&sentinel_password=y",
        "redis+sentinel://a/b?sentinel_password=%00",
        "redis+cluster://a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a",
        "redis://u:%00@h",
        "redis://u:%0a@h",
        "redis://h\n",
        "redis://h\x7f",
        "redis://[::1",
        "unix:",
        "unix:/",
        "unix:relative",
        "unix://run/x",
        "http://h"};
    for (size_t i = 0; i + 2 < sizeof bad / sizeof *bad; i++)
        if (strncmp(parsed(bad[i]), "the address of Redis is none of ", 32) != 0 &&
            strcmp(bad[i], "unix://run/x") != 0)
            fail_msg("%s: %s", bad[i], parsed(bad[i]));
    assert_non_null(strstr(parsed("rediss://h"), "stunnel"));
    assert_null(strstr(parsed("redis://u:secret@h:x"), "secret"));
}

/* ---- replies ---- */

/* What is read of these bytes, given in pieces of `step`: each reply as text, or the error. */
static const char *replies(const char *bytes, size_t n, size_t step)
{
    static char out[1024];
    struct reply_reader *r = reply_reader_new();
    struct redis_reply *reply = NULL;
    enum err why = ERR_OK;
    out[0] = 0;
    for (size_t at = 0; at < n && why == ERR_OK; at += step) {
        assert_true(
            reply_reader_feed(r, (const uint8_t *)bytes + at, step < n - at ? step : n - at));
        while ((why = reply_reader_next(r, &reply)) == ERR_OK && reply != NULL) {
            size_t end = strlen(out);
            snprintf(out + end, sizeof out - end, "%d:%lld:%.*s:%zu ", (int)reply->type,
                     (long long)redis_integer(reply),
                     redis_text(reply).p != NULL ? (int)redis_text(reply).n : 1,
                     redis_text(reply).p != NULL ? redis_text(reply).p : "-", redis_count(reply));
            redis_reply_free(reply);
        }
    }
    if (why != ERR_OK)
        snprintf(out + strlen(out), sizeof out - strlen(out), "%s", err_name(why));
    reply_reader_free(r);
    return out;
}

static void replies_are_read_in_any_split(void **state)
{
    (void)state;
    static const char bytes[] =
        "+OK\r\n-ERR x\r\n:-7\r\n$3\r\na b\r\n$0\r\n\r\n$-1\r\n$2\r\n42\r\n*-1\r\n"
        "*0\r\n*2\r\n*1\r\n:1\r\n$1\r\nx\r\n";
    for (size_t step = 1; step < sizeof bytes; step++)
        assert_string_equal(replies(bytes, sizeof bytes - 1, step),
                            "5:0:OK:0 6:0:ERR x:0 3:-7:-:0 1:0:a b:0 1:0::0 4:0:-:0 1:42:42:0 "
                            "4:0:-:0 2:0:-:0 2:0:-:2 ");
}

static void nonsense_is_no_reply(void **state)
{
    (void)state;
    static const struct {
        const char *bytes, *out;
    } table[] = {
        {"HTTP/1.1 400 Bad Request\r\n", "protocol"},
        {"$x\r\n", "protocol"},
        {":1x\r\n", "protocol"},
        {"$-2\r\n", "protocol"},
        {"*-2\r\n", "protocol"},
        {"*99999999999\r\n", "protocol"},
        {"*2000000000\r\n", "too-large"},
        {"*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n", "protocol"},
        {"*1000000\r\n*1000000\r\n*1000000\r\n*1000000\r\n", "too-large"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        assert_string_equal(replies(table[i].bytes, strlen(table[i].bytes), 7), table[i].out);
}

static void a_reply_has_an_end(void **state)
{
    (void)state;
    static char piece[65536];
    struct reply_reader *r = reply_reader_new();
    struct redis_reply *reply = NULL;
    enum err why = ERR_OK;
    size_t fed = 0;
    memset(piece, 'x', sizeof piece);
    assert_true(reply_reader_feed(r, (const uint8_t *)"$900000000\r\n", 12));
    for (; why == ERR_OK; fed += sizeof piece) {
        assert_true(reply_reader_feed(r, (const uint8_t *)piece, sizeof piece));
        why = reply_reader_next(r, &reply);
    }
    assert_int_equal(why, ERR_TOO_LARGE);
    assert_in_range(fed, REDIS_REPLY_MAX, REDIS_REPLY_MAX + 2 * sizeof piece);
    reply_reader_free(r);
}

static void readers_take_what_is_there(void **state)
{
    (void)state;
    static const char bytes[] = "*5\r\n:0\r\n$1\r\n7\r\n$1\r\na\r\n$1\r\n1\r\n$1\r\nb\r\n";
    struct reply_reader *r = reply_reader_new();
    struct redis_reply *reply = NULL;
    assert_true(reply_reader_feed(r, (const uint8_t *)bytes, sizeof bytes - 1));
    assert_int_equal(reply_reader_next(r, &reply), ERR_OK);
    assert_int_equal(redis_integer(redis_item(reply, 1)), 7);
    assert_true(span_is(redis_field(reply, 2, "a"), "1"));
    assert_null(redis_field(reply, 2, "b").p); /* without a value */
    assert_null(redis_field(reply, 9, "a").p);
    assert_null(redis_item(reply, 5));
    assert_int_equal(redis_count(redis_item(reply, 1)), 0);
    assert_int_equal(redis_integer(NULL), 0);
    assert_null(redis_text(NULL).p);
    redis_reply_free(reply);
    reply_reader_free(r);
}

/* ---- INFO ---- */

#define INFO                                                                                       \
    "# Server\r\nredis_version:7.0.15\r\nredis_mode:standalone\r\nloading:0\r\nrole:master\r\n"    \
    "cluster_enabled:0\r\naof_enabled:1\r\nmaxmemory_policy:noeviction\r\n"

static const char *judged(const char *info, enum redis_kind kind)
{
    static char out[400];
    char text[320];
    struct redis_info i;
    bool lasting = false;
    redis_info_read(span_of(info), &i);
    enum err why = redis_info_check(&i, kind, &lasting, text, sizeof text);
    snprintf(out, sizeof out, "%s%s", lasting ? "lasting: " : "", why == ERR_OK ? "fine" : text);
    return out;
}

static void servers_are_judged(void **state)
{
    (void)state;
    static const struct {
        const char *more;
        enum redis_kind kind;
        const char *begins;
    } table[] = {
        {"", REDIS_PLAIN, "fine"},
        {"redis_version:8.1\n", REDIS_PLAIN, "fine"},
        {"redis_version:6.2.14\r\n", REDIS_PLAIN, "lasting: is Redis 6.2.14, which is too old"},
        {"redis_version:\r\n", REDIS_PLAIN, "lasting: does not tell its version"},
        {"redis_mode:sentinel\r\n", REDIS_PLAIN, "lasting: is a Sentinel"},
        {"cluster_enabled:1\r\n", REDIS_PLAIN, "lasting: is part of a Redis Cluster"},
        {"cluster_enabled:1\r\n", REDIS_CLUSTER, "fine"},
        {"cluster_enabled:1\r\nrole:slave\r\n", REDIS_CLUSTER, "lasting: is a replica"},
        {"", REDIS_CLUSTER, "lasting: is not part of a Redis Cluster"},
        {"role:slave\r\n", REDIS_PLAIN, "lasting: is a replica"},
        {"maxmemory_policy:allkeys-lru\r\n", REDIS_PLAIN,
         "may throw away what it keeps: its maxmemory-policy is allkeys-lru"},
        {"aof_enabled:0\r\n", REDIS_PLAIN, "would forget"},
        {"", REDIS_SENTINEL, "would go on taking writes"},
        {"min_slaves_good_slaves:1\r\n", REDIS_SENTINEL, "fine"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        char info[1024];
        snprintf(info, sizeof info, "%s%s", INFO, table[i].more);
        const char *got = judged(info, table[i].kind);
        if (strncmp(got, table[i].begins, strlen(table[i].begins)) != 0)
            fail_msg("%zu: %s", i, got);
    }
    assert_non_null(strstr(judged("", REDIS_PLAIN), "not Redis"));
}

static void errors_are_told_apart(void **state)
{
    (void)state;
    assert_int_equal(redis_trouble(span_of("LOADING Redis is loading")), REDIS_WAIT);
    assert_int_equal(redis_trouble(span_of("OOM command not allowed")), REDIS_FULL);
    assert_int_equal(redis_trouble(span_of("MOVED 1 h:1")), REDIS_MOVED);
    assert_int_equal(redis_trouble(span_of("READONLY You can't")), REDIS_READONLY);
    assert_int_equal(redis_trouble(span_of("ERR Function not found")), REDIS_NO_FUNCTION);
    assert_int_equal(redis_trouble(span_of("ERR syntax error")), REDIS_OTHER);
    assert_int_equal(redis_trouble(span_of("MOVED")), REDIS_OTHER);
    assert_int_equal(redis_trouble(span_of("")), REDIS_OTHER);
}

/* ---- slots ---- */

static void slots_are_those_of_redis(void **state)
{
    (void)state;
    static const struct {
        const char *key;
        uint16_t slot;
    } table[] = {
        {"", 0},        {"123456789", 12739}, /* of the specification: 0x31C3 */
        {"foo", 12182}, {"{foo}bar", 12182},  {"x{foo}{bar}", 12182}, {"tunnel:nodes:{nodes}", 0},
    };
    for (size_t i = 0; i + 1 < sizeof table / sizeof *table; i++)
        if (redis_slot(span_of(table[i].key)) != table[i].slot)
            fail_msg("%s: %d", table[i].key, redis_slot(span_of(table[i].key)));
    assert_int_equal(redis_slot(span_of("tunnel:nodes:{nodes}")), redis_slot(span_of("nodes")));
}

static void redirects_are_read(void **state)
{
    (void)state;
    struct redis_redirect r;
    assert_true(redis_redirect_read(span_of("MOVED 3999 127.0.0.1:6381"), &r));
    assert_int_equal(r.slot, 3999);
    assert_string_equal(r.host, "127.0.0.1");
    assert_int_equal(r.port, 6381);
    assert_true(redis_redirect_read(span_of("ASK 0 ::1:1"), &r));
    assert_string_equal(r.host, "::1");
    assert_true(redis_redirect_read(span_of("MOVED 16383 :7000"), &r));
    assert_string_equal(r.host, "");
    static const char *const bad[] = {"",
                                      "MOVED",
                                      "MOVED 1",
                                      "MOVED 1 h",
                                      "MOVED 1 h:",
                                      "MOVED 1 h:0",
                                      "MOVED x h:1",
                                      "MOVED 16384 h:1",
                                      "MOVED 1 h:65536",
                                      "ERR 1 h:1",
                                      "MOVED -1 h:1"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(redis_redirect_read(span_of(bad[i]), &r));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_read),
        cmocka_unit_test(what_is_no_address_is_refused),
        cmocka_unit_test(replies_are_read_in_any_split),
        cmocka_unit_test(nonsense_is_no_reply),
        cmocka_unit_test(a_reply_has_an_end),
        cmocka_unit_test(readers_take_what_is_there),
        cmocka_unit_test(servers_are_judged),
        cmocka_unit_test(errors_are_told_apart),
        cmocka_unit_test(slots_are_those_of_redis),
        cmocka_unit_test(redirects_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
