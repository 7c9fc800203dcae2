/* What a node makes of beats, as a function of beats and time. */
#include "gateway/hub/cluster/nodes_view.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define LEASE 5000

static struct nodes_view *view;
static char told[1024], late[256];

static void on_changed(void *owner, const struct node_info *n)
{
    (void)owner;
    size_t at = strlen(told);
    snprintf(told + at, sizeof told - at, "%s%s:%llu %s", at > 0 ? ", " : "", n->name,
             (unsigned long long)n->epoch, node_state_name(n->state));
}

static void on_overdue(void *owner, const struct seen_node *n)
{
    (void)owner;
    size_t at = strlen(late);
    snprintf(late + at, sizeof late - at, "%s%s:%llu.%llu", at > 0 ? ", " : "", n->name,
             (unsigned long long)n->info.epoch, (unsigned long long)n->beat);
}

static int begin(void **state)
{
    (void)state;
    view = calloc(1, sizeof *view);
    view->lease = LEASE;
    view->self = "self";
    view->changed = on_changed;
    view->overdue = on_overdue;
    return 0;
}

static int end(void **state)
{
    (void)state;
    free(view);
    return 0;
}

/* One answer, asked for at `asked` and here 10 ms later: names and values by turns. */
#define ANSWER(asked, ...) answer((asked), (const char *const[]){__VA_ARGS__, NULL})
static void answer(uint64_t asked, const char *const *texts)
{
    told[0] = late[0] = 0;
    nodes_view_begin(view, asked, asked + 10);
    for (; texts[0] != NULL; texts += 2)
        nodes_view_take(view, span_of(texts[0]), span_of(texts[1]));
    nodes_view_end(view);
}

static void tells_of_changes(void **state)
{
    (void)state;
    ANSWER(1000, "#id", "abc", "a", "7 0 up aa address=h:1 announce=n:2 version=3 tunnels=4",
           "self", "8 0 up ss");
    assert_string_equal(told, "a:7 up, self:8 up");
    const struct seen_node *a = nodes_view_find(view, span_of("a"));
    assert_string_equal(a->info.address, "h:1");
    assert_string_equal(a->info.announce, "n:2");
    assert_string_equal(a->info.version, "3");
    assert_int_equal(a->info.figures.tunnels, 4);
    ANSWER(2000, "a", "7 1 up aa", "self", "8 1 up ss");
    assert_string_equal(told, "");
    ANSWER(3000, "a", "7 2 draining aa", "self", "8 1 up ss");
    assert_string_equal(told, "a:7 draining");
    ANSWER(4000, "a", "9 0 up bb", "self", "8 1 up ss");
    assert_string_equal(told, "a:9 up");
    ANSWER(5000, "self", "8 1 up ss");
    assert_string_equal(told, "a:9 left");
    assert_null(nodes_view_find(view, span_of("a")));
    assert_string_equal(nodes_view_find(view, span_of("self"))->info.name, "self");
}

static void the_silent_are_overdue_after_the_lease(void **state)
{
    (void)state;
    ANSWER(1000, "a", "7 5 up aa", "self", "8 0 up ss");
    for (uint64_t t = 2000; t < 1010 + LEASE; t += 1000) {
        ANSWER(t, "a", "7 5 up aa", "self", "8 0 up ss");
        assert_string_equal(late, "");
    }
    ANSWER(1009 + LEASE, "a", "7 5 up aa");
    assert_string_equal(late, "");
    ANSWER(1010 + LEASE, "a", "7 5 up aa");
    assert_string_equal(late, "a:7.5");
    ANSWER(1020 + LEASE, "a", "7 6 up aa");
    assert_string_equal(late, "");
    ANSWER(1030 + LEASE, "a", "7 6 dead aa");
    assert_string_equal(told, "a:7 dead");
    ANSWER(9000 + LEASE, "a", "7 6 dead aa");
    assert_string_equal(late, "");
}

/* Redis, or this node itself, was away: nobody may have been able to beat. */
static void silence_counts_only_without_gaps(void **state)
{
    (void)state;
    ANSWER(1000, "a", "7 5 up aa");
    ANSWER(60000, "a", "7 5 up aa");
    assert_string_equal(late, "");
    ANSWER(62000, "a", "7 5 up aa");
    ANSWER(64000, "a", "7 5 up aa");
    assert_string_equal(late, "");
    ANSWER(65010, "a", "7 5 up aa");
    assert_string_equal(late, "a:7.5");
}

static void nonsense_is_ignored(void **state)
{
    (void)state;
    ANSWER(1000, "a", "", "b", "7", "c", "7 x up aa", "d", "7 1 sideways aa", "", "7 1 up aa", "e",
           "18446744073709551616 1 up aa", "f", "-1 1 up aa");
    assert_string_equal(told, "");
    ANSWER(2000, "a", "7 1 up");
    assert_string_equal(told, "a:7 up");
    ANSWER(3000, "a", "7 2 up aa address tunnels=-5 =x future=1 version=");
    assert_string_equal(nodes_view_find(view, span_of("a"))->info.address, "");
    ANSWER(3500, "a", "7 2 up aa address=h\r\nX:1 announce=\x80", "b\x01", "7 1 up aa");
    assert_string_equal(nodes_view_find(view, span_of("a"))->info.address, "");
    assert_string_equal(nodes_view_find(view, span_of("a"))->info.announce, "");
    assert_null(nodes_view_find(view, span_of("b\x01")));
    char many[NODE_NAME_MAX + 2];
    memset(many, 'n', sizeof many);
    many[sizeof many - 1] = 0;
    ANSWER(4000, many, "7 1 up aa");
    assert_string_equal(told, "a:7 left");
}

static void so_many_nodes_and_no_more(void **state)
{
    (void)state;
    char name[16];
    nodes_view_begin(view, 1000, 1010);
    for (int i = 0; i < NODES_MAX + 10; i++) {
        snprintf(name, sizeof name, "n%d", i);
        nodes_view_take(view, span_of(name), span_of("7 1 up aa"));
    }
    nodes_view_end(view);
    assert_int_equal(view->n, NODES_MAX);
    ANSWER(2000, "n5", "7 2 up aa");
    assert_int_equal(view->n, 1);
    assert_string_equal(nodes_view_find(view, span_of("n5"))->info.name, "n5");
}

static void owners_are_names_and_epochs(void **state)
{
    (void)state;
    struct span name;
    uint64_t epoch;
    assert_true(node_owner_split("a.b:77", &name, &epoch));
    assert_true(span_is(name, "a.b") && epoch == 77);
    assert_false(node_owner_split("", &name, &epoch));
    assert_false(node_owner_split("a", &name, &epoch));
    assert_false(node_owner_split("a:", &name, &epoch));
    assert_false(node_owner_split("a:7:8", &name, &epoch));
    assert_true(node_name_is_valid("hub-1.example"));
    assert_false(node_name_is_valid(""));
    assert_false(node_name_is_valid("a b"));
    assert_false(node_name_is_valid("#id"));
    assert_false(node_name_is_valid("a:b"));
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    struct seen_node s = {0};
    char text[1024];
    struct node_info i = {
        .address = "[::1]:9", .announce = "", .version = "0.1.0", .figures = {1, 2, 3, UINT64_MAX}};
    node_text_write(&i, text, sizeof text);
    node_text_read(span_of(text), &s);
    assert_string_equal(s.address, "[::1]:9");
    assert_string_equal(s.announce, "");
    assert_string_equal(s.version, "0.1.0");
    assert_memory_equal(&s.info.figures, &i.figures, sizeof i.figures);
}

#define VIEW_TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        VIEW_TEST(tells_of_changes),
        VIEW_TEST(the_silent_are_overdue_after_the_lease),
        VIEW_TEST(silence_counts_only_without_gaps),
        VIEW_TEST(nonsense_is_ignored),
        VIEW_TEST(so_many_nodes_and_no_more),
        cmocka_unit_test(owners_are_names_and_epochs),
        cmocka_unit_test(what_is_written_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
