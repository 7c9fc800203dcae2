/* Histories as graphs: scale, marks, how columns stand for samples. */
#include "tui/view/graph.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct grid g;

static void draw(struct graph graph, int width, int height, double peak)
{
    assert_true(grid_resize(&g, width + 2, height));
    graph.interval = graph.interval > 0 ? graph.interval : 1;
    assert_true(graph_draw(&graph, &g, 0, 1, width, height) == peak);
}

static void row_is(int row, const char *text)
{
    for (int i = 0; text[i] != '\0'; i++)
        assert_int_equal(g.cells[row * g.columns + 1 + i].c, (uint32_t)text[i]);
    assert_int_equal(g.cells[row * g.columns].c, ' '); /* nothing beside it */
    assert_int_equal(g.cells[row * g.columns + g.columns - 1].c, ' ');
}

static const uint64_t ramp[] = {0, 1, 100, 200, 201, 300};

static void the_newest_is_at_the_right(void **state)
{
    struct graph graph = {
        .samples = ramp, .n = 6, .last = 6, .window = 8, .style = GRAPH_ASCII, .role = ROLE_UP};
    (void)state;
    draw(graph, 8, 1, 300);
    row_is(0, "   ..:||");
    assert_int_equal(g.cells[8].role, ROLE_UP);
    draw(graph, 8, 2, 300);
    row_is(0, "     .:|");
    row_is(1, "   .:|||");
    draw(graph, 3, 1, 300); /* two to three samples a column, cut where numbers are multiples */
    row_is(0, ".||");
}

static void nothing_is_drawn_of_nothing(void **state)
{
    static const uint64_t zeros[3];
    struct graph graph = {.samples = zeros, .n = 3, .last = 3, .window = 3, .style = GRAPH_ASCII};
    (void)state;
    draw(graph, 4, 1, 0);
    row_is(0, "    ");
    graph.n = 0;
    draw(graph, 4, 1, 0);
    row_is(0, "    ");
    draw(graph, 0, 1, 0);
    draw(graph, -3, 1, 0);
}

/* What is small beside the peak is seen all the same; more so on a logarithmic scale. */
static void small_values_leave_a_mark(void **state)
{
    static const uint64_t samples[] = {1, 1000, 1000000};
    struct graph graph = {.samples = samples, .n = 3, .last = 3, .window = 3, .style = GRAPH_ASCII};
    (void)state;
    draw(graph, 3, 1, 1000000);
    row_is(0, "..|");
    graph.logarithmic = true;
    draw(graph, 3, 1, 1000000);
    row_is(0, ".:|");
}

static void other_glyphs(void **state)
{
    static const uint64_t samples[] = {1, 2, 3, 4, 0, 4, 0, 0};
    struct graph graph = {.samples = samples, .n = 8, .last = 8, .window = 8};
    (void)state;
    draw(graph, 4, 1, 4);
    static const uint32_t braille[] = {0x2840 + 0xa0, 0x2846 + 0xb8, 0x28b8, ' '};
    for (int i = 0; i < 4; i++)
        assert_int_equal(g.cells[1 + i].c, braille[i]);
    graph.style = GRAPH_BLOCKS;
    draw(graph, 8, 1, 4);
    static const uint32_t blocks[] = {0x2582, 0x2584, 0x2586, 0x2588, ' ', 0x2588, ' ', ' '};
    for (int i = 0; i < 8; i++)
        assert_int_equal(g.cells[1 + i].c, blocks[i]);
}

/* A column keeps its samples while time goes on: only whole columns move. */
static void columns_stay_put(void **state)
{
    uint64_t samples[61];
    uint32_t before[30];
    (void)state;
    for (uint64_t i = 0; i < 61; i++)
        samples[i] = i * 37 % 100 + 1;
    struct graph graph = {
        .samples = samples, .n = 60, .last = 120, .window = 60, .style = GRAPH_ASCII};
    draw(graph, 30, 1, 100);
    for (int i = 0; i < 30; i++)
        before[i] = g.cells[1 + i].c;
    graph.n = 61;
    graph.last = 121; /* the newest column was 120 alone */
    draw(graph, 30, 1, 100);
    for (int i = 1; i < 29; i++)
        assert_int_equal(g.cells[1 + i].c, before[i]);
}

static void spans_and_intervals(void **state)
{
    static const uint64_t tens[] = {50, 1000};
    struct graph graph = {
        .samples = tens, .n = 2, .last = 2, .interval = 10, .window = 3600, .style = GRAPH_ASCII};
    (void)state;
    assert_int_equal(graph_span(&graph, 50), 50 * 8 * 10);
    graph.style = GRAPH_BRAILLE;
    assert_int_equal(graph_span(&graph, 50), 100 * 4 * 10);
    draw(graph, 10, 1, 100); /* bytes a second, not in ten */
    graph.last = 0;          /* numbers that do not fit the samples */
    draw(graph, 10, 1, 100);
}

static int done(void **state)
{
    (void)state;
    grid_free(&g);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_newest_is_at_the_right), cmocka_unit_test(nothing_is_drawn_of_nothing),
        cmocka_unit_test(small_values_leave_a_mark),  cmocka_unit_test(other_glyphs),
        cmocka_unit_test(columns_stay_put),           cmocka_unit_test(spans_and_intervals),
    };
    return cmocka_run_group_tests(tests, NULL, done);
}
