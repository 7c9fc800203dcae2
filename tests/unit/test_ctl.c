/* tunnelctl's commands, with a service that only exists here: what is asked of it, what is printed,
 * what is told when it fails. And the parts that need no service at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/http/http.h"
#include "gateway/ctl/ctl.h"
#include "gateway/ctl/gateway_process.h"
#include "gateway/ctl/print.h"
#include "gateway/ctl/tag.h"
#include "gateway/ctl/token_file.h"
#include "gateway/ctl/token_output.h"
#include "gateway/ctl/tunnel_selector.h"

#include "core/config/hub_config.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOW_MS 1795261200000 /* 2026-11-21 11:40 UTC */
#define ID1 "b2de92a3-b8ff-46c0-b0f2-afa28b00cecd"
#define ID2 "b2de92a3-0000-46c0-b0f2-afa28b00cecd"
#define ID3 "77777777-b8ff-46c0-b0f2-afa28b00cecd"
#define ARN(id) "arn:aws:iot:us-east-1:000000000000:tunnel/" id
#define SUMMARY(id, status, description)                                                           \
    "{\"tunnelId\":\"" id "\",\"tunnelArn\":\"" ARN(id) "\",\"status\":\"" status                  \
                                                        "\",\"description\":\"" description        \
                                                        "\",\"createdAt\":1795261200.5}"
#define LIST(summaries) "{\"tunnelSummaries\":[" summaries "]}"
#define AND ","
#define FIRST_PAGE "{\"maxResults\":100}"

static char directory[64];

/* ---- a service that expects certain calls ---- */

struct step {
    const char *operation, *input; /* input NULL: any */
    int status;                    /* 0: why and answer say why it cannot be reached */
    const char *answer;
    enum err why;
    const char *error; /* X-Amzn-ErrorType */
};

static struct step call(const char *operation, const char *input, int status, const char *answer)
{
    return (struct step){
        .operation = operation, .input = input, .status = status, .answer = answer};
}

static struct step lost(const char *operation, enum err why, const char *text)
{
    return (struct step){.operation = operation, .why = why, .answer = text};
}

static struct {
    const struct step *steps;
    size_t n, at;
    char problem[2000]; /* what was not as expected */
    char host[100], authorization[1000], path[100];
    enum sigv4_verdict verdict; /* of the last request with "secret" */
} fake;

static void wrong(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void wrong(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    if (fake.problem[0] == '\0')
        vsnprintf(fake.problem, sizeof fake.problem, format, args);
    va_end(args);
}

static void keep(char *to, size_t size, struct span s)
{
    snprintf(to, size, "%.*s", (int)s.n, s.n > 0 ? s.p : "");
}

static void look_at(const struct http_head *head, struct span body, const struct step *step)
{
    struct span target = http_header(head, "X-Amz-Target");
    struct sigv4_auth auth;
    char name[100];
    snprintf(name, sizeof name, "IoTSecuredTunneling.%s", step->operation);
    if (!span_is(target, name))
        wrong("call %zu is %.*s, not %s", fake.at, (int)target.n, target.p, name);
    else if (step->input != NULL && !span_is(body, step->input))
        wrong("%s with %.*s, not %s", step->operation, (int)body.n, body.p, step->input);
    if (!span_is(head->method, "POST") || head->content_length != (int64_t)body.n ||
        !span_is(http_header(head, "content-type"), "application/x-amz-json-1.1"))
        wrong("%s: the head is not as it should be", step->operation);
    keep(fake.host, sizeof fake.host, http_header(head, "host"));
    keep(fake.path, sizeof fake.path, head->target);
    keep(fake.authorization, sizeof fake.authorization, http_header(head, "authorization"));
    fake.verdict = sigv4_parse(head, &auth);
    if (fake.verdict == SIGV4_OK)
        fake.verdict = sigv4_verify(&auth, head, body, span_of("secret"), NOW_MS);
}

/* Twice would be two tunnels, or tokens that nobody is told. */
static bool is_for_once(const struct http_head *head)
{
    struct span target = http_header(head, "x-amz-target");
    return span_is(target, "IoTSecuredTunneling.OpenTunnel") ||
           span_is(target, "IoTSecuredTunneling.RotateTunnelAccessToken");
}

static enum err fake_post(void *carrier, const struct call_request *r, struct call_answer *answer,
                          char *text, size_t size)
{
    struct span request = r->bytes;
    struct http_reader *reader = http_reader_new(HTTP_REQUEST, 32768);
    (void)carrier;
    *answer = (struct call_answer){.body.limit = CALL_ANSWER_MAX};
    long used = http_reader_feed(reader, (const uint8_t *)request.p, request.n);
    if (used < 0 || http_reader_head(reader) == NULL || fake.at == fake.n) {
        wrong(fake.at == fake.n ? "one call too many: %.*s" : "not a request: %.*s", (int)request.n,
              request.p);
        http_reader_free(reader);
        return ERR_INTERNAL;
    }
    if (r->repeatable == is_for_once(http_reader_head(reader)))
        wrong("repeatable: %d", r->repeatable);
    const struct step *step = &fake.steps[fake.at++];
    look_at(http_reader_head(reader), (struct span){request.p + used, request.n - (size_t)used},
            step);
    http_reader_free(reader);
    if (step->status == 0) {
        snprintf(text, size, "%s", step->answer);
        return step->why;
    }
    answer->status = step->status;
    snprintf(answer->error, sizeof answer->error, "%s", step->error != NULL ? step->error : "");
    buf_append(&answer->body, step->answer, strlen(step->answer));
    return ERR_OK;
}

static int64_t fake_clock(void)
{
    return NOW_MS;
}

/* ---- running commands ---- */

static char out[100000], err[20000];

static void read_back(int fd, char *text, size_t size)
{
    ssize_t n = pread(fd, text, size - 1, 0);
    text[n > 0 ? n : 0] = '\0';
    close(fd);
}

static int swap(int fd, int to)
{
    int old = dup(to);
    dup2(fd, to);
    return old;
}

static void swap_back(int old, int to)
{
    dup2(old, to);
    close(old);
}

static int new_file(void)
{
    char path[100];
    snprintf(path, sizeof path, "%s/out-XXXXXX", directory);
    int fd = mkostemp(path, O_CLOEXEC);
    assert_true(fd >= 0);
    unlink(path);
    return fd;
}

/* Runs tunnelctl with these words (they are copied: secrets are overwritten in argv). */
static int run_words(const struct step *steps, size_t n, size_t argc, const char *const *words)
{
    struct ctl c = {.api = {.post = fake_post, .clock = fake_clock}};
    char *argv[40] = {NULL}, copies[40][300];
    int out_fd = new_file(), err_fd = new_file();
    memset(&fake, 0, sizeof fake);
    fake.steps = steps;
    fake.n = n;
    for (size_t i = 0; i < argc; i++) {
        snprintf(copies[i], sizeof copies[i], "%s", words[i]);
        argv[i] = copies[i];
    }
    fflush(stdout);
    int old_out = swap(out_fd, 1), old_err = swap(err_fd, 2);
    int code = ctl_main(&c, (int)argc, argv);
    fflush(stdout);
    swap_back(old_out, 1);
    swap_back(old_err, 2);
    read_back(out_fd, out, sizeof out);
    read_back(err_fd, err, sizeof err);
    assert_string_equal(fake.problem, "");
    assert_int_equal(fake.at, n);
    return code;
}

#define NO_CALLS NULL, 0
#define CALLS(...)                                                                                 \
    ((const struct step[]){__VA_ARGS__}),                                                          \
        (sizeof((const struct step[]){__VA_ARGS__}) / sizeof(struct step))
#define WORDS(...)                                                                                 \
    (sizeof((const char *const[]){"tunnelctl", __VA_ARGS__}) / sizeof(char *)),                    \
        ((const char *const[]){"tunnelctl", __VA_ARGS__})
#define run(calls, words) run_words(calls, words)

static void assert_has(const char *text, const char *part)
{
    if (strstr(text, part) == NULL) {
        print_error("have \"%s\"\nwant \"%s\" in it\n", text, part);
        fail();
    }
}

static void assert_has_not(const char *text, const char *part)
{
    if (strstr(text, part) != NULL) {
        print_error("have \"%s\"\nwant no \"%s\" in it\n", text, part);
        fail();
    }
}

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

#define DETAILS(id)                                                                                \
    "{\"tunnel\":{\"tunnelId\":\"" id "\",\"tunnelArn\":\"" ARN(                                   \
        id) "\",\"status\":\"OPEN\",\"destinationConfig\":{\"thingName\":\"plant7\","              \
            "\"services\":[\"SSH1\",\"HTTP1\"]},\"timeoutConfig\":{"                               \
            "\"maxLifetimeTimeoutMinutes\":60},\"createdAt\":1795261200,"                          \
            "\"lastUpdatedAt\":1795261260,\"tags\":[{\"key\":\"team\",\"value\":\"ops\"},"         \
            "{\"key\":\"site\",\"value\":\"\"}],\"sourceConnectionState\":{\"status\":"            \
            "\"DISCONNECTED\"},\"destinationConnectionState\":{\"status\":\"CONNECTED\","          \
            "\"lastUpdatedAt\":1795261260}}}"

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

#define ALL_THREE                                                                                  \
    call("ListTunnels", FIRST_PAGE, 200,                                                           \
         LIST(SUMMARY(ID1, "OPEN", "") AND SUMMARY(ID2, "CLOSED", "")                              \
                  AND SUMMARY(ID3, "CLOSED", "")))
#define DESCRIBED(id) call("DescribeTunnel", "{\"tunnelId\":\"" id "\"}", 200, DETAILS(id))

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

/* ---- open ---- */

#define OPENED                                                                                     \
    "{\"tunnelId\":\"" ID1 "\",\"tunnelArn\":\"" ARN(                                              \
        ID1) "\",\"sourceAccessToken\":\"SOURCE\",\"destinationAccessToken\":\"DESTINATION\"}"

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

static const char *file_in(const char *name)
{
    static char paths[4][200];
    static unsigned turn;
    char *path = paths[turn++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", directory, name);
    return path;
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

static void put_file(const char *path, const char *content)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(content, f) >= 0);
    assert_int_equal(fclose(f), 0);
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

static void set_keys(bool on)
{
    if (on) {
        setenv("AWS_ACCESS_KEY_ID", "AKIDTEST", 1);
        setenv("AWS_SECRET_ACCESS_KEY", "secret", 1);
    } else {
        unsetenv("AWS_ACCESS_KEY_ID");
        unsetenv("AWS_SECRET_ACCESS_KEY");
        unsetenv("AWS_SESSION_TOKEN");
    }
}

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

/* ---- the gateway ---- */

static const char gateway_script[] = "#!/bin/sh\n"
                                     "echo \"args: $*\"\n"
                                     "env | grep -E '^AWS' | sort\n"
                                     "[ -z \"$GATEWAY_SIGNAL\" ] || kill -$GATEWAY_SIGNAL $$\n"
                                     "exit ${GATEWAY_CODE:-7}\n";

static void make_gateway(void)
{
    char path[300];
    int fd = open(file_in("tunnel-gateway"), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
    assert_true(write(fd, gateway_script, sizeof gateway_script - 1) > 0);
    close(fd);
    snprintf(path, sizeof path, "%s:/usr/bin:/bin", directory);
    setenv("PATH", path, 1);
}

#define CLOSED call("CloseTunnel", "{\"tunnelId\":\"" ID1 "\"}", 200, "{}")

static void runs_the_gateway(void **state)
{
    (void)state;
    set_keys(true);
    setenv("AWSIOT_TUNNEL_ACCESS_TOKEN", "stale", 1);
    setenv("AWSIOT_TUNNEL_REGION", "eu-central-1", 1);
    int code = run(CALLS(call("OpenTunnel", NULL, 200, OPENED), DESCRIBED(ID1), CLOSED),
                   WORDS("open", "--services", "A", "--ca", "/ca.pem", "--run-source", "--",
                         "--listen", "/tmp/x y"));
    unsetenv("AWSIOT_TUNNEL_ACCESS_TOKEN");
    unsetenv("AWSIOT_TUNNEL_REGION");
    set_keys(false);
    assert_int_equal(code, 7);
    assert_has(out, "On the device");
    assert_has_not(out, "Here:");
    assert_has(out, "\nargs: --ca /ca.pem --listen /tmp/x y\n"
                    "AWSIOT_TUNNEL_ACCESS_TOKEN=SOURCE\n"
                    "AWSIOT_TUNNEL_ENDPOINT=127.0.0.1:8443\n");
    assert_has_not(out, "stale");
    assert_has_not(out, "AWS_SECRET_ACCESS_KEY");
    assert_has(err, "the gateway has ended, the tunnel " ID1 " is closed\n");
}

static void a_gateway_that_is_killed(void **state)
{
    (void)state;
    setenv("GATEWAY_SIGNAL", "KILL", 1);
    int code =
        run(CALLS(call("OpenTunnel", NULL, 200, OPENED),
                  call("CloseTunnel", NULL, 400, "{\"__type\":\"ResourceNotFoundException\"}")),
            WORDS("open", "--run-source", "--json", "-k"));
    unsetenv("GATEWAY_SIGNAL");
    assert_int_equal(code, 128 + 9);
    assert_has(out, "args: -k\n");
    assert_has_not(out, "sourceAccessToken");
    assert_has(err, "is closed\n");
}

/* Its tunnel belongs to somebody else now. */
static void a_gateway_whose_token_was_replaced(void **state)
{
    (void)state;
    setenv("GATEWAY_CODE", "3", 1);
    int code = run(CALLS(call("OpenTunnel", NULL, 200, OPENED), DESCRIBED(ID1)),
                   WORDS("open", "--run-source"));
    unsetenv("GATEWAY_CODE");
    assert_int_equal(code, GATEWAY_TOKEN_REPLACED);
    assert_has(err,
               "its source token was replaced by someone else; the tunnel " ID1 " stays open\n");
}

static void a_tunnel_that_cannot_be_closed(void **state)
{
    (void)state;
    assert_int_equal(run(CALLS(call("OpenTunnel", NULL, 200, OPENED), DESCRIBED(ID1),
                               lost("CloseTunnel", ERR_TIMEOUT, "timed out")),
                         WORDS("open", "--run-source")),
                     7);
    assert_has(err, "the tunnel " ID1 " could not be closed: cannot reach 127.0.0.1:8443");
}

static void no_gateway(void **state)
{
    (void)state;
    unlink(file_in("tunnel-gateway"));
    setenv("PATH", directory, 1);
    int code = run(CALLS(call("OpenTunnel", NULL, 200, OPENED), DESCRIBED(ID1), CLOSED),
                   WORDS("open", "--run-source"));
    assert_int_equal(code, CTL_FAILED);
    assert_has(err, "cannot run tunnel-gateway: no such file");
    code = run(CALLS(call("OpenTunnel", NULL, 200, OPENED), DESCRIBED(ID1), CLOSED),
               WORDS("open", "--run-source", "--keep-open"));
    assert_int_equal(code, CTL_FAILED);
    assert_has(err, "cannot run tunnel-gateway: No such file");
    make_gateway();
}

/* The gateway takes this program's place: in a child, so that the tests stay. */
static void becomes_the_gateway(void **state)
{
    struct ctl c = {.api = {.post = fake_post, .clock = fake_clock}};
    const struct step steps[] = {call("OpenTunnel", NULL, 200, OPENED), DESCRIBED(ID1)};
    char words[4][20] = {"tunnelctl", "open", "--run-source", "--keep-open"};
    char *argv[] = {words[0], words[1], words[2], words[3]};
    int fd = new_file(), status;
    (void)state;
    memset(&fake, 0, sizeof fake);
    fake.steps = steps;
    fake.n = 2;
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        dup2(fd, 1);
        ctl_main(&c, 4, argv);
        _exit(99);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 7);
    read_back(fd, out, sizeof out);
    assert_has(out, "On the device");
    assert_has(out, "AWSIOT_TUNNEL_ACCESS_TOKEN=SOURCE\n");
}

/* SIGTERM to tunnelctl goes on to the gateway; its end is waited for. */
static void signals_are_passed_on(void **state)
{
    struct gateway_process_options o = {.program = "/bin/sh", .token = "t", .endpoint = "h:1"};
    char script[] = "trap 'exit 7' TERM; kill -TERM $PPID; while :; do sleep 0.01; done";
    char flag[] = "-c", *args[] = {flag, script};
    char text[200] = "";
    int code = -1;
    struct loop *loop = loop_new();
    (void)state;
    o.args = args;
    o.n_args = 2;
    assert_int_equal(gateway_process_run(loop, &o, &code, text, sizeof text), ERR_OK);
    assert_int_equal(code, 7);
    loop_free(loop);
}

static void finds_the_gateway(void **state)
{
    char self[4096], small[4], memory[4096];
    (void)state;
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    assert_true(n > 0);
    self[n] = '\0';
    assert_string_equal(gateway_process_find(small, sizeof small), "tunnel-gateway");
    strcpy(strrchr(self, '/') + 1, "tunnel-gateway");
    assert_string_equal(gateway_process_find(memory, sizeof memory),
                        access(self, X_OK) == 0 ? self : "tunnel-gateway");
}

/* ---- */

static int begin(void **state)
{
    static const char *const cleared[] = {"AWS_ACCESS_KEY_ID",
                                          "AWS_SECRET_ACCESS_KEY",
                                          "AWS_SESSION_TOKEN",
                                          "AWS_PROFILE",
                                          "AWS_CA_BUNDLE",
                                          "AWS_REGION",
                                          "AWS_DEFAULT_REGION",
                                          "AWS_CONFIG_FILE",
                                          "AWS_SHARED_CREDENTIALS_FILE",
                                          "TUNNEL_ENDPOINT",
                                          "AWSIOT_TUNNEL_ACCESS_TOKEN",
                                          "AWSIOT_TUNNEL_ENDPOINT"};
    (void)state;
    strcpy(directory, "/tmp/ctl-test-XXXXXX");
    if (mkdtemp(directory) == NULL)
        return -1;
    for (size_t i = 0; i < sizeof cleared / sizeof *cleared; i++)
        unsetenv(cleared[i]);
    setenv("HOME", directory, 1);
    make_gateway();
    return 0;
}

static int finish(void **state)
{
    (void)state;
    unlink(file_in("tunnel-gateway"));
    return rmdir(directory);
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
        cmocka_unit_test(lists),
        cmocka_unit_test(list_pages_become_one),
        cmocka_unit_test(an_empty_list),
        cmocka_unit_test(a_list_with_details),
        cmocka_unit_test(describes),
        cmocka_unit_test(answers_with_nothing_in_them),
        cmocka_unit_test(names_that_fit),
        cmocka_unit_test(names_that_do_not_fit),
        cmocka_unit_test(opens),
        cmocka_unit_test(opens_without_leave_to_describe),
        cmocka_unit_test(opens_with_next_to_nothing),
        cmocka_unit_test(opens_with_token_files),
        cmocka_unit_test(token_files_that_cannot_be),
        cmocka_unit_test(token_files_that_are_something_else),
        cmocka_unit_test(tokens_that_get_lost),
        cmocka_unit_test(wrong_usage),
        cmocka_unit_test(overall_usage),
        cmocka_unit_test(closes),
        cmocka_unit_test(rotates),
        cmocka_unit_test(tags_and_untags),
        cmocka_unit_test(errors_of_the_service),
        cmocka_unit_test(nobody_there),
        cmocka_unit_test(signs),
        cmocka_unit_test(no_keys),
        cmocka_unit_test(keys_from_a_profile),
        cmocka_unit_test(keys_from_elsewhere),
        cmocka_unit_test(the_endpoint_in_the_environment),
        cmocka_unit_test(runs_the_gateway),
        cmocka_unit_test(a_gateway_that_is_killed),
        cmocka_unit_test(a_gateway_whose_token_was_replaced),
        cmocka_unit_test(a_tunnel_that_cannot_be_closed),
        cmocka_unit_test(no_gateway),
        cmocka_unit_test(becomes_the_gateway),
        cmocka_unit_test(signals_are_passed_on),
        cmocka_unit_test(finds_the_gateway),
    };
    return cmocka_run_group_tests(tests, begin, finish);
}
