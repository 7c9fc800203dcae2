#include "tui/view/view_page.h"

#include <stdarg.h>
#include <stdio.h>

enum { NAME = 10, PAIR_NAME = 14 };

struct page page_begin(struct canvas *v, int rows, const char *title, const char *state,
                       enum role role)
{
    static const char esc[] = "  Esc back ";
    int columns = v->g->columns, right = columns >= 40 ? (int)sizeof esc - 1 : 0;
    int width = grid_width(span_of(state));
    grid_fill(v->g, 0, 0, columns, ' ', ROLE_TITLE);
    grid_text(v->g, 0, 1, columns - right - width - 3, span_of(title), ROLE_TITLE);
    grid_text_right(v->g, 0, 0, columns - right, span_of(state), role);
    if (right > 0)
        grid_text(v->g, 0, columns - right, right, span_of(esc), ROLE_TITLE);
    bool airy = v->g->rows >= rows + 2;
    return (struct page){v, airy ? 2 : 1, airy};
}

void page_gap(struct page *p)
{
    p->row += p->airy;
}

/* Whether the page has no row left, since the last one is for the keys. */
static bool full(const struct page *p)
{
    return p->row >= p->v->g->rows - 1;
}

void page_field(struct page *p, const char *name, const char *format, ...)
{
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (text[0] == '\0' || full(p))
        return;
    grid_text(p->v->g, p->row, 1, NAME, span_of(name), ROLE_QUIET);
    grid_text(p->v->g, p->row, 1 + NAME, p->v->g->columns - NAME - 2, span_of(text), ROLE_TEXT);
    p->row++;
}

static int pair_width(const struct page *p)
{
    int width = (p->v->g->columns - PAIR_NAME - 4) / 2;
    return width > 27 ? 27 : width;
}

void page_directions(struct page *p)
{
    bool narrow = pair_width(p) < 23;
    page_pair(p, "", narrow ? "DOWN" : "DOWN (device to client)",
              narrow ? "UP" : "UP (client to device)", false);
}

void page_pair(struct page *p, const char *name, const char *down, const char *up, bool colours)
{
    int width = pair_width(p);
    if (full(p) || width < 1)
        return;
    grid_text(p->v->g, p->row, 1, PAIR_NAME - 1, span_of(name), ROLE_QUIET);
    grid_text_right(p->v->g, p->row, 1 + PAIR_NAME, width, span_of(down),
                    colours ? ROLE_DOWN : ROLE_TEXT);
    grid_text_right(p->v->g, p->row, 3 + PAIR_NAME + width, width, span_of(up),
                    colours ? ROLE_UP : ROLE_TEXT);
    p->row++;
}
