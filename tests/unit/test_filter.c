/* Filters of streams and events. */
#include "tui/state/row_filter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct snapshot_stream ssh = {.id = 1171,
                                           .client = "127.0.0.1:49822",
                                           .process = "ssh",
                                           .user = "ann",
                                           .via = "socks5",
                                           .asked = "ssh1.tunnel:22",
                                           .service = "SSH1",
                                           .tunnel = "pump-07",
                                           .target = "10.0.0.9:22",
                                           .reason = "eof",
                                           .state = SNAPSHOT_HALF,
                                           .age = 724,
                                           .idle = 61,
                                           .bytes_down = 4613734,
                                           .bytes_up = 10240,
                                           .rate_down = 32870,
                                           .rate_up = 0};

static const struct snapshot_event closed = {.event = "close",
                                             .client = "192.0.2.20:5",
                                             .via = "http",
                                             .asked = "http1.tunnel:80",
                                             .service = "HTTP1",
                                             .tunnel = "pump-07",
                                             .reason = "peer-reset",
                                             .text = "",
                                             .stream = 55,
                                             .age = 61,
                                             .bytes_down = 2048};

static struct filter parsed(const char *text)
{
    struct filter f;
    char problem[128] = "";
    if (!filter_parse(text, &f, problem, sizeof problem))
        fail_msg("%s: %s", text, problem);
    return f;
}

static void streams(void **state)
{
    static const struct {
        const char *filter;
        bool matches;
    } cases[] = {{"", true},
                 {"   ", true},
                 {"ssh", true},
                 {"SSH1 pump", true},
                 {"SSH1 valve", false},
                 {"!valve", true},
                 {"!pump", false},
                 {"half", true},
                 {"socks5", false}, /* via only by name */
                 {"10.0.0", true},
                 {"service=ssh", true},
                 {"service=HTTP", false},
                 {"!service=HTTP", true},
                 {"client=127.0.0.", true},
                 {"source=127", true},
                 {"tunnel=07", true},
                 {"DEVICE=PUMP", true},
                 {"state=half", true},
                 {"state=open", false},
                 {"via=s5", true},
                 {"via=socks", true},
                 {"asked=ssh1.tunnel:22", true},
                 {"process=ssh", true},
                 {"target=:22", true},
                 {"id=117", true},
                 {"id=9", false},
                 {"service=", true},
                 {"user=ann", true},
                 {"ann eof", true},
                 {"!text=x", true}, /* it has none */
                 {"idle>1m", true},
                 {"idle>2m", false},
                 {"age>10m", true},
                 {"age>12.5m", false},
                 {"age<1h", true},
                 {"age>724", false},
                 {"age>723s", true},
                 {"down>4.3M", true},
                 {"down>4.5M", false},
                 {"up<10K", false},
                 {"up<11k", true},
                 {"up>10239", true},
                 {"down/s>32K", true},
                 {"up/s>0", false},
                 {"!up/s>0", true},
                 {"down>1M up>1M", false}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct filter f = parsed(cases[i].filter);
        if (row_filter_stream(&f, &ssh) != cases[i].matches)
            fail_msg("%s", cases[i].filter);
    }
}

static void events(void **state)
{
    static const struct {
        const char *filter;
        bool matches;
    } cases[] = {{"", true},
                 {"http1", true},
                 {"ssh", false},
                 {"!ssh", true},
                 {"close", true},
                 {"reset", true},
                 {"reason=reset", true},
                 {"service=HTTP1", true},
                 {"id=55", true},
                 {"id=56", false},
                 {"state=open", true}, /* it has none */
                 {"process=ssh", true},
                 {"down/s>1M", true},
                 {"idle>1h", true},
                 {"age>1m", true},
                 {"age>2m", false},
                 {"down>1K", true},
                 {"up>0", false}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct filter f = parsed(cases[i].filter);
        if (row_filter_event(&f, &closed) != cases[i].matches)
            fail_msg("%s", cases[i].filter);
    }
}

/* That the hub is lost is told whatever is filtered; an opening has no bytes yet. */
static void other_events(void **state)
{
    struct snapshot_event e = closed;
    struct filter f = parsed("service=SSH1");
    (void)state;
    assert_false(row_filter_event(&f, &e));
    e.event = "refuse";
    assert_false(row_filter_event(&f, &e));
    e.event = "down";
    assert_true(row_filter_event(&f, &e));
    e.event = "lost";
    assert_true(row_filter_event(&f, &e));
    f = parsed("up>1M");
    e.event = "open";
    assert_true(row_filter_event(&f, &e));
}

static void mistakes_are_told(void **state)
{
    static const struct {
        const char *filter, *problem;
    } cases[] = {{"colour=red", "there is no field \"colour\""},
                 {"\x1b=red", "there is no field \"\\x1b\""},
                 {"age>", "age> needs a number, such as 10m"},
                 {"age>x", "age> needs a number, such as 10m"},
                 {"age>5k", "age> needs a number, such as 10m"},
                 {"down>5h", "down> needs a number, such as 1M"},
                 {"down>1.2.3M", "down> needs a number, such as 1M"},
                 {"down=5", "down takes < or >"},
                 {"service>5", "service takes ="},
                 {"id<5", "id takes ="},
                 {"=", "there is no field \"\""},
                 {"a b c d e f g h i j k l m n o p q", "more than 16 words"}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct filter f = parsed("kept");
        char problem[128];
        assert_false(filter_parse(cases[i].filter, &f, problem, sizeof problem));
        assert_string_equal(problem, cases[i].problem);
        assert_string_equal(f.words[0].text, "kept");
    }
    char text[140], problem[128];
    struct filter f;
    memset(text, 'x', sizeof text);
    text[127] = '\0';
    assert_true(filter_parse(text, &f, problem, sizeof problem));
    text[127] = 'x';
    text[128] = '\0';
    assert_false(filter_parse(text, &f, problem, sizeof problem));
}

static void a_lone_exclamation_mark_is_text(void **state)
{
    struct filter f = parsed("!");
    (void)state;
    assert_false(row_filter_stream(&f, &ssh));
}

static void words_are_found(void **state)
{
    (void)state;
    assert_int_equal(filter_find(span_of("127.0.0.1 SSH"), "ssh"), 10);
    assert_int_equal(filter_find(span_of("ss"), "ssh"), -1);
    assert_int_equal(filter_find(span_of("ssh"), ""), -1);
    assert_int_equal(filter_find(span_of(""), "a"), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(streams),
        cmocka_unit_test(events),
        cmocka_unit_test(other_events),
        cmocka_unit_test(mistakes_are_told),
        cmocka_unit_test(a_lone_exclamation_mark_is_text),
        cmocka_unit_test(words_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
