/* tunnelctl list. */
#include "tests/unit/ctl_help.h"

/* ---- list ---- */

static void lists(void **state)
{
    (void)state;
    assert_int_equal(
        run(CALLS(call("ListTunnels", FIRST_PAGE, 200,
                       LIST(SUMMARY(ID1, "OPEN", "the pump") AND SUMMARY(ID2, "CLOSED", "")
                                AND SUMMARY(ID3, "OPEN", "\\u001b[2Jx")))),
            WORDS("list", "--short")),
        CTL_OK);
    assert_string_equal(err, "");
    assert_string_equal(
        out, "ID                                    STATUS  CREATED               DESCRIPTION\n" ID1
             "  OPEN    2026-11-21 11:40 UTC  the pump\n" ID3
             "  OPEN    2026-11-21 11:40 UTC  \\x1b[2Jx\n");
}

static void list_pages_become_one(void **state)
{
    (void)state;
    assert_int_equal(
        run(CALLS(
                call("ListTunnels", "{\"maxResults\":100,\"thingName\":\"t\"}", 200,
                     "{\"tunnelSummaries\":[" SUMMARY(ID1, "CLOSED", "") "],\"nextToken\":\"n1\"}"),
                call("ListTunnels", "{\"maxResults\":100,\"thingName\":\"t\",\"nextToken\":\"n1\"}",
                     200, "{\"tunnelSummaries\":[],\"nextToken\":\"n2\"}"),
                call("ListTunnels", "{\"maxResults\":100,\"thingName\":\"t\",\"nextToken\":\"n2\"}",
                     200,
                     "{\"tunnelSummaries\":[" SUMMARY(ID2, "OPEN", "") "],\"nextToken\":null}")),
            WORDS("list", "--short", "--thing", "t", "--all", "--json")),
        CTL_OK);
    cJSON *j = cJSON_Parse(out);
    const cJSON *all = ctl_json_at(j, "tunnelSummaries");
    assert_int_equal(cJSON_GetArraySize(all), 2);
    assert_string_equal(ctl_json_text_at(cJSON_GetArrayItem(all, 0), "tunnelId"), ID1);
    assert_string_equal(ctl_json_text_at(cJSON_GetArrayItem(all, 1), "tunnelId"), ID2);
    assert_null(ctl_json_at(j, "nextToken"));
    cJSON_Delete(j);
}

static void an_empty_list(void **state)
{
    (void)state;
    assert_int_equal(
        run(CALLS(call("ListTunnels", FIRST_PAGE, 200, LIST(""))), WORDS("list", "--short")),
        CTL_OK);
    assert_string_equal(out, "No open tunnels.\n");
    assert_int_equal(run(CALLS(call("ListTunnels", NULL, 200, LIST(""))),
                         WORDS("list", "--short", "--all", "--thing", "x")),
                     CTL_OK);
    assert_string_equal(out, "No tunnels to x.\n");
    assert_int_equal(run(CALLS(call("ListTunnels", FIRST_PAGE, 200, LIST(""))),
                         WORDS("list", "--short", "--json")),
                     CTL_OK);
    cJSON *j = cJSON_Parse(out);
    assert_true(cJSON_IsArray(ctl_json_at(j, "tunnelSummaries")));
    cJSON_Delete(j);
}

/* One that is gone between the list and the question is passed over. */
static void a_list_with_details(void **state)
{
    (void)state;
    assert_int_equal(
        run(CALLS(call("ListTunnels", FIRST_PAGE, 200,
                       LIST(SUMMARY(ID1, "OPEN", "") AND SUMMARY(ID2, "OPEN", ""))),
                  call("DescribeTunnel", "{\"tunnelId\":\"" ID1 "\"}", 200, DETAILS(ID1)),
                  call("DescribeTunnel", "{\"tunnelId\":\"" ID2 "\"}", 400,
                       "{\"__type\":\"ResourceNotFoundException\",\"message\":\"gone\"}")),
            WORDS("list")),
        CTL_OK);
    assert_string_equal(
        out,
        "ID                                    THING   SERVICES     STATUS  CONNECTED    CREATED   "
        "            UNTIL                 DESCRIPTION\n" ID1
        "  plant7  SSH1, HTTP1  OPEN    destination  2026-11-21 11:40 UTC  2026-11-21 12:40 UTC  "
        "-\n");
    assert_string_equal(err, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists),
        cmocka_unit_test(list_pages_become_one),
        cmocka_unit_test(an_empty_list),
        cmocka_unit_test(a_list_with_details),
    };
    return cmocka_run_group_tests(tests, begin, finish);
}
