/* The rows of the streams' pane: streams, or groups of which one may be open and has its streams
 * below it. Pure. */
#ifndef TUI_STATE_STREAM_LIST_H
#define TUI_STATE_STREAM_LIST_H

#include "tui/state/groups.h"
#include "tui/state/order.h"

struct stream_list {
    bool here; /* the snapshot is about this list; else it was asked for another screen */
    /* There is no list: who was there at the moment is not told, by an older program or a
     * recording; or it was not asked for before the pause. */
    bool untold;
    bool grouped;
    struct groups groups;
    size_t open;          /* row of the group that is open; SIZE_MAX: none is */
    struct order streams; /* all, or those of the open group */
    size_t n;             /* rows in all */
};
struct list_row {
    const struct snapshot_group *group;   /* NULL: it is none */
    const struct snapshot_stream *stream; /* both NULL: the row is not here (yet) */
};

struct stream_list stream_list_of(const struct ui *ui, const struct model *m);
void stream_list_free(struct stream_list *l);
struct list_row stream_list_row(const struct stream_list *l, const struct model *m, size_t row);

/* The selected row; when what was selected is gone, its neighbour. */
size_t stream_list_selected(const struct stream_list *l, const struct ui *ui,
                            const struct model *m);
/* Selects a row, or only notes its place when it is not here. */
void stream_list_select(const struct stream_list *l, struct ui *ui, const struct model *m,
                        size_t row);
/* The first row of the streams in the list. */
size_t stream_list_first(const struct stream_list *l);

/* The selected group, if that is what is selected; NULL: it is not. */
const struct snapshot_group *stream_list_group(const struct stream_list *l, const struct ui *ui,
                                               const struct model *m);

#endif
