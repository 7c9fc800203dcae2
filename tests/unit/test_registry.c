/* The registry: asking, opening, closing, subscribers. */
#include "tests/unit/registry_help.h"

/* ---- opening ---- */

static void is_uuid(const char *id)
{
    assert_int_equal(strlen(id), 36);
    for (size_t i = 0; i < 36; i++)
        if (i == 8 || i == 13 || i == 18 || i == 23)
            assert_int_equal(id[i], '-');
        else
            assert_non_null(strchr("0123456789abcdef", id[i]));
    assert_int_equal(id[14], '4');
    assert_non_null(strchr("89ab", id[19]));
}

static void test_open(void **state)
{
    struct answer a;
    (void)state;
    ask_open(&a, "AKID", 0);
    assert_int_equal(count_all(), 0); /* nobody sees it before it is stored */
    assert_int_equal(registry_open_count(registry), 0);
    assert_int_equal(registry_count_of(registry, "AKID"), 1);
    assert_int_equal(wait_for(&a), ERR_OK);
    is_uuid(a.id);
    for (int i = 0; i < 2; i++) {
        const struct tunnel_record *r = get(a.id);
        assert_string_equal(r->key_id, "AKID");
        assert_string_equal(r->thing, "plant7");
        assert_string_equal(r->description, "a line");
        assert_string_equal(r->services.items[0], "SSH1");
        assert_string_equal(r->tags.items[0].value, "north");
        assert_int_equal(r->created, clock_ms);
        assert_int_equal(r->updated, clock_ms);
        assert_int_equal(r->expires, clock_ms + 3600000);
        assert_int_equal(r->lifetime_minutes, 60);
        assert_int_equal(r->closed, 0);
        assert_int_equal(registry_open_count(registry), 1);
        assert_int_equal(registry_count_of(registry, "AKID"), 1);
        reopen();
    }
    assert_null(registry_find(registry, span_of("AKID")));
    assert_null(registry_find(registry, (struct span){NULL, 0}));
}

static void test_empty_texts(void **state)
{
    struct tunnel_record r = {.lifetime_minutes = 1};
    struct answer a = {0};
    (void)state;
    registry_open(registry, &r, TOKENS("x", "y"), 0, on_done, &a);
    assert_int_equal(wait_for(&a), ERR_OK);
    reopen();
    assert_string_equal(get(a.id)->thing, "");
    assert_string_equal(get(a.id)->key_id, "");
    assert_int_equal(registry_count_of(registry, ""), 1);
}

static void test_find(void **state)
{
    char ids[5][64];
    (void)state;
    for (int i = 0; i < 5; i++)
        snprintf(ids[i], sizeof ids[i], "%s", open_tunnel());
    for (int round = 0; round < 2; round++) {
        const struct tunnel_record *t = NULL;
        for (int i = 4; i >= 0; i--) {
            int64_t number = get(ids[i])->number;
            t = registry_older(registry, t);
            assert_ptr_equal(t, get(ids[i]));
            assert_ptr_equal(registry_below(registry, number),
                             i > 0 ? registry_find(registry, span_of(ids[i - 1])) : NULL);
            assert_ptr_equal(registry_below(registry, number + 1), t);
        }
        assert_null(registry_older(registry, t));
        assert_ptr_equal(registry_below(registry, INT64_MAX), get(ids[4]));
        assert_null(registry_below(registry, 0));
        assert_null(registry_below(registry, INT64_MIN));
        reopen();
    }
    /* A list goes on where it was, though what was shown last is gone. */
    int64_t number = get(ids[3])->number;
    assert_int_equal(close_tunnel(ids[3], true), ERR_OK);
    assert_ptr_equal(registry_below(registry, number), get(ids[2]));
    assert_ptr_equal(registry_older(registry, get(ids[4])), get(ids[2]));
}

/* ---- by thing ---- */

static void open_for(const char *thing)
{
    struct tunnel_record r = {.thing = strdup(thing), .lifetime_minutes = 60};
    struct answer a = {0};
    registry_open(registry, &r, new_tokens(), 0, on_done, &a);
    assert_int_equal(wait_for(&a), ERR_OK);
}

struct things {
    const char *thing;
    int64_t last;
    int n, most;
    bool done;
};

static bool on_each_of(void *ctx, const struct tunnel_record *t)
{
    struct things *l = ctx;
    assert_string_equal(t->thing, l->thing);
    assert_true(t->number < l->last);
    l->last = t->number;
    return ++l->n < l->most;
}

static void on_all_of(void *ctx, enum err why)
{
    assert_int_equal(why, ERR_OK);
    ((struct things *)ctx)->done = true;
}

static int count_of(const char *thing, int64_t below, int most)
{
    struct things l = {.thing = thing, .last = below, .most = most};
    registry_page(registry,
                  &(struct registry_page){
                      .below = below, .thing = thing, .each = on_each_of, .done = on_all_of},
                  &l);
    assert_true(l.done);
    return l.n;
}

static void test_things(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        open_for("plant7");
        open_for("plant8");
        open_for("");
    }
    for (int round = 0; round < 2; round++) {
        int64_t newest = registry_older(registry, NULL)->number;
        assert_int_equal(count_of("plant7", INT64_MAX, 9), 4);
        assert_int_equal(count_of("plant7", newest - 2, 9), 3);
        assert_int_equal(count_of("plant7", 0, 9), 0);
        assert_int_equal(count_of("plant8", INT64_MAX, 3), 3);
        assert_int_equal(count_of("", INT64_MAX, 9), 4);
        assert_int_equal(count_of("plant", INT64_MAX, 9), 0);
        reopen();
    }
    while (count_all() > 4)
        assert_int_equal(close_tunnel(registry_older(registry, NULL)->id, true), ERR_OK);
    assert_int_equal(count_of("plant7", INT64_MAX, 9), 2);
    assert_int_equal(count_of("plant8", INT64_MAX, 9), 1);
}

static void test_by_token(void **state)
{
    struct tunnel_record r = make_record("AKID");
    struct answer a = {0};
    (void)state;
    registry_open(registry, &r, TOKENS("left", "right"), 0, on_done, &a);
    assert_null(registry_by_token(registry, span_of("left")));
    assert_int_equal(wait_for(&a), ERR_OK);
    assert_ptr_equal(registry_by_token(registry, span_of("left")), get(a.id));
    assert_ptr_equal(registry_by_token(registry, span_of("right")), get(a.id));
    assert_null(registry_by_token(registry, span_of("")));
    assert_int_equal(rotate(a.id, "up", NULL), ERR_OK);
    assert_null(registry_by_token(registry, span_of("left")));
    assert_ptr_equal(registry_by_token(registry, span_of("up")), get(a.id));
}

static void test_limit(void **state)
{
    struct answer all[4];
    (void)state;
    for (int i = 0; i < 4; i++)
        ask_open(&all[i], "AKID", 3);
    assert_int_equal(all[3].calls, 1); /* those on their way count */
    assert_int_equal(all[3].why, ERR_LIMIT);
    for (int i = 0; i < 3; i++)
        assert_int_equal(wait_for(&all[i]), ERR_OK);
    struct answer other;
    ask_open(&other, "BKID", 3);
    assert_int_equal(wait_for(&other), ERR_OK);
    reopen();
    ask_open(&other, "AKID", 3);
    assert_int_equal(wait_for(&other), ERR_LIMIT);
    assert_int_equal(close_tunnel(all[0].id, false), ERR_OK);
    assert_int_equal(registry_count_of(registry, "AKID"), 2);
    ask_open(&other, "AKID", 3);
    assert_int_equal(wait_for(&other), ERR_OK);
    assert_int_equal(close_tunnel(all[1].id, true), ERR_OK);
    assert_int_equal(registry_count_of(registry, "AKID"), 2);
    assert_int_equal(registry_count_of(registry, "CKID"), 0);
    assert_int_equal(registry_open_count(registry), 3);
}

static void test_same_tokens(void **state)
{
    struct answer a = {0};
    struct tunnel_record r = make_record("AKID");
    (void)state;
    registry_open(registry, &r, TOKENS("same", "same"), 0, on_done, &a);
    assert_int_equal(wait_for(&a), ERR_INTERNAL);
    assert_int_equal(registry_count_of(registry, "AKID"), 0);
    const char *id = open_tunnel();
    assert_int_equal(rotate(id, "a", "a"), ERR_INTERNAL);
    assert_int_equal(rotate(id, "a", "b"), ERR_OK);
    assert_int_equal(rotate(open_tunnel(), "b", NULL), ERR_INTERNAL);
    assert_int_equal(count_all(), 2);
}

/* ---- closing ---- */

static void test_close(void **state)
{
    (void)state;
    const char *id = open_tunnel();
    clock_ms += 5000;
    struct answer a = {0}, b = {0};
    registry_close(registry, id, false, on_done, &a);
    registry_close(registry, id, false, on_done, &b);
    assert_int_equal(get(id)->closed, 0);
    assert_int_equal(wait_for(&a), ERR_OK);
    assert_int_equal(wait_for(&b), ERR_OK);
    assert_string_equal(a.id, id);
    assert_int_equal(n_ended, 1);
    assert_string_equal(ended_id, id);
    assert_string_equal(ended_why, "the tunnel was closed");
    clock_ms += 5000;
    assert_int_equal(close_tunnel(id, false), ERR_OK);
    assert_int_equal(get(id)->closed, clock_ms - 5000);
    assert_int_equal(get(id)->updated, clock_ms - 5000);
    reopen();
    assert_int_equal(get(id)->closed, clock_ms - 5000);
    assert_int_equal(registry_open_count(registry), 0);
    assert_int_equal(count_all(), 1);
    assert_int_equal(rotate(id, "a", "b"), ERR_TUNNEL_CLOSED);
    assert_int_equal(n_ended, 1);
    assert_int_equal(close_tunnel("nobody", false), ERR_NOT_FOUND);
}

static void test_remove(void **state)
{
    (void)state;
    const char *id = open_tunnel(), *other = open_tunnel(), *third = open_tunnel();
    struct answer a = {0}, b = {0}, c = {0}, d = {0}, e = {0};
    struct tags tags = {0};
    assert_true(tags_set(&tags, span_of("a"), span_of("b")));
    registry_close(registry, id, true, on_done, &a);
    registry_close(registry, id, true, on_done, &b);
    registry_rotate(registry, id, TOKENS("new", NULL), on_done, &c);
    registry_tag(registry, id, &(struct tag_change){.add = &tags}, on_done, &d);
    registry_close(registry, id, false, on_done, &e);
    assert_int_equal(wait_for(&a), ERR_OK);
    assert_string_equal(a.id, "");
    assert_int_equal(wait_for(&e), ERR_NOT_FOUND);
    assert_int_equal(wait_for(&b), ERR_NOT_FOUND);
    assert_int_equal(wait_for(&c), ERR_NOT_FOUND);
    assert_int_equal(wait_for(&d), ERR_NOT_FOUND);
    assert_int_equal(n_ended, 1);
    assert_null(registry_find(registry, span_of(id)));
    assert_int_equal(close_tunnel(id, true), ERR_NOT_FOUND);
    assert_int_equal(close_tunnel(other, false), ERR_OK);
    assert_int_equal(close_tunnel(other, true), ERR_OK); /* ended already: no event */
    assert_int_equal(n_ended, 2);
    reopen();
    assert_int_equal(count_all(), 1);
    get(third);
    tags_free(&tags);
}

/* ---- subscribers ---- */

/* What each of them has heard, in order: o(pened), e(nded), s(ource) and d(estination) rotated. */
struct hearing {
    struct registry_subscriber subscriber;
    char heard[16], token[32];
    const int *told; /* calls of `done` when it heard of it, which are to come */
    bool leaves;     /* after the first event */
};

static void hear(struct hearing *h, char what, const char *token)
{
    assert_int_equal(*h->told, 0);
    h->heard[strlen(h->heard)] = what;
    snprintf(h->token, sizeof h->token, "%s", token);
    if (h->leaves)
        registry_unsubscribe(&h->subscriber);
}

static void hear_opened(void *owner, const struct tunnel_record *t,
                        const char *const token[SIDE_COUNT])
{
    assert_int_equal(t->closed, 0);
    assert_string_equal(token[SIDE_SOURCE], "up");
    hear(owner, 'o', token[SIDE_DESTINATION]);
}

static void hear_ended(void *owner, const struct tunnel_record *t, const char *why)
{
    assert_int_not_equal(t->closed, 0);
    hear(owner, 'e', why);
}

static void hear_rotated(void *owner, const struct tunnel_record *t, enum side side,
                         const char *token)
{
    assert_int_equal(t->closed, 0);
    hear(owner, side == SIDE_SOURCE ? 's' : 'd', token);
}

/* All of them hear of it before the asker does, with the tokens that are nowhere else. */
static void test_subscribers(void **state)
{
    static const struct registry_events all = {
        .opened = hear_opened, .ended = hear_ended, .rotated = hear_rotated};
    static const struct registry_events few = {.opened = hear_opened, .rotated = hear_rotated};
    struct answer a = {0};
    struct hearing first = {.subscriber = {.events = &all, .owner = &first}, .told = &a.calls};
    struct hearing leaves = {
        .subscriber = {.events = &all, .owner = &leaves}, .told = &a.calls, .leaves = true};
    struct hearing last = {.subscriber = {.events = &few, .owner = &last}, .told = &a.calls};
    struct tunnel_record r = make_record("AKID");
    (void)state;
    registry_subscribe(registry, &first.subscriber);
    registry_subscribe(registry, &leaves.subscriber);
    registry_subscribe(registry, &last.subscriber);
    registry_open(registry, &r, TOKENS("up", "down"), 0, on_done, &a);
    assert_int_equal(wait_for(&a), ERR_OK);
    assert_string_equal(first.token, "down");
    char id[64];
    snprintf(id, sizeof id, "%s", a.id);
    a = (struct answer){0};
    registry_rotate(registry, id, TOKENS("up again", "down again"), on_done, &a);
    assert_int_equal(wait_for(&a), ERR_OK);
    assert_string_equal(last.token, "down again");
    a = (struct answer){0};
    registry_close(registry, id, false, on_done, &a);
    assert_int_equal(wait_for(&a), ERR_OK);
    assert_string_equal(first.heard, "osde");
    assert_string_equal(leaves.heard, "o");
    assert_string_equal(last.heard, "osd");
    assert_int_equal(n_ended, 1);
    registry_unsubscribe(&first.subscriber);
    registry_unsubscribe(&last.subscriber);
    assert_int_equal(rotate(open_tunnel(), "x", NULL), ERR_OK);
    assert_string_equal(first.heard, "osde");
}

/* ---- many ---- */

static int n_many, n_many_failed;

static void on_many(void *ctx, enum err why, const struct tunnel_record *t)
{
    (void)ctx;
    (void)t;
    n_many++;
    n_many_failed += why != ERR_OK;
}

static void test_many(void **state)
{
    enum { N = 20000, WAVE = 2000 };
    (void)state;
    n_many = n_many_failed = 0;
    uint64_t begin = uv_hrtime();
    for (int i = 1; i <= N; i++) {
        struct tunnel_record r = make_record("AKID");
        registry_open(registry, &r, new_tokens(), 0, on_many, NULL);
        if (i % WAVE == 0)
            UNTIL(loop, n_many == i);
    }
    uint64_t opened = uv_hrtime();
    assert_int_equal(n_many_failed, 0);
    assert_int_equal(registry_open_count(registry), N);
    reopen();
    uint64_t read = uv_hrtime();
    assert_int_equal(registry_open_count(registry), N);
    assert_int_equal(count_all(), N);
    print_message("%d tunnels opened in %llu ms, read in %llu ms\n", N,
                  (unsigned long long)(opened - begin) / 1000000,
                  (unsigned long long)(read - opened) / 1000000);
    assert_true(opened - begin < 30000000000u);
    assert_true(read - opened < 30000000000u);
    clock_ms += 3600000; /* all of them expire at once */
    UNTIL(loop, n_ended == N);
    assert_true(registry_healthy(registry));
    assert_int_equal(number_in_database("SELECT count(*) FROM tunnels WHERE closed = 0"), 0);
    clock_ms += 10800000;
    UNTIL(loop, count_all() == 0);
    assert_int_equal(number_in_database("SELECT count(*) FROM tunnels"), 0);
    assert_null(registry_below(registry, INT64_MAX));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_open),   TEST(test_empty_texts), TEST(test_find),        TEST(test_by_token),
        TEST(test_things), TEST(test_limit),       TEST(test_same_tokens), TEST(test_close),
        TEST(test_remove), TEST(test_subscribers), TEST(test_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
