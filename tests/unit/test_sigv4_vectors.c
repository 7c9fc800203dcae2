#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/aws/sigv4_internal.h"

#include <string.h>

/* AWS's published test suite ("aws-sig-v4-test-suite"): key AKIDEXAMPLE, region us-east-1, service
 * "service". The names are the suite's own. */
#define SECRET "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
#define STAMP "20150830T123600Z"
#define UNRESERVED "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define TOKEN                                                                                      \
    "AQoDYXdzEPT//////////"                                                                        \
    "wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPf"                     \
    "IeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/"                                                         \
    "kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7W"                                    \
    "Z0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+"          \
    "scqKmlzm8F"                                                                                   \
    "DrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA=="

struct vector {
    const char *name, *method, *target;
    struct {
        const char *name, *value;
    } headers[6]; /* beside Host and X-Amz-Date */
    const char *signed_headers, *body, *signature;
};

#define PLAIN "host;x-amz-date"
#define MINE "host;my-header1;x-amz-date"
#define VANILLA "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"

static const struct vector vectors[] = {
    {"get-vanilla", "GET", "/", {{0}}, PLAIN, "", VANILLA},
    {"get-vanilla-query", "GET", "/?", {{0}}, PLAIN, "", VANILLA},
    {"get-relative", "GET", "/example/..", {{0}}, PLAIN, "", VANILLA},
    {"get-relative-relative", "GET", "/example1/example2/../..", {{0}}, PLAIN, "", VANILLA},
    {"get-slash", "GET", "//", {{0}}, PLAIN, "", VANILLA},
    {"get-slash-dot-slash", "GET", "/./", {{0}}, PLAIN, "", VANILLA},
    {"get-slash-pointless-dot",
     "GET",
     "/./example",
     {{0}},
     PLAIN,
     "",
     "ef75d96142cf21edca26f06005da7988e4f8dc83a165a80865db7089db637ec5"},
    {"get-slashes",
     "GET",
     "//example//",
     {{0}},
     PLAIN,
     "",
     "9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84"},
    {"get-space",
     "GET",
     "/example space/",
     {{0}},
     PLAIN,
     "",
     "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741"},
    {"get-utf8",
     "GET",
     "/\xe1\x88\xb4",
     {{0}},
     PLAIN,
     "",
     "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"},
    {"get-unreserved",
     "GET",
     "/" UNRESERVED,
     {{0}},
     PLAIN,
     "",
     "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f"},
    {"get-vanilla-query-order-key-case",
     "GET",
     "/?Param2=value2&Param1=value1",
     {{0}},
     PLAIN,
     "",
     "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
    {"get-vanilla-query-order-value",
     "GET",
     "/?Param1=value2&Param1=value1",
     {{0}},
     PLAIN,
     "",
     "5772eed61e12b33fae39ee5e7012498b51d56abc0abb7c60486157bd471c4694"},
    {"get-vanilla-query-unreserved",
     "GET",
     "/?" UNRESERVED "=" UNRESERVED,
     {{0}},
     PLAIN,
     "",
     "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197"},
    {"get-vanilla-utf8-query",
     "GET",
     "/?\xe1\x88\xb4=bar",
     {{0}},
     PLAIN,
     "",
     "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04"},
    {"get-header-key-duplicate",
     "GET",
     "/",
     {{"My-Header1", "value2"}, {"My-Header1", "value2"}, {"My-Header1", "value1"}},
     MINE,
     "",
     "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea"},
    {"get-header-value-order",
     "GET",
     "/",
     {{"My-Header1", "value4"},
      {"My-Header1", "value1"},
      {"My-Header1", "value3"},
      {"My-Header1", "value2"}},
     MINE,
     "",
     "08c7e5a9acfcfeb3ab6b2185e75ce8b1deb5e634ec47601a50643f830c755c01"},
    {"get-header-value-trim",
     "GET",
     "/",
     {{"My-Header1", " value1"}, {"My-Header2", " \"a   b   c\""}},
     "host;my-header1;my-header2;x-amz-date",
     "",
     "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736"},
    {"post-vanilla",
     "POST",
     "/",
     {{0}},
     PLAIN,
     "",
     "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
    {"post-vanilla-query",
     "POST",
     "/?Param1=value1",
     {{0}},
     PLAIN,
     "",
     "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11"},
    {"post-header-key-sort",
     "POST",
     "/",
     {{"My-Header1", "value1"}},
     MINE,
     "",
     "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c"},
    {"post-header-value-case",
     "POST",
     "/",
     {{"My-Header1", "VALUE1"}},
     MINE,
     "",
     "cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d"},
    {"post-sts-header-before",
     "POST",
     "/",
     {{"X-Amz-Security-Token", TOKEN}},
     PLAIN ";x-amz-security-token",
     "",
     "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead"},
    {"post-sts-header-after",
     "POST",
     "/",
     {{"X-Amz-Security-Token", TOKEN}},
     PLAIN,
     "",
     "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
    {"post-x-www-form-urlencoded",
     "POST",
     "/",
     {{"Content-Type", "application/x-www-form-urlencoded"}},
     "content-type;" PLAIN,
     "Param1=value1",
     "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"},
};

static void add(struct http_head *h, const char *name, const char *value)
{
    h->headers[h->n_headers].name = span_of(name);
    h->headers[h->n_headers++].value = span_of(value);
}

static bool hash(const char *method, const char *target, const char *signed_headers,
                 const char *body, char out[SIGV4_HEX + 1])
{
    char body_hex[SIGV4_HEX + 1];
    struct http_head head = {.method = span_of(method), .target = span_of(target)};
    add(&head, "Host", "example.amazonaws.com");
    add(&head, "X-Amz-Date", STAMP);
    sha256_hex(span_of(body), body_hex);
    return canonical_hash(&head, span_of(signed_headers), body_hex, out);
}

static void sign(const struct http_head *head, const struct vector *v, char out[SIGV4_HEX + 1])
{
    char body_hex[SIGV4_HEX + 1], canonical[SIGV4_HEX + 1];
    struct sigv4_auth auth = {.date = span_of("20150830"),
                              .region = span_of("us-east-1"),
                              .service = span_of("service"),
                              .time = span_of(STAMP)};
    sha256_hex(span_of(v->body), body_hex);
    assert_true(canonical_hash(head, span_of(v->signed_headers), body_hex, canonical));
    signature_of(&auth, canonical, span_of(SECRET), out);
}

static void published(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        const struct vector *v = &vectors[i];
        struct http_head head = {.method = span_of(v->method), .target = span_of(v->target)};
        char signature[SIGV4_HEX + 1];
        add(&head, "Host", "example.amazonaws.com");
        for (size_t k = 0; k < 6 && v->headers[k].name != NULL; k++)
            add(&head, v->headers[k].name, v->headers[k].value);
        add(&head, "X-Amz-Date", STAMP);
        sign(&head, v, signature);
        if (strcmp(signature, v->signature) != 0)
            fail_msg("%s: %s", v->name, signature);
    }
}

/* The intermediate hash that the suite gives for get-vanilla, so that a mistake in the canonical
 * request shows apart from one in the keys. */
static void canonical_of_vanilla(void **state)
{
    (void)state;
    char got[SIGV4_HEX + 1];
    assert_true(hash("GET", "/", PLAIN, "", got));
    assert_string_equal(got, "bb579772317eb040ac9ed261061d46c1f17a8133879d6129b6e1c25292927e63");
}

/* What the AWS CLI 2.9.19 sends for open-tunnel; its signature is in test_sigv4.c. */
static void canonical_of_open_tunnel(void **state)
{
    (void)state;
    static const char body[] =
        "{\"description\": \"hello\", \"tags\": [{\"key\": \"a\", \"value\": \"b\"}], "
        "\"destinationConfig\": {\"thingName\": \"dev1\", \"services\": [\"SSH\", \"HTTP\"]}, "
        "\"timeoutConfig\": {\"maxLifetimeTimeoutMinutes\": 60}}";
    struct http_head head = {.method = span_of("POST"), .target = span_of("/")};
    char body_hex[SIGV4_HEX + 1], got[SIGV4_HEX + 1];
    add(&head, "Host", "127.0.0.1:18765");
    add(&head, "Accept-Encoding", "identity");
    add(&head, "X-Amz-Target", "IoTSecuredTunneling.OpenTunnel");
    add(&head, "Content-Type", "application/x-amz-json-1.1");
    add(&head, "X-Amz-Date", "20261120T204350Z");
    sha256_hex(span_of(body), body_hex);
    assert_string_equal(body_hex,
                        "7656dde480ce3cba091bb98bfce503d79eb3d14512c83a79bf9b7bc54db87b3d");
    assert_true(
        canonical_hash(&head, span_of("content-type;host;x-amz-date;x-amz-target"), body_hex, got));
    assert_string_equal(got, "cbbd68e8ced0bec9012cbf9ef10a12994e344bdfbc791210e312e9cabf900f49");
}

/* Targets that are the same to a server, and ones that are not. */
static void targets(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        bool same;
    } cases[] = {
        {"/a/b", "//a/./c/../b", true},
        {"/..", "/", true},
        {"/../../a", "/a", true},
        {"/a/.", "/a", true},
        {"/a/b/..", "/a", true},
        {"/a/", "/a", false},
        {"/a%20b", "/a b", false},   /* encoded again: %2520 */
        {"/a%2fb", "/a%2Fb", false}, /* so its case counts */
        {"/...", "/", false},
        {"/?a=1&b=2", "/?b=2&a=1", true},
        {"/?a&b", "/?b=&a=", true},
        {"/?&&a=1&", "/?a=1", true},
        {"/?%61=1", "/?a=1", true},
        {"/?a=%7e", "/?a=~", true},
        {"/?a=%c3%a9", "/?a=%C3%A9", true},
        {"/?a=%2B", "/?a=+", true},
        {"/?a=%20", "/?a=+", false},
        {"/?a==", "/?a=%3D", true},
        {"/?a=b=c", "/?a=b%3dc", true},
        {"/?a=?", "/?a=%3f", true},
        {"/?a=/", "/?a=%2F", true},
        {"/?a=1", "/", false},
        {"/?a=1", "/?a=1&a=1", false},
        {"/?a=1&b=2", "/?a=2&b=1", false},
        {"/?aa=1&a=2", "/?a=2&aa=1", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char a[SIGV4_HEX + 1], b[SIGV4_HEX + 1];
        assert_true(hash("POST", cases[i].a, PLAIN, "", a));
        assert_true(hash("POST", cases[i].b, PLAIN, "", b));
        if ((strcmp(a, b) == 0) != cases[i].same)
            fail_msg("%s and %s", cases[i].a, cases[i].b);
    }
}

/* Parameters go in the order of their encoded names: "%7B" before "a", though '{' follows 'a'. */
static void query_order(void **state)
{
    (void)state;
    static const char expected[] =
        "POST\n/\n%7B=1&A=2&a=3&a-=4\nhost:example.amazonaws.com\n\nhost\n"
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    char got[SIGV4_HEX + 1], want[SIGV4_HEX + 1];
    assert_true(hash("POST", "/?a-=4&a=3&{=1&A=2", "host", "", got));
    sha256_hex(span_of(expected), want);
    assert_string_equal(got, want);
}

static void no_canonical_form(void **state)
{
    (void)state;
    static const char *const targets[] = {
        "",        "*",         "a",      "http://example.amazonaws.com/",
        "?a=1",    "/?a=%",     "/?a=%4", "/?%4=1",
        "/?a=%zz", "/?a=%4&1=2"};
    char got[SIGV4_HEX + 1];
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++)
        assert_false(hash("POST", targets[i], PLAIN, "", got));
}

static void repeated(const char *start, const char *piece, size_t times, char *out)
{
    strcpy(out, start);
    for (size_t i = 0; i < times; i++)
        strcat(out, piece);
}

static void part_limits(void **state)
{
    (void)state;
    char target[400], got[SIGV4_HEX + 1];
    repeated("", "/a", SIGV4_MAX_SEGMENTS, target);
    assert_true(hash("POST", target, PLAIN, "", got));
    repeated("", "/a", SIGV4_MAX_SEGMENTS + 1, target);
    assert_false(hash("POST", target, PLAIN, "", got));
    repeated("", "/a/..", SIGV4_MAX_SEGMENTS + 1, target);
    assert_true(hash("POST", target, PLAIN, "", got));
    repeated("/?", "a=&", SIGV4_MAX_PARAMETERS, target);
    assert_true(hash("POST", target, PLAIN, "", got));
    repeated("/?", "a=&", SIGV4_MAX_PARAMETERS + 1, target);
    assert_false(hash("POST", target, PLAIN, "", got));
}

/* "AWS4" + secret as HMAC's key at and around the size of its block: values from Python's hmac. */
static void secrets_of_all_lengths(void **state)
{
    (void)state;
    static const struct {
        size_t n;
        const char *signature;
    } cases[] = {
        {0, "29d8b8b5e3cc1e4d8c1a617efcc71250f6beeccf4f731b04290217f1302c0270"},
        {59, "e72febc217536158f4c5399463474a6b32e2c4d45962ba926f4d01c06ec285c0"},
        {60, "db598c550f1e135e0fd2a02c61ed909adc4cfdc529e6073ef87a4c8bbd3404e2"},
        {61, "b3a13d5d7df28a1aa4b1e6877ed696613796096ddf1f792a63879541ef3da68a"},
        {200, "75443722a375570518a031b0c4f423ef2c39def61d32f3ee3c3e3a96407169fe"},
    };
    struct sigv4_auth auth = {.date = span_of("20150830"),
                              .region = span_of("us-east-1"),
                              .service = span_of("service"),
                              .time = span_of(STAMP)};
    char secret[200], canonical[SIGV4_HEX + 1], signature[SIGV4_HEX + 1];
    memset(secret, 's', sizeof secret);
    assert_true(hash("GET", "/", PLAIN, "", canonical));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        signature_of(&auth, canonical, (struct span){secret, cases[i].n}, signature);
        assert_string_equal(signature, cases[i].signature);
    }
}

static void stamps(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t seconds; /* -1: refused */
    } cases[] = {
        {"19700101T000000Z", 0},
        {"19700101T000001Z", 1},
        {"19720229T235959Z", 68255999},
        {"20000229T000000Z", 951782400},
        {"20150830T123600Z", 1440938160},
        {"20261120T204350Z", 1795207430},
        {"20380119T031408Z", 2147483648},
        {"21000301T000000Z", 4107542400},
        {"99991231T235959Z", 253402300799},
        {"19691231T235959Z", -1},
        {"00000101T000000Z", -1},
        {"20260229T000000Z", -1},
        {"21000229T000000Z", -1},
        {"20260001T000000Z", -1},
        {"20261301T000000Z", -1},
        {"20260100T000000Z", -1},
        {"20260132T000000Z", -1},
        {"20260431T000000Z", -1},
        {"20260101T240000Z", -1},
        {"20260101T006000Z", -1},
        {"20260101T000060Z", -1},
        {"20260101t000000Z", -1},
        {"20260101T000000z", -1},
        {"20260101T000000", -1},
        {"20260101T000000ZZ", -1},
        {"2026-01-01T00:00:00Z", -1},
        {"202601 1T000000Z", -1},
        {"+2260101T000000Z", -1},
        {"20260101 000000Z", -1},
        {"", -1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t ms = -1;
        char back[SIGV4_STAMP + 1];
        assert_int_equal(stamp_parse(span_of(cases[i].text), &ms), cases[i].seconds >= 0);
        if (cases[i].seconds < 0)
            continue;
        assert_int_equal(ms, cases[i].seconds * 1000);
        assert_true(stamp_write(ms + 999, back));
        assert_string_equal(back, cases[i].text);
    }
    char back[SIGV4_STAMP + 1];
    assert_false(stamp_write(-1, back));
    assert_false(stamp_write(253402300800 * 1000, back));
    assert_false(stamp_write(INT64_MAX, back));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published),
        cmocka_unit_test(canonical_of_vanilla),
        cmocka_unit_test(canonical_of_open_tunnel),
        cmocka_unit_test(targets),
        cmocka_unit_test(query_order),
        cmocka_unit_test(no_canonical_form),
        cmocka_unit_test(part_limits),
        cmocka_unit_test(stamps),
        cmocka_unit_test(secrets_of_all_lengths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
