/* Cells: what is drawn where, wide and combining characters, and that nothing a stranger sent
 * reaches a terminal as it is. */
#include "tui/view/grid.h"
#include "tui/view/width.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* A row as text; right halves of wide characters are '<', what is not ASCII is '#'. */
static const char *row_of(const struct grid *g, int row)
{
    static char text[GRID_MAX + 1];
    for (int i = 0; i < g->columns; i++) {
        uint32_t c = g->cells[row * g->columns + i].c;
        text[i] = c == 0 ? '<' : c < 127 ? (char)c : '#';
    }
    text[g->columns] = '\0';
    return text;
}

static struct grid new_grid(int columns, int rows)
{
    struct grid g = {0};
    assert_true(grid_resize(&g, columns, rows));
    return g;
}

static void sizes_are_held(void **state)
{
    struct grid g = new_grid(0, -5);
    (void)state;
    assert_int_equal(g.columns, 1);
    assert_int_equal(g.rows, 1);
    assert_true(grid_resize(&g, 100000, 2));
    assert_int_equal(g.columns, GRID_MAX);
    grid_put(&g, 1, GRID_MAX - 1, 'x', ROLE_OK);
    assert_true(grid_resize(&g, 3, 2));
    assert_string_equal(row_of(&g, 1), "   ");
    grid_free(&g);
    assert_null(g.cells);
}

static void what_is_outside_is_left_out(void **state)
{
    struct grid g = new_grid(5, 2);
    (void)state;
    grid_put(&g, -1, 0, 'x', ROLE_OK);
    grid_put(&g, 0, 5, 'x', ROLE_OK);
    grid_put(&g, 2, 0, 'x', ROLE_OK);
    grid_fill(&g, 0, -3, 100, '-', ROLE_OK);
    grid_fill(&g, 9, 0, 3, '-', ROLE_OK);
    grid_paint(&g, 1, -2, 4, ROLE_BAD);
    grid_paint(&g, 7, 0, 4, ROLE_BAD);
    assert_int_equal(grid_text(&g, 1, -2, 6, span_of("abcdef"), ROLE_OK), 6);
    assert_string_equal(row_of(&g, 0), "-----");
    assert_string_equal(row_of(&g, 1), "cdef ");
    assert_int_equal(grid_text(&g, 1, 5, -1, span_of("abc"), ROLE_OK), 0);
    assert_int_equal(grid_text(&g, 1, 2, 0, span_of("abc"), ROLE_OK), 0);
    grid_free(&g);
}

static void text_that_does_not_fit_is_cut(void **state)
{
    struct grid g = new_grid(8, 1);
    (void)state;
    assert_int_equal(grid_text(&g, 0, 0, 4, span_of("abcd"), ROLE_OK), 4);
    assert_string_equal(row_of(&g, 0), "abcd    ");
    assert_int_equal(grid_text(&g, 0, 0, 4, span_of("abcde"), ROLE_OK), 4);
    assert_string_equal(row_of(&g, 0), "abc~    ");
    assert_int_equal(grid_text(&g, 0, 4, -1, span_of("123456"), ROLE_BAD), 4);
    assert_string_equal(row_of(&g, 0), "abc~123~");
    assert_int_equal(g.cells[3].role, ROLE_OK);
    assert_int_equal(g.cells[7].role, ROLE_BAD);
    assert_int_equal(grid_print(&g, 0, 0, 1, ROLE_OK, "%d", 42), 1);
    assert_string_equal(row_of(&g, 0), "~bc~123~");
    grid_free(&g);
}

static void text_stands_at_the_right(void **state)
{
    struct grid g = new_grid(8, 1);
    (void)state;
    grid_text_right(&g, 0, 1, 5, span_of("abc"), ROLE_OK);
    assert_string_equal(row_of(&g, 0), "   abc  ");
    grid_text_right(&g, 0, 0, -1, span_of("123456789"), ROLE_OK);
    assert_string_equal(row_of(&g, 0), "1234567~");
    grid_free(&g);
}

/* Control bytes, escapes, invalid UTF-8, and what turns the direction of text. */
static void strangers_move_no_cursor(void **state)
{
    static const char text[] = "a\x1b[2J\r\n\t\x7f\xc2\x9b\xff\xc0\x80\xe2\x80\xae\xed\xa0\x80z";
    struct grid g = new_grid(40, 1);
    (void)state;
    int used = grid_text(&g, 0, 0, -1, (struct span){text, sizeof text - 1}, ROLE_TEXT);
    assert_string_equal(row_of(&g, 0), "a?[2J????????????z                      ");
    assert_int_equal(used, grid_width((struct span){text, sizeof text - 1}));
    for (int i = 0; i < g.columns; i++)
        assert_true(char_width(g.cells[i].c) == 1);
    grid_free(&g);
}

static void widths(void **state)
{
    static const struct {
        uint32_t c;
        int width;
    } cases[] = {{'a', 1},     {0x1b, -1},   {0x9b, -1},   {0xe9, 1},      {0x301, 0},
                 {0x4e2d, 2},  {0xff21, 2},  {0x1f4a7, 2}, {0x200d, -1},   {0x202e, -1},
                 {0x2028, -1}, {0xe000, -1}, {0xd800, -1}, {0x110000, -1}, {0x2500, 1},
                 {0x28ff, 1},  {0xac00, 2},  {0x1160, 0},  {0xfe0f, 0},    {0, -1}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(char_width(cases[i].c), cases[i].width);
}

static void wide_characters_take_two_cells(void **state)
{
    struct grid g = new_grid(6, 1);
    (void)state;
    assert_int_equal(grid_text(&g, 0, 0, -1, span_of("\xe4\xb8\xad\xe4\xb8\xad!"), ROLE_OK), 5);
    assert_string_equal(row_of(&g, 0), "#<#<! ");
    /* One that would be cut in half is left out, and a cell stays blank. */
    grid_clear(&g);
    assert_int_equal(grid_text(&g, 0, 0, 4, span_of("\xe4\xb8\xad\xe4\xb8\xad!"), ROLE_OK), 3);
    assert_string_equal(row_of(&g, 0), "#<~   ");
    /* Half of one that is overwritten takes the other along. */
    grid_put(&g, 0, 1, 'x', ROLE_OK);
    assert_string_equal(row_of(&g, 0), " x~   ");
    grid_put(&g, 0, 3, 0x4e2d, ROLE_OK);
    grid_put(&g, 0, 3, 'y', ROLE_OK);
    assert_string_equal(row_of(&g, 0), " x~y  ");
    grid_put(&g, 0, 0, 0x4e2d, ROLE_OK);
    grid_put(&g, 0, 1, 0x4e2d, ROLE_OK);
    assert_string_equal(row_of(&g, 0), " #<y  ");
    grid_put(&g, 0, 5, 0x4e2d, ROLE_OK);
    assert_string_equal(row_of(&g, 0), " #<y ?");
    grid_free(&g);
}

static void combining_marks_are_left_out(void **state)
{
    struct grid g = new_grid(6, 1);
    (void)state;
    assert_int_equal(grid_text(&g, 0, 0, -1, span_of("e\xcc\x81t\xcc\x81"), ROLE_OK), 2);
    assert_string_equal(row_of(&g, 0), "et    ");
    grid_free(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_are_held),
        cmocka_unit_test(what_is_outside_is_left_out),
        cmocka_unit_test(text_that_does_not_fit_is_cut),
        cmocka_unit_test(text_stands_at_the_right),
        cmocka_unit_test(strangers_move_no_cursor),
        cmocka_unit_test(widths),
        cmocka_unit_test(wide_characters_take_two_cells),
        cmocka_unit_test(combining_marks_are_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
