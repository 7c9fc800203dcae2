/* tunnelctl open. */
#include "tests/unit/ctl_help.h"

/* ---- open ---- */

static void opens(void **state)
{
    (void)state;
    assert_int_equal(
        run(CALLS(call("OpenTunnel",
                       "{\"destinationConfig\":{\"services\":[\"SSH1\",\"HTTP1\"],\"thingName\":"
                       "\"plant7\"},\"description\":\"a \\\"pump\\\"\",\"timeoutConfig\":{"
                       "\"maxLifetimeTimeoutMinutes\":60},\"tags\":[{\"key\":\"team\",\"value\":"
                       "\"ops\"},{\"key\":\"site\",\"value\":\"\"}]}",
                       200, OPENED),
                  DESCRIBED(ID1)),
            WORDS("open", "--thing", "plant7", "--services", "SSH1, HTTP1", "--lifetime=60",
                  "--description", "a \"pump\"", "--tag", "team=ops", "--tag", "site=", "--ca",
                  "/tmp/my ca.pem")),
        CTL_OK);
    assert_string_equal(
        out,
        "Tunnel " ID1 " is open\n"
        "  ARN       " ARN(
            ID1) "\n"
                 "  thing     plant7\n"
                 "  services  SSH1, HTTP1\n"
                 "  until     2026-11-21 12:40 UTC\n"
                 "\n"
                 "On the device (another machine needs the hub's name for 127.0.0.1):\n"
                 "  AWSIOT_TUNNEL_ACCESS_TOKEN=DESTINATION \\\n"
                 "  tunnel-agent -e 127.0.0.1:8443 --ca '/tmp/my ca.pem' -d SSH1=PORT,HTTP1=PORT\n"
                 "\n"
                 "Here:\n"
                 "  AWSIOT_TUNNEL_ACCESS_TOKEN=SOURCE \\\n"
                 "  tunnel-gateway -e 127.0.0.1:8443 --ca '/tmp/my ca.pem'\n");
    assert_string_equal(err, "");
}

/* Who may open tunnels may be forbidden to describe them: then what was asked for is shown. */
static void opens_without_leave_to_describe(void **state)
{
    (void)state;
    assert_int_equal(
        run(CALLS(call("OpenTunnel",
                       "{\"destinationConfig\":{\"services\":[\"A\"]},\"timeoutConfig\":{"
                       "\"maxLifetimeTimeoutMinutes\":5}}",
                       200, OPENED),
                  call("DescribeTunnel", NULL, 403,
                       "{\"__type\":\"AccessDeniedException\",\"message\":\"no\"}")),
            WORDS("open", "--services", "A", "--lifetime", "5", "--data-endpoint", "hub.example",
                  "-k")),
        CTL_OK);
    assert_has(out, "  services  A\n  until     2026-11-21 11:45 UTC\n");
    assert_has(out, "On the device:\n");
    assert_has(out, "tunnel-agent -e hub.example -k -d A=PORT\n");
    assert_has_not(err, "AccessDenied");
}

static void opens_with_next_to_nothing(void **state)
{
    (void)state;
    assert_int_equal(
        run(CALLS(call("OpenTunnel", "{}", 200, OPENED), call("DescribeTunnel", NULL, 500, "?")),
            WORDS("open")),
        CTL_OK);
    assert_has(out, "  services  -\n\nOn the device");
    assert_has(out, "tunnel-agent -e 127.0.0.1:8443 -d PORT\n");
}

static void assert_private_file(const char *path, const char *content)
{
    struct stat st;
    char text[200];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(fstat(fd, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    read_back(fd, text, sizeof text);
    assert_string_equal(text, content);
}

static void opens_with_token_files(void **state)
{
    const char *source = file_in("source.token"), *destination = file_in("destination.token");
    (void)state;
    assert_int_equal(
        run(CALLS(call("OpenTunnel", NULL, 200, OPENED), DESCRIBED(ID1)),
            WORDS("open", "--source-token-file", source, "--destination-token-file", destination)),
        CTL_OK);
    assert_private_file(source, "SOURCE\n");
    assert_private_file(destination, "DESTINATION\n");
    assert_has_not(out, "SOURCE");
    assert_has_not(out, "DESTINATION");
    assert_has(out, "tunnel-gateway -e 127.0.0.1:8443 --token-file ");
    unlink(source);
    assert_int_equal(run(CALLS(call("OpenTunnel", NULL, 200, OPENED)),
                         WORDS("open", "--json", "--source-token-file", source)),
                     CTL_OK);
    cJSON *j = cJSON_Parse(out);
    assert_null(ctl_json_at(j, "sourceAccessToken"));
    assert_string_equal(ctl_json_text_at(j, "destinationAccessToken"), "DESTINATION");
    assert_string_equal(ctl_json_text_at(j, "tunnelArn"), ARN(ID1));
    cJSON_Delete(j);
    unlink(source);
    unlink(destination);
}

static void token_files_that_cannot_be(void **state)
{
    char text[600];
    (void)state;
    assert_int_equal(run(NO_CALLS, WORDS("open", "--source-token-file", "/nowhere/x")), CTL_FAILED);
    assert_has(err, "--source-token-file: cannot write to /nowhere/");
    assert_int_equal(run(NO_CALLS, WORDS("open", "--source-token-file", directory)), CTL_FAILED);
    assert_has(err, "is a directory");
    assert_int_equal(
        run(NO_CALLS, WORDS("open", "--source-token-file", "x", "--destination-token-file", "x")),
        CTL_FAILED);
    assert_has(err, "to one file");
    assert_int_equal(token_file_check("in-this-folder", text, sizeof text), ERR_OK);
    assert_int_equal(token_file_write("/nowhere/x", "t", text, sizeof text), ERR_NOT_FOUND);
    assert_has(text, "cannot write /nowhere/x");
}

/* What a slip would cost: somebody's key, or a device of the machine. */
static void token_files_that_are_something_else(void **state)
{
    static const char token[] = "AQGAAXkP2Jx0Bq3vLr8_cD-eF5gH6iJ7";
    const char *path = file_in("file");
    char text[600], longer[ACCESS_TOKEN_MAX + 10];
    const struct {
        const char *content;
        bool replaced;
    } cases[] = {
        {"", true},
        {"AQGAAXkP2Jx0Bq3vLr8_cD-eF5gH6iJ7\n", true},
        {"AQGAAXkP2Jx0Bq3vLr8_cD-eF5gH6iJ7\r\n", true},
        {"AQGAAXkP2Jx0Bq3vLr8_cD-eF5gH6iJ7", true},
        {"word\n", false},
        {"AQGAAXkP2Jx0Bq3vLr8_cD-eF5gH6iJ7\n\n", false},
        {"-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQ\n", false},
        {"[default]\naws_access_key_id = AKIAFIELDKEY00000001\n", false},
        {longer, false},
    };
    (void)state;
    memset(longer, 'a', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        put_file(path, cases[i].content);
        assert_int_equal(token_file_check(path, text, sizeof text),
                         cases[i].replaced ? ERR_OK : ERR_UNSUPPORTED);
        if (!cases[i].replaced)
            assert_has(text, "holds something else than an access token");
    }
    assert_int_equal(token_file_write(path, token, text, sizeof text), ERR_OK);
    assert_int_equal(token_file_check(path, text, sizeof text), ERR_OK);
    put_file(path, "keep me\n");
    assert_int_equal(run(NO_CALLS, WORDS("open", "--source-token-file", path)), CTL_FAILED);
    assert_has(err, "--source-token-file: ");
    assert_has(err, "is not overwritten");
    assert_int_equal(token_file_check("/dev/null", text, sizeof text), ERR_UNSUPPORTED);
    assert_has(text, "is no regular file");
    unlink(path);
}

/* A tunnel is closed again when its tokens cannot be printed. */
static void tokens_that_get_lost(void **state)
{
    struct ctl c = {.api = {.post = fake_post, .clock = fake_clock}};
    const struct step steps[] = {call("OpenTunnel", NULL, 200, OPENED),
                                 call("CloseTunnel", "{\"tunnelId\":\"" ID1 "\"}", 200, "{}")};
    char words[3][20] = {"tunnelctl", "open", "--json"}, *argv[] = {words[0], words[1], words[2]};
    int full = open("/dev/full", O_WRONLY | O_CLOEXEC), err_fd = new_file();
    (void)state;
    memset(&fake, 0, sizeof fake);
    fake.steps = steps;
    fake.n = 2;
    fflush(stdout);
    int old_out = swap(full, 1), old_err = swap(err_fd, 2);
    int code = ctl_main(&c, 3, argv);
    fflush(stdout);
    clearerr(stdout);
    swap_back(old_out, 1);
    swap_back(old_err, 2);
    close(full);
    read_back(err_fd, err, sizeof err);
    assert_string_equal(fake.problem, "");
    assert_int_equal(fake.at, 2);
    assert_int_equal(code, CTL_FAILED);
    assert_string_equal(err,
                        "tunnelctl: the answer could not be printed\ntunnelctl: the tunnel " ID1
                        ", whose tokens are lost, was closed again\n");
}

static void wrong_usage(void **state)
{
    static const struct {
        const char *words[6], *told;
    } cases[] = {
        {{"open", "--thing", "x"}, "a tunnel to a thing needs --services"},
        {{"open", "--services", ""}, "--services"},
        {{"open", "--services", "A,"}, "--services"},
        {{"open", "--services", "A,,B"}, "--services"},
        {{"open", "--services", "A B"}, "--services"},
        {{"open", "--lifetime", "0"}, "--lifetime"},
        {{"open", "--lifetime", "90s"}, "--lifetime"},
        {{"open", "--lifetime", "1 h"}, "--lifetime"},
        {{"open", "--lifetime", "3651d"}, "--lifetime"},
        {{"open", "--lifetime", "5256001"}, "--lifetime"},
        {{"open", "--tag", "x"}, "--tag \"x\" is not KEY=VALUE"},
        {{"open", "--tag", "=x"}, "--tag"},
        {{"open", "--services", "A", "--", "-v5"}, "--run-source"},
        {{"open", "--keep-open"}, "--run-source"},
        {{"open", "stray"}, "\"stray\" is one argument too many"},
        {{"open", "--data-endpoint", "https://x"}, "--data-endpoint"},
        {{"open", "--endpoint", "http://x"}, "is not https"},
        {{"list", "--region", "x y"}, "--region"},
        {{"list", "--nonsense"}, "--nonsense"},
        {{"close"}, "which tunnels?"},
        {{"describe"}, "which tunnel?"},
        {{"describe", ID1, ID2}, "one argument too many"},
        {{"rotate"}, "which tunnel?"},
        {{"tag", ID1}, "which tags?"},
        {{"tag", ID1, "a"}, "\"a\" is not KEY=VALUE"},
        {{"untag", ID1}, "which tags?"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *words[8] = {"tunnelctl"};
        size_t n = 1;
        for (; n < 7 && cases[i].words[n - 1] != NULL; n++)
            words[n] = cases[i].words[n - 1];
        assert_int_equal(run_words(NO_CALLS, n, words), CTL_FAILED);
        assert_string_equal(out, "");
        assert_has(err, cases[i].told);
        assert_has(err, "--help' for a list of options");
    }
}

static void overall_usage(void **state)
{
    (void)state;
    assert_int_equal(run(NO_CALLS, WORDS("--help")), CTL_OK);
    assert_has(out, "tunnelctl untag ");
    assert_int_equal(run_words(NO_CALLS, 1, (const char *const[]){"tunnelctl"}), CTL_FAILED);
    assert_has(err, "tunnelctl untag ");
    assert_int_equal(run(NO_CALLS, WORDS("new")), CTL_FAILED);
    assert_has(err, "there is no command \"new\"");
    assert_int_equal(run(NO_CALLS, WORDS("--config", "f", "list")), CTL_FAILED);
    assert_has(err, "options go behind the command: tunnelctl list ...\n");
    assert_int_equal(run(NO_CALLS, WORDS("--json")), CTL_FAILED);
    assert_has(err, "tunnelctl COMMAND ...\n");
    assert_int_equal(run(NO_CALLS, WORDS("--version")), CTL_OK);
    assert_string_equal(out, "tunnelctl " TUNNEL_VERSION "\n");
    assert_int_equal(run(NO_CALLS, WORDS("open", "--help")), CTL_OK);
    assert_has(out, "--run-source");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opens),
        cmocka_unit_test(opens_without_leave_to_describe),
        cmocka_unit_test(opens_with_next_to_nothing),
        cmocka_unit_test(opens_with_token_files),
        cmocka_unit_test(token_files_that_cannot_be),
        cmocka_unit_test(token_files_that_are_something_else),
        cmocka_unit_test(tokens_that_get_lost),
        cmocka_unit_test(wrong_usage),
        cmocka_unit_test(overall_usage),
    };
    return cmocka_run_group_tests(tests, begin, finish);
}
