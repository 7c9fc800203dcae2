/* The meaning of a text, by which the theme chooses its look, and the characters of graphs. */
#ifndef TUI_STATE_ROLE_H
#define TUI_STATE_ROLE_H

enum role {
    ROLE_TEXT,
    ROLE_TITLE,
    ROLE_OK,   /* up, ready, open */
    ROLE_BUSY, /* connecting, half, draining, trying again */
    ROLE_BAD,  /* lost, offline, refused */
    ROLE_DOWN, /* numbers and graphs of bytes to the client */
    ROLE_UP,
    ROLE_HEAD,       /* column heads of the focused pane */
    ROLE_HEAD_OTHER, /* column heads of other panes */
    ROLE_SELECTED,
    ROLE_SELECTED_OTHER,
    ROLE_TAGGED,
    ROLE_QUIET, /* zero, closed, stale */
    ROLE_KEY,   /* a key in the key bar, followed by its ROLE_LABEL */
    ROLE_LABEL,
    ROLE_MATCH, /* text that the search found */
    ROLE_COUNT
};

/* The characters that draw a graph. */
enum graph_style { GRAPH_BRAILLE, GRAPH_BLOCKS, GRAPH_ASCII };

#endif
