/* The page for browsers: who gets it, what goes with it, and that names stay text. What it looks
 * like is looked at by a browser (tests/page). */
#include "core/control/page/live_page.h"
#include "core/control/query.h"
#include "tests/unit/monitor_help.h"

static struct buf memory;
static struct http_response answer;

static struct http_reader *reader;

/* The status of the answer to a request for that target, with further header lines. */
static int ask(const char *target, const char *lines)
{
    char text[2048];
    struct span query, path;
    snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: 127.0.0.1:1080\r\n%s\r\n", target, lines);
    buf_free(&memory);
    memory.limit = LIVE_PAGE_MAX;
    http_reader_free(reader);
    reader = http_reader_new(HTTP_REQUEST, 8192);
    assert_true(http_reader_feed(reader, (const uint8_t *)text, strlen(text)) > 0);
    const struct http_head *head = http_reader_head(reader);
    assert_non_null(head);
    query = head->target;
    path = span_cut(&query, '?');
    live_page_answer(monitor, head, path, query, &memory, &answer);
    return answer.status;
}

static bool has(const char *text)
{
    return memmem(answer.body.p, answer.body.n, text, strlen(text)) != NULL;
}

static int over(void **state)
{
    buf_free(&memory);
    http_reader_free(reader);
    reader = NULL;
    return end(state);
}

static void parts(void **state)
{
    (void)state;
    static const char *const all[] = {"/", "/page/data", "/page/page.css", "/page/page.js"};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        assert_true(live_page_has(span_of(all[i])));
        assert_int_equal(ask(all[i], ""), 200);
        assert_true(answer.body.n > 100);
        assert_non_null(strstr(answer.headers, "frame-ancestors 'none'"));
        assert_non_null(strstr(answer.headers, "nosniff"));
    }
    assert_false(live_page_has(span_of("/page/")));
    assert_false(live_page_has(span_of("/page/data/")));
    assert_int_equal(ask("/x", ""), 404);
}

static void foreign_requests(void **state)
{
    static const struct {
        const char *lines;
        int page, part; /* the statuses */
    } cases[] = {
        {"Sec-Fetch-Site: same-origin\r\n", 200, 200},
        {"Sec-Fetch-Site: none\r\n", 200, 200},
        {"sec-fetch-site: SAME-ORIGIN\r\n", 200, 200},
        {"Sec-Fetch-Site: cross-site\r\n", 403, 403},
        {"Sec-Fetch-Site: same-site\r\n", 403, 403},
        {"Sec-Fetch-Site:\r\n", 403, 403},
        {"Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n",
         200, 403},
        {"Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: iframe\r\n",
         403, 403},
        {"Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: no-cors\r\nSec-Fetch-Dest: document\r\n",
         403, 403},
        {"Origin: http://127.0.0.1:1080\r\n", 200, 200},
        {"Origin: http://127.0.0.1:10800\r\n", 403, 403},
        {"Origin: https://127.0.0.1:1080\r\n", 403, 403},
        {"Origin: null\r\n", 403, 403},
        {"Origin: http://\r\n", 403, 403},
        {"Via: 1.1 proxy\r\n", 403, 403},
        {"X-Forwarded-For: 192.0.2.7\r\n", 403, 403},
        {"Forwarded: for=192.0.2.7\r\n", 403, 403},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (ask("/", cases[i].lines) != cases[i].page ||
            ask("/page/data", cases[i].lines) != cases[i].part ||
            ask("/page/page.js", cases[i].lines) != cases[i].part)
            fail_msg("%s", cases[i].lines);
}

static void who_may_look(void **state)
{
    static const struct {
        const char *option;
        struct live_page_client who;
        bool shown;
    } cases[] = {
        {"own", {.local = true, .ours = true}, true},
        {"own", {.local = true, .known = true}, true},
        {"own", {.local = true}, false},
        {"own", {.ours = true, .known = true}, false},
        {"all", {.local = true}, true},
        {"all", {.ours = true, .known = true}, false},
        {"off", {.local = true, .ours = true, .known = true}, false},
    };
    static const struct option_group *const groups[] = {&live_page_options};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct options *o = options_new(groups, 1);
        assert_int_equal(
            options_set(o, span_of("page"), span_of(cases[i].option), OPTION_ARGV, NULL), ERR_OK);
        assert_int_equal(live_page_check(o), ERR_OK);
        assert_int_equal(live_page_shows(o, &cases[i].who), cases[i].shown);
        options_free(o);
    }
    struct options *o = options_new(groups, 1);
    assert_int_equal(live_page_check(o), ERR_OK);
    assert_int_equal(options_set(o, span_of("page"), span_of("both"), OPTION_ARGV, NULL), ERR_OK);
    assert_int_equal(live_page_check(o), ERR_USAGE);
    options_free(o);
}

static void names_stay_text(void **state)
{
    struct flow f = {.counters = {.state = MONITOR_STREAM_CONNECTING}};
    (void)state;
    f.stream =
        monitor_stream_began(monitor, &(struct monitor_stream_info){.client = "<i>\"'&\x1b\xff",
                                                                    .user = "</table><script>",
                                                                    .asked = "<b onclick=x>",
                                                                    .via = "http",
                                                                    .look = look_at_flow,
                                                                    .ctx = &f});
    assert_int_equal(ask("/page/data", ""), 200);
    assert_true(has("&lt;i&gt;&quot;&#39;&amp;\\x1b\\xff"));
    assert_true(has("&lt;/table&gt;&lt;script&gt;"));
    assert_false(has("<script") || has("<i>") || has("<b "));
    finish(&f, ERR_NO_SERVICE);
    static const char *const shows[] = {"ended", "users", "clients", "events", "services", "x"};
    for (size_t i = 0; i < sizeof shows / sizeof *shows; i++) {
        char target[400];
        snprintf(target, sizeof target, "/?show=%s&filter=%%3Cb%%3E%%22&sort=%%3Cb%%3E&from=7",
                 shows[i]);
        assert_int_equal(ask(target, ""), 200);
        assert_false(has("<b>") || has("<i>") || has("\x1b"));
    }
}

/* A page that is longer than it may be ends early. */
static void memory_has_a_limit(void **state)
{
    static struct flow flows[100];
    static char name[12000];
    (void)state;
    memset(name, '<', sizeof name - 1);
    for (size_t i = 0; i < 100; i++)
        start(&flows[i], name);
    assert_int_equal(ask("/", ""), 200);
    assert_true(answer.body.n <= LIVE_PAGE_MAX);
    assert_false(has("</html>"));
    for (size_t i = 0; i < 100; i++)
        finish(&flows[i], ERR_OK);
}

static void queries(void **state)
{
    char text[QUERY_TEXT], query[2000];
    (void)state;
    assert_int_equal(query_number(span_of("a=1&b=22&b=3"), "b"), 22);
    assert_int_equal(query_number(span_of("a=1&&=&b"), "b"), 0);
    assert_int_equal(query_number(span_of("b=-1"), "b"), 0);
    assert_int_equal(query_number(span_of("b=99999999999999999999"), "b"), 0);
    assert_int_equal(query_rows(span_of("b=2147483646"), "b"), 2147483646);
    assert_int_equal(query_rows(span_of("b=4294967296"), "b"), 2147483647);
    assert_string_equal(query_text(span_of("x=a%20b%3Dc&y=d"), "x", text), "a b=c");
    assert_string_equal(query_text(span_of("x=a%0ab"), "x", text), "");
    assert_string_equal(query_text(span_of("x=%zz"), "x", text), "%zz");
    assert_string_equal(query_text(span_of(""), "x", text), "");
    memset(query, 'a', sizeof query);
    query[1] = '=';
    query[QUERY_TEXT + 1] = '\0';
    assert_int_equal(strlen(query_text(span_of(query), "a", text)), QUERY_TEXT - 1);
    query[QUERY_TEXT + 1] = 'a';
    query[QUERY_TEXT + 2] = '\0';
    assert_string_equal(query_text(span_of(query), "a", text), "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, over)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(parts),           TEST(foreign_requests),   TEST(who_may_look),
        TEST(names_stay_text), TEST(memory_has_a_limit), TEST(queries),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
