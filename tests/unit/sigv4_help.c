#include "tests/unit/sigv4_help.h"

const struct request open_tunnel = {
    .target = "/",
    .lines = {{"Host", "127.0.0.1:18765"},
              {"Accept-Encoding", "identity"},
              {"X-Amz-Target", "IoTSecuredTunneling.OpenTunnel"},
              {"Content-Type", "application/x-amz-json-1.1"},
              {"X-Amz-Date", "20261120T204350Z"},
              {"Authorization", SCHEME CREDENTIAL ", " SIGNED ", " SIGNATURE}},
    .body = "{\"description\": \"hello\", \"tags\": [{\"key\": \"a\", \"value\": \"b\"}], "
            "\"destinationConfig\": {\"thingName\": \"dev1\", \"services\": [\"SSH\", \"HTTP\"]}, "
            "\"timeoutConfig\": {\"maxLifetimeTimeoutMinutes\": 60}}",
    .now = NOW,
};

const struct request with_token = {
    .target = "/x//y/../z",
    .lines = {{"Host", "localhost:28765"},
              {"Accept-Encoding", "identity"},
              {"X-Amz-Target", "IoTSecuredTunneling.ListTunnels"},
              {"Content-Type", "application/x-amz-json-1.1"},
              {"X-Amz-Date", "20261121T023158Z"},
              {"X-Amz-Security-Token", "Fwo+/=session"},
              {"Authorization", SCHEME
               "Credential=AKIDEXAMPLE/20261121/us-east-1/IoTSecuredTunneling/aws4_request, "
               "SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;"
               "x-amz-target, "
               "Signature=57eed42685d9671181911382ee83dfec6a15d688192fa2bbfc3c89dcb0f68718"}},
    .body = "{\"maxResults\": 2}",
    .now = 1795228318000,
};

static struct http_reader *read_text(const char *text, size_t n)
{
    struct http_reader *r = http_reader_new(HTTP_REQUEST, 16384);
    assert_non_null(r);
    assert_int_equal(http_reader_feed(r, (const uint8_t *)text, n), n);
    assert_non_null(http_reader_head(r));
    return r;
}

struct http_reader *head_of(const struct request *r)
{
    char text[4096];
    int n = snprintf(text, sizeof text, "POST %s HTTP/1.1\r\n", r->target);
    for (size_t i = 0; i < MAX_LINES && r->lines[i].name != NULL; i++)
        n += snprintf(text + n, sizeof text - (size_t)n, "%s: %s\r\n", r->lines[i].name,
                      r->lines[i].value);
    n += snprintf(text + n, sizeof text - (size_t)n, "\r\n");
    assert_in_range(n, 1, sizeof text - 1);
    return read_text(text, (size_t)n);
}

enum sigv4_verdict check_secret(const struct request *r, const char *key)
{
    struct sigv4_auth auth;
    struct http_reader *reader = head_of(r);
    const struct http_head *head = http_reader_head(reader);
    enum sigv4_verdict v = sigv4_parse(head, &auth);
    if (v == SIGV4_OK)
        v = sigv4_verify(&auth, head, span_of(r->body), span_of(key), r->now);
    http_reader_free(reader);
    return v;
}

enum sigv4_verdict check(const struct request *r)
{
    return check_secret(r, SECRET);
}

enum sigv4_verdict check_authorization(const char *value)
{
    struct request r = open_tunnel;
    r.lines[AUTHORIZATION].value = value;
    return check(&r);
}

void add(struct request *r, const char *name, const char *value)
{
    size_t n = 0;
    while (r->lines[n].name != NULL)
        n++;
    assert_in_range(n, 0, MAX_LINES - 1);
    r->lines[n] = (struct line){name, value};
}
