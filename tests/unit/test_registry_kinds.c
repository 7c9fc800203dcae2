/* What every kind of registry does alike, the shared one (on a real Redis) and, with TEST_LOCAL,
 * the local one. */
#include "tests/unit/shared_help.h"

#define R nodes[0].registry

/* ---- opening ---- */

static void test_open(void **state)
{
    struct tunnel_record t = new_record("plant7");
    struct reply r;
    (void)state;
    assert_int_equal(open_with(0, &t, "", 0, &r), ERR_OK);
    assert_null(t.thing);
    assert_int_equal(strlen(r.id), 36);
    assert_string_equal(nodes[0].heard, "o");
    assert_string_equal(nodes[0].last, "src");
    struct reply g = get_at(0, r.id);
    assert_int_equal(g.why, ERR_OK);
    assert_string_equal(g.thing, "plant7");
    assert_int_equal(g.created, cluster_ms);
    assert_int_equal(g.updated, cluster_ms);
    assert_int_equal(g.expires, cluster_ms + 3600000);
    assert_int_equal(g.closed, 0);
    assert_int_equal(g.tags, 1);
    assert_int_equal(get_at(0, "AKID").why, ERR_NOT_FOUND);
    assert_int_equal(get_at(0, "").why, ERR_NOT_FOUND);
}

static void test_empty_texts(void **state)
{
    struct tunnel_record t = {.lifetime_minutes = 1};
    struct reply r;
    (void)state;
    assert_int_equal(open_with(0, &t, "", 0, &r), ERR_OK);
    assert_string_equal(get_at(0, r.id).thing, "");
}

static void test_limit(void **state)
{
    struct reply r;
    char ids[3][NAME_SIZE], suffix[8];
    (void)state;
    for (int i = 0; i < 4; i++) {
        struct tunnel_record t = new_record("plant7");
        snprintf(suffix, sizeof suffix, "%d", i);
        assert_int_equal(open_with(0, &t, suffix, 3, &r), i < 3 ? ERR_OK : ERR_LIMIT);
        if (i < 3)
            memcpy(ids[i], r.id, NAME_SIZE);
    }
    assert_int_equal(close_at(0, ids[0], false), ERR_OK);
    assert_int_equal(close_at(0, ids[1], true), ERR_OK);
    for (int i = 4; i < 7; i++) {
        struct tunnel_record t = new_record("plant7");
        snprintf(suffix, sizeof suffix, "%d", i);
        assert_int_equal(open_with(0, &t, suffix, 3, &r), i < 6 ? ERR_OK : ERR_LIMIT);
    }
    cluster_ms += 3600000; /* all of them have expired, whether anybody has noticed or not */
    UNTIL_TRUE(local_kind ? registry_open_count(R) == 0 : true);
    struct tunnel_record t = new_record("plant7");
    assert_int_equal(open_with(0, &t, "8", 1, &r), ERR_OK);
}

static void test_same_tokens(void **state)
{
    struct tunnel_record t = new_record("plant7");
    struct reply r = {0};
    (void)state;
    registry_open(R, &t, BOTH("same", "same"), 0, on_reply, &r);
    assert_int_equal(answered(&r), ERR_INTERNAL);
    const char *id = open_at(0, "");
    assert_int_equal(rotate_at(0, id, "a", "a"), ERR_INTERNAL);
    assert_int_equal(rotate_at(0, id, "dst", NULL), ERR_INTERNAL);
    assert_int_equal(rotate_at(0, id, "a", "b"), ERR_OK);
    assert_int_equal(rotate_at(0, open_at(0, "2"), "b", NULL), ERR_INTERNAL);
    t = new_record("plant7");
    r = (struct reply){0};
    registry_open(R, &t, BOTH("a", "c"), 0, on_reply, &r);
    assert_int_equal(answered(&r), ERR_INTERNAL);
    assert_int_equal(enter(0, SIDE_SOURCE, "a", NULL), 0); /* it is the first one's still */
}

/* ---- lists ---- */

struct list_of {
    const char *thing;
    int64_t last, below;
    int n, most;
    bool done;
    enum err why;
    char first[NAME_SIZE];
};

static bool on_each(void *ctx, const struct tunnel_record *t)
{
    struct list_of *l = ctx;
    assert_true(t->number < l->last);
    assert_true(l->thing == NULL || strcmp(t->thing, l->thing) == 0);
    if (l->n == 0)
        snprintf(l->first, sizeof l->first, "%s", t->id);
    l->last = t->number;
    return ++l->n < l->most;
}

static void on_all(void *ctx, enum err why)
{
    struct list_of *l = ctx;
    assert_false(l->done);
    l->done = true;
    l->why = why;
}

static struct list_of list(const char *thing, int64_t below, int most)
{
    struct list_of l = {.thing = thing, .last = below, .most = most};
    char copy[16];
    snprintf(copy, sizeof copy, "%s", thing != NULL ? thing : "");
    registry_page(
        R,
        &(struct registry_page){
            .below = below, .thing = thing != NULL ? copy : NULL, .each = on_each, .done = on_all},
        &l);
    memset(copy, 0, sizeof copy);
    UNTIL_TRUE(l.done);
    assert_int_equal(l.why, ERR_OK);
    return l;
}

static void test_lists(void **state)
{
    enum { N = 150 };
    char suffix[8];
    struct reply r;
    int64_t numbers[N];
    (void)state;
    assert_int_equal(list(NULL, INT64_MAX, 1000).n, 0);
    assert_int_equal(list("plant7", INT64_MAX, 1000).n, 0);
    for (int i = 0; i < N; i++) {
        struct tunnel_record t = new_record(i % 3 == 0 ? "plant7" : "plant8");
        snprintf(suffix, sizeof suffix, "%d", i);
        assert_int_equal(open_with(0, &t, suffix, 0, &r), ERR_OK);
        numbers[i] = r.number;
        assert_true(i == 0 || numbers[i] > numbers[i - 1]);
    }
    struct list_of l = list(NULL, INT64_MAX, 1000);
    assert_int_equal(l.n, N);
    assert_string_equal(l.first, r.id);
    assert_int_equal(list(NULL, numbers[10], 1000).n, 10);
    assert_int_equal(list(NULL, numbers[100], 7).n, 7);
    assert_int_equal(list(NULL, numbers[0], 1000).n, 0);
    assert_int_equal(list(NULL, INT64_MIN, 1000).n, 0);
    assert_int_equal(list("plant7", INT64_MAX, 1000).n, N / 3);
    assert_int_equal(list("plant8", numbers[75], 1000).n, 50);
    assert_int_equal(list("plant9", INT64_MAX, 1000).n, 0);
    assert_int_equal(list("plant8", INT64_MAX, 70).n, 70);
    assert_int_equal(close_at(0, r.id, false), ERR_OK);
    assert_int_equal(list(NULL, INT64_MAX, 1000).n, N); /* closed ones, too */
    assert_int_equal(close_at(0, r.id, true), ERR_OK);
    assert_int_equal(list(NULL, INT64_MAX, 1000).n, N - 1);
    assert_int_equal(list("plant8", INT64_MAX, 1000).n, N * 2 / 3 - 1);
}

/* ---- closing ---- */

static void test_close(void **state)
{
    struct reply a = {0}, b = {0};
    (void)state;
    const char *id = open_at(0, "");
    cluster_ms += 5000;
    registry_close(R, id, false, on_reply, &a);
    registry_close(R, id, false, on_reply, &b);
    assert_int_equal(answered(&a), ERR_OK);
    assert_int_equal(answered(&b), ERR_OK);
    assert_string_equal(a.id, id);
    assert_string_equal(nodes[0].heard, "oe");
    assert_string_equal(nodes[0].last, "the tunnel was closed");
    cluster_ms += 5000;
    assert_int_equal(close_at(0, id, false), ERR_OK);
    assert_int_equal(get_at(0, id).closed, cluster_ms - 5000);
    assert_int_equal(get_at(0, id).updated, cluster_ms - 5000);
    assert_int_equal(rotate_at(0, id, "a", "b"), ERR_TUNNEL_CLOSED);
    assert_int_equal(close_at(0, "nobody", false), ERR_NOT_FOUND);
    assert_string_equal(nodes[0].heard, "oe");
    assert_int_equal(enter(0, SIDE_SOURCE, "src", NULL), 403);
}

static void test_remove(void **state)
{
    struct reply a = {0}, b = {0}, c = {0}, d = {0}, e = {0};
    struct tags tags = {0};
    (void)state;
    const char *id = open_at(0, ""), *other = open_at(0, "2");
    assert_true(tags_set(&tags, span_of("a"), span_of("b")));
    registry_close(R, id, true, on_reply, &a);
    registry_close(R, id, true, on_reply, &b);
    registry_rotate(R, id, BOTH("new", NULL), on_reply, &c);
    registry_tag(R, id, &(struct tag_change){.add = &tags}, on_reply, &d);
    registry_close(R, id, false, on_reply, &e);
    assert_int_equal(answered(&a), ERR_OK);
    assert_false(a.there);
    assert_int_equal(answered(&b), ERR_NOT_FOUND);
    assert_int_equal(answered(&c), ERR_NOT_FOUND);
    assert_int_equal(answered(&d), ERR_NOT_FOUND);
    assert_int_equal(answered(&e), ERR_NOT_FOUND);
    assert_string_equal(nodes[0].heard, "ooe");
    assert_int_equal(get_at(0, id).why, ERR_NOT_FOUND);
    assert_int_equal(close_at(0, other, false), ERR_OK);
    assert_int_equal(close_at(0, other, true), ERR_OK); /* ended already: no event */
    assert_string_equal(nodes[0].heard, "ooee");
    tags_free(&tags);
}

static void test_cut(void **state)
{
    struct reply a = {0};
    (void)state;
    const char *id = open_at(0, "");
    registry_cut(R, id, "the access key that opened it was cut off", on_reply, &a);
    assert_int_equal(answered(&a), ERR_OK);
    assert_string_equal(nodes[0].last, "the access key that opened it was cut off");
}

/* ---- changing ---- */

static void test_rotate(void **state)
{
    (void)state;
    const char *id = open_at(0, "");
    assert_int_equal(enter(0, SIDE_SOURCE, "src", ONE_CLIENT), 0);
    cluster_ms += 7000;
    assert_int_equal(rotate_at(0, id, "new", NULL), ERR_OK);
    assert_string_equal(nodes[0].heard, "os");
    assert_string_equal(nodes[0].last, "new");
    struct reply g = get_at(0, id);
    assert_int_equal(g.updated, cluster_ms);
    assert_int_equal(g.expires, cluster_ms - 7000 + 3600000);
    assert_false(g.used[SIDE_SOURCE]);
    assert_int_equal(enter(0, SIDE_SOURCE, "src", ONE_CLIENT), 403);
    assert_int_equal(enter(0, SIDE_SOURCE, "new", OTHER_CLIENT), 0);
    assert_int_equal(enter(0, SIDE_SOURCE, "new", ONE_CLIENT), 400);
    assert_int_equal(enter(0, SIDE_DESTINATION, "dst", NULL), 0);
    assert_int_equal(rotate_at(0, id, "newer", "newest"), ERR_OK);
    assert_string_equal(nodes[0].heard, "ossd");
    assert_int_equal(rotate_at(0, "nobody", "x", "y"), ERR_NOT_FOUND);
    cluster_ms += 3600000;
    assert_int_equal(rotate_at(0, id, "too", "late"), ERR_TUNNEL_CLOSED);
}

static void test_rotate_closing(void **state)
{
    struct reply a = {0}, b = {0};
    (void)state;
    const char *id = open_at(0, "");
    registry_close(R, id, false, on_reply, &a);
    registry_rotate(R, id, BOTH("new", NULL), on_reply, &b);
    assert_int_equal(answered(&a), ERR_OK);
    assert_int_equal(answered(&b), ERR_TUNNEL_CLOSED);
    assert_string_equal(nodes[0].heard, "oe");
    assert_int_equal(enter(0, SIDE_SOURCE, "new", NULL), 403);
}

static bool yes;
static size_t seen_tags;

static bool permits(void *ctx, const struct tunnel_record *t, const struct tags *after)
{
    (void)ctx, (void)t;
    seen_tags = after->n;
    return yes;
}

static void test_tag(void **state)
{
    struct tags tags = {0};
    struct texts remove = {0};
    struct tag_change c = {.add = &tags, .remove = &remove, .permits = permits};
    struct reply r = {0}, s = {0}, t = {0};
    (void)state;
    const char *id = open_at(0, "");
    assert_true(tags_set(&tags, span_of("a"), span_of("1")));
    assert_true(tags_set(&tags, span_of("b"), span_of("2")));
    assert_true(texts_add(&remove, span_of("site")));
    cluster_ms += 3000;
    registry_tag(R, id, &c, on_reply, &r);
    assert_int_equal(answered(&r), ERR_FORBIDDEN);
    assert_int_equal(seen_tags, 2);
    assert_int_equal(get_at(0, id).tags, 1);
    yes = true;
    registry_tag(R, id, &c, on_reply, &s);
    assert_int_equal(answered(&s), ERR_OK);
    assert_int_equal(s.tags, 2);
    assert_int_equal(get_at(0, id).updated, cluster_ms);
    for (int i = 0; i < 200; i++) {
        char key[16];
        snprintf(key, sizeof key, "k%d", i);
        assert_true(tags_set(&tags, span_of(key), span_of("")));
    }
    registry_tag(R, id, &c, on_reply, &t);
    assert_int_equal(answered(&t), ERR_LIMIT);
    tags_free(&tags);
    texts_free(&remove);
}

static void test_connected(void **state)
{
    (void)state;
    const char *id = open_at(0, "");
    assert_int_equal(enter(0, SIDE_SOURCE, "src", ONE_CLIENT), 0);
    UNTIL_TRUE(get_at(0, id).connected[SIDE_SOURCE]);
    assert_false(get_at(0, id).connected[SIDE_DESTINATION]);
    registry_connected(R, span_of(id), SIDE_SOURCE, false);
    UNTIL_TRUE(!get_at(0, id).connected[SIDE_SOURCE]);
    registry_connected(R, span_of("nobody"), SIDE_SOURCE, true);
    assert_int_equal(enter(0, SIDE_SOURCE, "src", ONE_CLIENT), 0);
    UNTIL_TRUE(get_at(0, id).connected[SIDE_SOURCE]);
}

/* ---- tokens ---- */

static void test_tokens(void **state)
{
    (void)state;
    const char *id = open_at(0, "");
    struct entry_try e = {0};
    knock_at(&e, 0, SIDE_SOURCE, "dst", NULL);
    assert_int_equal(outcome(&e), 403);
    assert_string_equal(e.known, id);
    assert_non_null(strstr(e.text, "it is the destination's"));
    assert_int_equal(enter(0, SIDE_SOURCE, "other", NULL), 403);
    assert_int_equal(enter(0, SIDE_SOURCE, "", NULL), 403);
    cluster_ms += 600000;
    knock_at(&e, 0, SIDE_SOURCE, "src", NULL);
    assert_int_equal(outcome(&e), 0);
    assert_int_equal(e.left_ms, 3000000);
    assert_int_equal(e.asked, 1);
    knock_at(&e, 0, SIDE_SOURCE, "src", NULL);
    assert_int_equal(outcome(&e), 400);
    assert_non_null(strstr(e.text, "previously used"));
    assert_int_equal(e.asked, 0);
    assert_int_equal(enter(0, SIDE_DESTINATION, "dst", ONE_CLIENT), 0);
    assert_int_equal(enter(0, SIDE_DESTINATION, "dst", ONE_CLIENT), 0);
    assert_int_equal(enter(0, SIDE_DESTINATION, "dst", OTHER_CLIENT), 400);
    cluster_ms += 3000000;
    assert_int_equal(enter(0, SIDE_DESTINATION, "dst", ONE_CLIENT), 403);
}

/* Who is denied uses nothing up. */
static void test_denied(void **state)
{
    static const struct admission no = {.status = 503, .why = ERR_LIMIT, .text = "not that often"};
    struct entry_try e = {.denied = &no};
    (void)state;
    open_at(0, "");
    for (int i = 0; i < 3; i++) {
        e = (struct entry_try){.denied = &no};
        come_to(0, &(struct admission_request){.side = SIDE_SOURCE, .token = span_of("src")}, &e);
        assert_int_equal(outcome(&e), 503);
        assert_string_equal(e.text, "not that often");
        assert_int_equal(e.asked, 1);
    }
    assert_int_equal(enter(0, SIDE_SOURCE, "src", NULL), 0);
}

static void test_only_one_wins(void **state)
{
    struct entry_try all[10] = {{0}};
    int admitted = 0;
    (void)state;
    open_at(0, "");
    for (int i = 0; i < 10; i++)
        knock_at(&all[i], 0, SIDE_SOURCE, "src", NULL);
    for (int i = 0; i < 10; i++) {
        int o = outcome(&all[i]);
        admitted += o == 0;
        assert_true(o == 0 || o == 400);
    }
    assert_int_equal(admitted, 1);
}

static void test_same_client_twice(void **state)
{
    struct entry_try all[4] = {{0}};
    (void)state;
    open_at(0, "");
    knock_at(&all[0], 0, SIDE_SOURCE, "src", ONE_CLIENT);
    knock_at(&all[1], 0, SIDE_SOURCE, "src", ONE_CLIENT);
    knock_at(&all[2], 0, SIDE_SOURCE, "src", OTHER_CLIENT);
    knock_at(&all[3], 0, SIDE_DESTINATION, "dst", OTHER_CLIENT);
    assert_int_equal(outcome(&all[0]), 0);
    assert_int_equal(outcome(&all[1]), 0);
    assert_int_equal(outcome(&all[2]), 400);
    assert_int_equal(outcome(&all[3]), 0);
}

/* ---- devices ---- */

static void (*keyed_answer)(void *ctx, bool keyed);
static void *keyed_ctx;
static int n_asked;

static void keyed(void *owner, const char *thing, void (*answer)(void *ctx, bool keyed), void *ctx)
{
    assert_ptr_equal(owner, &nodes[0]);
    assert_string_equal(thing, "plant7");
    keyed_answer = answer;
    keyed_ctx = ctx;
    n_asked++;
}

static void come_as(struct entry_try *e, const char *device)
{
    *e = (struct entry_try){0};
    come_to(0,
            &(struct admission_request){.side = SIDE_DESTINATION,
                                        .token = span_of("dst"),
                                        .device = device,
                                        .client_token = span_of(ONE_CLIENT),
                                        .device_required = true},
            e);
}

static void with_keyed(void (*how)(void *owner, const char *thing,
                                   void (*answer)(void *ctx, bool keyed), void *ctx))
{
    shared_options.keyed = how;
    node_close(0);
    node_open(0);
    keyed_answer = NULL;
    n_asked = 0;
}

static void test_device(void **state)
{
    struct entry_try e;
    (void)state;
    open_at(0, "");
    come_as(&e, NULL);
    assert_int_equal(outcome(&e), 403);
    assert_non_null(strstr(e.text, "show the device's certificate"));
    come_as(&e, "plant8");
    assert_int_equal(outcome(&e), 403);
    with_keyed(keyed);
    come_as(&e, NULL);
    UNTIL_TRUE(keyed_answer != NULL);
    assert_int_equal(e.calls + e.asked, 0);
    keyed_answer(keyed_ctx, false);
    assert_int_equal(outcome(&e), 403);
    keyed_answer = NULL;
    come_as(&e, NULL);
    UNTIL_TRUE(keyed_answer != NULL);
    keyed_answer(keyed_ctx, true);
    assert_int_equal(outcome(&e), 0);
    come_as(&e, "plant7");
    assert_int_equal(outcome(&e), 0);
    assert_int_equal(n_asked, 2);
}

static void test_device_meanwhile(void **state)
{
    struct entry_try e;
    struct reply r = {0};
    (void)state;
    with_keyed(keyed);
    const char *id = open_at(0, "");
    come_as(&e, NULL);
    UNTIL_TRUE(keyed_answer != NULL);
    registry_rotate(R, id, BOTH(NULL, "new"), on_reply, &r);
    if (local_kind)
        answered(&r);
    keyed_answer(keyed_ctx, true);
    assert_int_equal(outcome(&e), local_kind ? 403 : 0); /* the shared one takes turns */
    assert_int_equal(answered(&r), ERR_OK);
    keyed_answer = NULL;
    come_as(&e, NULL);
    assert_int_equal(outcome(&e), 403);
}

static void test_device_too_late(void **state)
{
    struct entry_try e;
    (void)state;
    with_keyed(keyed);
    open_at(0, "");
    come_as(&e, NULL);
    UNTIL_TRUE(keyed_answer != NULL);
    node_close(0);
    assert_int_equal(outcome(&e), 503);
    keyed_answer(keyed_ctx, true);
    assert_int_equal(e.calls, 1);
    node_open(0);
}

/* ---- the end of a lifetime ---- */

static void test_expiry(void **state)
{
    (void)state;
    const char *id = open_at(0, "");
    int64_t expires = get_at(0, id).expires;
    assert_int_equal(enter(0, SIDE_SOURCE, "src", ONE_CLIENT), 0);
    cluster_ms = expires - 1;
    assert_int_equal(get_at(0, id).closed, 0);
    assert_int_equal(enter(0, SIDE_SOURCE, "src", ONE_CLIENT), 0);
    cluster_ms = expires + 5;
    UNTIL_TRUE(strcmp(nodes[0].heard, "oe") == 0);
    assert_string_equal(nodes[0].last, "the tunnel has expired");
    assert_int_equal(get_at(0, id).closed, expires);
    assert_int_equal(enter(0, SIDE_SOURCE, "src", ONE_CLIENT), 403);
    assert_int_equal(registry_open_count(R), 0);
}

static void test_keep_closed(void **state)
{
    (void)state;
    shared_options.keep_closed_ms = 5000;
    node_close(0);
    node_open(0);
    const char *first = open_at(0, "1"), *second = open_at(0, "2");
    assert_int_equal(close_at(0, second, false), ERR_OK);
    cluster_ms += 3000;
    assert_int_equal(close_at(0, first, false), ERR_OK);
    cluster_ms += 2000;
    UNTIL_TRUE(get_at(0, second).why == ERR_NOT_FOUND);
    assert_int_equal(get_at(0, first).why, ERR_OK);
    UNTIL_TRUE(list(NULL, INT64_MAX, 10).n == 1);
}

/* ---- on demand ---- */

#define IDLE_MS 600000

static void open_on_demand(struct reply *r, const char *suffix)
{
    struct tunnel_record t = new_record("plant7");
    t.idle_ms = IDLE_MS;
    assert_int_equal(open_with(0, &t, suffix, 0, r), ERR_OK);
}

static void test_idle(void **state)
{
    struct reply unused, used;
    (void)state;
    open_on_demand(&unused, "1");
    cluster_ms += 1000;
    open_on_demand(&used, "2");
    assert_int_equal(enter(0, SIDE_DESTINATION, "dst2", NULL), 0); /* which is no use of it */
    cluster_ms += IDLE_MS - 1001;
    assert_int_equal(enter(0, SIDE_SOURCE, "src2", ONE_CLIENT), 0);
    cluster_ms++;
    UNTIL_TRUE(strcmp(nodes[0].heard, "ooe") == 0);
    assert_string_equal(nodes[0].id, unused.id);
    assert_string_equal(nodes[0].last, "nobody has used the tunnel for its idle time");
    assert_int_equal(get_at(0, unused.id).closed, unused.created + IDLE_MS);
    cluster_ms += 3 * IDLE_MS;
    registry_connected(R, span_of(used.id), SIDE_SOURCE, false);
    int64_t left = cluster_ms;
    UNTIL_TRUE(!get_at(0, used.id).connected[SIDE_SOURCE]);
    cluster_ms += IDLE_MS - 1;
    assert_int_equal(get_at(0, used.id).closed, 0);
    cluster_ms++;
    UNTIL_TRUE(strcmp(nodes[0].heard, "ooee") == 0);
    assert_int_equal(get_at(0, used.id).closed, left + IDLE_MS);
    assert_int_equal(registry_open_count(R), 0);
}

static void test_idle_and_lifetime(void **state)
{
    struct reply r;
    (void)state;
    open_on_demand(&r, "");
    assert_int_equal(enter(0, SIDE_SOURCE, "src", ONE_CLIENT), 0);
    cluster_ms += 55 * 60000;
    registry_connected(R, span_of(r.id), SIDE_SOURCE, false);
    cluster_ms += 5 * 60000;
    UNTIL_TRUE(strcmp(nodes[0].heard, "oe") == 0);
    assert_string_equal(nodes[0].last, "the tunnel has expired");
    assert_int_equal(get_at(0, r.id).closed, r.expires);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, shared_setup, shared_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_open),
        TEST(test_empty_texts),
        TEST(test_limit),
        TEST(test_same_tokens),
        TEST(test_lists),
        TEST(test_close),
        TEST(test_remove),
        TEST(test_cut),
        TEST(test_rotate),
        TEST(test_rotate_closing),
        TEST(test_tag),
        TEST(test_connected),
        TEST(test_tokens),
        TEST(test_denied),
        TEST(test_only_one_wins),
        TEST(test_same_client_twice),
        TEST(test_device),
        TEST(test_device_meanwhile),
        TEST(test_device_too_late),
        TEST(test_expiry),
        TEST(test_keep_closed),
        TEST(test_idle),
        TEST(test_idle_and_lifetime),
    };
    return cmocka_run_group_tests(tests, shared_group_setup, shared_group_teardown);
}
