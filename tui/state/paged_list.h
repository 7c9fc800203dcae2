/* The lists that fill a screen and of which a snapshot has only the rows on it: a hub's devices,
 * and the streams that have ended. The program filters and sorts, so a row may be known to exist
 * and not be here yet. Nodes of a cluster are all here, in the model's order. Which rows are on the
 * screen, which one is selected, and the page of one. Pure. */
#ifndef TUI_STATE_PAGED_LIST_H
#define TUI_STATE_PAGED_LIST_H

#include "tui/state/columns.h"
#include "tui/state/ui.h"

/* The list that the screen is; PAGED_KINDS: it is none. */
enum paged_kind paged_list_on(enum screen screen);
const struct columns *paged_list_columns(enum paged_kind kind);

/* What a snapshot has of a list. */
struct paged_facts {
    bool known;          /* the program has such a list */
    uint64_t total;      /* rows that there are */
    size_t matching;     /* that fit the filter */
    size_t from, here;   /* rows before the first one here; rows here */
    const char *filter;  /* that was asked for; NULL: it is not told */
    const char *problem; /* why the filter is none; "": it is one */
};
struct paged_facts paged_list_facts(const struct model *m, enum paged_kind kind);

/* Rows of the screen in which the list is. */
int paged_list_room(const struct ui *ui);
/* The item in that row of all that fit the filter, a snapshot_device or snapshot_stream; NULL: the
 * snapshot does not have it. */
const void *paged_list_at(const struct model *m, enum paged_kind kind, size_t row);
/* The item that is selected, or whose page is shown. NULL: it is not here (any more). */
const void *paged_list_selected(const struct ui *ui, const struct model *m, enum paged_kind kind);
void paged_list_step(struct ui *ui, const struct model *m, enum paged_kind kind, long rows);
/* Selects that row. False: there is none. */
bool paged_list_pick(struct ui *ui, const struct model *m, enum paged_kind kind, size_t row);
/* Sorts by the next column that is shown and that the program can sort by, or the one before (by <
 * 0). */
void paged_list_sort(struct ui *ui, const struct model *m, enum paged_kind kind, int by);
/* To be called after each snapshot, as ui_settle. */
void paged_list_settle(struct ui *ui, const struct model *m, enum paged_kind kind);
/* The rows of the list's screen. */
struct model_page paged_list_wanted(const struct ui *ui, enum paged_kind kind);

#endif
