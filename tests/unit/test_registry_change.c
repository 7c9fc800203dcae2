/* The registry: changing a tunnel. */
#include "tests/unit/registry_help.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_bytes_of_key), TEST(test_rotate),       TEST(test_rotate_closing),
        TEST(test_tag),          TEST(test_tag_by_turns), TEST(test_connected),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
