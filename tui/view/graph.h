/* A history as a graph of one or more rows of cells. Pure. */
#ifndef TUI_VIEW_GRAPH_H
#define TUI_VIEW_GRAPH_H

#include "tui/view/grid.h"

/* Bytes in each interval, the newest last. */
struct graph {
    const uint64_t *samples;
    size_t n;
    uint64_t last;     /* the newest one's number: columns begin at multiples, so they stay put */
    unsigned interval; /* seconds that a sample covers */
    unsigned window;   /* seconds that should be seen: more are shown when there is room */
    bool logarithmic;
    enum graph_style style;
    enum role role;
};

/* Draws the newest at the right, scaled to the highest drawn; anything above zero leaves a mark.
 * A column stands for the highest of its samples. Returns that highest one, in bytes a second. */
double graph_draw(const struct graph *graph, struct grid *g, int row, int column, int width,
                  int height);
/* Seconds from one edge to the other. */
unsigned graph_span(const struct graph *graph, int width);

#endif
