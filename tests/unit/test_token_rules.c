/* The rules for access tokens and tags, without a registry. */
#include "gateway/hub/registry/tag_rules.h"
#include "gateway/hub/registry/token_rules.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct tunnel_record tunnel(void)
{
    static char id[] = "one", thing[] = "plant7", nothing[] = "";
    struct tunnel_record t = {
        .id = id, .key_id = nothing, .thing = thing, .description = nothing, .expires = 1000};
    token_hash(span_of("src"), t.sides[SIDE_SOURCE].token);
    token_hash(span_of("dst"), t.sides[SIDE_DESTINATION].token);
    return t;
}

static struct token_claim claim(enum side side, const char *token, const char *client)
{
    struct token_claim c = {.side = side, .has_client = client != NULL};
    token_hash(span_of(token), c.token);
    if (client != NULL)
        token_hash(span_of(client), c.client);
    return c;
}

static enum token_verdict judge(const struct tunnel_record *t, const struct token_claim *c)
{
    enum side side;
    assert_true(token_is_of(t, c, &side));
    return token_judge(t, side, false, c, KEYED_UNKNOWN);
}

static void test_of(void **state)
{
    struct tunnel_record t = tunnel();
    struct token_claim c = claim(SIDE_SOURCE, "dst", NULL);
    enum side side;
    (void)state;
    assert_true(token_is_of(&t, &c, &side));
    assert_int_equal(side, SIDE_DESTINATION);
    c = claim(SIDE_SOURCE, "other", NULL);
    assert_false(token_is_of(&t, &c, &side));
}

static void test_uses(void **state)
{
    static const struct {
        const char *first, *then;
        enum token_verdict verdict;
    } cases[] = {
        {NULL, NULL, TOKEN_USED}, {NULL, "a", TOKEN_USED},        {"a", NULL, TOKEN_USED},
        {"a", "a", TOKEN_AGAIN},  {"a", "b", TOKEN_OTHER_CLIENT},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct tunnel_record t = tunnel();
        struct token_claim first = claim(SIDE_SOURCE, "src", cases[i].first);
        struct token_claim then = claim(SIDE_SOURCE, "src", cases[i].then);
        struct token_claim other = claim(SIDE_DESTINATION, "dst", NULL);
        assert_int_equal(judge(&t, &first), TOKEN_FIRST);
        token_use(&t, &first);
        assert_int_equal(judge(&t, &then), cases[i].verdict);
        assert_int_equal(judge(&t, &other), TOKEN_FIRST);
        token_replace(&t, SIDE_SOURCE, first.token);
        assert_int_equal(judge(&t, &then), TOKEN_FIRST);
    }
}

static void test_side_and_time(void **state)
{
    struct tunnel_record t = tunnel();
    struct token_claim source = claim(SIDE_DESTINATION, "src", NULL);
    struct token_claim destination = claim(SIDE_SOURCE, "dst", NULL);
    (void)state;
    assert_int_equal(judge(&t, &source), TOKEN_SOURCES);
    assert_int_equal(judge(&t, &destination), TOKEN_DESTINATIONS);
    assert_int_equal(token_judge(&t, SIDE_SOURCE, true, &source, KEYED_YES), TOKEN_OVER);
}

static void test_device(void **state)
{
    static const struct {
        const char *device;
        enum token_keyed keyed;
        enum token_verdict verdict;
    } cases[] = {
        {"plant7", KEYED_UNKNOWN, TOKEN_FIRST}, {"plant8", KEYED_YES, TOKEN_OTHER_DEVICE},
        {NULL, KEYED_UNKNOWN, TOKEN_ASK},       {NULL, KEYED_NO, TOKEN_NO_CERTIFICATE},
        {NULL, KEYED_YES, TOKEN_FIRST},
    };
    static char nothing[] = "";
    struct tunnel_record t = tunnel();
    struct token_claim c = claim(SIDE_DESTINATION, "dst", NULL);
    (void)state;
    c.device_required = true;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        c.device = cases[i].device;
        assert_int_equal(token_judge(&t, SIDE_DESTINATION, false, &c, cases[i].keyed),
                         cases[i].verdict);
    }
    c.device = NULL;
    t.thing = nothing;
    assert_int_equal(judge(&t, &c), TOKEN_FIRST);
    t = tunnel();
    token_use(&t, &c);
    assert_int_equal(judge(&t, &c), TOKEN_ASK); /* before who used it */
    c.device_required = false;
    assert_int_equal(judge(&t, &c), TOKEN_USED);
}

static void test_answers(void **state)
{
    struct tunnel_record t = tunnel();
    struct admission a = token_refusal(TOKEN_CROWDED, &t);
    (void)state;
    assert_int_equal(a.status, 503);
    assert_int_equal(a.why, ERR_LIMIT);
    assert_null(a.tunnel);
    assert_ptr_equal(a.known, &t);
    for (int v = TOKEN_UNKNOWN; v <= TOKEN_ENDING; v++)
        assert_true(token_refusal((enum token_verdict)v, NULL).status >= 400);
    assert_int_equal(token_admission(&t, t.expires, 400).left_ms, 600);
    assert_int_equal(token_admission(&t, t.expires, 2000).left_ms, 0);
}

/* ---- tags ---- */

static const struct tags *seen;

static bool refuses(void *ctx, const struct tunnel_record *t, const struct tags *after)
{
    (void)t;
    seen = after;
    return *(bool *)ctx;
}

static void test_tags(void **state)
{
    struct tunnel_record t = tunnel();
    struct tags add = {0}, after = {0};
    struct texts remove = {0};
    struct tag_change c = {.permits = refuses};
    bool yes = true, no = false;
    (void)state;
    assert_true(tags_set(&t.tags, span_of("a"), span_of("1")));
    assert_true(tags_set(&t.tags, span_of("b"), span_of("2")));
    assert_int_equal(tag_judge(&t, &c, &no, &after), ERR_FORBIDDEN);
    assert_ptr_equal(seen, &after);
    tags_free(&after);
    assert_true(texts_add(&remove, span_of("a")));
    assert_true(tags_set(&add, span_of("b"), span_of("3")));
    c.add = &add;
    c.remove = &remove;
    assert_int_equal(tag_judge(&t, &c, &yes, &after), ERR_OK);
    assert_int_equal(after.n, 1);
    assert_string_equal(after.items[0].value, "3");
    assert_int_equal(t.tags.n, 2);
    tags_free(&after);
    for (int i = 0; i <= TAGS_MAX; i++) {
        char key[16];
        snprintf(key, sizeof key, "k%d", i);
        assert_true(tags_set(&add, span_of(key), span_of("")));
    }
    assert_int_equal(tag_judge(&t, &c, &no, &after), ERR_FORBIDDEN); /* that first */
    tags_free(&after);
    assert_int_equal(tag_judge(&t, &c, &yes, &after), ERR_LIMIT);
    tags_free(&after);
    tags_free(&add);
    tags_free(&t.tags);
    texts_free(&remove);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_of),      cmocka_unit_test(test_uses),
        cmocka_unit_test(test_device),  cmocka_unit_test(test_side_and_time),
        cmocka_unit_test(test_answers), cmocka_unit_test(test_tags),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
