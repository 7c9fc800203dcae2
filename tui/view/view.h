/* The picture: a pure function of what is known (model.h), the dashboard's own state (ui.h), the
 * size and the glyphs to a grid of cells (grid.h). */
#ifndef TUI_VIEW_H
#define TUI_VIEW_H

#include "tui/state/ui.h"
#include "tui/view/graph.h"
#include "tui/view/grid.h"

struct glyphs {
    uint32_t horizontal, vertical, top_left, top_right, bottom_left, bottom_right;
    bool ascii; /* and graphs are, too */
};
extern const struct glyphs glyphs_ascii, glyphs_utf8;

struct view_context {
    const struct glyphs *glyphs;
    double now;          /* the local monotonic clock, as model_take is given it */
    double time;         /* of day, seconds since 1970: the program's, or where --clock set it */
    long utc_offset;     /* seconds east of Greenwich, for the clock and the log */
    const char *version; /* of tunnel-tui */
};

/* Draws into g at its size; every size from 1 x 1 is fine. */
void view_draw(const struct model *m, const struct ui *ui, const struct view_context *context,
               struct grid *g);

#endif
