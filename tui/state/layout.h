/* Where the main screen's parts lie, for the view that draws them and the keys and clicks that
 * move in them. Pure. */
#ifndef TUI_STATE_LAYOUT_H
#define TUI_STATE_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>

#define LAYOUT_COLUMNS 60 /* smaller screens than that get the small form */
#define LAYOUT_ROWS 12
#define LAYOUT_TALL 30 /* rows from which there are lines between, and graphs are two rows high */

/* Rows count from 0; a part that is not there has n (or its row) 0. */
struct layout {
    bool small;
    int graph_rows;   /* of each direction; they begin at row 1 */
    int totals;       /* row */
    int service_line; /* row of the line above */
    int service_head, services, n_services;
    int stream_line, stream_head, streams, n_streams;
    int range; /* row that tells which streams are shown */
    int log_line, log, n_log;
    int keys; /* the last row */
};

/* services: how many there are; 0 for a program that has none. log: rows requested: 0, 3 or 8, more
 * on tall screens. */
struct layout layout_of(int columns, int rows, size_t services, int log);

#endif
