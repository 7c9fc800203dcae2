/* Draws the picture, a grid of cells (grid.h), as a pure function of the model (model.h), the
 * dashboard's own state (ui.h), the size and the glyphs. */
#ifndef TUI_VIEW_H
#define TUI_VIEW_H

#include "tui/state/ui.h"
#include "tui/view/graph.h"
#include "tui/view/grid.h"

struct glyphs {
    uint32_t horizontal, vertical, top_left, top_right, bottom_left, bottom_right;
    bool ascii; /* graphs have to be ASCII, too */
};
extern const struct glyphs glyphs_ascii, glyphs_utf8;

struct view_context {
    const struct glyphs *glyphs;
    double now;      /* the local monotonic clock, as model_take is given it */
    double time;     /* time of day of the program, in seconds since 1970, or as --clock sets it */
    long utc_offset; /* seconds east of Greenwich, for the clock and the log */
    const char *version; /* version of tunnel-tui */
};

/* Draws into g at its size; every size from 1 x 1 is fine. */
void view_draw(const struct model *m, const struct ui *ui, const struct view_context *context,
               struct grid *g);

#endif
