/* tunnelctl: endpoints, keys, what people read, and failures. */
#include "tests/unit/ctl_help.h"

/* ---- endpoints ---- */

static void endpoints(void **state)
{
    static const struct {
        const char *text, *host, *path, *name, *data;
        int port;
    } cases[] = {
        {"hub.example", "hub.example", "/", "hub.example", "hub.example:443", 443},
        {"Hub.Example:8443", "hub.example", "/", "hub.example:8443", "hub.example:8443", 8443},
        {"https://hub.example", "hub.example", "/", "hub.example", "hub.example:443", 443},
        {"HTTPS://hub.example:8443/", "hub.example", "/", "hub.example:8443", "hub.example:8443",
         8443},
        {"hub.example:8443/", "hub.example", "/", "hub.example:8443", "hub.example:8443", 8443},
        {"https://h/aws/x", "h", "/aws/x", "h", "h:443", 443},
        {"https://[::1]:8443", "::1", "/", "[::1]:8443", "[::1]:8443", 8443},
        {"[::1]", "::1", "/", "[::1]", "[::1]:443", 443},
        {"https://api.tunneling.iot.eu-central-1.amazonaws.com",
         "api.tunneling.iot.eu-central-1.amazonaws.com", "/",
         "api.tunneling.iot.eu-central-1.amazonaws.com",
         "data.tunneling.iot.eu-central-1.amazonaws.com:443", 443},
        {"api.tunneling.iot.cn-north-1.amazonaws.com.cn",
         "api.tunneling.iot.cn-north-1.amazonaws.com.cn", "/",
         "api.tunneling.iot.cn-north-1.amazonaws.com.cn",
         "data.tunneling.iot.cn-north-1.amazonaws.com.cn:443", 443},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct api_url e;
        char problem[200] = "", name[API_URL_NAME];
        assert_int_equal(api_url_read(cases[i].text, &e, problem, sizeof problem), ERR_OK);
        assert_string_equal(e.host, cases[i].host);
        assert_int_equal(e.port, cases[i].port);
        assert_string_equal(e.path, cases[i].path);
        assert_string_equal(api_url_name(&e, name), cases[i].name);
        assert_string_equal(api_url_data_host(&e, name), cases[i].data);
        api_url_free(&e);
    }
}

static void bad_endpoints(void **state)
{
    struct api_url other;
    char words[200] = "";
    assert_int_equal(api_url_read("wss://h:8443", &other, words, sizeof words), ERR_USAGE);
    assert_non_null(strstr(words, "is no https:// URL"));
    api_url_free(&other);
    static const char *const cases[] = {
        "",
        "http://hub.example",
        "https://",
        "https://h?x",
        "https://h/?x",
        "https://h/#",
        "https://h/a b",
        "ftp://h",
        "wss://h",
        "h/x",
        "https://u:p@h",
        "h:0",
        "h:65536",
        "https://h:",
        "https://[::1",
        "https:///x",
        "h\r\nX: y",
        "https://h/\r\nX: y",
        "https://h/\x7f",
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct api_url e;
        char problem[200] = "";
        assert_int_equal(api_url_read(cases[i], &e, problem, sizeof problem), ERR_USAGE);
        assert_true(problem[0] != '\0');
        api_url_free(&e);
    }
}

static void loopback_and_region(void **state)
{
    static const struct {
        const char *text, *region;
        bool loopback;
    } cases[] = {
        {"localhost:1", "", true},
        {"127.0.0.1", "", true},
        {"127.9.9.9", "", true},
        {"[::1]", "", true},
        {"app.localhost", "", true},
        {"localhost.example", "", false},
        {"127.evil.example", "", false},
        {"tunnel_hub:8443", "", false},
        {"10.0.0.1", "", false},
        {"api.tunneling.iot.us-west-2.amazonaws.com", "us-west-2", false},
        {"api.tunneling.iot.us-west-2.example.com", "", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct api_url e;
        char problem[200];
        assert_int_equal(api_url_read(cases[i].text, &e, problem, sizeof problem), ERR_OK);
        assert_int_equal(api_url_is_loopback(&e), cases[i].loopback);
        assert_true(span_is(api_url_region(&e), cases[i].region));
        api_url_free(&e);
    }
}

/* ---- what people read ---- */

static void times(void **state)
{
    char text[32];
    (void)state;
    assert_string_equal(print_time(1795261200.9, text), "2026-11-21 11:40 UTC");
    assert_string_equal(print_time(0, text), "-");
    assert_string_equal(print_time(-5, text), "-");
    assert_string_equal(print_time(1e300, text), "-");
}

static void safe_texts(void **state)
{
    char text[40];
    (void)state;
    assert_string_equal(print_safe(NULL, 0, text, sizeof text), "-");
    assert_string_equal(print_safe("", 0, text, sizeof text), "-");
    assert_string_equal(print_safe("a\x1b[2J\n\x7f", 0, text, sizeof text), "a\\x1b[2J\\x0a\\x7f");
    assert_string_equal(print_safe("caf\xc3\xa9 \xc2\x9b", 0, text, sizeof text),
                        "caf\xc3\xa9 \\xc2\\x9b");
    assert_string_equal(print_safe("1234567890", 10, text, sizeof text), "1234567890");
    assert_string_equal(print_safe("12345678901", 10, text, sizeof text), "1234567...");
    assert_string_equal(
        print_safe("\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9", 4, text, sizeof text),
        "\xc3\xa9...");
    assert_string_equal(print_safe("123456789012345678901234567890", 0, text, 12), "12345678...");
    assert_string_equal(print_safe("\x80\xff\xc2", 0, text, sizeof text), "\\x80\\xff\\xc2");
}

static void tags_as_text(void **state)
{
    (void)state;
    assert_true(tag_is("a=b"));
    assert_true(tag_is("a="));
    assert_false(tag_is("a"));
    assert_false(tag_is("=b"));
    cJSON *tag = tag_json("a=b=c");
    assert_string_equal(ctl_json_text_at(tag, "key"), "a");
    assert_string_equal(ctl_json_text_at(tag, "value"), "b=c");
    cJSON_Delete(tag);
}

static void json_chains(void **state)
{
    (void)state;
    assert_null(ctl_json_put(NULL, "a", cJSON_CreateTrue()));
    assert_null(ctl_json_put(cJSON_CreateObject(), "a", NULL));
    assert_null(ctl_json_push(cJSON_CreateArray(), NULL));
    assert_null(ctl_json_push(NULL, cJSON_CreateTrue()));
    cJSON *j = cJSON_Parse("{\"a\":{\"b\":\"c\",\"n\":7}}");
    assert_string_equal(ctl_json_text_at(j, "a.b"), "c");
    assert_null(ctl_json_text_at(j, "a.n"));
    assert_null(ctl_json_text_at(j, "a.b.c"));
    assert_null(ctl_json_at(j, "x.y"));
    assert_true(ctl_json_number_at(j, "a.n") > 6.9);
    ctl_json_wipe(j);
    ctl_json_wipe(NULL);
}

/* ---- failures ---- */

static void errors_of_the_service(void **state)
{
    static const struct {
        int status;
        const char *answer, *error, *told;
    } cases[] = {
        {403, "{\"__type\":\"UnrecognizedClientException\",\"message\":\"Unknown key.\"}", NULL,
         "tunnelctl: UnrecognizedClientException: Unknown key; check the access key "
         "(AWS_ACCESS_KEY_ID or --profile); or --unsigned, when the hub runs with "
         "--allow-unsigned-loopback\n"},
        {403, "{\"__type\":\"InvalidSignatureException\",\"message\":\"x\"}", NULL, "secret key"},
        {403,
         "{\"__type\":\"InvalidSignatureException\",\"message\":\"No match. It was calculated with "
         "the Host header \\\"127.0.0.1:8443\\\".\"}",
         NULL, "secret key"},
        {403,
         "{\"__type\":\"InvalidSignatureException\",\"message\":\"No match. It was calculated with "
         "the Host header \\\"backend:1\\\".\"}",
         NULL, "\"backend:1\"; a proxy on the way changed the header Host, which is signed"},
        {400, "{\"__type\":\"com.amazonaws.iot#LimitExceededException\",\"Message\":\"full\"}",
         NULL, "tunnelctl: LimitExceededException: full\n"},
        {500, "", "InternalServerException:http://internal.amazon.com/x",
         "tunnelctl: InternalServerException: no reason was given; the hub's log says more"},
        {400, "{\"__type\":\"NewException\",\"message\":\"two\\nlines\\u001b\"}", NULL,
         "tunnelctl: NewException: two lines\\x1b\n"},
        {403, "{\"__type\":\"MissingAuthenticationTokenException\",\"message\":\"m\"}", NULL,
         "--allow-unsigned-loopback"},
        {400, "{\"__type\":\"RequestExpired\",\"message\":\"m\"}", NULL, "clock"},
        {404, "<html>", NULL, "127.0.0.1:8443 answers HTTP 404 (Not Found), and not as a hub's"},
        {200, "<html>", NULL, "answers HTTP 200 (OK), and not as a hub's"},
        {200, "[]", NULL, "answers HTTP 200"},
        {200, "", NULL, "answers HTTP 200"},
        {302, "{}", NULL, "answers HTTP 302"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct step step = {.operation = "ListTunnels",
                                  .status = cases[i].status,
                                  .answer = cases[i].answer,
                                  .error = cases[i].error};
        assert_int_equal(run_words(&step, 1, WORDS("list", "--short")), CTL_FAILED);
        assert_string_equal(out, "");
        assert_has(err, cases[i].told);
    }
}

static void nobody_there(void **state)
{
    static const struct {
        enum err why;
        const char *text, *told;
    } cases[] = {
        {ERR_REFUSED, "connection refused",
         "tunnelctl: cannot reach 127.0.0.1:8443: connection refused; is the hub running there?"},
        {ERR_TLS_UNTRUSTED, "untrusted", "--ca FILE"},
        {ERR_TLS_NAME, "certificate is for x", "--endpoint"},
        {ERR_TLS_EXPIRED, "expired", "clock"},
        {ERR_RESOLVE, "name does not resolve", "TUNNEL_ENDPOINT"},
        {ERR_EOF, "it hung up without an answer",
         "tunnelctl: cannot reach 127.0.0.1:8443: it hung up without an answer\n"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct step step = {
            .operation = "ListTunnels", .answer = cases[i].text, .why = cases[i].why};
        assert_int_equal(run_words(&step, 1, WORDS("list", "--short")), CTL_UNREACHABLE);
        assert_string_equal(out, "");
        assert_has(err, cases[i].told);
    }
}

/* ---- keys ---- */

static void signs(void **state)
{
    const struct step step = call("ListTunnels", NULL, 200, LIST(""));
    (void)state;
    set_keys(true);
    int code = run_words(&step, 1,
                         WORDS("list", "--short", "--region", "eu-central-1", "--endpoint",
                               "https://hub.example:9443/"));
    setenv("AWS_SESSION_TOKEN", "session", 1);
    assert_int_equal(code, CTL_OK);
    assert_int_equal(fake.verdict, SIGV4_OK);
    assert_string_equal(fake.host, "hub.example:9443");
    assert_has(fake.authorization,
               "Credential=AKIDTEST/20261121/eu-central-1/IoTSecuredTunneling/");
    code = run_words(&step, 1, WORDS("list", "--short", "--endpoint", "hub.example"));
    assert_int_equal(code, CTL_OK);
    assert_int_equal(fake.verdict, SIGV4_OK);
    assert_has(fake.authorization, "x-amz-security-token");
    assert_has(fake.authorization, "/us-east-1/");
    assert_int_equal(run_words(&step, 1,
                               WORDS("list", "--short", "--endpoint",
                                     "api.tunneling.iot.us-west-2.amazonaws.com")),
                     CTL_OK);
    assert_has(fake.authorization, "/us-west-2/");
    assert_int_equal(run_words(&step, 1, WORDS("list", "--short", "--endpoint", "https://h/aws/x")),
                     CTL_OK);
    assert_string_equal(fake.path, "/aws/x");
    assert_int_equal(fake.verdict, SIGV4_OK);
    assert_int_equal(
        run_words(&step, 1, WORDS("list", "--short", "--unsigned", "--endpoint", "hub.example")),
        CTL_OK);
    assert_int_equal(fake.verdict, SIGV4_MISSING);
    set_keys(false);
}

static void no_keys(void **state)
{
    const struct step step = call("ListTunnels", NULL, 200, LIST(""));
    (void)state;
    assert_int_equal(run_words(&step, 1, WORDS("list", "--short", "--endpoint", "[::1]:8443")),
                     CTL_OK);
    assert_int_equal(fake.verdict, SIGV4_MISSING);
    assert_int_equal(run(NO_CALLS, WORDS("list", "--short", "--endpoint", "hub.example")),
                     CTL_FAILED);
    assert_has(err, "no access key was found: set AWS_ACCESS_KEY_ID");
    assert_int_equal(run(NO_CALLS, WORDS("list", "--short", "--profile", "nobody")), CTL_FAILED);
    assert_has(err, "nobody");
}

/* A profile that only the AWS tools can use is named as such: where it was asked for, also towards
 * a hub on this machine, which might take what is not signed. */
static void keys_from_elsewhere(void **state)
{
    const char *path = file_in("elsewhere");
    const struct step step = call("ListTunnels", NULL, 200, LIST(""));
    (void)state;
    put_file(path, "[default]\nsso_session = s\n[dev]\ncredential_process = /bin/keys\n");
    setenv("AWS_SHARED_CREDENTIALS_FILE", path, 1);
    assert_int_equal(run(NO_CALLS, WORDS("list", "--profile", "dev")), CTL_FAILED);
    assert_has(err, "running a program (credential_process)");
    assert_has(err, "aws configure export-credentials --profile 'dev'");
    assert_int_equal(run_words(&step, 1, WORDS("list", "--short", "--endpoint", "[::1]:8443")),
                     CTL_OK);
    assert_int_equal(fake.verdict, SIGV4_MISSING);
    assert_int_equal(run(NO_CALLS, WORDS("list", "--endpoint", "hub.example")), CTL_FAILED);
    assert_has(err, "IAM Identity Center (sso_session)");
    unsetenv("AWS_SHARED_CREDENTIALS_FILE");
    unlink(path);
}

static void keys_from_a_profile(void **state)
{
    const struct step step = call("ListTunnels", NULL, 200, LIST(""));
    FILE *f = fopen(file_in("credentials"), "w");
    (void)state;
    fputs("[plant]\naws_access_key_id = AKIDPLANT\naws_secret_access_key = secret\n", f);
    fclose(f);
    setenv("AWS_SHARED_CREDENTIALS_FILE", file_in("credentials"), 1);
    int code = run_words(&step, 1, WORDS("list", "--short", "--profile", "plant"));
    unsetenv("AWS_SHARED_CREDENTIALS_FILE");
    unlink(file_in("credentials"));
    assert_int_equal(code, CTL_OK);
    assert_int_equal(fake.verdict, SIGV4_OK);
    assert_has(fake.authorization, "Credential=AKIDPLANT/");
}

static void the_endpoint_in_the_environment(void **state)
{
    const struct step step = call("ListTunnels", NULL, 200, LIST(""));
    (void)state;
    setenv("TUNNEL_ENDPOINT", "localhost:9999", 1);
    int code = run_words(&step, 1, WORDS("list", "--short"));
    unsetenv("TUNNEL_ENDPOINT");
    assert_int_equal(code, CTL_OK);
    assert_string_equal(fake.host, "localhost:9999");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(endpoints),
        cmocka_unit_test(bad_endpoints),
        cmocka_unit_test(loopback_and_region),
        cmocka_unit_test(times),
        cmocka_unit_test(safe_texts),
        cmocka_unit_test(tags_as_text),
        cmocka_unit_test(json_chains),
        cmocka_unit_test(errors_of_the_service),
        cmocka_unit_test(nobody_there),
        cmocka_unit_test(signs),
        cmocka_unit_test(no_keys),
        cmocka_unit_test(keys_from_a_profile),
        cmocka_unit_test(keys_from_elsewhere),
        cmocka_unit_test(the_endpoint_in_the_environment),
    };
    return cmocka_run_group_tests(tests, begin, finish);
}
