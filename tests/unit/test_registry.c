/* The hub's tunnels: what is seen of them, how they are changed, how they end. */
#include "tests/support/registry.h"

static struct loop *loop;
static struct registry *registry;
static struct registry_options options;

/* ---- time ---- */

static int64_t clock_ms;

static int64_t now(void)
{
    return clock_ms;
}

static int64_t steady_ms = 7000;

static int64_t steady(void)
{
    return steady_ms;
}

static void pass(int64_t ms)
{
    clock_ms += ms;
    steady_ms += ms;
}

/* ---- events ---- */

static int n_ended, n_rotated[SIDE_COUNT];
static char ended_id[64], ended_why[64];

static void on_ended(void *owner, const struct tunnel_record *t, const char *why)
{
    assert_ptr_equal(owner, &options);
    assert_int_not_equal(t->closed, 0);
    n_ended++;
    snprintf(ended_id, sizeof ended_id, "%s", t->id);
    snprintf(ended_why, sizeof ended_why, "%s", why);
}

static void on_rotated(void *owner, const struct tunnel_record *t, enum side side,
                       const char *token)
{
    assert_non_null(token);
    assert_ptr_equal(owner, &options);
    assert_int_equal(t->closed, 0);
    n_rotated[side]++;
}

static const struct registry_events events = {.ended = on_ended, .rotated = on_rotated};
static struct registry_subscriber subscriber = {.events = &events, .owner = &options};

/* ---- from the beginning to the end ---- */

static void open_registry(void)
{
    char text[512] = "";
    enum err why;
    registry = registry_new(&options, &why, text, sizeof text);
    if (registry == NULL)
        fail_msg("%s: %s", err_name(why), text);
    registry_subscribe(registry, &subscriber);
}

static void close_registry(void)
{
    registry_free(registry);
    registry = NULL;
}

static void reopen(void)
{
    close_registry();
    open_registry();
}

static int setup(void **state)
{
    (void)state;
    log_setup(LOG_OFF, false);
    make_folder();
    loop = loop_new();
    clock_ms = 1700000000000;
    n_ended = n_rotated[0] = n_rotated[1] = 0;
    options = (struct registry_options){.loop = loop, .folder = folder, .now = now};
    open_registry();
    return loop == NULL;
}

static int teardown(void **state)
{
    (void)state;
    close_registry();
    loop_free(loop);
    remove_folder();
    return 0;
}

/* ---- asking ---- */

struct answer {
    int calls;
    enum err why;
    char id[64]; /* "" without tunnel */
};

static void on_done(void *ctx, enum err why, const struct tunnel_record *t)
{
    struct answer *a = ctx;
    a->calls++;
    a->why = why;
    snprintf(a->id, sizeof a->id, "%s", t != NULL ? t->id : "");
}

static void on_nobody(void *ctx, enum err why, const struct tunnel_record *t)
{
    (void)ctx;
    (void)t;
    assert_int_equal(why, ERR_OK);
}

static enum err wait_for(struct answer *a)
{
    UNTIL(loop, a->calls > 0);
    assert_int_equal(a->calls, 1);
    assert_true(a->why == ERR_OK || a->id[0] == '\0');
    return a->why;
}

static struct tunnel_record make_record(const char *key_id)
{
    struct tunnel_record r = {.key_id = strdup(key_id),
                              .thing = strdup("plant7"),
                              .description = strdup("a line"),
                              .lifetime_minutes = 60};
    assert_true(texts_add(&r.services, span_of("SSH1")));
    assert_true(tags_set(&r.tags, span_of("site"), span_of("north")));
    return r;
}

/* New ones; their text is good until the next but 63, which nobody looks at here. */
static const char *const *new_tokens(void)
{
    static char text[64][SIDE_COUNT][32];
    static const char *all[64][SIDE_COUNT];
    static int n;
    int at = ++n % 64;
    for (int side = 0; side < SIDE_COUNT; side++) {
        snprintf(text[at][side], sizeof text[at][side], "%s %d", side_name((enum side)side), n);
        all[at][side] = text[at][side];
    }
    return all[at];
}

static void ask_open(struct answer *a, const char *key_id, size_t max_open)
{
    struct tunnel_record r = make_record(key_id);
    *a = (struct answer){0};
    registry_open(registry, &r, new_tokens(), max_open, on_done, a);
    assert_null(r.id);
    assert_null(r.key_id);
}

/* Opens one; its id is good until the next but three. */
static const char *open_tunnel(void)
{
    static struct answer all[4];
    static int at;
    struct answer *a = &all[at++ % 4];
    ask_open(a, "AKID", 0);
    assert_int_equal(a->calls, 0);
    assert_int_equal(wait_for(a), ERR_OK);
    return a->id;
}

static enum err close_tunnel(const char *id, bool remove)
{
    struct answer a = {0};
    registry_close(registry, id, remove, on_done, &a);
    return wait_for(&a);
}

static enum err rotate(const char *id, const char *source, const char *destination)
{
    struct answer a = {0};
    registry_rotate(registry, id, TOKENS(source, destination), on_done, &a);
    return wait_for(&a);
}

static const struct tunnel_record *get(const char *id)
{
    const struct tunnel_record *t = registry_find(registry, span_of(id));
    assert_non_null(t);
    assert_string_equal(t->id, id);
    return t;
}

static size_t count_all(void)
{
    size_t n = 0;
    int64_t last = INT64_MAX;
    for (const struct tunnel_record *t = NULL; (t = registry_older(registry, t)) != NULL; n++) {
        assert_true(t->number < last);
        last = t->number;
    }
    return n;
}

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
    static const struct registry_events all = {hear_opened, hear_ended, hear_rotated};
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

/* ---- changing ---- */

static void test_rotate(void **state)
{
    (void)state;
    const char *id = open_tunnel();
    uint8_t before[TOKEN_HASH];
    memcpy(before, get(id)->sides[SIDE_DESTINATION].token, TOKEN_HASH);
    clock_ms += 7000;
    assert_int_equal(rotate(id, "new", NULL), ERR_OK);
    assert_int_equal(n_rotated[SIDE_SOURCE], 1);
    assert_int_equal(n_rotated[SIDE_DESTINATION], 0);
    reopen();
    assert_memory_equal(before, get(id)->sides[SIDE_DESTINATION].token, TOKEN_HASH);
    assert_ptr_equal(registry_by_token(registry, span_of("new")), get(id));
    assert_int_equal(get(id)->updated, clock_ms);
    assert_int_equal(get(id)->expires, clock_ms - 7000 + 3600000);
    assert_int_equal(rotate(id, "newer", "newest"), ERR_OK);
    assert_int_equal(n_rotated[SIDE_SOURCE], 2);
    assert_int_equal(n_rotated[SIDE_DESTINATION], 1);
    assert_int_equal(rotate("nobody", "a", "b"), ERR_NOT_FOUND);
    clock_ms += 3600000;
    assert_int_equal(rotate(id, "too", "late"), ERR_TUNNEL_CLOSED); /* expired just now */
    assert_int_equal(n_rotated[SIDE_SOURCE], 2);
}

static void test_rotate_closing(void **state)
{
    (void)state;
    const char *id = open_tunnel();
    struct answer a = {0}, b = {0};
    registry_close(registry, id, false, on_done, &a);
    registry_rotate(registry, id, TOKENS("new", NULL), on_done, &b);
    assert_int_equal(wait_for(&a), ERR_OK);
    assert_int_equal(wait_for(&b), ERR_TUNNEL_CLOSED);
    assert_int_equal(n_rotated[SIDE_SOURCE], 0);
    assert_null(registry_by_token(registry, span_of("new")));
    reopen();
    assert_null(registry_by_token(registry, span_of("new")));
}

static enum err tag(const char *id, const struct tags *add, const struct texts *remove)
{
    struct answer a = {0};
    registry_tag(registry, id, &(struct tag_change){.add = add, .remove = remove}, on_done, &a);
    return wait_for(&a);
}

static void test_tag(void **state)
{
    struct tags many = {0}, more = {0};
    struct texts remove = {0};
    (void)state;
    const char *id = open_tunnel();
    char key[16];
    for (int i = 0; i < 199; i++) {
        snprintf(key, sizeof key, "k%d", i);
        assert_true(tags_set(&many, span_of(key), span_of("v")));
    }
    clock_ms += 1000;
    assert_int_equal(tag(id, &many, NULL), ERR_OK);
    assert_int_equal(get(id)->tags.n, 200);
    assert_int_equal(tag(id, &many, NULL), ERR_OK); /* no more than before */
    assert_true(tags_set(&more, span_of("one"), span_of("too many")));
    assert_int_equal(tag(id, &more, NULL), ERR_LIMIT);
    assert_true(texts_add(&remove, span_of("site")));
    assert_true(texts_add(&remove, span_of("k7")));
    assert_int_equal(tag(id, &more, &remove), ERR_OK);
    for (int i = 0; i < 2; i++) {
        const struct tunnel_record *r = get(id);
        assert_int_equal(r->tags.n, 199);
        assert_string_equal(r->tags.items[0].key, "k0");
        assert_string_equal(r->tags.items[7].key, "k8");
        assert_string_equal(r->tags.items[198].value, "too many");
        assert_int_equal(r->updated, clock_ms);
        reopen();
    }
    struct answer a = {0}, b = {0}; /* both together would be too many */
    tags_free(&more);
    assert_true(tags_set(&more, span_of("x"), span_of("")));
    registry_tag(registry, id, &(struct tag_change){.add = &more}, on_done, &a);
    assert_true(tags_set(&more, span_of("y"), span_of("")));
    registry_tag(registry, id, &(struct tag_change){.add = &more}, on_done, &b);
    assert_int_equal(wait_for(&b), ERR_LIMIT);
    assert_int_equal(wait_for(&a), ERR_OK);
    assert_int_equal(tag("nobody", &more, NULL), ERR_NOT_FOUND);
    assert_int_equal(close_tunnel(id, false), ERR_OK);
    assert_int_equal(tag(id, NULL, &remove), ERR_OK); /* closed ones have tags, too */
    tags_free(&many);
    tags_free(&more);
    texts_free(&remove);
}

static void fat_tags(struct tags *t, int n)
{
    char key[16], value[257];
    memset(value, 'v', sizeof value - 1);
    value[sizeof value - 1] = '\0';
    for (int i = 0; i < n; i++) {
        snprintf(key, sizeof key, "fat%d", i);
        assert_true(tags_set(t, span_of(key), span_of(value)));
    }
}

/* What one key's open tunnels take. */
static void test_bytes_of_key(void **state)
{
    struct tags fat = {0};
    struct answer all[8];
    (void)state;
    options.max_key_bytes = 32768;
    reopen();
    fat_tags(&fat, 50);
    for (int i = 0; i < 8; i++) {
        struct tunnel_record r = make_record("AKID");
        all[i] = (struct answer){0};
        assert_true(tags_copy(&r.tags, &fat));
        registry_open(registry, &r, new_tokens(), 0, on_done, &all[i]);
    }
    assert_int_equal(wait_for(&all[0]), ERR_OK); /* some 16 KiB each */
    for (int i = 2; i < 8; i++)
        assert_int_equal(wait_for(&all[i]), ERR_TOO_LARGE);
    struct answer a;
    ask_open(&a, "BKID", 0);
    assert_int_equal(wait_for(&a), ERR_OK); /* another key's room */
    char other[64];
    snprintf(other, sizeof other, "%s", a.id);
    assert_int_equal(tag(other, &fat, NULL), ERR_OK);
    reopen(); /* what is there already counts */
    ask_open(&a, "BKID", 0);
    assert_int_equal(wait_for(&a), ERR_OK);
    assert_int_equal(tag(a.id, &fat, NULL), ERR_TOO_LARGE);
    assert_int_equal(get(a.id)->tags.n, 1);
    assert_int_equal(close_tunnel(other, false), ERR_OK);
    assert_int_equal(tag(a.id, &fat, NULL), ERR_OK);
    struct texts keys = {0};
    for (int i = 0; i < 50; i++)
        assert_true(texts_add(&keys, span_of(fat.items[i].key)));
    assert_int_equal(tag(a.id, NULL, &keys), ERR_OK);
    ask_open(&all[0], "BKID", 0);
    assert_int_equal(wait_for(&all[0]), ERR_OK);
    assert_int_equal(tag(all[0].id, &fat, NULL), ERR_OK);
    texts_free(&keys);
    tags_free(&fat);
}

static int n_judged;

/* Only a tunnel that has and keeps site=north. */
static bool keeps_site(void *ctx, const struct tunnel_record *t, const struct tags *after)
{
    const struct tags *both[] = {&t->tags, after};
    (void)ctx;
    n_judged++;
    for (size_t i = 0; i < 2; i++)
        if (both[i]->n == 0 || strcmp(both[i]->items[0].value, "north") != 0)
            return false;
    return true;
}

/* Who may change a tunnel's tags depends on them, also on those that are being stored. */
static void test_tag_by_turns(void **state)
{
    struct tags north = {0}, south = {0};
    struct answer moved = {0}, back = {0}, all[70] = {0};
    (void)state;
    n_judged = 0;
    const char *id = open_tunnel();
    assert_true(tags_set(&north, span_of("site"), span_of("north")));
    assert_true(tags_set(&south, span_of("site"), span_of("south")));
    const struct tag_change mine = {.add = &north, .permits = keeps_site};
    registry_tag(registry, id, &mine, on_done, &back);
    assert_int_equal(n_judged, 1);
    assert_int_equal(wait_for(&back), ERR_OK);
    back = (struct answer){0};
    registry_tag(registry, id, &(struct tag_change){.add = &south}, on_done, &moved);
    registry_tag(registry, id, &mine, on_done, &back);
    assert_int_equal(n_judged, 1);
    assert_int_equal(wait_for(&moved), ERR_OK);
    assert_int_equal(wait_for(&back), ERR_FORBIDDEN);
    assert_string_equal(get(id)->tags.items[0].value, "south");
    for (int i = 0; i < 70; i++)
        registry_tag(registry, id, &(struct tag_change){.add = &north}, on_done, &all[i]);
    for (int i = 0; i < 70; i++)
        assert_int_equal(wait_for(&all[i]), i < 64 ? ERR_OK : ERR_BUSY);
    memset(all, 0, sizeof all);
    for (int i = 0; i < 3; i++)
        registry_tag(registry, id, &(struct tag_change){.add = &south}, on_done, &all[i]);
    reopen(); /* while two of them wait */
    assert_int_equal(wait_for(&all[0]), ERR_OK);
    assert_int_equal(wait_for(&all[1]), ERR_SHUTDOWN);
    assert_int_equal(wait_for(&all[2]), ERR_SHUTDOWN);
    assert_string_equal(get(id)->tags.items[0].value, "south");
    tags_free(&north);
    tags_free(&south);
}

static void test_connected(void **state)
{
    (void)state;
    const char *id = open_tunnel();
    const struct record_side *s = &get(id)->sides[SIDE_DESTINATION];
    clock_ms += 10;
    registry_connected(registry, span_of("nobody"), SIDE_SOURCE, true);
    registry_connected(registry, span_of(id), SIDE_SOURCE, false); /* as it was */
    assert_int_equal(get(id)->sides[SIDE_SOURCE].changed, 0);
    registry_connected(registry, span_of(id), SIDE_DESTINATION, true);
    assert_true(s->connected);
    assert_int_equal(s->changed, clock_ms);
    clock_ms += 10;
    registry_connected(registry, span_of(id), SIDE_DESTINATION, true);
    assert_int_equal(s->changed, clock_ms - 10);
    reopen(); /* nobody is connected to a hub that has just begun */
    s = &get(id)->sides[SIDE_DESTINATION];
    assert_false(s->connected);
    assert_int_equal(s->changed, clock_ms);
    UNTIL(loop, number_in_database("SELECT max(connected) FROM sides") == 0);
    assert_int_equal(number_in_database("SELECT max(changed) FROM sides"), clock_ms);
}

/* ---- the end of a lifetime ---- */

static void test_expiry(void **state)
{
    (void)state;
    const char *nearly = open_tunnel();
    clock_ms++;
    const char *first = open_tunnel();
    clock_ms += 60000;
    const char *second = open_tunnel();
    int64_t expires = get(first)->expires;
    clock_ms = expires - 1;
    UNTIL(loop, n_ended == 1);
    assert_string_equal(ended_id, nearly);
    assert_int_equal(close_tunnel(nearly, true), ERR_OK);
    clock_ms = expires + 5;
    UNTIL(loop, n_ended == 2);
    assert_string_equal(ended_id, first);
    assert_string_equal(ended_why, "the tunnel has expired");
    assert_int_equal(get(first)->closed, expires);
    assert_int_equal(get(second)->closed, 0);
    assert_int_equal(registry_open_count(registry), 1);
    assert_int_equal(registry_count_of(registry, "AKID"), 1);
    assert_int_equal(number_in_database("SELECT max(closed) FROM tunnels"), expires);
    assert_int_equal(number_in_database("SELECT min(closed) FROM tunnels"), 0);
}

/* In any order of lifetimes, they end in the order of their expiry. */
static void test_expiry_order(void **state)
{
    enum { N = 300 };
    static struct answer all[N];
    uint32_t random = 3;
    int64_t begin = clock_ms;
    (void)state;
    for (int i = 0; i < N; i++) {
        struct tunnel_record r = make_record("AKID");
        random = random * 1664525 + 1013904223;
        r.lifetime_minutes = 1 + (random >> 16) % 700;
        all[i] = (struct answer){0};
        registry_open(registry, &r, new_tokens(), 0, on_done, &all[i]);
    }
    assert_int_equal(wait_for(&all[N - 1]), ERR_OK);
    for (int i = 0; i < N; i += 3)
        registry_close(registry, all[i].id, i % 2 == 0, on_nobody, NULL);
    UNTIL(loop, n_ended == N / 3);
    for (int64_t minutes = 100; minutes <= 700; minutes += 300) {
        clock_ms = begin + minutes * 60000;
        size_t alive = 0;
        for (int i = 0; i < N; i++) {
            const struct tunnel_record *t = registry_find(registry, span_of(all[i].id));
            alive += t != NULL && t->closed == 0 && t->expires > clock_ms;
        }
        UNTIL(loop, registry_open_count(registry) == alive);
    }
    assert_int_equal(registry_open_count(registry), 0);
    assert_int_equal(n_ended, N);
}

static void test_expired_meanwhile(void **state)
{
    (void)state;
    const char *id = open_tunnel();
    int64_t expires = get(id)->expires;
    close_registry();
    clock_ms = expires + 1000;
    open_registry();
    assert_int_equal(get(id)->closed, expires);
    assert_int_equal(registry_open_count(registry), 0);
    assert_int_equal(registry_count_of(registry, "AKID"), 0);
    UNTIL(loop, number_in_database("SELECT closed FROM tunnels") == expires);
    assert_int_equal(n_ended, 0);
}

#define HOURS(n) ((int64_t)(n)*3600000)
#define MINUTES(n) ((int64_t)(n)*60000)

/* A tunnel of an hour lives for an hour, whatever is done to the system's clock meanwhile. */
static void test_jumps(void **state)
{
    static const int64_t jumps[] = {HOURS(13), -HOURS(13), HOURS(24 * 365 * 50), 0};
    (void)state;
    options.steady = steady;
    reopen();
    for (size_t i = 0; i < sizeof jumps / sizeof *jumps; i++) {
        const char *id = open_tunnel();
        int64_t opened = clock_ms;
        int ended = n_ended;
        pass(MINUTES(20));
        clock_ms += jumps[i];
        assert_int_equal(rotate(id, "one", "two"), ERR_OK); /* so it is open */
        pass(MINUTES(20));
        reopen(); /* the jump is known to the next run, too */
        pass(MINUTES(19));
        assert_int_equal(rotate(id, "three", "four"), ERR_OK);
        assert_int_equal(n_ended, ended);
        pass(MINUTES(1));
        assert_int_equal(rotate(id, "five", "six"), ERR_TUNNEL_CLOSED);
        UNTIL(loop, n_ended == ended + 1);
        assert_int_equal(get(id)->closed, opened + jumps[i] + HOURS(1));
        assert_int_equal(close_tunnel(id, true), ERR_OK);
    }
}

/* While the hub was away: what the machine's own count says, has passed, and no more. */
static void test_jump_meanwhile(void **state)
{
    (void)state;
    options.steady = steady;
    reopen();
    const char *id = open_tunnel();
    close_registry();
    pass(MINUTES(30));
    clock_ms += HOURS(13);
    open_registry();
    assert_int_equal(get(id)->closed, 0);
    close_registry();
    pass(MINUTES(31));
    open_registry();
    assert_int_not_equal(get(id)->closed, 0);
}

static void test_keep_closed(void **state)
{
    (void)state;
    options.keep_closed_ms = 5000;
    reopen();
    const char *first = open_tunnel(), *second = open_tunnel(), *third = open_tunnel();
    assert_int_equal(close_tunnel(second, false), ERR_OK);
    clock_ms += 3000;
    assert_int_equal(close_tunnel(first, false), ERR_OK);
    clock_ms += 2000;
    UNTIL(loop, registry_find(registry, span_of(second)) == NULL);
    get(first);
    reopen();
    clock_ms += 3000;
    UNTIL(loop, registry_find(registry, span_of(first)) == NULL);
    assert_int_equal(get(third)->closed, 0);
    assert_int_equal(number_in_database("SELECT count(*) FROM tunnels"), 1);
    assert_int_equal(n_ended, 2);
}

static void test_max_closed(void **state)
{
    (void)state;
    options.max_closed = 2;
    reopen();
    const char *ids[4];
    for (int i = 0; i < 4; i++)
        ids[i] = open_tunnel();
    for (int i = 3; i >= 0; i--)
        assert_int_equal(close_tunnel(ids[i], false), ERR_OK);
    UNTIL(loop, count_all() == 2);
    get(ids[1]);
    get(ids[0]);
}

static void test_max_closed_bytes(void **state)
{
    struct tags fat = {0};
    (void)state;
    options.max_closed_bytes = 32768;
    reopen();
    fat_tags(&fat, 50);
    const char *ids[4];
    for (int i = 0; i < 4; i++)
        ids[i] = open_tunnel();
    for (int i = 0; i < 3; i++)
        assert_int_equal(close_tunnel(ids[i], false), ERR_OK);
    assert_int_equal(tag(ids[1], &fat, NULL), ERR_OK); /* while it is closed already */
    assert_int_equal(tag(ids[3], &fat, NULL), ERR_OK);
    clock_ms += 1000;
    assert_int_equal(count_all(), 4);
    assert_int_equal(close_tunnel(ids[3], false), ERR_OK);
    UNTIL(loop, count_all() <= 2);
    get(ids[2]);
    get(ids[3]);
    reopen();
    assert_int_equal(count_all(), 2);
    tags_free(&fat);
}

/* ---- when the store fails ---- */

static void test_store_fails(void **state)
{
    struct answer open, close = {0}, remove = {0}, turn = {0}, tags = {0};
    struct tags add = {0};
    (void)state;
    const char *id = open_tunnel();
    assert_true(tags_set(&add, span_of("a"), span_of("b")));
    sqlite3 *other = other_program("BEGIN EXCLUSIVE");
    ask_open(&open, "AKID", 0);
    registry_close(registry, id, false, on_done, &close);
    registry_close(registry, id, true, on_done, &remove);
    registry_rotate(registry, id, TOKENS("new", NULL), on_done, &turn);
    registry_tag(registry, id, &(struct tag_change){.add = &add}, on_done, &tags);
    assert_int_equal(wait_for(&open), ERR_BUSY);
    assert_int_equal(wait_for(&close), ERR_BUSY);
    assert_int_equal(wait_for(&remove), ERR_BUSY);
    assert_int_equal(wait_for(&turn), ERR_BUSY);
    assert_int_equal(wait_for(&tags), ERR_BUSY);
    assert_false(registry_healthy(registry));
    assert_int_equal(n_ended + n_rotated[0], 0);
    assert_int_equal(count_all(), 1);
    assert_int_equal(get(id)->tags.n, 1);
    assert_int_equal(registry_count_of(registry, "AKID"), 1);
    sqlite3_close(other);
    registry_tag(registry, id, &(struct tag_change){.add = &add}, on_nobody, NULL);
    UNTIL(loop, registry_healthy(registry));
    reopen();
    assert_int_equal(count_all(), 1);
    assert_int_equal(get(id)->closed, 0);
    tags_free(&add);
}

static void test_expiry_while_store_fails(void **state)
{
    (void)state;
    const char *first = open_tunnel();
    clock_ms += 60000;
    const char *second = open_tunnel();
    int64_t expires = get(first)->expires;
    sqlite3 *other = other_program("BEGIN EXCLUSIVE");
    clock_ms = expires;
    UNTIL(loop, n_ended == 1); /* after the attempt to store it */
    assert_int_equal(get(first)->closed, expires);
    clock_ms = get(second)->expires;
    UNTIL(loop, n_ended == 2); /* at once */
    assert_false(registry_healthy(registry));
    assert_int_equal(number_in_database("SELECT max(closed) FROM tunnels"), 0);
    sqlite3_close(other);
    UNTIL(loop, number_in_database("SELECT count(*) FROM tunnels WHERE closed = expires") == 2);
    assert_true(registry_healthy(registry));
    reopen();
    assert_int_equal(get(first)->closed, expires);
}

static void test_removal_while_store_fails(void **state)
{
    (void)state;
    options.keep_closed_ms = 5000;
    reopen();
    const char *id = open_tunnel();
    assert_int_equal(close_tunnel(id, false), ERR_OK);
    sqlite3 *other = other_program("BEGIN EXCLUSIVE");
    clock_ms += 5000;
    UNTIL(loop, !registry_healthy(registry));
    get(id);
    sqlite3_close(other);
    UNTIL(loop, registry_find(registry, span_of(id)) == NULL);
    assert_int_equal(number_in_database("SELECT count(*) FROM tunnels"), 0);
    assert_int_equal(n_ended, 1);
}

/* Asked for, and the hub ends at once. */
static void test_free_answers(void **state)
{
    struct answer open, close = {0};
    (void)state;
    const char *id = open_tunnel();
    ask_open(&open, "AKID", 0);
    registry_close(registry, id, false, on_done, &close);
    close_registry();
    assert_int_equal(open.why, ERR_OK);
    assert_int_equal(close.why, ERR_OK);
    assert_int_equal(n_ended, 1);
    open_registry();
    assert_int_equal(get(open.id)->closed, 0);
    assert_int_equal(get(id)->closed, clock_ms);
}

static void test_duplicates_refused(void **state)
{
    char text[256];
    enum err why;
    (void)state;
    open_tunnel();
    open_tunnel();
    close_registry();
    sqlite3_close(other_program("UPDATE tunnels SET id = 'one'"));
    assert_null(registry_new(&options, &why, text, sizeof text));
    assert_int_equal(why, ERR_PROTOCOL);
    assert_non_null(strstr(text, "tunnel number 2: its id or a token is another one's, too"));
    sqlite3_close(other_program("UPDATE tunnels SET id = number; UPDATE sides SET token = "
                                "zeroblob(32) WHERE tunnel <> side"));
    assert_null(registry_new(&options, &why, text, sizeof text));
    assert_int_equal(why, ERR_PROTOCOL);
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

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_open),
        TEST(test_empty_texts),
        TEST(test_find),
        TEST(test_by_token),
        TEST(test_limit),
        TEST(test_bytes_of_key),
        TEST(test_same_tokens),
        TEST(test_close),
        TEST(test_remove),
        TEST(test_subscribers),
        TEST(test_rotate),
        TEST(test_rotate_closing),
        TEST(test_tag),
        TEST(test_tag_by_turns),
        TEST(test_connected),
        TEST(test_expiry),
        TEST(test_expiry_order),
        TEST(test_expired_meanwhile),
        TEST(test_jumps),
        TEST(test_jump_meanwhile),
        TEST(test_keep_closed),
        TEST(test_max_closed),
        TEST(test_max_closed_bytes),
        TEST(test_store_fails),
        TEST(test_expiry_while_store_fails),
        TEST(test_removal_while_store_fails),
        TEST(test_free_answers),
        TEST(test_duplicates_refused),
        TEST(test_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
