/* tunnelctl close, rotate, tag, untag and cut. */
#include "tests/unit/ctl_help.h"

/* ---- close, rotate, tag ---- */

static void closes(void **state)
{
    (void)state;
    assert_int_equal(
        run(CALLS(
                call("CloseTunnel", "{\"tunnelId\":\"" ID1 "\"}", 400,
                     "{\"__type\":\"ResourceNotFoundException\",\"message\":\"No such tunnel.\"}"),
                call("CloseTunnel", "{\"tunnelId\":\"" ID2 "\"}", 200, "{}")),
            WORDS("close", ID1, ID2)),
        CTL_FAILED);
    assert_string_equal(out, "closed " ID2 "\n");
    assert_string_equal(err, "tunnelctl: ResourceNotFoundException: No such tunnel; \"tunnelctl "
                             "list --all\" shows what there is\n");
    assert_int_equal(
        run(CALLS(call("CloseTunnel", "{\"tunnelId\":\"" ID1 "\",\"delete\":true}", 200, "{}")),
            WORDS("close", "--delete", ID1)),
        CTL_OK);
    assert_string_equal(out, "closed and deleted " ID1 "\n");
    assert_int_equal(
        run(CALLS(call("CloseTunnel", NULL, 200, "{}")), WORDS("close", ID1, "--json")), CTL_OK);
    assert_string_equal(out, "{}\n");
    /* Who cannot be reached is not asked again and again. */
    assert_int_equal(
        run(CALLS(lost("CloseTunnel", ERR_TIMEOUT, "timed out")), WORDS("close", ID1, ID2)),
        CTL_UNREACHABLE);
}

static void rotates(void **state)
{
    (void)state;
    assert_int_equal(
        run(CALLS(call("RotateTunnelAccessToken",
                       "{\"tunnelId\":\"" ID1 "\",\"clientMode\":\"ALL\"}", 200,
                       "{\"tunnelArn\":\"" ARN(ID1) "\",\"sourceAccessToken\":\"S2\","
                                                    "\"destinationAccessToken\":\"D2\"}"),
                  DESCRIBED(ID1)),
            WORDS("rotate", ID1)),
        CTL_OK);
    assert_has(out, "Tunnel " ID1 " has new access tokens; the old ones are void\n");
    assert_has(out, "AWSIOT_TUNNEL_ACCESS_TOKEN=S2 ");
    assert_has(out, "AWSIOT_TUNNEL_ACCESS_TOKEN=D2 ");
    assert_int_equal(
        run(CALLS(call("RotateTunnelAccessToken",
                       "{\"tunnelId\":\"" ID1 "\",\"clientMode\":\"SOURCE\"}", 200,
                       "{\"tunnelArn\":\"" ARN(ID1) "\",\"sourceAccessToken\":\"S2\"}"),
                  DESCRIBED(ID1)),
            WORDS("rotate", ID1, "--source")),
        CTL_OK);
    assert_has(out, "has a new source token");
    assert_has_not(out, "On the device");
    assert_int_equal(
        run(CALLS(call("RotateTunnelAccessToken",
                       "{\"tunnelId\":\"" ID1 "\",\"clientMode\":\"DESTINATION\"}", 200,
                       "{\"tunnelArn\":\"" ARN(ID1) "\",\"destinationAccessToken\":\"D2\"}")),
            WORDS("rotate", "--destination", ID1, "--json")),
        CTL_OK);
    assert_has(out, "\"D2\"");
    assert_int_equal(
        run(CALLS(call("RotateTunnelAccessToken",
                       "{\"tunnelId\":\"" ID1 "\",\"clientMode\":\"ALL\"}", 200, OPENED)),
            WORDS("rotate", "--destination", "--source", ID1, "--json")),
        CTL_OK);
}

static void tags_and_untags(void **state)
{
    (void)state;
    assert_int_equal(
        run(CALLS(DESCRIBED(ID1), call("TagResource",
                                       "{\"resourceArn\":\"" ARN(
                                           ID1) "\",\"tags\":[{\"key\":\"a\",\"value\":\"b=c\"},"
                                                "{\"key\":\"d\",\"value\":\"\"}]}",
                                       200, "{}")),
            WORDS("tag", ID1, "a=b=c", "d=")),
        CTL_OK);
    assert_string_equal(out, "tagged " ID1 "\n");
    /* The list knows ARNs, too; an ARN needs no question at all. */
    assert_int_equal(
        run(CALLS(ALL_THREE,
                  call("UntagResource",
                       "{\"resourceArn\":\"" ARN(ID3) "\",\"tagKeys\":[\"a\",\"d\"]}", 200, "{}")),
            WORDS("untag", "777777", "a", "d")),
        CTL_OK);
    assert_string_equal(out, "untagged " ID3 "\n");
    assert_int_equal(
        run(CALLS(call("TagResource", NULL, 200, "{}")), WORDS("tag", ARN(ID1), "a=b", "--json")),
        CTL_OK);
    assert_string_equal(out, "{}\n");
    assert_int_equal(
        run(CALLS(call("DescribeTunnel", NULL, 200, "{\"tunnel\":{\"tunnelId\":\"x\"}}")),
            WORDS("tag", ID1, "a=b")),
        CTL_FAILED);
    assert_has(err, "no ARN");
}

static void cuts(void **state)
{
    (void)state;
    assert_int_equal(run(CALLS(call("TunnelHub.CutKey", "{\"accessKeyId\":\"AKID\"}", 200,
                                    "{\"closedTunnels\":12}")),
                         WORDS("cut", "--key", "AKID")),
                     CTL_OK);
    assert_string_equal(out, "closed 12 tunnels of AKID\n");
    assert_int_equal(run(CALLS(call("TunnelHub.CutKey", NULL, 200, "{\"closedTunnels\":1}")),
                         WORDS("cut", "--key", "AKID", "--json")),
                     CTL_OK);
    assert_has(out, "\"closedTunnels\":\t1\n");
    assert_int_equal(run(NO_CALLS, WORDS("cut")), CTL_FAILED);
    assert_has(err, "which access key?");
    assert_int_equal(
        run(CALLS(call("TunnelHub.CutKey", NULL, 200, "{}")), WORDS("cut", "--key", "AKID")),
        CTL_FAILED);
    assert_has(err, "does not tell");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(closes),
        cmocka_unit_test(rotates),
        cmocka_unit_test(tags_and_untags),
        cmocka_unit_test(cuts),
    };
    return cmocka_run_group_tests(tests, begin, finish);
}
