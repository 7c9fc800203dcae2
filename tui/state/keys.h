/* One table of what each key does, from which the help screen and the key bar are made, too. */
#ifndef TUI_STATE_KEYS_H
#define TUI_STATE_KEYS_H

#include "tui/state/columns.h"
#include "tui/state/ui.h"

enum {
    ON_MAIN = 1,
    ON_STREAM = 2,
    ON_SERVICE = 4,
    ON_HELP = 8,
    ON_DEVICES = 16,
    ON_DEVICE = 32,
    ON_HISTORY = 256,
    ON_NODES = 512,
    ON_ALL = 63 | ON_HISTORY | ON_NODES,
    AT_HUB = 64,   /* only a hub's key bar and help have it */
    AT_AGENT = 128 /* only an agent's */
};

enum key_group {
    KEYS_MOVE,
    KEYS_OPEN,
    KEYS_FIND,
    KEYS_SORT,
    KEYS_STREAMS,
    KEYS_VIEW,
    KEYS_GRAPH,
    KEYS_SCREEN,
    KEYS_GROUPS
};
extern const char *const key_group_names[KEYS_GROUPS];

struct key_binding {
    uint32_t keys[6];         /* 0 ends the list */
    const char *names, *help; /* NULL: the help has no text for it */
    enum key_group group;
    unsigned screens;          /* ON_... */
    const char *bar_key, *bar; /* NULL: not in the key bar, which has the table's order */
    bool closes;               /* unavailable when the program is read only */
    unsigned (*act)(struct ui *ui, struct model *m, uint32_t key);
};
extern const struct key_binding key_bindings[];
extern const size_t n_key_bindings;

/* Whether the key bar and help of a program of that role have it. */
bool key_is_for(const struct key_binding *b, enum column_role role);

unsigned key_screen(enum screen s); /* the screen's ON_... bit */

#endif
