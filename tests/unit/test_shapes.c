/* What the API accepts and writes: shapes of members. */
#include "core/base/json_write.h"
#include "core/base/unicode.h"
#include "gateway/hub/api/json.h"
#include "gateway/hub/api/shapes.h"

#include <cjson/cJSON.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NAME_PATTERN "Member must satisfy regular expression pattern: [a-zA-Z0-9:_-]+"

#define TAG_PATTERN                                                                                \
    "Member must satisfy regular expression pattern: ^([\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]*)$"

/* ---- shapes ---- */

struct verdict {
    enum err why;
    char text[8192];
};

static const struct verdict *check_limited(enum operation o, const char *body, int64_t minutes)
{
    static struct verdict v;
    struct buf text = {.limit = 2 * SHAPES_MAX_TEXT};
    const char *problem;
    cJSON *j = json_object(span_of(body), &v.why, &problem);
    if (j == NULL)
        fail_msg("%s: %s", body, problem);
    v.why = shapes_check(o, j, minutes, &text);
    assert_true(text.size < sizeof v.text);
    snprintf(v.text, sizeof v.text, "%.*s", (int)text.size, (const char *)text.data);
    buf_free(&text);
    cJSON_Delete(j);
    return &v;
}

static const struct verdict *check(enum operation o, const char *body)
{
    return check_limited(o, body, 720);
}

static void fits(enum operation o, const char *body)
{
    const struct verdict *v = check(o, body);
    if (v->why != ERR_OK)
        fail_msg("%.300s: %s", body, v->text);
    assert_string_equal(v->text, "");
}

static void violates(enum operation o, const char *body, const char *text)
{
    const struct verdict *v = check(o, body);
    assert_int_equal(v->why, ERR_USAGE);
    assert_string_equal(v->text, text);
}

static void mistyped(enum operation o, const char *body, const char *text)
{
    const struct verdict *v = check(o, body);
    assert_int_equal(v->why, ERR_PROTOCOL);
    assert_string_equal(v->text, text);
}

static void test_minimal(void **state)
{
    (void)state;
    fits(OPERATION_OPEN, "{}");
    fits(OPERATION_LIST, "{}");
    fits(OPERATION_OPEN, "{\"description\":null,\"tags\":null,\"destinationConfig\":null,"
                         "\"timeoutConfig\":{\"maxLifetimeTimeoutMinutes\":null}}");
    fits(OPERATION_OPEN, "{\"timeoutConfig\":{},\"unknown\":[{\"deep\":1}],\"Description\":7}");
    fits(OPERATION_OPEN, "{\"destinationConfig\":{\"services\":[\"SSH\"],\"thingName\":null}}");
    fits(OPERATION_CLOSE, "{\"tunnelId\":\"t1\",\"delete\":true}");
    fits(OPERATION_CLOSE, "{\"tunnelId\":\"t1\",\"delete\":null}");
    fits(OPERATION_DESCRIBE, "{\"tunnelId\":\"a-B_9+=:\"}");
    fits(OPERATION_ROTATE, "{\"tunnelId\":\"t1\",\"clientMode\":\"ALL\"}");
    fits(OPERATION_TAG, "{\"resourceArn\":\"x\",\"tags\":[{\"key\":\"a\",\"value\":\"\"}]}");
    fits(OPERATION_UNTAG, "{\"resourceArn\":\"x\",\"tagKeys\":[]}");
    fits(OPERATION_LIST_TAGS, "{\"resourceArn\":\"x\"}");
}

#define ONE "1 validation error detected: "

#define NULL_AT(where)                                                                             \
    "Value null at '" where "' failed to satisfy constraint: Member must not be null"

static void test_required(void **state)
{
    (void)state;
    violates(OPERATION_CLOSE, "{}", ONE NULL_AT("tunnelId"));
    violates(OPERATION_CLOSE, "{\"tunnelId\":null}", ONE NULL_AT("tunnelId"));
    violates(OPERATION_DESCRIBE, "{\"TunnelId\":\"t\"}", ONE NULL_AT("tunnelId"));
    violates(OPERATION_ROTATE, "{}",
             "2 validation errors detected: " NULL_AT("tunnelId") "; " NULL_AT("clientMode"));
    violates(OPERATION_TAG, "{}",
             "2 validation errors detected: " NULL_AT("resourceArn") "; " NULL_AT("tags"));
    violates(OPERATION_UNTAG, "{\"resourceArn\":\"x\"}", ONE NULL_AT("tagKeys"));
    violates(OPERATION_LIST_TAGS, "{}", ONE NULL_AT("resourceArn"));
    violates(OPERATION_OPEN, "{\"destinationConfig\":{\"thingName\":\"d\"}}",
             ONE NULL_AT("destinationConfig.services"));
    violates(OPERATION_OPEN, "{\"tags\":[{\"key\":\"a\",\"value\":\"b\"},{\"key\":null}]}",
             "2 validation errors detected: " NULL_AT("tags.2.member.key") "; " NULL_AT(
                 "tags.2.member.value"));
    violates(OPERATION_OPEN, "{\"tags\":[null]}", ONE NULL_AT("tags.1.member"));
}

static void test_words(void **state)
{
    (void)state;
    violates(OPERATION_OPEN,
             "{\"destinationConfig\":{\"thingName\":\"bad name!\",\"services\":[\"S\"]}}",
             ONE "Value 'bad name!' at 'destinationConfig.thingName' failed to satisfy "
                 "constraint: " NAME_PATTERN);
    violates(OPERATION_ROTATE, "{\"tunnelId\":\"t\",\"clientMode\":\"BOTH\"}",
             ONE "Value 'BOTH' at 'clientMode' failed to satisfy constraint: Member must satisfy "
                 "enum value set: [SOURCE, DESTINATION, ALL]");
    violates(OPERATION_ROTATE, "{\"tunnelId\":\"t\",\"clientMode\":\"source\"}",
             ONE "Value 'source' at 'clientMode' failed to satisfy constraint: Member must satisfy "
                 "enum value set: [SOURCE, DESTINATION, ALL]");
    violates(OPERATION_OPEN, "{\"timeoutConfig\":{\"maxLifetimeTimeoutMinutes\":721}}",
             ONE "Value '721' at 'timeoutConfig.maxLifetimeTimeoutMinutes' failed to satisfy "
                 "constraint: Member must have value less than or equal to 720");
    violates(
        OPERATION_LIST, "{\"maxResults\":0,\"nextToken\":\"\"}",
        "2 validation errors detected: Value '0' at 'maxResults' failed to satisfy constraint: "
        "Member must have value greater than or equal to 1; Value '' at 'nextToken' failed to "
        "satisfy constraint: Member must satisfy regular expression pattern: "
        "[a-zA-Z0-9_=-]{1,4096}");
    violates(OPERATION_OPEN, "{\"destinationConfig\":{\"services\":[]}}",
             ONE "Value '[]' at 'destinationConfig.services' failed to satisfy constraint: Member "
                 "must have length greater than or equal to 1");
    violates(OPERATION_OPEN, "{\"destinationConfig\":{\"services\":[\"SSH\",\"a b\",null]}}",
             ONE
             "Value '[SSH, a b, null]' at 'destinationConfig.services' failed to satisfy "
             "constraint: Member must satisfy constraint: [Member must have length less than or "
             "equal to 128, Member must have length greater than or equal to 1, " NAME_PATTERN
             ", Member must not be null]");
    violates(
        OPERATION_TAG, "{\"resourceArn\":\"\",\"tags\":[{\"key\":\"\",\"value\":\"a!\"}]}",
        "3 validation errors detected: Value '' at 'resourceArn' failed to satisfy constraint: "
        "Member must have length greater than or equal to 1; Value '' at 'tags.1.member.key' "
        "failed to satisfy constraint: Member must have length greater than or equal to 1; "
        "Value 'a!' at 'tags.1.member.value' failed to satisfy constraint: " TAG_PATTERN);
}

static void test_types(void **state)
{
    (void)state;
    mistyped(OPERATION_OPEN, "{\"description\":7}",
             "NUMBER_VALUE at 'description' can not be converted to a String");
    mistyped(OPERATION_OPEN, "{\"tags\":{}}",
             "STRUCTURE_VALUE at 'tags' can not be converted to a List");
    mistyped(OPERATION_OPEN, "{\"tags\":[[]]}",
             "LIST_VALUE at 'tags.1.member' can not be converted to a Structure");
    mistyped(OPERATION_OPEN, "{\"tags\":[{\"key\":true,\"value\":\"\"}]}",
             "TRUE_VALUE at 'tags.1.member.key' can not be converted to a String");
    mistyped(OPERATION_OPEN, "{\"destinationConfig\":\"SSH\"}",
             "STRING_VALUE at 'destinationConfig' can not be converted to a Structure");
    mistyped(OPERATION_OPEN, "{\"destinationConfig\":{\"services\":\"SSH\"}}",
             "STRING_VALUE at 'destinationConfig.services' can not be converted to a List");
    mistyped(OPERATION_OPEN, "{\"destinationConfig\":{\"services\":[\"S\",7]}}",
             "NUMBER_VALUE at 'destinationConfig.services.2.member' can not be converted to a "
             "String");
    mistyped(OPERATION_OPEN, "{\"timeoutConfig\":{\"maxLifetimeTimeoutMinutes\":\"60\"}}",
             "STRING_VALUE at 'timeoutConfig.maxLifetimeTimeoutMinutes' can not be converted to an "
             "Integer");
    mistyped(OPERATION_LIST, "{\"maxResults\":1.5}",
             "NUMBER_VALUE at 'maxResults' can not be converted to an Integer");
    mistyped(OPERATION_LIST, "{\"maxResults\":1e300}",
             "NUMBER_VALUE at 'maxResults' can not be converted to an Integer");
    mistyped(OPERATION_LIST, "{\"maxResults\":-2147483649}",
             "NUMBER_VALUE at 'maxResults' can not be converted to an Integer");
    mistyped(OPERATION_CLOSE, "{\"tunnelId\":\"t\",\"delete\":\"true\"}",
             "STRING_VALUE at 'delete' can not be converted to a Boolean");
    mistyped(OPERATION_CLOSE, "{\"tunnelId\":\"t\",\"delete\":1}",
             "NUMBER_VALUE at 'delete' can not be converted to a Boolean");
    mistyped(OPERATION_CLOSE, "{\"tunnelId\":false}",
             "FALSE_VALUE at 'tunnelId' can not be converted to a String");
    /* A wrong type counts over constraints, wherever it stands. */
    mistyped(OPERATION_ROTATE, "{\"tunnelId\":\"\",\"clientMode\":[]}",
             "LIST_VALUE at 'clientMode' can not be converted to a String");
    mistyped(OPERATION_UNTAG, "{\"resourceArn\":\"\",\"tagKeys\":[\"\",{}]}",
             "STRUCTURE_VALUE at 'tagKeys.2.member' can not be converted to a String");
}

/* n times that character. */
static const char *many(const char *c, size_t n)
{
    static char out[20000];
    assert_true(strlen(c) * n < sizeof out);
    out[0] = '\0';
    for (size_t i = 0; i < n; i++)
        memcpy(out + i * strlen(c), c, strlen(c) + 1);
    return out;
}

/* Bodies with one text in them: fits with `most` characters, not with one more, nor with one less
 * than `least`. */
static void test_lengths(void **state)
{
    static const struct {
        enum operation o;
        const char *before, *after;
        size_t least, most;
    } texts[] = {
        {OPERATION_OPEN, "{\"description\":\"", "\"}", 1, 2048},
        {OPERATION_OPEN, "{\"destinationConfig\":{\"services\":[\"S\"],\"thingName\":\"", "\"}}", 1,
         128},
        {OPERATION_OPEN, "{\"destinationConfig\":{\"services\":[\"A\",\"", "\"]}}", 1, 128},
        {OPERATION_OPEN, "{\"tags\":[{\"value\":\"\",\"key\":\"", "\"}]}", 1, 128},
        {OPERATION_OPEN, "{\"tags\":[{\"key\":\"k\",\"value\":\"", "\"}]}", 0, 256},
        {OPERATION_CLOSE, "{\"tunnelId\":\"", "\"}", 1, 128},
        {OPERATION_DESCRIBE, "{\"tunnelId\":\"", "\"}", 1, 128},
        {OPERATION_LIST, "{\"thingName\":\"", "\"}", 1, 128},
        {OPERATION_LIST, "{\"nextToken\":\"", "\"}", 1, 4096},
        {OPERATION_ROTATE, "{\"clientMode\":\"ALL\",\"tunnelId\":\"", "\"}", 1, 128},
        {OPERATION_ROTATE,
         "{\"clientMode\":\"ALL\",\"tunnelId\":\"t\",\"destinationConfig\":{\"services\":[\"",
         "\"]}}", 1, 128},
        {OPERATION_TAG, "{\"tags\":[{\"key\":\"k\",\"value\":\"\"}],\"resourceArn\":\"", "\"}", 1,
         1011},
        {OPERATION_UNTAG, "{\"resourceArn\":\"x\",\"tagKeys\":[\"", "\"]}", 1, 128},
        {OPERATION_UNTAG, "{\"tagKeys\":[],\"resourceArn\":\"", "\"}", 1, 1011},
        {OPERATION_LIST_TAGS, "{\"resourceArn\":\"", "\"}", 1, 1011},
    };
    char body[8192];
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        for (size_t n = texts[i].least > 0 ? texts[i].least - 1 : 0; n <= texts[i].most + 1;
             n = n < texts[i].least  ? n + 1
                 : n < texts[i].most ? texts[i].most
                                     : n + 1) {
            bool fine = n >= texts[i].least && n <= texts[i].most;
            snprintf(body, sizeof body, "%s%s%s", texts[i].before, many("x", n), texts[i].after);
            enum err why = check(texts[i].o, body)->why;
            if (why != (fine ? ERR_OK : ERR_USAGE))
                fail_msg("%s… with %zu characters: %d", texts[i].before, n, why);
        }
    }
}

/* Lengths are characters, not bytes. */
static void test_characters(void **state)
{
    static const char *const letters[] = {"\xc3\x9f", "\xe4\xb8\xad", "\xf0\xa0\x80\x80", "\\u00df",
                                          "\\ud840\\udc00"};
    char body[16384];
    (void)state;
    for (size_t i = 0; i < sizeof letters / sizeof *letters; i++) {
        snprintf(body, sizeof body, "{\"tags\":[{\"key\":\"%s\",\"value\":\"\"}]}",
                 many(letters[i], 128));
        fits(OPERATION_OPEN, body);
        snprintf(body, sizeof body, "{\"tags\":[{\"key\":\"%s\",\"value\":\"\"}]}",
                 many(letters[i], 129));
        assert_int_equal(check(OPERATION_OPEN, body)->why, ERR_USAGE);
    }
    snprintf(body, sizeof body, "{\"description\":\"%s\"}", many("\xf0\x9f\x98\x80", 2048));
    fits(OPERATION_OPEN, body);
    snprintf(body, sizeof body, "{\"description\":\"%s\"}", many("\xf0\x9f\x98\x80", 2049));
    assert_int_equal(check(OPERATION_OPEN, body)->why, ERR_USAGE);
}

/* Items of lists. */
static void list_body(char *out, const char *before, const char *item, size_t n, const char *after)
{
    out += sprintf(out, "%s", before);
    for (size_t i = 0; i < n; i++)
        out += sprintf(out, "%s%s", i > 0 ? "," : "", item);
    sprintf(out, "%s", after);
}

static void test_list_sizes(void **state)
{
    static const char tag[] = "{\"key\":\"k\",\"value\":\"v\"}";
    char body[16384];
    (void)state;
    list_body(body, "{\"tags\":[", tag, 200, "]}");
    fits(OPERATION_OPEN, body);
    list_body(body, "{\"tags\":[", tag, 201, "]}");
    assert_non_null(strstr(check(OPERATION_OPEN, body)->text,
                           "at 'tags' failed to satisfy constraint: Member must have length less "
                           "than or equal to 200"));
    list_body(body, "{\"resourceArn\":\"x\",\"tags\":[", tag, 0, "]}");
    violates(OPERATION_TAG, body,
             ONE "Value '[]' at 'tags' failed to satisfy constraint: Member must have length "
                 "greater than or equal to 1");
    list_body(body, "{\"resourceArn\":\"x\",\"tagKeys\":[", "\"k\"", 200, "]}");
    fits(OPERATION_UNTAG, body);
    list_body(body, "{\"resourceArn\":\"x\",\"tagKeys\":[", "\"k\"", 201, "]}");
    assert_int_equal(check(OPERATION_UNTAG, body)->why, ERR_USAGE);
    list_body(body, "{\"destinationConfig\":{\"services\":[", "\"S\"", 500, "]}}");
    fits(OPERATION_OPEN, body); /* the model has no maximum; the limits have */
}

static void test_numbers(void **state)
{
    (void)state;
    fits(OPERATION_LIST, "{\"maxResults\":1}");
    fits(OPERATION_LIST, "{\"maxResults\":100}");
    fits(OPERATION_LIST, "{\"maxResults\":1e2}");
    fits(OPERATION_LIST, "{\"maxResults\":50.0}");
    assert_int_equal(check(OPERATION_LIST, "{\"maxResults\":101}")->why, ERR_USAGE);
    assert_int_equal(check(OPERATION_LIST, "{\"maxResults\":-1}")->why, ERR_USAGE);
    fits(OPERATION_OPEN, "{\"timeoutConfig\":{\"maxLifetimeTimeoutMinutes\":1}}");
    fits(OPERATION_OPEN, "{\"timeoutConfig\":{\"maxLifetimeTimeoutMinutes\":720}}");
    assert_int_equal(
        check(OPERATION_OPEN, "{\"timeoutConfig\":{\"maxLifetimeTimeoutMinutes\":0}}")->why,
        ERR_USAGE);
    /* The limit stands in for the model's maximum, both ways. */
    static const char hour[] = "{\"timeoutConfig\":{\"maxLifetimeTimeoutMinutes\":60}}";
    static const char week[] = "{\"timeoutConfig\":{\"maxLifetimeTimeoutMinutes\":10080}}";
    assert_int_equal(check_limited(OPERATION_OPEN, hour, 60)->why, ERR_OK);
    assert_int_equal(check_limited(OPERATION_OPEN, hour, 59)->why, ERR_USAGE);
    assert_int_equal(check_limited(OPERATION_OPEN, week, 10080)->why, ERR_OK);
    assert_int_equal(check_limited(OPERATION_OPEN, week, 10079)->why, ERR_USAGE);
    assert_int_equal(check_limited(OPERATION_LIST, "{\"maxResults\":60}", 10)->why, ERR_OK);
}

struct letter {
    const char *text;
    bool fine;
};

static void test_letters(void **state)
{
    static const struct letter in_names[] = {
        {"aZ09:_-", true},   {"a.b", false}, {"a b", false},    {"a/b", false},
        {"\xc3\xa4", false}, {"a+", false},  {"\\u0061", true}, {"a\\u000d\\u000a", false}};
    static const struct letter in_tags[] = {{"Gr\xc3\xb6\xc3\x9f\x65", true},
                                            {"\xe4\xb8\xad\xe6\x96\x87", true},
                                            {"a b\xc2\xa0\xe3\x80\x80", true},
                                            {"_.:/=+-@", true},
                                            {"\xd9\xa3\xe2\x85\xa7", true},
                                            {"\xf0\x9f\x98\x80", false},
                                            {"a!", false},
                                            {"a,b", false},
                                            {"\\u0009", false},
                                            {"\\u007f", false},
                                            {"e\xcc\x81", false},
                                            {"\xe2\x82\xac", false},
                                            {"\xe2\x80\x8d", false},
                                            {"a\\\\b", false},
                                            {"\\\"", false},
                                            {"\\u2028", true}};
    static const struct letter in_descriptions[] = {
        {"hello, world! \xf0\x9f\x98\x80 \xe2\x82\xac e\xcc\x81", true},
        {"\\u2028", true},
        {"a\\nb", false},
        {"\\u0085", false},
        {"\\u200e", false},
        {"\xee\x80\x80", false}, /* private use */
        {"\xcd\xb8", false},     /* not assigned */
        {"\\\"\\\\", true}};
    static const struct {
        enum operation o;
        const char *before, *after;
        const struct letter *letters;
        size_t n;
    } fields[] = {
#define LETTERS(l) l, sizeof l / sizeof *l
        {OPERATION_OPEN, "{\"description\":\"", "\"}", LETTERS(in_descriptions)},
        {OPERATION_OPEN, "{\"tags\":[{\"value\":\"\",\"key\":\"", "\"}]}", LETTERS(in_tags)},
        {OPERATION_OPEN, "{\"tags\":[{\"key\":\"k\",\"value\":\"", "\"}]}", LETTERS(in_tags)},
        {OPERATION_UNTAG, "{\"resourceArn\":\"x\",\"tagKeys\":[\"", "\"]}", LETTERS(in_tags)},
        {OPERATION_OPEN, "{\"destinationConfig\":{\"services\":[\"", "\"]}}", LETTERS(in_names)},
        {OPERATION_LIST, "{\"thingName\":\"", "\"}", LETTERS(in_names)},
    };
    char body[512];
    (void)state;
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        for (size_t j = 0; j < fields[i].n; j++) {
            const struct letter *l = &fields[i].letters[j];
            snprintf(body, sizeof body, "%s%s%s", fields[i].before, l->text, fields[i].after);
            if (check(fields[i].o, body)->why != (l->fine ? ERR_OK : ERR_USAGE))
                fail_msg("%s", body);
        }
}

/* Nobody gets a message without end. */
static void test_bounded_messages(void **state)
{
    char body[20000];
    (void)state;
    snprintf(body, sizeof body, "{\"description\":\"%s\"}", many("\xf0\x9f\x98\x80", 4000));
    const struct verdict *v = check(OPERATION_OPEN, body);
    assert_int_equal(v->why, ERR_USAGE);
    assert_true(strlen(v->text) < 4 * SHAPES_MAX_SHOWN + 200);
    assert_non_null(strstr(v->text, "\xf0\x9f\x98\x80...' at 'description'"));
    list_body(body, "{\"tags\":[", "{\"key\":\"!\",\"value\":\"!\"}", 150, "]}");
    v = check(OPERATION_OPEN, body);
    assert_int_equal(v->why, ERR_USAGE);
    assert_non_null(strstr(v->text, "10 validation errors detected: "));
    assert_non_null(strstr(v->text, "tags.5.member.value"));
    assert_null(strstr(v->text, "tags.6.member"));
    list_body(body, "{\"destinationConfig\":{\"services\":[", "\"a b\"", 2000, "]}}");
    v = check(OPERATION_OPEN, body);
    assert_int_equal(v->why, ERR_USAGE);
    assert_true(strlen(v->text) < 1024);
    assert_non_null(strstr(v->text, "...]' at 'destinationConfig.services'"));
    list_body(body, "{\"resourceArn\":\"x\",\"tagKeys\":[", "1e300", 201, "]}");
    v = check(OPERATION_UNTAG, body);
    assert_int_equal(v->why, ERR_PROTOCOL);
    assert_string_equal(v->text,
                        "NUMBER_VALUE at 'tagKeys.1.member' can not be converted to a String");
}

/* ---- writing ---- */

static void writes(struct span s, const char *want)
{
    struct json_writer w = {.bytes.limit = 1024};
    json_text(&w, NULL, s);
    assert_false(w.failed);
    assert_true(span_is((struct span){(const char *)w.bytes.data, w.bytes.size}, want));
    buf_free(&w.bytes);
}

static void test_writer_texts(void **state)
{
    (void)state;
    writes(span_of(""), "\"\"");
    writes(span_of("a \"b\" \\ / \xc3\x9f \xf0\x9f\x98\x80"),
           "\"a \\\"b\\\" \\\\ / \xc3\x9f \xf0\x9f\x98\x80\"");
    writes((struct span){"\0\r\n\x7f", 4}, "\"\\u0000\\u000d\\u000a\\u007f\"");
    writes(span_of("\xc2\x85\xe2\x80\xa8\xe2\x80\xae\xef\xbb\xbf"),
           "\"\\u0085\\u2028\\u202e\\ufeff\"");
    writes(span_of("\xf3\xa0\x80\xa1"), "\"\\udb40\\udc21\""); /* a tag character: format */
    writes(span_of("a\xff\xc3(\xed\xa0\x80"),
           "\"a\xef\xbf\xbd\xef\xbf\xbd(\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
    writes(span_of("\xf0\x9f\x98"), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
}

static void test_writer(void **state)
{
    struct json_writer w = {.bytes.limit = 1024};
    (void)state;
    json_open(&w, NULL, '{');
    json_open(&w, "empty", '[');
    json_close(&w, ']');
    json_open(&w, "list", '[');
    json_text(&w, NULL, span_of("a"));
    json_open(&w, NULL, '{');
    json_close(&w, '}');
    json_number(&w, NULL, -7);
    json_close(&w, ']');
    json_time(&w, "time", 1700000000003);
    json_close(&w, '}');
    assert_false(w.failed);
    assert_true(span_is((struct span){(const char *)w.bytes.data, w.bytes.size},
                        "{\"empty\":[],\"list\":[\"a\",{},-7],\"time\":1700000000.003}"));
    buf_free(&w.bytes);
    w = (struct json_writer){.bytes.limit = 16};
    json_text(&w, NULL, span_of("more than fits in there"));
    assert_true(w.failed);
    buf_free(&w.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_minimal),      cmocka_unit_test(test_required),
        cmocka_unit_test(test_words),        cmocka_unit_test(test_types),
        cmocka_unit_test(test_lengths),      cmocka_unit_test(test_characters),
        cmocka_unit_test(test_list_sizes),   cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_letters),      cmocka_unit_test(test_bounded_messages),
        cmocka_unit_test(test_writer_texts), cmocka_unit_test(test_writer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
