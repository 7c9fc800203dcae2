/* The columns of the two tables, streams and services: one entry each says what it is called, when
 * it is shown, how wide it is, what stands in it and how it sorts. Pure. */
#ifndef TUI_STATE_COLUMNS_H
#define TUI_STATE_COLUMNS_H

#include "core/control/client/snapshot.h"
#include "tui/state/role.h"
#include "tui/state/ui.h"

#define COLUMNS_MAX 24

/* What the watched program is; others are taken for a source. */
enum column_role { COLUMN_SOURCE, COLUMN_DESTINATION, COLUMN_HUB, COLUMN_ROLES };
enum column_role column_role_of(const struct snapshot *s);
/* What a row of the streams' table is: "stream", or at a hub "tunnel". */
const char *column_row_noun(enum column_role role);

/* What stands in a cell. text: in `buffer`, or of the snapshot; more: quiet, behind it, when there
 * is room. */
struct column_text {
    struct span text, more;
    enum role role;
    char buffer[80];
};

struct column {
    const char *name;                 /* as in the JSON */
    const char *titles[COLUMN_ROLES]; /* NULL: that role has no such column */
    uint8_t least, most;              /* columns wide */
    uint8_t share;                    /* of what is spare */
    uint8_t keep;                     /* the lowest go first when the screen is narrow */
    uint16_t from;                    /* not on screens narrower than that */
    bool number;                      /* to the right, and the greatest comes first */
    enum { COLUMN_ALWAYS, COLUMN_RATE, COLUMN_TOTAL, COLUMN_NO_RATE } kind;
    /* row: a snapshot_stream or snapshot_service. */
    void (*write)(const void *row, enum units units, int width, struct column_text *out);
    int (*compare)(const void *a, const void *b); /* ascending */
};

struct columns {
    int n;
    const struct column *items;
};
extern const struct columns stream_columns, service_columns;

/* By name or by a title in any role, whatever the case; -1: none. */
int column_find(const struct columns *c, const char *name);

/* Those that a screen shows, and where. */
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
    uint64_t wanted; /* 1 << index: on any screen, before whatever can be left out */
    int at, width;   /* the first column's place; columns of the screen */
    int first;       /* the first column is at least that wide */
};
/* Those of a screen that wide. Ids are not cut, and tunnels without names have no column. */
struct columns_options columns_options(const struct columns *c, const struct snapshot *s,
                                       const struct ui *ui, int width);
/* Widths are the least ones; what remains of the row is shared by those that can use it. */
void columns_fit(const struct columns *c, const struct columns_options *o, struct columns_fit *out);
/* Whether the column can be shown at all, on a screen that is wide enough. */
bool column_is_in(const struct column *c, enum column_role role, enum totals totals);

#endif
