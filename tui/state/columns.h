/* The columns of the tables, streams, services, devices, nodes and streams that have ended: an
 * entry for each has its name, when it is shown, its width, its text and its order. Pure. */
#ifndef TUI_STATE_COLUMNS_H
#define TUI_STATE_COLUMNS_H

#include "core/control/client/snapshot.h"
#include "tui/state/role.h"
#include "tui/state/ui.h"

#define COLUMNS_MAX 24

/* The kind of the watched program; unknown kinds count as a source. */
enum column_role { COLUMN_SOURCE, COLUMN_DESTINATION, COLUMN_HUB, COLUMN_ROLES };
enum column_role column_role_of(const struct snapshot *s);
/* What a row of the streams' table is: "stream", or at a hub "tunnel". */
const char *column_row_noun(enum column_role role);

/* The text of a cell. text: in `buffer`, or a view into the snapshot. more: follows text in a quiet
 * look, when there is space. */
struct column_text {
    struct span text, more;
    enum role role;
    bool ascii; /* set before: nothing but ASCII can be shown */
    char buffer[80];
};

struct column {
    const char *name;                 /* the field's name in the JSON */
    const char *titles[COLUMN_ROLES]; /* NULL: the role does not have the column */
    uint8_t least, most;              /* width in columns */
    uint8_t share;                    /* share of spare width */
    uint8_t keep;                     /* when the screen is narrow, the lowest are left out first */
    uint16_t from;                    /* least width of the screen */
    bool number;                      /* aligned to the right, and sorted in descending order */
    enum { COLUMN_ALWAYS, COLUMN_RATE, COLUMN_TOTAL, COLUMN_NO_RATE } kind;
    /* row: a snapshot_stream, snapshot_service, snapshot_device or snapshot_node. */
    void (*write)(const void *row, enum units units, int width, struct column_text *out);
    int (*compare)(const void *a, const void *b); /* ascending; NULL: no order */
};

struct columns {
    int n;
    const struct column *items;
};
extern const struct columns stream_columns, service_columns, device_columns, closed_columns,
    node_columns;
/* The columns that would be empty in every row, since the program does not tell: 1 << index. */
uint64_t columns_lacking(const struct columns *c, const struct snapshot *s);

/* Finds a column by its name or by a title in any role, whatever the case. -1: there is none. */
int column_find(const struct columns *c, const char *name);

/* The columns that a screen shows, and their places. */
struct columns_fit {
    int n;
    struct columns_fitted {
        int column; /* index into the table */
        int at, width;
    } items[COLUMNS_MAX];
};
struct columns_options {
    enum column_role role;
    enum totals totals;
    uint64_t hidden; /* 1 << index */
    /* 1 << index: shown on any screen, in preference to columns that can be left out. */
    uint64_t wanted;
    int at, width; /* place of the first column; width of the screen */
    int first;     /* least width of the first column */
};
/* The options for a screen of that width. Ids are never cut, and tunnels without names have no
 * column. */
struct columns_options columns_options(const struct columns *c, const struct snapshot *s,
                                       const struct ui *ui, int width);
/* Each column gets its least width; the rest of the row is shared by the columns that can use it.
 */
void columns_fit(const struct columns *c, const struct columns_options *o, struct columns_fit *out);
/* The column after `sort`, or the one before (by < 0), of those that the screen shows and that have
 * an order. */
int columns_neighbour(const struct columns *c, const struct snapshot *s, const struct ui *ui,
                      int sort, int by);
/* Whether the column can be shown at all, on a screen that is wide enough. */
bool column_is_in(const struct column *c, enum column_role role, enum totals totals);

#endif
