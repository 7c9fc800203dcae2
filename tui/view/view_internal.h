/* Private to view.h: the picture while it is drawn, and what draws each screen and each part that
 * screens share. Draws into the grid, and changes neither the model nor the ui. */
#ifndef TUI_VIEW_INTERNAL_H
#define TUI_VIEW_INTERNAL_H

#include "tui/state/columns.h"
#include "tui/state/layout.h"
#include "tui/state/paged_list.h"
#include "tui/state/stream_list.h"
#include "tui/view/view.h"

struct canvas {
    const struct model *m;
    const struct snapshot *s; /* m->shown */
    const struct ui *ui;
    const struct view_context *c;
    struct grid *g;
    enum column_role role;
    struct layout l;
    struct stream_list list; /* of the streams' pane; made once per picture */
};

/* Draw the first and the last row of any screen. */
void draw_title(struct canvas *v);
void draw_last_row(struct canvas *v);

void draw_main(struct canvas *v);
/* The streams that are listed without a filter. */
size_t streams_in_all(const struct canvas *v);
void draw_small(struct canvas *v);
void draw_stream(struct canvas *v);
void draw_service(struct canvas *v);
void draw_help(struct canvas *v);
void draw_devices(struct canvas *v);
void draw_ended(struct canvas *v);
void draw_nodes(struct canvas *v);
void draw_device(struct canvas *v);
/* Draws boxes over the picture: for a program that is lost or was never reached, and for a list to
 * pick from. */
void draw_boxes(struct canvas *v);

/* Draw the head and rows of a table (view_table.c). which: indices into the snapshot. */
void draw_stream_table(struct canvas *v, int head, int first, int rows, bool focus);
/* Those of a page about something else. selected: a row, or -1. */
void draw_its_table(struct canvas *v, int head, int first, int rows, const struct order *which,
                    long selected);
void draw_service_table(struct canvas *v, int head, int first, int rows, const struct order *which);
/* Those of a list on a screen of its own; what the snapshot does not have yet stays empty. */
void draw_paged_table(struct canvas *v, enum paged_kind kind, int head, int first, int rows);
/* Labels of devices in columns of their own, in `width` columns from `at` on (view_labels.c). */
void draw_labels_head(struct canvas *v, int row, int at, int width, enum role role);
void draw_labels(struct canvas *v, int row, int at, int width, const struct snapshot_device *d);
/* The range of rows at the right end of a row, and what the list has at its left (view_ended.c). */
void draw_list_range(struct canvas *v, enum paged_kind kind, int row, int used);
/* The role for the state of a service or tunnel. */
enum role role_of_state(const char *state);

/* A row of rate, graph and peak (view_graph.c), from column 0 to the edge in `height` rows. */
struct series {
    const char *label; /* "Down" */
    enum role role;
    const uint64_t *samples;
    size_t n;
    uint64_t last;
    unsigned interval, window;
    double now; /* present rate; below zero: unknown */
    long back;  /* the sample that is marked, counted back from the newest; -1: none is */
};
void draw_series(struct canvas *v, int row, int height, const struct series *s);
/* The seconds that such a graph covers. */
unsigned series_span(const struct canvas *v, const struct series *s);
/* The program's series, up to the pause if there is one. */
struct series model_series(const struct canvas *v, bool down);

/* view_log.c */
void draw_log(struct canvas *v, int row, int rows);
/* Draws one event in a row. */
void draw_event(struct canvas *v, int row, const struct snapshot_event *e);

#endif
