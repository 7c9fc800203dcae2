/* What the command line asks for. */
#ifndef TUI_COMMAND_H
#define TUI_COMMAND_H

#include "core/config/program.h"
#include "tui/print_tables.h"
#include "tui/view/view.h"

enum mode {
    MODE_SCREEN,
    MODE_ONCE,
    MODE_JSON,
    MODE_EVENTS,
    MODE_CHECK, /* prints its own line only */
    MODE_RENDER
};

struct command {
    enum mode mode;
    const char *program; /* "tunnel-gateway" */
    char path[300];      /* path of the socket; "" with a replay */
    const char *replay;  /* FILE, or NULL */
    const char *keys;
    const char *color;
    bool check, roles;
    enum table_pane pane;
    double interval; /* seconds; 0: once */
    uint64_t count;  /* 0: for ever */
    double clock;    /* seconds since 1970; < 0: the real time */
    int columns, rows;
    struct glyphs glyphs;
    struct ui ui; /* its initial state */
};

extern const struct program command_program;

/* Reads argv into o and from there into *c. PROGRAM_FAILED: exit 2; the sentence was printed. */
enum program_next command_read(struct command *c, int argc, char **argv, struct options **o);

#endif
