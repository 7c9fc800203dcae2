/* Requests of Azure's service programs, and the errors that they are answered with. */
#include "gateway/hub/azure/azure_request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct http_reader *reader;

static const struct http_head *head_of(const char *line, const char *headers)
{
    char text[4096];
    http_reader_free(reader);
    reader = http_reader_new(HTTP_REQUEST, sizeof text);
    int n = snprintf(text, sizeof text, "%s HTTP/1.1\r\nHost: hub\r\n%s\r\n", line, headers);
    assert_int_equal(http_reader_feed(reader, (uint8_t *)text, (size_t)n), n);
    return http_reader_head(reader);
}

static struct azure_request read_line(const char *line, const char *headers)
{
    const struct http_head *head = head_of(line, headers);
    assert_true(azure_wants(head));
    return azure_request_read(head);
}

static int end(void **state)
{
    (void)state;
    http_reader_free(reader);
    reader = NULL;
    return 0;
}

/* What azure-iothub 1.10.0-preview.0 sends. */
static void test_node(void **state)
{
    char resource[AZURE_RESOURCE_SIZE];
    (void)state;
    struct azure_request r =
        read_line("POST /twins/dev1/streams/TestStream?api-version=2018-10-20-preview",
                  "iothub-streaming-connect-timeout-in-seconds: 30\r\n"
                  "iothub-streaming-response-timeout-in-seconds: 20\r\nContent-Length: 0\r\n");
    assert_int_equal(r.error, AZURE_NONE);
    assert_int_equal(r.kind, AZURE_STREAM);
    assert_string_equal(r.azure_id, "dev1");
    assert_string_equal(r.stream, "TestStream");
    assert_string_equal(r.version, "2018-10-20-preview");
    assert_int_equal(r.connect_ms, 30000);
    assert_int_equal(r.response_ms, 20000);
    azure_request_resource(&r, resource);
    assert_string_equal(resource, "/twins/dev1/streams/TestStream");
    assert_true(azure_may_wait(head_of("POST /twins/x", "")));
    assert_false(azure_may_wait(head_of("GET /devicestreams", "")));
}

static void test_forms(void **state)
{
    char resource[AZURE_RESOURCE_SIZE];
    (void)state;
    struct azure_request r = read_line("POST /twins/a%23b%25%2B/modules/m%2e1/streams/SSH1", "");
    assert_int_equal(r.error, AZURE_NONE);
    assert_string_equal(r.azure_id, "a#b%+/m.1");
    assert_string_equal(r.version, "");
    assert_int_equal(r.connect_ms, 0);
    assert_int_equal(r.response_ms, AZURE_HANDSHAKE_MS);
    azure_request_resource(&r, resource);
    assert_string_equal(resource, "/twins/a#b%+/modules/m.1/streams/SSH1");
    r = read_line("POST /twins/d/streams/S?x=y&api-version=2020%2d09-30",
                  "iothub-streaming-connect-timeout-in-seconds: 600\r\n");
    assert_int_equal(r.error, AZURE_NONE);
    assert_string_equal(r.version, "2020-09-30");
    assert_int_equal(r.connect_ms, AZURE_HANDSHAKE_MS);
    r = read_line("GET /devicestreams?api-version=1", "");
    assert_int_equal(r.kind, AZURE_ENDPOINTS);
    assert_int_equal(r.error, AZURE_NONE);
    assert_false(azure_wants(head_of("GET /twins", "")));
    assert_false(azure_wants(head_of("GET /devicestreams/", "")));
    assert_false(azure_wants(head_of("GET /tunnel?/twins/x", "")));
}

static void test_wrong(void **state)
{
    static const struct {
        const char *line, *headers, *words;
    } cases[] = {
        {"GET /twins/d/streams/S", "", "with POST"},
        {"POST /devicestreams", "", "with GET"},
        {"POST /twins/d", "", "none of this service"},
        {"POST /twins/d/stream/S", "", "none of this service"},
        {"POST /twins/d/streams/S/more", "", "none of this service"},
        {"POST /twins/d/modules/m", "", "none of this service"},
        {"POST /twins//streams/S", "", "names no device"},
        {"POST /twins/a%2fb/streams/S", "", "names no device"},
        {"POST /twins/a%00b/streams/S", "", "names no device"},
        {"POST /twins/a%20b/streams/S", "", "names no device"},
        {"POST /twins/d/modules//streams/S", "", "names no device"},
        {"POST /twins/d/streams/", "", "names no stream"},
        {"POST /twins/d/streams/a%2fb", "", "names no stream"},
        {"POST /twins/d/streams/%23", "", "names no stream"},
        {"POST /twins/d/streams/%2B", "", "names no stream"},
        {"POST /twins/d/streams/S", "iothub-streaming-connect-timeout-in-seconds: x\r\n",
         "time-out"},
        {"POST /twins/d/streams/S", "iothub-streaming-connect-timeout-in-seconds: -1\r\n",
         "time-out"},
        {"POST /twins/d/streams/S", "iothub-streaming-response-timeout-in-seconds: 601\r\n",
         "time-out"},
        {"POST /twins/d/streams/S",
         "iothub-streaming-response-timeout-in-seconds: 1\r\n"
         "iothub-streaming-response-timeout-in-seconds: 1\r\n",
         "time-out"},
    };
    char path[400];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct azure_request r = read_line(cases[i].line, cases[i].headers);
        if (r.error != AZURE_ARGUMENT || strstr(r.problem, cases[i].words) == NULL)
            fail_msg("%s: %s", cases[i].line, r.problem != NULL ? r.problem : "accepted");
    }
    snprintf(path, sizeof path, "POST /twins/%0129d/streams/S", 0);
    assert_int_equal(read_line(path, "").error, AZURE_ARGUMENT);
    snprintf(path, sizeof path, "POST /twins/%0128d/streams/S", 0);
    assert_int_equal(read_line(path, "").error, AZURE_NONE);
    snprintf(path, sizeof path, "POST /twins/d/streams/%0129d", 0);
    assert_int_equal(read_line(path, "").error, AZURE_ARGUMENT);
}

static void test_errors(void **state)
{
    struct json_writer w = {.bytes.limit = 4096};
    (void)state;
    azure_error_write(&w, AZURE_DEVICE_OFFLINE, NULL, "0d3b", 1581385007456);
    assert_true(span_is((struct span){(const char *)w.bytes.data, w.bytes.size},
                        "{\"Message\":\"ErrorCode:DeviceNotOnline;Timed out waiting for device to "
                        "connect.\",\"ExceptionMessage\":\"Tracking ID:0d3b-TimeStamp:02/11/2020 "
                        "01:36:47\"}"));
    buf_free(&w.bytes);
    assert_int_equal(azure_error_status(AZURE_THROTTLED), 429);
    assert_string_equal(azure_error_code(AZURE_UNAUTHORIZED), "IotHubUnauthorizedAccess");
    assert_int_equal(azure_error_of_status(413), AZURE_TOO_LARGE);
    assert_int_equal(azure_error_of_status(431), AZURE_TOO_LARGE);
    assert_int_equal(azure_error_of_status(400), AZURE_ARGUMENT);
    assert_int_equal(azure_error_of_status(505), AZURE_SERVER);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, NULL, end)
    const struct CMUnitTest tests[] = {
        TEST(test_node),
        TEST(test_forms),
        TEST(test_wrong),
        TEST(test_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
