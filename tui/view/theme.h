/* What each role looks like (grid.h), by how many colours the terminal has. Every look differs from
 * its neighbours without colours, too, or says in words what it means. Pure. */
#ifndef TUI_VIEW_THEME_H
#define TUI_VIEW_THEME_H

#include "tui/view/graph.h"
#include "tui/view/grid.h"

enum depth {
    DEPTH_PLAIN, /* no colours are wanted, and no greys (no-color.org) */
    DEPTH_MONO,  /* there are none */
    DEPTH_16,
    DEPTH_256
};

struct look {
    short text, back; /* colour numbers; -1: the terminal's own */
    bool bold, dim, reverse, underline;
};

const struct look *theme_look(enum depth depth, enum role role);

/* wanted: of --color: "auto", "never", "16" or "256"; no_color, term: the environment's NO_COLOR
 * and TERM, or NULL; colours: of the terminal. The first that says something decides. */
enum depth theme_depth(const char *wanted, const char *no_color, const char *term, int colours);

/* What graphs are best made of. Nobody can ask a terminal which characters its font has: braille
 * where the environment names one that draws it itself or has fonts to fall back on, ASCII on
 * Linux' console, and otherwise blocks, which also xterm's own fonts have. */
enum graph_style theme_graph(const char *(*environment)(const char *name));

#endif
