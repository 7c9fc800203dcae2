/* The look of each role (role.h), for the number of colours that the terminal has. Every look
 * differs from its neighbours even without colours, or its text tells the meaning. Pure. */
#ifndef TUI_VIEW_THEME_H
#define TUI_VIEW_THEME_H

#include "tui/view/graph.h"
#include "tui/view/grid.h"

enum depth {
    DEPTH_PLAIN, /* the user wants no colours or greys (no-color.org) */
    DEPTH_MONO,  /* the terminal has no colours */
    DEPTH_16,
    DEPTH_256
};

struct look {
    short text, back; /* colour numbers; -1: the terminal's own */
    bool bold, dim, reverse, underline;
};

const struct look *theme_look(enum depth depth, enum role role);

/* wanted: --color's "auto", "never", "16" or "256"; no_color, term: the environment's NO_COLOR and
 * TERM, or NULL; colours: the terminal's number of colours. The first one that is conclusive
 * decides. */
enum depth theme_depth(const char *wanted, const char *no_color, const char *term, int colours);

/* The best characters for graphs. A terminal cannot be asked which characters its font has, so this
 * is braille where the environment names a terminal that draws it itself or has fallback fonts,
 * ASCII on the Linux console, and otherwise blocks, which even xterm's own fonts have. */
enum graph_style theme_graph(const char *(*environment)(const char *name));

#endif
