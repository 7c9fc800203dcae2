/* The hub's rules for requests: share/doc/protocol.md case by case, through the real HTTP reader.
 */
#include "gateway/hub/relay/request.h"

#include "core/tunnel/frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define UPGRADE                                                                                    \
    "Host: hub\r\nUpgrade: websocket\r\nConnection: upgrade\r\n"                                   \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
#define V3 "Sec-WebSocket-Protocol: aws.iot.securetunneling-3.0\r\n"
#define TOKEN "access-token: secret\r\n"
#define SOURCE "/tunnel?local-proxy-mode=source"
#define CLIENT32 "0123456789abcdefABCDEF-123456789"

struct parsed {
    struct http_reader *reader;
    struct request request;
};

/* step: bytes fed at once; 0: all. */
static struct parsed parse(const char *text, size_t step)
{
    struct parsed p = {.reader = http_reader_new(HTTP_REQUEST, REQUEST_MAX)};
    size_t n = strlen(text), at = 0;
    assert_non_null(p.reader);
    while (at < n) {
        size_t piece = step == 0 || step > n - at ? n - at : step;
        long taken = http_reader_feed(p.reader, (const uint8_t *)text + at, piece);
        assert_true(taken > 0);
        at += (size_t)taken;
    }
    assert_non_null(http_reader_head(p.reader));
    p.request = request_check(http_reader_head(p.reader));
    return p;
}

static char *compose(const char *target, const char *headers)
{
    static char text[REQUEST_MAX];
    int n = snprintf(text, sizeof text, "GET %s HTTP/1.1\r\n%s\r\n", target, headers);
    assert_true(n > 0 && (size_t)n < sizeof text);
    return text;
}

static void accepts(const char *target, const char *headers, enum side side, const char *token,
                    const char *protocol)
{
    for (size_t step = 0; step < 3; step++) {
        struct parsed p = parse(compose(target, headers), step);
        assert_int_equal(p.request.kind, REQUEST_TUNNEL);
        assert_int_equal(p.request.side, side);
        assert_true(span_is(p.request.token, token));
        assert_string_equal(p.request.protocol, protocol);
        assert_int_equal(p.request.version, protocol[strlen(protocol) - 3] - '0');
        assert_true(span_is(p.request.key, "dGhlIHNhbXBsZSBub25jZQ=="));
        http_reader_free(p.reader);
    }
}

static void device_accepted(const char *headers, const char *host)
{
    struct parsed p = parse(compose("/device", headers), 0);
    assert_int_equal(p.request.kind, REQUEST_DEVICE);
    assert_string_equal(p.request.protocol, "tunnel.device-1");
    assert_true(span_is(p.request.host, host));
    assert_true(span_is(p.request.key, "dGhlIHNhbXBsZSBub25jZQ=="));
    http_reader_free(p.reader);
}

static void refuses(const char *target, const char *headers, int status, const char *words)
{
    struct parsed p = parse(compose(target, headers), 0);
    assert_int_equal(p.request.kind, REQUEST_REFUSED);
    assert_int_equal(p.request.status, status);
    assert_non_null(p.request.text);
    if (strstr(p.request.text, words) == NULL)
        fail_msg("\"%s\" lacks \"%s\"", p.request.text, words);
    http_reader_free(p.reader);
}

static void test_accepted(void **state)
{
    (void)state;
    accepts(SOURCE, UPGRADE V3 TOKEN, SIDE_SOURCE, "secret", "aws.iot.securetunneling-3.0");
    accepts("/tunnel?local-proxy-mode=destination", UPGRADE V3 TOKEN, SIDE_DESTINATION, "secret",
            "aws.iot.securetunneling-3.0");
    accepts("/tunnel?other=1&local-proxy-mode=source", UPGRADE V3 TOKEN, SIDE_SOURCE, "secret",
            "aws.iot.securetunneling-3.0");
    /* header names in any case */
    accepts(SOURCE, UPGRADE V3 "ACCESS-Token: secret\r\n", SIDE_SOURCE, "secret",
            "aws.iot.securetunneling-3.0");
    /* browsers */
    accepts(SOURCE, UPGRADE V3 "Cookie: a=b; awsiot-tunnel-token=s3=; c\r\n", SIDE_SOURCE,
            "s3=", "aws.iot.securetunneling-3.0");
}

/* What localproxy 3.3.1 and the CRT client send. */
static void test_real_clients(void **state)
{
    (void)state;
    accepts(SOURCE,
            "Host: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: upgrade\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Protocol: aws.iot.securetunneling-3.0\r\naccess-token: T\r\n"
            "User-Agent: localproxy linux 64-bit/boost-1.81.0/openssl-3.0.0/protobuf-3.21.12\r\n",
            SIDE_SOURCE, "T", "aws.iot.securetunneling-3.0");
    struct parsed p = parse(compose(SOURCE, UPGRADE V3 TOKEN "client-token: " CLIENT32 "\r\n"), 0);
    assert_int_equal(p.request.kind, REQUEST_TUNNEL);
    assert_true(span_is(p.request.client_token, CLIENT32));
    http_reader_free(p.reader);
}

static void test_subprotocols(void **state)
{
    (void)state;
    static const struct {
        const char *line, *chosen;
    } cases[] = {
        {"Sec-WebSocket-Protocol: aws.iot.securetunneling-1.0\r\n", "aws.iot.securetunneling-1.0"},
        {"Sec-WebSocket-Protocol: aws.iot.securedtunneling-1.0\r\n",
         "aws.iot.securedtunneling-1.0"},
        {"Sec-WebSocket-Protocol: aws.iot.securetunneling-2.0\r\n", "aws.iot.securetunneling-2.0"},
        {"Sec-WebSocket-Protocol: aws.iot.securetunneling-1.0, aws.iot.securetunneling-3.0\r\n",
         "aws.iot.securetunneling-3.0"},
        {"Sec-WebSocket-Protocol: x,aws.iot.securetunneling-2.0 , y\r\n",
         "aws.iot.securetunneling-2.0"},
        {"Sec-WebSocket-Protocol: aws.iot.securetunneling-1.0\r\n"
         "Sec-WebSocket-Protocol: aws.iot.securetunneling-2.0\r\n",
         "aws.iot.securetunneling-2.0"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char headers[1024];
        snprintf(headers, sizeof headers, UPGRADE TOKEN "%s", cases[i].line);
        accepts(SOURCE, headers, SIDE_SOURCE, "secret", cases[i].chosen);
    }
    refuses(SOURCE, UPGRADE TOKEN, 400, "subprotocol");
    refuses(SOURCE, UPGRADE TOKEN "Sec-WebSocket-Protocol: other\r\n", 400, "subprotocol");
    refuses(SOURCE, UPGRADE TOKEN "Sec-WebSocket-Protocol: AWS.iot.securetunneling-3.0\r\n", 400,
            "subprotocol");
    refuses(SOURCE, UPGRADE TOKEN "Sec-WebSocket-Protocol: aws.iot.securetunneling-3.0x\r\n", 400,
            "subprotocol");
}

static void test_native(void **state)
{
    (void)state;
    static const char offer[] =
        "Sec-WebSocket-Protocol: tunnel.native-1, aws.iot.securetunneling-3.0\r\n";
    static const struct {
        const char *line;
        bool right;
    } cases[] = {
        {"tunnel-instance: AAAAAAAAAAAAAAAAAAAA-_\r\n", true},
        {"", false},
        {"tunnel-instance: AAAAAAAAAAAAAAAAAAAA-\r\n", false},
        {"tunnel-instance: AAAAAAAAAAAAAAAAAAAA-_A\r\n", false},
        {"tunnel-instance: AAAAAAAAAAAAAAAAAAAA-=\r\n", false},
        {"tunnel-instance: AAAAAAAAAAAAAAAAAAAA-_\r\ntunnel-instance: AAAAAAAAAAAAAAAAAAAA-_\r\n",
         false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char headers[1024];
        snprintf(headers, sizeof headers, UPGRADE TOKEN "%s%s", offer, cases[i].line);
        if (!cases[i].right) {
            refuses(SOURCE, headers, 400, "tunnel-instance");
            continue;
        }
        struct parsed p = parse(compose(SOURCE, headers), 0);
        assert_int_equal(p.request.kind, REQUEST_TUNNEL);
        assert_string_equal(p.request.protocol, FRAME_NATIVE_PROTOCOL);
        assert_int_equal(p.request.version, 3);
        assert_true(span_is(p.request.instance, "AAAAAAAAAAAAAAAAAAAA-_"));
        http_reader_free(p.reader);
    }
    struct parsed p = parse(compose(SOURCE, UPGRADE V3 TOKEN "tunnel-instance: x\r\n"), 0);
    assert_int_equal(p.request.kind, REQUEST_TUNNEL);
    assert_int_equal(p.request.instance.n, 0); /* of no interest */
    http_reader_free(p.reader);
}

static void test_mode(void **state)
{
    (void)state;
    static const struct {
        const char *target, *words;
    } cases[] = {
        {"/tunnel", "is missing"},
        {"/tunnel?", "is missing"},
        {"/tunnel?x=1", "exactly once"},
        {"/tunnel?local-proxy-mode", "must be source or destination"},
        {"/tunnel?local-proxy-mode=", "must be source or destination"},
        {"/tunnel?local-proxy-mode=src", "must be source or destination"},
        {"/tunnel?local-proxy-mode=Source", "must be source or destination"},
        {"/tunnel?local-proxy-mode=sourc%65", "must be source or destination"},
        {"/tunnel?local-proxy-mode=source&local-proxy-mode=source", "exactly once"},
        {"/tunnel?local-proxy-mode=source&local-proxy-mode=destination", "exactly once"},
        {"/tunnel?local-proxy-mode=source&", "malformed"},
        {"/tunnel?&local-proxy-mode=source", "malformed"},
        {"/tunnel?local%2Dproxy-mode=source", "malformed"},
        {"/tunnel?LOCAL-proxy-mode=source", "exactly once"},
        {"/tunnel?local-proxy-mode=source#x", "must be source or destination"},
        {"/tunnel?local-proxy-mode=source?", "must be source or destination"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        refuses(cases[i].target, UPGRADE V3 TOKEN, 400, cases[i].words);
}

static void test_tokens(void **state)
{
    (void)state;
    refuses(SOURCE, UPGRADE V3, 400, "none was sent");
    refuses(SOURCE, UPGRADE V3 "access-token:\r\n", 400, "empty");
    refuses(SOURCE, UPGRADE V3 TOKEN TOKEN, 400, "more than one");
    refuses(SOURCE, UPGRADE V3 TOKEN "Cookie: awsiot-tunnel-token=secret\r\n", 400,
            "more than one");
    refuses(SOURCE, UPGRADE V3 "Cookie: awsiot-tunnel-token=a; awsiot-tunnel-token=a\r\n", 400,
            "more than one");
    refuses(SOURCE, UPGRADE V3 "Cookie: awsiot-tunnel-token=a\r\nCookie: awsiot-tunnel-token=b\r\n",
            400, "more than one");
    refuses(SOURCE, UPGRADE V3 "Cookie: xawsiot-tunnel-token=a; awsiot-tunnel-tokenx=b\r\n", 400,
            "none was sent");
    refuses(SOURCE, UPGRADE V3 "Cookie: awsiot-tunnel-token\r\n", 400, "empty");
}

static void test_client_tokens(void **state)
{
    (void)state;
    char headers[1024], token[CLIENT_TOKEN_MAX + 2];
    memset(token, 'a', sizeof token - 1);
    token[sizeof token - 1] = '\0';
    snprintf(headers, sizeof headers, UPGRADE V3 TOKEN "client-token: %s\r\n", token);
    refuses(SOURCE, headers, 400, "32 to 128"); /* 129 */
    snprintf(headers, sizeof headers, UPGRADE V3 TOKEN "client-token: %s\r\n", token + 1);
    accepts(SOURCE, headers, SIDE_SOURCE, "secret", "aws.iot.securetunneling-3.0");
    refuses(SOURCE, UPGRADE V3 TOKEN "client-token: 0123456789012345678901234567890\r\n", 400,
            "32 to 128"); /* 31 */
    refuses(SOURCE, UPGRADE V3 TOKEN "client-token: \r\n", 400, "32 to 128");
    refuses(SOURCE, UPGRADE V3 TOKEN "client-token: 0123456789012345678901234567890_\r\n", 400,
            "32 to 128");
    refuses(SOURCE, UPGRADE V3 TOKEN "client-token: " CLIENT32 "\r\nclient-token: " CLIENT32 "\r\n",
            400, "more than one");
}

static void refuses_text(const char *text, int status)
{
    struct parsed p = parse(text, 0);
    assert_int_equal(p.request.kind, REQUEST_REFUSED);
    assert_int_equal(p.request.status, status);
    http_reader_free(p.reader);
}

static void test_handshake(void **state)
{
    (void)state;
    refuses(SOURCE, "Host: hub\r\n" V3 TOKEN, 426, "WebSocket only");
    refuses_text("POST " SOURCE " HTTP/1.1\r\n" UPGRADE V3 TOKEN "\r\n", 405);
    /* As proxies pass it on that do not let the upgrade through. */
    refuses_text("GET " SOURCE " HTTP/1.0\r\n" UPGRADE V3 TOKEN "\r\n", 426);
    refuses_text("GET " SOURCE " HTTP/1.1\r\nHost: hub\r\nUpgrade: websocket\r\n"
                 "Connection: close\r\nSec-WebSocket-Version: 13\r\n"
                 "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" V3 TOKEN "\r\n",
                 426);
    refuses_text("GET " SOURCE " HTTP/1.1\r\nContent-Length: 3\r\n" UPGRADE V3 TOKEN "\r\n", 400);
    refuses_text("GET " SOURCE " HTTP/1.1\r\nHost: hub\r\nUpgrade: websocket\r\n"
                 "Connection: upgrade\r\nSec-WebSocket-Version: 8\r\n"
                 "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" V3 TOKEN "\r\n",
                 426);
    refuses_text("GET " SOURCE " HTTP/1.1\r\nHost: hub\r\nUpgrade: websocket\r\n"
                 "Connection: upgrade\r\nSec-WebSocket-Version: 13\r\n"
                 "Sec-WebSocket-Key: short\r\n" V3 TOKEN "\r\n",
                 400);
    refuses_text("GET " SOURCE " HTTP/1.1\r\nHost: hub\r\nUpgrade: websocket\r\n"
                 "Connection: keep-alive\r\nSec-WebSocket-Version: 13\r\n"
                 "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" V3 TOKEN "\r\n",
                 426);
}

static void test_paths(void **state)
{
    (void)state;
    struct parsed p = parse("GET /healthz HTTP/1.1\r\nHost: hub\r\n\r\n", 0);
    assert_int_equal(p.request.kind, REQUEST_HEALTH);
    assert_int_equal(p.request.status, 200);
    http_reader_free(p.reader);
    refuses_text("POST /healthz HTTP/1.1\r\nHost: hub\r\n\r\n", 405);
    refuses("/", "Host: hub\r\n", 404, "/tunnel");
    refuses("/tunnel/?local-proxy-mode=source", UPGRADE V3 TOKEN, 400, "/tunnel");
    refuses("/Tunnel?local-proxy-mode=source", UPGRADE V3 TOKEN, 400, "/tunnel");
    refuses("//tunnel?local-proxy-mode=source", UPGRADE V3 TOKEN, 400, "/tunnel");
}

/* No reason may quote what was sent: it could be a token. */
static void test_no_secrets_in_reasons(void **state)
{
    (void)state;
    static const char *const targets[] = {SOURCE, "/tunnel", "/tunnel?secret=1", "/secret"};
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
        struct parsed p = parse(compose(targets[i], UPGRADE V3 TOKEN TOKEN), 0);
        assert_int_equal(p.request.kind, REQUEST_REFUSED);
        assert_null(strstr(p.request.text, "secret"));
        http_reader_free(p.reader);
    }
}

#define NO_HOST                                                                                    \
    "Upgrade: websocket\r\nConnection: upgrade\r\n"                                                \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
#define DEVICE "Sec-WebSocket-Protocol: other, tunnel.device-1\r\n"

static void devices(void **state)
{
    (void)state;
    device_accepted(UPGRADE DEVICE, "hub");
    device_accepted(NO_HOST DEVICE "Host: Hub.example:8443\r\n", "Hub.example");
    device_accepted(NO_HOST DEVICE "Host: [2001:db8::1]:443\r\n", "2001:db8::1");
    device_accepted(NO_HOST DEVICE "Host: [2001:db8::1]\r\n", "2001:db8::1");
    device_accepted(NO_HOST DEVICE "Host: 192.0.2.7\r\n", "192.0.2.7");
    refuses("/device", UPGRADE, 400, "tunnel.device-1");
    refuses("/device", UPGRADE V3, 400, "tunnel.device-1");
    refuses("/device", "Host: hub\r\n" DEVICE, 426, "WebSocket");
    refuses("/devices", "Host: hub\r\n", 404, "/device");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accepted),
        cmocka_unit_test(test_real_clients),
        cmocka_unit_test(test_subprotocols),
        cmocka_unit_test(test_native),
        cmocka_unit_test(test_mode),
        cmocka_unit_test(test_tokens),
        cmocka_unit_test(test_client_tokens),
        cmocka_unit_test(test_handshake),
        cmocka_unit_test(test_paths),
        cmocka_unit_test(test_no_secrets_in_reasons),
        cmocka_unit_test(devices),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
