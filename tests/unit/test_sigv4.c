/* Signatures version 4: requests of real clients, malformed ones, signing. */
#include "tests/unit/sigv4_help.h"

/* --endpoint-url http://127.0.0.1:28765/a/b%20c/ */
static const struct request with_path = {
    .target = "/a/b%20c/",
    .lines = {{"Host", "127.0.0.1:28765"},
              {"Accept-Encoding", "identity"},
              {"X-Amz-Target", "IoTSecuredTunneling.OpenTunnel"},
              {"Content-Type", "application/x-amz-json-1.1"},
              {"X-Amz-Date", "20261121T023157Z"},
              {"Authorization", SCHEME
               "Credential=AKIDEXAMPLE/20261121/us-east-1/IoTSecuredTunneling/aws4_request, "
               "SignedHeaders=content-type;host;x-amz-date;x-amz-target, "
               "Signature=a4dfb4e87fd20d2eba599e1a8a16f341a3756b7fb85e281137a785e6eb04e9df"}},
    .body = "{\"description\": \"gr\\u00fc\\u00dfe \\ud83d\\ude00\"}",
    .now = 1795228317000,
};

static enum sigv4_verdict parse(const struct request *r)
{
    struct sigv4_auth auth;
    struct http_reader *reader = head_of(r);
    enum sigv4_verdict v = sigv4_parse(http_reader_head(reader), &auth);
    http_reader_free(reader);
    return v;
}

static void real_requests(void **state)
{
    (void)state;
    assert_int_equal(check(&open_tunnel), SIGV4_OK);
    assert_int_equal(check(&with_path), SIGV4_OK);
    assert_int_equal(check(&with_token), SIGV4_OK);
}

static void parts(void **state)
{
    (void)state;
    struct sigv4_auth auth;
    struct http_reader *reader = head_of(&open_tunnel);
    assert_int_equal(sigv4_parse(http_reader_head(reader), &auth), SIGV4_OK);
    assert_true(span_is(auth.key_id, "AKIDEXAMPLE"));
    assert_true(span_is(auth.date, "20261120"));
    assert_true(span_is(auth.region, "us-east-1"));
    assert_true(span_is(auth.service, "IoTSecuredTunneling"));
    assert_true(span_is(auth.signed_headers, "content-type;host;x-amz-date;x-amz-target"));
    assert_true(span_is(auth.signature, HEX));
    assert_true(span_is(auth.time, "20261120T204350Z"));
    http_reader_free(reader);
}

static void written_otherwise(void **state)
{
    (void)state;
    static const char *const values[] = {
        SCHEME SIGNATURE ", " SIGNED ", " CREDENTIAL,
        SCHEME SIGNED "," SIGNATURE "," CREDENTIAL,
        SCHEME "  " CREDENTIAL ",   " SIGNED ",\t" SIGNATURE,
    };
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        assert_int_equal(check_authorization(values[i]), SIGV4_OK);
}

#define K32 "abcdefghijklmnopqrstuvwxyz01234."

#define K128 K32 K32 K32 K32

#define R32 "abcdefghijklmnopqrstuvwxyz_-0123"

#define WITH_CREDENTIAL(text) SCHEME "Credential=" text ", " SIGNED ", " SIGNATURE

#define WITH_HEADERS(text) SCHEME CREDENTIAL ", SignedHeaders=" text ", " SIGNATURE

#define WITH_SIGNATURE(text) SCHEME CREDENTIAL ", " SIGNED ", Signature=" text

#define HEADERS_31 "a;b;c;d;e;f;g;h;i;j;k;l;m;n;o;p;q;r;s;t;u;v;w;x;x-amz-target;y;z;z0;z1;z2;z3"

static void malformed(void **state)
{
    (void)state;
    static const char *const values[] = {
        "",
        "Basic dXNlcjpwYXNz",
        "AWS4-HMAC-SHA256",
        "AWS4-HMAC-SHA1 " CREDENTIAL ", " SIGNED ", " SIGNATURE,
        "aws4-hmac-sha256 " CREDENTIAL ", " SIGNED ", " SIGNATURE,
        "AWS4-ECDSA-P256-SHA256 " CREDENTIAL ", " SIGNED ", " SIGNATURE,
        "AWS4-HMAC-SHA256," CREDENTIAL ", " SIGNED ", " SIGNATURE,
        /* parts: missing, twice, unknown, empty, glued */
        SCHEME SIGNED ", " SIGNATURE,
        SCHEME CREDENTIAL ", " SIGNATURE,
        SCHEME CREDENTIAL ", " SIGNED,
        SCHEME CREDENTIAL ", " SIGNED ", " SIGNATURE ", " SIGNATURE,
        SCHEME CREDENTIAL ", " CREDENTIAL ", " SIGNED ", " SIGNATURE,
        SCHEME CREDENTIAL ", " SIGNED ", " SIGNED ", " SIGNATURE,
        SCHEME CREDENTIAL ", " SIGNED ", " SIGNATURE ", Extra=1",
        SCHEME CREDENTIAL ", " SIGNED ", " SIGNATURE ",",
        SCHEME CREDENTIAL ",, " SIGNED ", " SIGNATURE,
        SCHEME ", " CREDENTIAL ", " SIGNED ", " SIGNATURE,
        SCHEME CREDENTIAL " " SIGNED " " SIGNATURE,
        SCHEME CREDENTIAL " , " SIGNED ", " SIGNATURE,
        SCHEME CREDENTIAL ", " SIGNED " , " SIGNATURE,
        SCHEME "credential=AKIDEXAMPLE" SCOPE ", " SIGNED ", " SIGNATURE,
        SCHEME "Credential =AKIDEXAMPLE" SCOPE ", " SIGNED ", " SIGNATURE,
        /* the credential */
        WITH_CREDENTIAL(""),
        WITH_CREDENTIAL("AKIDEXAMPLE"),
        WITH_CREDENTIAL(SCOPE),
        WITH_CREDENTIAL("AKID EXAMPLE" SCOPE),
        WITH_CREDENTIAL("AKID=EXAMPLE" SCOPE),
        WITH_CREDENTIAL("AKID\xc3\xa9" SCOPE),
        WITH_CREDENTIAL("AKID\"EXAMPLE\"" SCOPE),
        WITH_CREDENTIAL(K128 "x" SCOPE),
        WITH_CREDENTIAL("AKIDEXAMPLE" SCOPE "/"),
        WITH_CREDENTIAL("AKIDEXAMPLE" SCOPE "/x"),
        WITH_CREDENTIAL("a/AKIDEXAMPLE" SCOPE),
        WITH_CREDENTIAL("AKIDEXAMPLE/20261120/us-east-1/IoTSecuredTunneling"),
        WITH_CREDENTIAL("AKIDEXAMPLE/20261120/us-east-1/IoTSecuredTunneling/"),
        WITH_CREDENTIAL("AKIDEXAMPLE/20261120/us-east-1/IoTSecuredTunneling/AWS4_request"),
        WITH_CREDENTIAL("AKIDEXAMPLE/20261120/us-east-1//aws4_request"),
        WITH_CREDENTIAL("AKIDEXAMPLE/20261120//IoTSecuredTunneling/aws4_request"),
        WITH_CREDENTIAL("AKIDEXAMPLE/20261120/us east/IoTSecuredTunneling/aws4_request"),
        WITH_CREDENTIAL("AKIDEXAMPLE/20261120/" R32 R32 "x/IoTSecuredTunneling/aws4_request"),
        WITH_CREDENTIAL("AKIDEXAMPLE/20261120/us.east/IoTSecuredTunneling/aws4_request"),
        WITH_CREDENTIAL("AKIDEXAMPLE//us-east-1/IoTSecuredTunneling/aws4_request"),
        WITH_CREDENTIAL("AKIDEXAMPLE/2026112/us-east-1/IoTSecuredTunneling/aws4_request"),
        WITH_CREDENTIAL("AKIDEXAMPLE/202611200/us-east-1/IoTSecuredTunneling/aws4_request"),
        WITH_CREDENTIAL("AKIDEXAMPLE/2026-1-2/us-east-1/IoTSecuredTunneling/aws4_request"),
        WITH_CREDENTIAL("AKIDEXAMPLE/20261131/us-east-1/IoTSecuredTunneling/aws4_request"),
        /* the signed headers */
        WITH_HEADERS(""),
        WITH_HEADERS(";"),
        WITH_HEADERS("host"
                     ";;x-amz-target"),
        WITH_HEADERS(";host;x-amz-target"),
        WITH_HEADERS("host;x-amz-target;"),
        WITH_HEADERS("Host;x-amz-target"),
        WITH_HEADERS("host;X-Amz-Target"),
        WITH_HEADERS("x-amz-target;host"),
        WITH_HEADERS("content-type;host;host;x-amz-target"),
        WITH_HEADERS("host;x-amz-target;x-amz-date"),
        WITH_HEADERS("host;x-amz-target;x-amz"),
        WITH_HEADERS("host; x-amz-target"),
        WITH_HEADERS("host:x-amz-target"),
        WITH_HEADERS("\"host\";x-amz-target"),
        WITH_HEADERS("h\xc3\xb6st;x-amz-target"),
        WITH_HEADERS(HEADERS_31 ";z4;z5"),
        /* the signature */
        WITH_SIGNATURE(""),
        WITH_SIGNATURE("4E26A1B27A8C9F324999EFA376BACD4E92D451788336B2EB9793F226D4F15C6D"),
        WITH_SIGNATURE(HEX "0"),
        WITH_SIGNATURE("4e26a1b27a8c9f324999efa376bacd4e92d451788336b2eb9793f226d4f15c6"),
        WITH_SIGNATURE("4e26a1b27a8c9f324999efa376bacd4e92d451788336b2eb9793f226d4f15c6g"),
        WITH_SIGNATURE("\"" HEX "\""),
        WITH_SIGNATURE("=" HEX),
    };
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        if (check_authorization(values[i]) != SIGV4_INCOMPLETE)
            fail_msg("\"%s\"", values[i]);
}

/* Right in form, so that they get as far as being looked at. */
static void at_the_bounds(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        enum sigv4_verdict verdict;
    } cases[] = {
        {WITH_CREDENTIAL(K128 SCOPE), SIGV4_OK}, /* the key id is not signed */
        {WITH_CREDENTIAL("A" SCOPE), SIGV4_OK},
        {WITH_CREDENTIAL("_+.@-" SCOPE), SIGV4_OK},
        {WITH_CREDENTIAL("AKIDEXAMPLE/20261120/" R32 R32 "/IoTSecuredTunneling/aws4_request"),
         SIGV4_MISMATCH},
        {WITH_CREDENTIAL("AKIDEXAMPLE/20261120/any_Region-9/IoTSecuredTunneling/aws4_request"),
         SIGV4_MISMATCH},
        {WITH_CREDENTIAL("AKIDEXAMPLE/20261119/us-east-1/IoTSecuredTunneling/aws4_request"),
         SIGV4_SCOPE},
        {WITH_CREDENTIAL("AKIDEXAMPLE/20261121/us-east-1/IoTSecuredTunneling/aws4_request"),
         SIGV4_SCOPE},
        {WITH_CREDENTIAL("AKIDEXAMPLE/20261120/us-east-1/iotsecuredtunneling/aws4_request"),
         SIGV4_SCOPE},
        {WITH_CREDENTIAL("AKIDEXAMPLE/20261120/us-east-1/s3/aws4_request"), SIGV4_SCOPE},
        {WITH_HEADERS("content-type;host;x-amz-date"), SIGV4_HEADERS},
        {WITH_HEADERS("content-type;x-amz-date;x-amz-target"), SIGV4_HEADERS},
        {WITH_HEADERS("host;x-amz-missing;x-amz-target"), SIGV4_HEADERS},
        {WITH_HEADERS(HEADERS_31 ";z4"), SIGV4_HEADERS},
        {WITH_HEADERS("host;x-amz-target"), SIGV4_MISMATCH},
        {WITH_HEADERS("accept-encoding;content-type;host;x-amz-date;x-amz-target"), SIGV4_MISMATCH},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (check_authorization(cases[i].value) != cases[i].verdict)
            fail_msg("\"%s\": %d", cases[i].value, check_authorization(cases[i].value));
}

static void authorization_lines(void **state)
{
    (void)state;
    struct request r = open_tunnel;
    r.lines[AUTHORIZATION].name = NULL;
    assert_int_equal(parse(&r), SIGV4_MISSING);
    r = open_tunnel;
    add(&r, "authorization", open_tunnel.lines[AUTHORIZATION].value);
    assert_int_equal(parse(&r), SIGV4_INCOMPLETE);
    r = open_tunnel;
    add(&r, "Authorization", "");
    assert_int_equal(parse(&r), SIGV4_INCOMPLETE);
}

static void date_lines(void **state)
{
    (void)state;
    static const char *const dates[] = {"",
                                        "20261120",
                                        "Fri, 20 Nov 2026 20:43:50 GMT",
                                        "20261120T204350",
                                        "20261120T204360Z",
                                        "20261131T204350Z",
                                        "20261120T204350Z,20261120T204350Z"};
    for (size_t i = 0; i < sizeof dates / sizeof *dates; i++) {
        struct request r = open_tunnel;
        r.lines[4].value = dates[i];
        assert_int_equal(check(&r), SIGV4_INCOMPLETE);
    }
    struct request r = open_tunnel;
    r.lines[4].name = "Date";
    assert_int_equal(check(&r), SIGV4_INCOMPLETE);
    r = open_tunnel;
    add(&r, "X-Amz-Date", "20261120T204350Z");
    assert_int_equal(check(&r), SIGV4_INCOMPLETE);
}

static void texts(void **state)
{
    (void)state;
    for (int v = SIGV4_OK; v <= SIGV4_MISMATCH; v++)
        assert_true(strlen(sigv4_text((enum sigv4_verdict)v)) > 10);
}

/* ---- signing ---- */

static const struct sigv4_request to_sign = {
    .host = "127.0.0.1:18765",
    .path = "/",
    .content_type = "application/x-amz-json-1.1",
    .target = "IoTSecuredTunneling.OpenTunnel",
    .region = "us-east-1",
    .now = NOW + 999,
};

static char key_id[] = "AKIDEXAMPLE", secret[] = SECRET, token[] = "Fwo+/=session";

static void signs_as_the_cli(void **state)
{
    (void)state;
    char out[1024];
    struct sigv4_credentials c = {.key_id = key_id, .secret = secret};
    struct sigv4_request r = to_sign;
    r.body = span_of(open_tunnel.body);
    assert_int_equal(sigv4_sign(&r, &c, out, sizeof out), ERR_OK);
    assert_string_equal(out, "X-Amz-Date: 20261120T204350Z\r\n"
                             "Authorization: " SCHEME CREDENTIAL ", " SIGNED ", " SIGNATURE "\r\n");
    c.token = token;
    r = (struct sigv4_request){.host = "localhost:28765",
                               .path = "/x//y/../z",
                               .content_type = "application/x-amz-json-1.1",
                               .target = "IoTSecuredTunneling.ListTunnels",
                               .region = "us-east-1",
                               .body = span_of(with_token.body),
                               .now = with_token.now};
    assert_int_equal(sigv4_sign(&r, &c, out, sizeof out), ERR_OK);
    char expected[1024];
    snprintf(expected, sizeof expected,
             "X-Amz-Date: 20261121T023158Z\r\nX-Amz-Security-Token: Fwo+/=session\r\n"
             "Authorization: %s\r\n",
             with_token.lines[6].value);
    assert_string_equal(out, expected);
}

static void room_for_the_signature(void **state)
{
    (void)state;
    char whole[1024], out[1024];
    struct sigv4_credentials c = {.key_id = key_id, .secret = secret, .token = token};
    assert_int_equal(sigv4_sign(&to_sign, &c, whole, sizeof whole), ERR_OK);
    size_t n = strlen(whole);
    for (size_t size = 0; size <= n; size++) {
        char *exact = malloc(size + (size == 0));
        assert_non_null(exact);
        assert_int_equal(sigv4_sign(&to_sign, &c, exact, size), ERR_TOO_LARGE);
        assert_true(size == 0 || exact[0] == '\0');
        free(exact);
    }
    assert_int_equal(sigv4_sign(&to_sign, &c, out, n + 1), ERR_OK);
    assert_string_equal(out, whole);
}

static void cannot_sign(void **state)
{
    (void)state;
    static char bad[] = "a\r\nX-Evil: 1", empty[] = "", slash[] = "AKID/EXAMPLE";
    const struct sigv4_credentials good = {.key_id = key_id, .secret = secret};
    const struct sigv4_credentials keys[] = {
        {.key_id = bad, .secret = secret},
        {.key_id = empty, .secret = secret},
        {.key_id = slash, .secret = secret},
        {.secret = secret},
        {.key_id = key_id, .secret = empty},
        {.key_id = key_id},
        {.key_id = key_id, .secret = secret, .token = bad},
        {.key_id = key_id, .secret = secret, .token = empty},
    };
    char out[1024];
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        assert_int_equal(sigv4_sign(&to_sign, &keys[i], out, sizeof out), ERR_USAGE);
        assert_string_equal(out, "");
    }
    struct sigv4_request requests[8];
    for (size_t i = 0; i < 8; i++)
        requests[i] = to_sign;
    requests[0].host = bad;
    requests[1].content_type = bad;
    requests[2].target = bad;
    requests[3].region = bad;
    requests[4].region = NULL;
    requests[5].path = "no/path";
    requests[6].now = -1;
    requests[7].host = "";
    for (size_t i = 0; i < 8; i++)
        assert_int_equal(sigv4_sign(&requests[i], &good, out, sizeof out), ERR_USAGE);
}

/* ---- round trips ---- */

static unsigned seed;

static size_t below(size_t n)
{
    return (size_t)rand_r(&seed) % n;
}

static void random_words(const char *start, const char *const *words, size_t n, char *out)
{
    strcpy(out, start);
    for (size_t times = below(8); times > 0; times--)
        strcat(out, words[below(n)]);
}

struct trip {
    char path[200], host[100], body[300], token[100], region[100], text[4096];
    size_t n_body;
    int64_t now;
    struct http_reader *reader;
};

static void random_request(struct trip *t)
{
    static const char *const pieces[] = {"a",     "/",      ".",  "..",  "%20", "%C3%A9", "~",
                                         "x-y_z", "+",      ";",  ":",   "@",   "?",      "&",
                                         "=",     "?b=1&a", "!$", "//a", "%"};
    static const char *const names[] = {"a", "b-c", ".d", "9"};
    random_words("/", pieces, sizeof pieces / sizeof *pieces - (below(2) ? 0 : 1), t->path);
    if (strchr(t->path, '?') != NULL) /* '%' alone is fine in a path only */
        for (char *p = t->path; *p != '\0'; p++)
            if (*p == '%' && p[1] != '2' && p[1] != 'C' && p[1] != 'A')
                *p = '_';
    random_words("h", names, 4, t->host);
    random_words("r", names, 2, t->region);
    random_words("t  o", pieces, 10, t->token);
    t->n_body = below(sizeof t->body);
    for (size_t i = 0; i < t->n_body; i++)
        t->body[i] = (char)below(256);
    t->now = (int64_t)below(1u << 30) * 2000 + (int64_t)below(1000);
}

static void send_through(struct trip *t, const char *lines)
{
    int n = snprintf(t->text, sizeof t->text,
                     "POST %s HTTP/1.1\r\n%sx-amz-target:%s \r\ncontent-TYPE:   a   b\r\n"
                     "Host: %s\r\n\r\n",
                     t->path, lines, to_sign.target, t->host);
    t->reader = http_reader_new(HTTP_REQUEST, 16384);
    assert_non_null(t->reader);
    for (size_t at = 0; at < (size_t)n;) {
        size_t piece = 1 + below(64);
        piece = piece < (size_t)n - at ? piece : (size_t)n - at;
        assert_int_equal(http_reader_feed(t->reader, (uint8_t *)t->text + at, piece), piece);
        at += piece;
    }
    assert_non_null(http_reader_head(t->reader));
}

static enum sigv4_verdict judge(const struct trip *t, const char *with, int64_t now)
{
    struct sigv4_auth auth;
    const struct http_head *head = http_reader_head(t->reader);
    enum sigv4_verdict v = sigv4_parse(head, &auth);
    assert_int_equal(v, SIGV4_OK);
    return sigv4_verify(&auth, head, (struct span){t->body, t->n_body}, span_of(with), now);
}

static void round_trips(void **state)
{
    (void)state;
    seed = 4;
    struct trip *t = calloc(1, sizeof *t);
    assert_non_null(t);
    for (int round = 0; round < 3000; round++) {
        char lines[1024];
        random_request(t);
        struct sigv4_credentials c = {
            .key_id = key_id, .secret = secret, .token = below(2) ? t->token : NULL};
        struct sigv4_request r = {.host = t->host,
                                  .path = t->path,
                                  .content_type = "a b",
                                  .target = to_sign.target,
                                  .region = t->region,
                                  .body = {t->body, t->n_body},
                                  .now = t->now};
        enum err why = sigv4_sign(&r, &c, lines, sizeof lines);
        if (why != ERR_OK)
            fail_msg("%s: %s", t->path, err_text(why));
        send_through(t, lines);
        assert_int_equal(judge(t, SECRET, t->now), SIGV4_OK);
        assert_int_equal(judge(t, SECRET, t->now + 901000), SIGV4_EXPIRED);
        assert_int_equal(judge(t, "wJalrXUtnFEMI.", t->now), SIGV4_MISMATCH);
        if (t->n_body > 0) {
            t->body[below(t->n_body)] ^= (char)(1 << below(7));
            assert_int_equal(judge(t, SECRET, t->now), SIGV4_MISMATCH);
        }
        http_reader_free(t->reader);
    }
    free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(real_requests),     cmocka_unit_test(parts),
        cmocka_unit_test(written_otherwise), cmocka_unit_test(malformed),
        cmocka_unit_test(at_the_bounds),     cmocka_unit_test(authorization_lines),
        cmocka_unit_test(date_lines),        cmocka_unit_test(texts),
        cmocka_unit_test(signs_as_the_cli),  cmocka_unit_test(room_for_the_signature),
        cmocka_unit_test(cannot_sign),       cmocka_unit_test(round_trips),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
