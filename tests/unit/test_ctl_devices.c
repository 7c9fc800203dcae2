/* tunnelctl devices. */
#include "tests/unit/ctl_help.h"

#define PUMP                                                                                       \
    "{\"device\":\"pump-07\",\"state\":\"ENABLED\",\"present\":true,\"since\":1795261200,"         \
    "\"lastSeenAt\":1795264800,\"address\":\"192.0.2.1:4444\",\"version\":\"0.1.0\","              \
    "\"services\":[\"SSH1\",\"HTTP1\"],\"labels\":[{\"key\":\"site\",\"value\":\"7\"},"            \
    "{\"key\":\"old\",\"value\":\"\"}],\"accepting\":true,\"carrier\":\"device-link\",\"wire\":\"device link\"}"
#define PRESS                                                                                      \
    "{\"device\":\"press\",\"state\":\"PENDING\",\"present\":false,\"lastSeenAt\":1795264800,"     \
    "\"version\":\"\\u001b[2J\",\"services\":[],\"labels\":[],\"accepting\":false}"
#define DEVICES(items) "{\"devices\":[" items "]}"

/* ---- list ---- */

static void lists(void **state)
{
    (void)state;
    assert_int_equal(
        run(CALLS(call("TunnelHub.ListDevices", FIRST_PAGE, 200, DEVICES(PUMP AND PRESS))),
            WORDS("devices")),
        CTL_OK);
    assert_string_equal(err, "");
    assert_string_equal(
        out,
        "DEVICE   STATE    SINCE                 ADDRESS         WIRE         VERSION  SERVICES     "
        "LABELS\n"
        "pump-07  present  2026-11-21 11:40 UTC  192.0.2.1:4444  device link  0.1.0    SSH1, HTTP1  "
        "site=7, old=\n"
        "press    pending  2026-11-21 12:40 UTC  -               -            \\x1b[2J  -            "
        "-\n");
}

/* Of a cluster: devices that are connected to another of its nodes. */
static void lists_nodes(void **state)
{
    (void)state;
    assert_int_equal(
        run(CALLS(call("TunnelHub.ListDevices", FIRST_PAGE, 200,
                       DEVICES(PRESS AND "{\"device\":\"valve\",\"state\":\"ENABLED\","
                                         "\"present\":true,\"address\":\"192.0.2.2:1\","
                                         "\"services\":[],\"labels\":[],\"node\":\"hub-b\"}"))),
            WORDS("devices")),
        CTL_OK);
    assert_string_equal(
        out,
        "DEVICE  STATE    SINCE                 ADDRESS      WIRE  VERSION  SERVICES  LABELS  "
        "NODE\n"
        "press   pending  2026-11-21 12:40 UTC  -            -     \\x1b[2J  -         -       "
        "-\n"
        "valve   present  -                     192.0.2.2:1  -     -        -         -       "
        "hub-b\n");
}

static void lists_some(void **state)
{
    (void)state;
    assert_int_equal(
        run(CALLS(call("TunnelHub.ListDevices",
                       "{\"maxResults\":100,\"labels\":[{\"key\":\"site\",\"value\":\"7\"},"
                       "{\"key\":\"team\",\"value\":\"a=b\"}],\"presence\":\"AWAY\"}",
                       200, "{\"devices\":[" PRESS "],\"nextToken\":\"7072\"}"),
                  call("TunnelHub.ListDevices",
                       "{\"maxResults\":100,\"labels\":[{\"key\":\"site\",\"value\":\"7\"},"
                       "{\"key\":\"team\",\"value\":\"a=b\"}],\"presence\":\"AWAY\","
                       "\"nextToken\":\"7072\"}",
                       200, DEVICES(""))),
            WORDS("devices", "list", "--label", "site=7", "--label=team=a=b", "--away", "--json")),
        CTL_OK);
    cJSON *j = cJSON_Parse(out);
    assert_int_equal(cJSON_GetArraySize(ctl_json_at(j, "devices")), 1);
    cJSON_Delete(j);
    assert_int_equal(run(CALLS(call("TunnelHub.ListDevices", NULL, 200, DEVICES(""))),
                         WORDS("devices", "--present")),
                     CTL_OK);
    assert_string_equal(out, "No such devices.\n");
}

/* ---- show ---- */

static void shows(void **state)
{
    (void)state;
    assert_int_equal(
        run(CALLS(call("TunnelHub.DescribeDevice", "{\"device\":\"PUMP-07\"}", 200,
                       "{\"device\":{\"device\":\"pump-07\",\"state\":\"ENABLED\",\"present\":true,"
                       "\"since\":1795261200,\"address\":\"192.0.2.1:4444\",\"version\":\"0.1.0\","
                       "\"wire\":\"MQTT (AWS)\","
                       "\"services\":[\"SSH1\"],\"labels\":[],\"accepting\":false,"
                       "\"enrolledAt\":1795261200,\"invitationId\":\"i-1\",\"keyFingerprint\":"
                       "\"SHA256:x\",\"uptimeSeconds\":93784,\"tunnels\":[{\"tunnelId\":\"" ID1
                       "\",\"services\":[\"SSH1\"],\"sourceConnectionState\":{\"status\":"
                       "\"CONNECTED\"}}]}}")),
            WORDS("devices", "show", "PUMP-07")),
        CTL_OK);
    assert_string_equal(out, "Device pump-07\n"
                             "  state        not accepting\n"
                             "  since        2026-11-21 11:40 UTC\n"
                             "  address      192.0.2.1:4444\n"
                             "  wire         MQTT (AWS)\n"
                             "  version      0.1.0\n"
                             "  up           1 d 2 h 3 min\n"
                             "  services     SSH1\n"
                             "  labels       -\n"
                             "  enrolled     2026-11-21 11:40 UTC\n"
                             "  invitation   i-1\n"
                             "  key          SHA256:x\n"
                             "  tunnels      " ID1 "  SSH1  in use\n");
    assert_int_equal(
        run(CALLS(call("TunnelHub.DescribeDevice", NULL, 400,
                       "{\"__type\":\"ResourceNotFoundException\",\"message\":\"Device x does not "
                       "exist.\"}")),
            WORDS("devices", "show", "x")),
        CTL_FAILED);
    assert_has(err, "Device x does not exist; \"tunnelctl devices\" shows what there is");
    assert_int_equal(
        run(CALLS(call("TunnelHub.DeleteInvitation", NULL, 400,
                       "{\"__type\":\"ResourceNotFoundException\",\"message\":\"There is no such "
                       "invitation.\"}")),
            WORDS("devices", "uninvite", "x")),
        CTL_FAILED);
    assert_has(err, "invitation; \"tunnelctl devices invitations\" shows what there is");
}

/* ---- symmetric keys ---- */

#define KEYED(id)                                                                                  \
    "{\"device\":\"pump\",\"azureId\":\"" id "\",\"primaryKey\":\"AAAA\",\"secondaryKey\":\"BBBB\"}"

static void creates(void **state)
{
    (void)state;
    assert_int_equal(
        run(CALLS(call("TunnelHub.CreateDevice",
                       "{\"device\":\"pump\",\"azureId\":\"edge/pump\",\"labels\":[{\"key\":"
                       "\"site\",\"value\":\"7\"}]}",
                       200, KEYED("edge/pump"))),
            WORDS("devices", "create", "pump", "--azure-id", "edge/pump", "--labels", "site=7")),
        CTL_OK);
    assert_has(out, "Created pump; what follows is shown only now:\n");
    assert_has(out, ";DeviceId=edge;ModuleId=pump;SharedAccessKey=AAAA\n");
    assert_has(out, "  secondary  HostName=");
    const char *path = file_in("keys");
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(write(fd, "AAAA\r\nBBBB\n", 11), 11);
    close(fd);
    assert_int_equal(
        run(CALLS(call("TunnelHub.CreateDevice",
                       "{\"device\":\"pump\",\"primaryKey\":\"AAAA\",\"secondaryKey\":\"BBBB\"}",
                       200, KEYED("pump"))),
            WORDS("devices", "create", "pump", "--keys-file", path, "--json")),
        CTL_OK);
    fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
    close(fd);
    assert_int_equal(run(NO_CALLS, WORDS("devices", "create", "pump", "--keys-file", path)),
                     CTL_FAILED);
    assert_has(err, "has no two lines");
}

static void rotates_keys(void **state)
{
    (void)state;
    assert_int_equal(
        run(CALLS(call("TunnelHub.RotateDeviceKeys", "{\"device\":\"pump\",\"key\":\"PRIMARY\"}",
                       200, "{\"device\":\"pump\",\"azureId\":\"pump\",\"primaryKey\":\"AAAA\"}")),
            WORDS("devices", "keys", "pump", "--rotate", "primary")),
        CTL_OK);
    assert_has(out, "New keys of pump; what follows is shown only now:\n  primary    HostName=");
    assert_has(out, ";DeviceId=pump;SharedAccessKey=AAAA\n");
    assert_has_not(out, "secondary");
    assert_int_equal(
        run(CALLS(call("TunnelHub.RotateDeviceKeys", "{\"device\":\"pump\"}", 200,
                       "{\"device\":\"pump\",\"azureId\":\"pu\\nmp\",\"primaryKey\":\"A\"}")),
            WORDS("devices", "keys", "pump")),
        CTL_FAILED);
    assert_has(err, "the hub's answer has no azureId");
    assert_int_equal(run(NO_CALLS, WORDS("devices", "keys", "pump", "--rotate", "all")),
                     CTL_FAILED);
    assert_has(err, "is primary, secondary or both");
}

/* ---- invitations ---- */

#define TOKEN "join_abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
#define INVITED "{\"invitationId\":\"i-1\",\"joinToken\":\"" TOKEN "\",\"expiresAt\":1795264800}"

static void invites(void **state)
{
    (void)state;
    assert_int_equal(
        run(CALLS(call("TunnelHub.CreateInvitation",
                       "{\"names\":[\"plant7-*\",\"press\"],\"labels\":[{\"key\":\"site\","
                       "\"value\":\"7\"},{\"key\":\"x\",\"value\":\"\"}],\"uses\":500,"
                       "\"lifetimeMinutes\":1440,\"approve\":true}",
                       200, INVITED)),
            WORDS("devices", "invite", "--names", "plant7-*, press", "--labels",
                  "site=7,x=", "--uses", "500", "--lifetime", "24h", "--approve")),
        CTL_OK);
    assert_has(out, "Invitation i-1, until 2026-11-21 12:40 UTC.\n" TOKEN "\n");
    assert_int_equal(
        run(CALLS(call("TunnelHub.CreateInvitation",
                       "{\"names\":[\"*\"],\"uses\":1,\"lifetimeMinutes\":1440}", 200, INVITED)),
            WORDS("devices", "invite", "--names=*", "--json")),
        CTL_OK);
    assert_has(out, TOKEN);
}

static void keeps_the_token_in_a_file(void **state)
{
    char text[100] = "";
    (void)state;
    const char *path = file_in("join");
    assert_int_equal(run(CALLS(call("TunnelHub.CreateInvitation", NULL, 200, INVITED)),
                         WORDS("devices", "invite", "--names", "*", "--token-file", path)),
                     CTL_OK);
    assert_has_not(out, TOKEN);
    assert_has(out, "The join token is in ");
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_int_equal(read(fd, text, sizeof text - 1), (ssize_t)strlen(TOKEN) + 1);
    close(fd);
    assert_string_equal(text, TOKEN "\n");
    put_file(path, "-----BEGIN PRIVATE KEY-----\nx\n");
    assert_int_equal(
        run(NO_CALLS, WORDS("devices", "invite", "--names", "*", "--token-file", path)),
        CTL_FAILED);
    assert_has(err, "holds something else than an access token");
}

static void lists_invitations(void **state)
{
    (void)state;
    assert_int_equal(
        run(CALLS(call("TunnelHub.ListInvitations", "{}", 200,
                       "{\"invitations\":[{\"invitationId\":\"i-1\",\"names\":[\"plant7-*\"],"
                       "\"labels\":[{\"key\":\"site\",\"value\":\"7\"}],\"uses\":500,\"used\":3,"
                       "\"createdAt\":1795261200,\"expiresAt\":1795264800,\"createdBy\":\"OPS\","
                       "\"approve\":true}]}")),
            WORDS("devices", "invitations")),
        CTL_OK);
    assert_string_equal(out,
                        "ID   NAMES     USED      UNTIL                 APPROVE  LABELS  BY\n"
                        "i-1  plant7-*  3 of 500  2026-11-21 12:40 UTC  yes      site=7  OPS\n");
    assert_int_equal(
        run(CALLS(call("TunnelHub.DeleteInvitation", "{\"invitationId\":\"i-1\"}", 200, "{}")),
            WORDS("devices", "uninvite", "i-1")),
        CTL_OK);
    assert_string_equal(out, "withdrawn i-1\n");
}

/* ---- changes ---- */

static void changes(void **state)
{
    (void)state;
    static const struct {
        const char *word, *operation, *input, *says;
    } cases[] = {
        {"approve", "TunnelHub.UpdateDevice", "{\"device\":\"a\",\"state\":\"ENABLED\"}",
         "approved a\n"},
        {"enable", "TunnelHub.UpdateDevice", "{\"device\":\"a\",\"state\":\"ENABLED\"}",
         "enabled a\n"},
        {"disable", "TunnelHub.UpdateDevice", "{\"device\":\"a\",\"state\":\"DISABLED\"}",
         "disabled a\n"},
        {"reset", "TunnelHub.ResetDevice", "{\"device\":\"a\"}", "reset a\n"},
        {"remove", "TunnelHub.DeleteDevice", "{\"device\":\"a\"}", "removed a\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(run(CALLS(call(cases[i].operation, cases[i].input, 200, "{}")),
                             WORDS("devices", cases[i].word, "a")),
                         CTL_OK);
        assert_string_equal(out, cases[i].says);
    }
}

/* The others are changed all the same. */
static void goes_on_after_a_failure(void **state)
{
    (void)state;
    assert_int_equal(
        run(CALLS(call("TunnelHub.DeleteDevice", "{\"device\":\"a\"}", 400,
                       "{\"__type\":\"ResourceNotFoundException\",\"message\":\"no a\"}"),
                  call("TunnelHub.DeleteDevice", "{\"device\":\"b\"}", 200, "{}")),
            WORDS("devices", "remove", "a", "b")),
        CTL_FAILED);
    assert_string_equal(out, "removed b\n");
    assert_has(err, "no a");
}

static void labels(void **state)
{
    (void)state;
    assert_int_equal(
        run(CALLS(call("TunnelHub.UpdateDevice",
                       "{\"device\":\"a\",\"labels\":[{\"key\":\"site\",\"value\":"
                       "\"8\"}],\"removeLabels\":[\"x\",\"y\"]}",
                       200, "{}")),
            WORDS("devices", "label", "a", "site=8", "--remove-label", "x", "--remove-label", "y")),
        CTL_OK);
    assert_string_equal(out, "labelled a\n");
}

static void usage_errors(void **state)
{
    (void)state;
    static const struct {
        const char *words[4], *says;
    } cases[] = {
        {{"shwo", NULL}, "there is no \"devices shwo\"; did you mean show?"},
        {{"show", NULL}, "tunnelctl devices: say which: tunnelctl devices show NAME"},
        {{"list", "x", NULL}, "tunnelctl devices: \"devices list\" takes no names"},
        {{"invite", NULL}, "which names?"},
        {{"invite", "--names= ,", NULL}, "which names?"},
        {{"invite", "--names=*", "--labels=x", NULL}, "--labels \"x\" is not KEY=VALUE"},
        {{"invite", "--names=*", "--uses=0", NULL}, "--uses"},
        {{"invite", "--names=*", "--lifetime=90s", NULL}, "is not whole minutes"},
        {{"label", "a", NULL}, "which labels?"},
        {{"label", "a", "b", NULL}, "\"b\" is not KEY=VALUE"},
        {{"--away", "--present", NULL}, "a device cannot be both"},
        {{"--label=x", NULL}, "is not KEY=VALUE"},
        {{"approve", NULL}, "tunnelctl devices approve NAME..."},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *words[6] = {"tunnelctl", "devices"};
        size_t n = 2;
        for (size_t k = 0; cases[i].words[k] != NULL; k++)
            words[n++] = cases[i].words[k];
        assert_int_equal(run_words(NULL, 0, n, words), CTL_FAILED);
        assert_has(err, cases[i].says);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists),
        cmocka_unit_test(lists_nodes),
        cmocka_unit_test(lists_some),
        cmocka_unit_test(shows),
        cmocka_unit_test(creates),
        cmocka_unit_test(rotates_keys),
        cmocka_unit_test(invites),
        cmocka_unit_test(keeps_the_token_in_a_file),
        cmocka_unit_test(lists_invitations),
        cmocka_unit_test(changes),
        cmocka_unit_test(goes_on_after_a_failure),
        cmocka_unit_test(labels),
        cmocka_unit_test(usage_errors),
    };
    return cmocka_run_group_tests(tests, begin, finish);
}
