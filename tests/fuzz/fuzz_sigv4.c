/* The Authorization header and whole signed requests. Input: one byte of flags, then either a
 * request (head and body) or the value of an Authorization header for a fixed request. The oracle:
 * parts lie inside the head and have the form that the contract gives; whatever was accepted is
 * refused when its body, its secret or the time is another; what we sign ourselves is accepted. */
#include "core/aws/sigv4_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition))                                                                          \
            abort();                                                                               \
    } while (0)

#define SECRET "wJalrXUtnFEMI"
#define NOW 1795207430000 /* 20261120T204350Z */

static bool is_inside(struct span part, struct span all)
{
    return part.p >= all.p && part.p + part.n <= all.p + all.n;
}

static void must_be_well_formed(const struct sigv4_auth *a, const struct http_head *head)
{
    struct span line = http_header(head, "Authorization");
    size_t headers = 1;
    int64_t ms;
    MUST(http_header_count(head, "Authorization") == 1);
    MUST(is_inside(a->key_id, line) && is_inside(a->date, line) && is_inside(a->region, line));
    MUST(is_inside(a->service, line) && is_inside(a->signed_headers, line));
    MUST(is_inside(a->signature, line) && a->signature.n == SIGV4_HEX);
    MUST(sigv4_is_key_id(a->key_id) && sigv4_is_region(a->region) && a->date.n == 8);
    MUST(stamp_parse(a->time, &ms) && ms >= 0);
    for (size_t i = 0; i < a->signed_headers.n; i++)
        headers += a->signed_headers.p[i] == ';';
    MUST(headers <= SIGV4_MAX_HEADERS && a->signed_headers.n > 0);
}

/* Nothing but the true secret, body and time will do. */
static void judge(const struct http_head *head, struct span body)
{
    struct sigv4_auth a;
    int64_t then;
    enum sigv4_verdict v = sigv4_parse(head, &a);
    MUST((v == SIGV4_MISSING) == (http_header_count(head, "Authorization") == 0));
    if (v != SIGV4_OK) {
        MUST((v == SIGV4_MISSING || v == SIGV4_INCOMPLETE) && a.key_id.p == NULL);
        return;
    }
    must_be_well_formed(&a, head);
    MUST(stamp_parse(a.time, &then));
    v = sigv4_verify(&a, head, body, span_of(SECRET), then);
    MUST(v == SIGV4_OK || v == SIGV4_SCOPE || v == SIGV4_HEADERS || v == SIGV4_MISMATCH);
    MUST(sigv4_verify(&a, head, body, span_of("other"), then) != SIGV4_OK);
    MUST(sigv4_verify(&a, head, body, span_of(SECRET), then + SIGV4_SKEW_MS + 1) == SIGV4_EXPIRED);
    if (v == SIGV4_OK && body.n > 0) {
        body.n--;
        MUST(sigv4_verify(&a, head, body, span_of(SECRET), then) == SIGV4_MISMATCH);
    }
}

static void read_and_judge(const uint8_t *p, size_t n)
{
    struct http_reader *r = http_reader_new(HTTP_REQUEST, 16384);
    MUST(r != NULL);
    long took = http_reader_feed(r, p, n);
    const struct http_head *head = http_reader_head(r);
    if (took >= 0 && head != NULL)
        judge(head, (struct span){(const char *)p + took, n - (size_t)took});
    http_reader_free(r);
}

static void as_authorization(struct span value)
{
    struct http_head head = {.request = true, .method = span_of("POST"), .target = span_of("/")};
    const char *const lines[][2] = {{"Host", "127.0.0.1:18765"},
                                    {"X-Amz-Target", "IoTSecuredTunneling.OpenTunnel"},
                                    {"Content-Type", "application/x-amz-json-1.1"},
                                    {"X-Amz-Date", "20261120T204350Z"}};
    for (size_t i = 0; i < 4; i++) {
        head.headers[head.n_headers].name = span_of(lines[i][0]);
        head.headers[head.n_headers++].value = span_of(lines[i][1]);
    }
    head.headers[head.n_headers].name = span_of("Authorization");
    head.headers[head.n_headers++].value = value;
    judge(&head, span_of("{}"));
}

/* Its path and body, signed by us and read again. */
static void sign_and_verify(struct span input)
{
    char lines[1024];
    char *path = span_dup(span_cut(&input, ' '));
    struct sigv4_credentials c = {.key_id = (char[]){"AKIDEXAMPLE"}, .secret = (char[]){SECRET}};
    MUST(path != NULL);
    struct sigv4_request r = {.host = "h",
                              .path = path,
                              .content_type = "t",
                              .target = "x",
                              .region = "r",
                              .body = input,
                              .now = NOW};
    if (sigv4_sign(&r, &c, lines, sizeof lines) == ERR_OK) {
        char *text = NULL;
        int n = asprintf(
            &text, "POST %s HTTP/1.1\r\nContent-Type: t\r\nHost: h\r\n%sX-Amz-Target: x\r\n\r\n",
            path, lines);
        struct http_reader *reader = http_reader_new(HTTP_REQUEST, 16384);
        MUST(n > 0 && reader != NULL);
        http_reader_feed(reader, (uint8_t *)text, (size_t)n);
        const struct http_head *head = http_reader_head(reader); /* NULL: no path for a request */
        struct sigv4_auth a;
        if (head != NULL && span_is(head->target, path)) {
            MUST(sigv4_parse(head, &a) == SIGV4_OK);
            MUST(sigv4_verify(&a, head, input, span_of(SECRET), NOW) == SIGV4_OK);
        }
        http_reader_free(reader);
        free(text);
    }
    free(path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct span rest = {(const char *)data + 1, size - 1};
    if ((data[0] & 3) == 0)
        read_and_judge(data + 1, size - 1);
    else if ((data[0] & 3) == 1)
        as_authorization(rest);
    else
        sign_and_verify(rest);
    return 0;
}
