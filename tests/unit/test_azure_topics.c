/* The topics of Azure's device streams. */
#include "gateway/hub/azure/azure_topics.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_writes(void **state)
{
    char out[AZURE_TOPIC_MAX + 1];
    (void)state;
    struct azure_stream_topic t = {.stream = "TestStream",
                                   .rid = "6b0f00",
                                   .url = "wss://hub.test:443/bridges/hub/dev/TestStream/3acd",
                                   .token = "ucHq._-"};
    assert_true(azure_topic_write(&t, out, sizeof out));
    assert_string_equal(out, "$iothub/streams/POST/TestStream/?$rid=6b0f00&$url=wss%3a%2f%2fhub."
                             "test%3a443%2fbridges%2fhub%2fdev%2fTestStream%2f3acd&$auth=ucHq._-");
    assert_false(azure_topic_write(&t, out, 60));
    char longer[1100];
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    t.url = longer;
    assert_false(azure_topic_write(&t, out, sizeof out));
}

static void test_names(void **state)
{
    char longest[130];
    (void)state;
    memset(longest, 'a', sizeof longest);
    assert_true(azure_stream_name_valid((struct span){longest, 128}));
    assert_false(azure_stream_name_valid((struct span){longest, 129}));
    assert_true(azure_stream_name_valid(span_of("SSH1.a_b:c-d")));
    static const char *const bad[] = {"", "a/b", "a+b", "#", "a b", "a%20", "a?b", "\xc3\xa4"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(azure_stream_name_valid(span_of(bad[i])));
    assert_false(azure_stream_name_valid((struct span){"a\0b", 3}));
}

static void test_reads(void **state)
{
    static const struct {
        const char *topic;
        bool is_answer, accepted;
        const char *rid;
    } cases[] = {
        {"$iothub/streams/res/200/?$rid=6b0f", true, true, "6b0f"},
        {"$iothub/streams/res/400/?$rid=6b0f", true, false, "6b0f"},
        {"$iothub/streams/res/200/$rid=1", true, true, "1"},
        {"$iothub/streams/res/200/?a=b&$rid=123456", true, true, "123456"},
        {"$iothub/streams/res/201/?$rid=1&x", true, false, "1"},
        {"$iothub/streams/res/200/?$rid=1234567", false, false, ""},
        {"$iothub/streams/res/200/?$rid=", false, false, ""},
        {"$iothub/streams/res/200/?rid=1", false, false, ""},
        {"$iothub/streams/res/200", false, false, ""},
        {"$iothub/streams/res//?$rid=1", false, false, ""},
        {"$iothub/streams/res/2000/?$rid=1", false, false, ""},
        {"$iothub/streams/res/-1/?$rid=1", false, false, ""},
        {"$iothub/twin/res/200/?$rid=1", false, false, ""},
        {"", false, false, ""},
    };
    struct azure_answer a;
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (azure_topic_read_answer(span_of(cases[i].topic), &a) != cases[i].is_answer ||
            (cases[i].is_answer &&
             (a.accepted != cases[i].accepted || strcmp(a.rid, cases[i].rid) != 0)))
            fail_msg("%s", cases[i].topic);
    assert_false(
        azure_topic_read_answer((struct span){"$iothub/streams/res/200/?$rid=a\0b", 33}, &a));
}

static void test_rids(void **state)
{
    struct azure_rids r = {0};
    char rid[3 * AZURE_RIDS][AZURE_RID_SIZE], notice[NOTICE_ID_SIZE];
    (void)state;
    assert_null(azure_rids_find(&r, "000000"));
    for (int i = 0; i < 3 * AZURE_RIDS; i++) {
        snprintf(notice, sizeof notice, "notice %d", i);
        assert_true(azure_rids_add(&r, notice, rid[i]));
        assert_int_equal(strlen(rid[i]), 6);
        for (int k = 0; k <= i; k++) {
            snprintf(notice, sizeof notice, "notice %d", k);
            const char *found = azure_rids_find(&r, rid[k]);
            if (k > i - AZURE_RIDS)
                assert_string_equal(found, notice);
            else
                assert_null(found);
        }
    }
    assert_null(azure_rids_find(&r, ""));
    assert_null(azure_rids_find(&r, "x"));
    azure_rids_free(&r);
    /* numbers that run over */
    r.first = r.next = UINT32_MAX - 2;
    r.notices = calloc(AZURE_RIDS, sizeof *r.notices);
    for (int i = 0; i < 6; i++) {
        snprintf(notice, sizeof notice, "notice %d", i);
        azure_rids_add(&r, notice, rid[i]);
        assert_string_equal(azure_rids_find(&r, rid[i]), notice);
        assert_string_equal(azure_rids_find(&r, rid[0]), "notice 0");
    }
    azure_rids_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_writes),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_reads),
        cmocka_unit_test(test_rids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
