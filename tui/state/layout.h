/* The places of the main screen's parts, for the view that draws them and for the keys and clicks
 * that move in them. Pure. */
#ifndef TUI_STATE_LAYOUT_H
#define TUI_STATE_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>

#define LAYOUT_COLUMNS 60 /* smaller screens get the small form */
#define LAYOUT_ROWS 12
/* From that many rows on, lines separate the parts, and graphs are two rows high. */
#define LAYOUT_TALL 30

/* Rows count from 0. A missing part has n (or its row) 0. */
struct layout {
    bool small;
    int graph_rows;   /* rows of each direction's graph; the first begins at row 1 */
    int totals;       /* row */
    int service_line; /* row of the separating line */
    int service_head, services, n_services;
    int stream_line, stream_head, streams, n_streams;
    int range; /* row with the range of streams that are shown */
    int log_line, log, n_log;
    int keys; /* the last row */
};

/* services: their number, which may be 0. log: requested rows, which are 0, 3 or 8, and more on
 * tall screens. */
struct layout layout_of(int columns, int rows, size_t services, int log);

#endif
