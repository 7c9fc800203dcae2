/* core/http/response: what our servers write, byte for byte. */
#include "core/http/response.h"
#include "core/ws/handshake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define CRLF "\r\n"
#define NO_STORE "Cache-Control: no-store" CRLF

static void responses(void **state)
{
    static const struct {
        struct http_response r;
        const char *bytes;
    } cases[] = {
        {{.status = 200, .type = "text/plain", .body = {"hi", 2}},
         "HTTP/1.1 200 OK" CRLF "Content-Type: text/plain" CRLF
         "Content-Length: 2" CRLF NO_STORE CRLF "hi"},
        {{.status = 200, .body = {"hi", 2}, .to_head = true, .to_old = true},
         "HTTP/1.1 200 OK" CRLF "Content-Length: 2" CRLF NO_STORE
         "Connection: keep-alive" CRLF CRLF},
        {{.status = 503, .reason = "Not now", .headers = "A: b" CRLF, .close = true},
         "HTTP/1.1 503 Not now" CRLF "Content-Length: 0" CRLF NO_STORE "A: b" CRLF
         "Connection: close" CRLF CRLF},
        {{.status = 204, .type = "text/plain", .body = {"hi", 2}},
         "HTTP/1.1 204 No Content" CRLF NO_STORE CRLF},
        {{.status = 304, .body = {"hi", 2}}, "HTTP/1.1 304 Not Modified" CRLF NO_STORE CRLF},
        {{.status = 200, .type = "application/x-ndjson", .endless = true, .close = true},
         "HTTP/1.1 200 OK" CRLF "Content-Type: application/x-ndjson" CRLF NO_STORE
         "Connection: close" CRLF CRLF},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t n = strlen(cases[i].bytes);
        for (size_t limit = 0; limit <= n; limit++) {
            struct buf out = {.limit = 3 + limit};
            assert_true(buf_append(&out, "old", 3));
            bool fits = http_response_write(&cases[i].r, &out);
            assert_int_equal(fits, limit == n);
            assert_int_equal(out.size, fits ? 3 + n : 3);
            assert_memory_equal(out.data + 3, cases[i].bytes, out.size - 3);
            buf_free(&out);
        }
    }
}

/* RFC 6455 section 1.3 has the key and its answer. */
static void the_upgrade(void **state)
{
    static const char bytes[] =
        "HTTP/1.1 101 Switching Protocols" CRLF "Connection: upgrade" CRLF "Upgrade: websocket" CRLF
        "sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" CRLF "sec-websocket-protocol: p" CRLF
        "channel-id: 1" CRLF CRLF;
    struct buf out = {.limit = 512};
    (void)state;
    assert_true(ws_response_write(&(struct ws_response){.key = span_of("dGhlIHNhbXBsZSBub25jZQ=="),
                                                        .protocol = "p",
                                                        .extra = "channel-id: 1" CRLF},
                                  &out));
    assert_int_equal(out.size, sizeof bytes - 1);
    assert_memory_equal(out.data, bytes, out.size);
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(responses), cmocka_unit_test(the_upgrade)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
