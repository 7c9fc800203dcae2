/* tunnelctl describe, and which tunnel is meant. */
#include "tests/unit/ctl_help.h"

/* ---- describe, and which tunnel is meant ---- */

static void describes(void **state)
{
    (void)state;
    assert_int_equal(
        run(CALLS(call("DescribeTunnel", "{\"tunnelId\":\"" ID1 "\"}", 200, DETAILS(ID1))),
            WORDS("describe", ID1)),
        CTL_OK);
    assert_string_equal(
        out, "Tunnel " ID1 "\n"
             "  ARN          " ARN(ID1) "\n"
                                        "  status       OPEN\n"
                                        "  thing        plant7\n"
                                        "  services     SSH1, HTTP1\n"
                                        "  description  -\n"
                                        "  source       not connected yet\n"
                                        "  destination  connected since 2026-11-21 11:41 UTC\n"
                                        "  created      2026-11-21 11:40 UTC\n"
                                        "  updated      2026-11-21 11:41 UTC\n"
                                        "  until        2026-11-21 12:40 UTC\n"
                                        "  tags         team=ops\n"
                                        "               site=\n");
    assert_int_equal(run(CALLS(call("DescribeTunnel", NULL, 200, DETAILS(ID1))),
                         WORDS("describe", ID1, "--json")),
                     CTL_OK);
    cJSON *j = cJSON_Parse(out);
    assert_string_equal(ctl_json_text_at(j, "tunnel.tunnelId"), ID1);
    cJSON_Delete(j);
}

static void answers_with_nothing_in_them(void **state)
{
    (void)state;
    assert_int_equal(
        run(CALLS(call("DescribeTunnel", NULL, 200, "{\"tunnel\":{}}")), WORDS("describe", ID1)),
        CTL_OK);
    assert_has(out, "Tunnel -\n");
    assert_int_equal(run(CALLS(call("DescribeTunnel", NULL, 200, "{}")), WORDS("describe", ID1)),
                     CTL_FAILED);
    assert_has(err, "describes no tunnel");
    assert_int_equal(run(CALLS(call("ListTunnels", NULL, 200, "{\"tunnelSummaries\":[{},7,null]}")),
                         WORDS("list", "--short", "--all")),
                     CTL_OK);
    assert_int_equal(run(CALLS(call("OpenTunnel", NULL, 200, "{}")), WORDS("open")), CTL_FAILED);
    assert_has(err, "no tunnel or no tokens");
}

#define THING(name, summaries)                                                                     \
    call("ListTunnels", "{\"maxResults\":100,\"thingName\":\"" name "\"}", 200, LIST(summaries))

static void names_that_fit(void **state)
{
    (void)state;
    assert_int_equal(run(CALLS(ALL_THREE, DESCRIBED(ID3)), WORDS("describe", "777777")), CTL_OK);
    assert_int_equal(run(CALLS(ALL_THREE, DESCRIBED(ID1)), WORDS("describe", "b2de92a3-b")),
                     CTL_OK);
    assert_int_equal(run(CALLS(DESCRIBED(ID1)), WORDS("describe", ARN(ID1))), CTL_OK);
    assert_int_equal(
        run(CALLS(call("ListTunnels", "{\"maxResults\":100,\"thingName\":\"plant7\"}", 200,
                       LIST(SUMMARY(ID2, "CLOSED", "") AND SUMMARY(ID1, "OPEN", ""))),
                  DESCRIBED(ID1)),
            WORDS("describe", "thing:plant7")),
        CTL_OK);
    /* An id that is the beginning of another one. */
    assert_int_equal(
        run(CALLS(call("ListTunnels", NULL, 200,
                       LIST(SUMMARY("tunnel-11", "OPEN", "") AND SUMMARY("tunnel-1", "OPEN", ""))),
                  call("DescribeTunnel", "{\"tunnelId\":\"tunnel-1\"}", 200, DETAILS("tunnel-1"))),
            WORDS("describe", "tunnel-1")),
        CTL_OK);
}

static void names_that_do_not_fit(void **state)
{
    (void)state;
    assert_int_equal(run(CALLS(ALL_THREE), WORDS("describe", "b2de92")), CTL_FAILED);
    assert_string_equal(err,
                        "tunnelctl: 2 ids begin with b2de92 (" ID1 ", " ID2 "): give more of it\n");
    assert_int_equal(run(CALLS(ALL_THREE, THING("b2de93", "")), WORDS("describe", "b2de93")),
                     CTL_FAILED);
    assert_has(err, "there is no tunnel b2de93; \"tunnelctl list --all\"");
    assert_int_equal(
        run(CALLS(THING("b2de9", SUMMARY(ID1, "CLOSED", ""))), WORDS("describe", "b2de9")),
        CTL_FAILED);
    assert_has(err, "at least 6 characters");
    assert_int_equal(run(CALLS(ALL_THREE, THING("plant7", SUMMARY(ID1, "OPEN", ""))),
                         WORDS("describe", "plant7")),
                     CTL_FAILED);
    assert_string_equal(err, "tunnelctl: there is no tunnel plant7; did you mean thing:plant7?\n");
    assert_int_equal(run(CALLS(THING("oven", SUMMARY(ID1, "OPEN", ""))), WORDS("describe", "oven")),
                     CTL_FAILED);
    assert_has(err, "did you mean thing:oven?");
    assert_int_equal(run(CALLS(ALL_THREE, call("ListTunnels", NULL, 400,
                                               "{\"__type\":\"ValidationException\"}")),
                         WORDS("describe", "a=b=c=d")),
                     CTL_FAILED);
    assert_has(err, "there is no tunnel a=b=c=d; \"tunnelctl list --all\"");
    assert_int_equal(run(NO_CALLS, WORDS("describe", "a tunnel")), CTL_FAILED);
    assert_has(err, "\"a tunnel\" is not the id of a tunnel");
    assert_int_equal(run(NO_CALLS, WORDS("describe", "")), CTL_FAILED);
    assert_int_equal(run(NO_CALLS, WORDS("describe", "arn:aws:iot:eu:0:thing/x")), CTL_FAILED);
    assert_has(err, "is not the ARN of a tunnel");
    assert_int_equal(run(CALLS(call("ListTunnels", NULL, 200, LIST(SUMMARY(ID1, "CLOSED", "")))),
                         WORDS("describe", "thing:t")),
                     CTL_FAILED);
    assert_has(err, "no open tunnel to the thing t");
    assert_int_equal(
        run(CALLS(call("ListTunnels", NULL, 200,
                       LIST(SUMMARY(ID1, "OPEN", "") AND SUMMARY(ID2, "OPEN", "")
                                AND SUMMARY(ID3, "OPEN", "") AND SUMMARY("four", "OPEN", "")
                                    AND SUMMARY("five", "OPEN", "")))),
            WORDS("describe", "thing:t")),
        CTL_FAILED);
    assert_has(err, "there are 5 open tunnels to the thing t (" ID1 ", " ID2 ", " ID3 ", ...)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(describes),
        cmocka_unit_test(answers_with_nothing_in_them),
        cmocka_unit_test(names_that_fit),
        cmocka_unit_test(names_that_do_not_fit),
    };
    return cmocka_run_group_tests(tests, begin, finish);
}
