/* core/tunnel/refusal: what an answer that is not 101 means, and to whom it is owed. */
#include "core/tunnel/refusal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define CRLF "\r\n"
#define HUB "channel-id: 0ea2" CRLF
#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static struct refusal read_it(const char *status, const char *headers, const char *body)
{
    char text[2000];
    struct refusal r;
    struct http_reader *reader = http_reader_new(HTTP_RESPONSE, sizeof text);
    snprintf(text, sizeof text, "HTTP/1.1 %s" CRLF "%s" CRLF, status, headers);
    assert_true(http_reader_feed(reader, (const uint8_t *)text, strlen(text)) > 0);
    assert_non_null(http_reader_head(reader));
    refusal_read(http_reader_head(reader), span_of(body), 784111777000, &r);
    http_reader_free(reader);
    for (const char *p = r.text; *p != '\0'; p++)
        assert_true(*p >= ' ' && *p <= '~');
    return r;
}

static void what_is_final(void **state)
{
    static const struct {
        const char *status, *headers, *body;
        bool final;
    } cases[] = {
        {"400 Bad Request", HUB, "Invalid access token", true},
        {"400 Bad Request", "", "Invalid access token", true},
        {"401 Unauthorized", "", "no", true},
        {"403 Forbidden", "", "no", true},
        {"403 Forbidden", "Server: nginx" CRLF "Content-Type: text/html" CRLF, "<html>", false},
        {"403 Forbidden", "", "\n <!doctype html>", false},
        {"403 Forbidden", "Content-Type: Text/HTML; charset=utf-8" CRLF, "", false},
        {"403 Forbidden", HUB "Content-Type: text/html" CRLF, "", true},
        {"404 Not Found", "", "no", false},
        {"404 Not Found", HUB, "no such tunnel", true},
        {"410 Gone", "", "", false},
        {"410 Gone", HUB, "", true},
        {"405 No", HUB, "", true},
        {"407 Who", "", "", false},
        {"408 Slow", HUB, "", false},
        {"421 Misdirected", "", "", false},
        {"423 Locked", "", "", false},
        {"425 Too Early", HUB, "", false},
        {"426 Upgrade Required", HUB, "", false},
        {"429 Too Many", HUB, "", false},
        {"200 OK", "", "", false},
        {"204 Nothing", "", "", false},
        {"301 There", "", "", false},
        {"302 Found", HUB, "", false},
        {"500 Oops", HUB, "", false},
        {"502 Bad Gateway", "", "", false},
        {"503 Busy", HUB, "", false},
        {"520 ?", "", "", false},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        if (read_it(cases[i].status, cases[i].headers, cases[i].body).final != cases[i].final)
            fail_msg("%s, %s", cases[i].status, cases[i].headers);
}

static void who_said_what(void **state)
{
    static const struct {
        const char *status, *headers, *body, *text;
    } cases[] = {
        {"400 Bad Request", HUB, "Invalid access token: used.\n",
         "the hub refused: HTTP 400: Invalid access token: used."},
        {"403 Forbidden", "", "", "the hub refused: HTTP 403"},
        {"503 Busy", HUB "Retry-After: 1" CRLF, "wait", "the hub refused: HTTP 503: wait"},
        {"503 Busy", "", "a\x1b!\xff",
         "HTTP 503 Busy, from something in the hub's place: a\\x1b!\\xff"},
        {"502 Bad Gateway", "Server: nginx/1.22.1" CRLF "Content-Type: text/html" CRLF,
         "<html>\r\n<head><TITLE>\n502 Bad Gateway </title></head>\r\n<body>\r\n<h1>secret</h1>",
         "HTTP 502 Bad Gateway, from nginx/1.22.1 in the hub's place (a page with the title \"502 "
         "Bad Gateway\")"},
        {"503 Service Unavailable", "Via: 1.1 varnish" CRLF, "<html><p>raw</p>",
         "HTTP 503 Service Unavailable, from 1.1 varnish in the hub's place"},
        {"404 Not Found", "Content-Type: text/html" CRLF, "<title></title>",
         "HTTP 404 Not Found, from something in the hub's place; is /tunnel passed on to the hub "
         "there?"},
        {"302 Found", "Location: http://login.example/" CRLF, "",
         "HTTP 302 Found, from something in the hub's place; it points to http://login.example/; "
         "this network may want a login first, or the address is not the hub's"},
        {"200 OK", "", "hello",
         "HTTP 200 OK, from something in the hub's place: hello; this network may want a login "
         "first, or the address is not the hub's"},
        {"502 Bad", "Content-Encoding: gzip" CRLF, "\x1f\x8b",
         "HTTP 502 Bad, from something in the hub's place"},
        {"426 Upgrade Required", HUB "Server: nginx" CRLF, "connect with tunnel-agent",
         "the WebSocket upgrade did not get through to the hub (HTTP 426): nginx in between takes "
         "it out, as a reverse proxy without its WebSocket lines does, or a web proxy that looks "
         "into TLS"},
        {"500", "", "", "HTTP 500 from something in the hub's place"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct refusal r = read_it(cases[i].status, cases[i].headers, cases[i].body);
        assert_string_equal(r.text, cases[i].text);
    }
}

static void when_to_come_back(void **state)
{
    static const struct {
        const char *status, *headers;
        int64_t ms;
    } cases[] = {
        {"429 Too Many", "Retry-After: 120" CRLF, 120000},
        {"302 Found", "Retry-After: 7" CRLF, 7000},
        {"503 Busy", "Retry-After: Sun, 06 Nov 1994 08:50:37 GMT" CRLF, 60000},
        {"503 Busy", "Retry-After: soon" CRLF, -1},
        {"503 Busy", "", -1},
        {"400 Bad Request", "Retry-After: 120" CRLF, -1},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_int_equal(read_it(cases[i].status, cases[i].headers, "").later_ms, cases[i].ms);
}

static void long_words_are_cut(void **state)
{
    char body[REFUSAL_BODY_MAX + 1], headers[1200];
    (void)state;
    memset(body, '\x01', sizeof body);
    body[REFUSAL_BODY_MAX] = '\0';
    read_it("503 Busy", HUB, body);
    memset(body, 'x', REFUSAL_BODY_MAX);
    snprintf(headers, sizeof headers, "Server: %.300s" CRLF "Location: %.300s" CRLF, body, body);
    struct refusal r = read_it("302 Found", headers, body);
    assert_non_null(strstr(r.text, "this network may want a login")); /* advice is not cut off */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_final),
        cmocka_unit_test(who_said_what),
        cmocka_unit_test(when_to_come_back),
        cmocka_unit_test(long_words_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
