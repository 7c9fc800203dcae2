/* The groups of streams: what all streams of one client, user, service or device are together. A
 * program that knows them counts since its start; of a recording, or an older program, they are the
 * streams that are listed. Pure. */
#ifndef TUI_STATE_GROUPS_H
#define TUI_STATE_GROUPS_H

#include "tui/state/ui.h"

struct groups {
    size_t n;
    const struct snapshot_group *items; /* most bytes first; views into the snapshot, or `memory` */
    void *memory;
};

/* The name in requests ("client"); NULL: GROUP_NONE. */
const char *groups_name(enum group_by by);
/* What a key is, for people: "program", "user", ... */
const char *groups_noun(enum group_by by, bool hub);
/* The next kind that such a program has. */
enum group_by groups_next(enum group_by by, bool hub);

/* Without memory there are none. */
struct groups groups_of(const struct model *m, enum group_by by);
void groups_free(struct groups *g);

/* Writes the key of the group that the stream is in; always ended. */
void groups_key(const struct snapshot_stream *s, enum group_by by, bool hub, char out[MODEL_KEY]);

#endif
