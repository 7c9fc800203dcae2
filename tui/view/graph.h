/* A history as a graph of one or more rows of cells. Pure. */
#ifndef TUI_VIEW_GRAPH_H
#define TUI_VIEW_GRAPH_H

#include "tui/view/grid.h"

/* Bytes in each interval, the newest last. */
struct graph {
    const uint64_t *samples;
    size_t n;
    /* Number of the newest sample; columns begin at multiples, so they stay in place. */
    uint64_t last;
    unsigned interval; /* seconds that a sample covers */
    unsigned window;   /* seconds to show; more are shown when there is space */
    bool logarithmic;
    enum graph_style style;
    enum role role;
};

/* Draws the newest samples at the right, scaled to the highest one drawn; every value above zero
 * leaves a mark. A column shows the highest of its samples. Returns the highest one drawn, in bytes
 * a second. */
double graph_draw(const struct graph *graph, struct grid *g, int row, int column, int width,
                  int height);
/* The cell, counted from the left, of the sample that lies so many before the newest; -1: it is not
 * in the graph. */
int graph_cell(const struct graph *graph, int width, uint64_t back);
/* Lets so many of the newest samples go that the one so far back is in the middle, if it is not in
 * the graph as it is. Returns how far back it is now. */
uint64_t graph_scroll(struct graph *graph, int width, uint64_t back);
/* The seconds that a graph of that width covers. */
unsigned graph_span(const struct graph *graph, int width);

#endif
