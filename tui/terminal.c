#include "tui/terminal.h"

#include "core/base/encoding.h"
#include "core/base/text.h"
#include "tui/terminal_internal.h"
#include "tui/terminal_output.h"
#include "tui/terminal_rescue.h"
#include "tui/view/theme.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>
#include <wchar.h>
#define NCURSES_NOMACROS
#define NCURSES_WIDECHAR 1
#include <curses.h>

#define COPY_MAX 4096 /* bytes for the clipboard */
#define ESCAPE_MS 25
#define GOODBYE_MS 500 /* ms in which the sequences that restore the terminal must reach it */
#define RUN_MAX 256    /* cells handed to ncurses at once */

struct terminal {
    struct terminal_output *outlet;
    SCREEN *curses;
    attr_t attributes[ROLE_COUNT];
    short pairs[ROLE_COUNT];
    struct grid shown;
    bool anew, mouse;
    struct terminal_clicks clicks;
};

/* ---- life ---- */

static bool window_size(struct winsize *out)
{
    return ioctl(STDOUT_FILENO, TIOCGWINSZ, out) == 0 && out->ws_col > 0 && out->ws_row > 0;
}

static void set_looks(struct terminal *s, const char *color)
{
    int colours = tigetnum((char *)(uintptr_t) "colors"); /* negative: no colours */
    enum depth depth = theme_depth(color, getenv("NO_COLOR"), getenv("TERM"), colours);
    if (depth == DEPTH_256 && colours != 256)
        depth = DEPTH_16;
    if (depth == DEPTH_16 && colours < 8)
        depth = DEPTH_MONO;
    if (depth >= DEPTH_16) {
        start_color();
        use_default_colors();
    }
    for (int role = 0; role < ROLE_COUNT; role++) {
        const struct look *look = theme_look(depth, (enum role)role);
        s->attributes[role] = (look->bold ? A_BOLD : 0) | (look->dim ? A_DIM : 0) |
                              (look->reverse ? A_REVERSE : 0) | (look->underline ? A_UNDERLINE : 0);
        bool coloured = depth >= DEPTH_16 && (look->text >= 0 || look->back >= 0);
        s->pairs[role] = coloured ? (short)(role + 1) : 0;
        if (coloured)
            init_pair(s->pairs[role], look->text, look->back);
    }
}

/* Makes Ctrl-C, Ctrl-Z and the like keys. ncurses cannot do this, because its terminal is a file
 * here. */
static void set_raw(void)
{
    struct termios t = *terminal_rescue_settings();
    t.c_iflag &= ~(tcflag_t)(BRKINT | PARMRK | ICRNL | INLCR | IGNCR | IXON | ISTRIP);
    t.c_oflag &= ~(tcflag_t)OPOST;
    t.c_lflag &= ~(tcflag_t)(ECHO | ECHONL | ICANON | ISIG | IEXTEN);
    t.c_cc[VMIN] = 1;
    t.c_cc[VTIME] = 0;
    tcsetattr(STDIN_FILENO, TCSANOW, &t);
}

static void set_modes(struct terminal *s)
{
    set_raw();
    raw();
    noecho();
    nonl();
    keypad(stdscr, TRUE);
    nodelay(stdscr, TRUE);
    set_escdelay(ESCAPE_MS);
    curs_set(0);
    /* A picture is written whole; terminal_output.h knows when the terminal is full. */
    typeahead(-1);
    mouseinterval(0); /* every press is reported at once */
    terminal_mouse(s, s->mouse);
    terminal_output_add(s->outlet, TERMINAL_PASTES_ON, sizeof TERMINAL_PASTES_ON - 1);
}

/* Gives the terminal back. */
static void unset_modes(struct terminal *s)
{
    bool mouse = s->mouse;
    terminal_mouse(s, false);
    s->mouse = mouse;
    terminal_output_add(s->outlet, TERMINAL_PASTES_OFF, sizeof TERMINAL_PASTES_OFF - 1);
    endwin();
    size_t n;
    const char *last = terminal_rescue_text(&n);
    terminal_output_drain(s->outlet, GOODBYE_MS, last, n);
    tcsetattr(STDIN_FILENO, TCSANOW, terminal_rescue_settings());
    terminal_rescue_disarm();
}

static void destroy(struct terminal *s)
{
    if (s->curses != NULL)
        delscreen(s->curses);
    terminal_output_free(s->outlet);
    grid_free(&s->shown);
    free(s);
}

/* ncurses has a file for its terminal, which cannot tell a size. It must know the size from the
 * first, because the scrolling region that it sets outlives this program. */
static SCREEN *begin_curses(const struct terminal *s)
{
    struct winsize size;
    char lines[16], columns[16];
    if (window_size(&size)) {
        snprintf(lines, sizeof lines, "%d", size.ws_row);
        snprintf(columns, sizeof columns, "%d", size.ws_col);
        setenv("LINES", lines, 1);
        setenv("COLUMNS", columns, 1);
    }
    return newterm(NULL, terminal_output_file(s->outlet), stdin);
}

struct terminal *terminal_open(const struct terminal_options *o, char *problem, size_t size)
{
    struct terminal *s = calloc(1, sizeof *s);
    if (s == NULL || !terminal_rescue_remember()) {
        snprintf(problem, size, "%s", s == NULL ? "out of memory" : "stdin is not a terminal");
        free(s);
        return NULL;
    }
    *s = (struct terminal){.anew = true, .mouse = o->mouse};
    s->outlet = terminal_output_new(STDIN_FILENO, STDOUT_FILENO);
    if (s->outlet == NULL) {
        snprintf(problem, size, "the terminal cannot be waited for");
        destroy(s);
        return NULL;
    }
    if (terminal_is_capable(fileno(terminal_output_file(s->outlet))))
        s->curses = begin_curses(s);
    if (s->curses == NULL) {
        char quoted[80];
        snprintf(problem, size, "the terminal (TERM=%s) is not known, or cannot do what this needs",
                 str_escape(span_of(getenv("TERM")), quoted, sizeof quoted));
        destroy(s);
        return NULL;
    }
    terminal_keys_define();
    set_looks(s, o->color);
    terminal_rescue_prepare("\033[?1000l\033[?1006l" TERMINAL_PASTES_OFF);
    terminal_rescue_arm();
    set_modes(s);
    terminal_output_flush(s->outlet);
    return s;
}

void terminal_close(struct terminal *s)
{
    if (s == NULL)
        return;
    unset_modes(s);
    destroy(s);
}

void terminal_suspend(struct terminal *s)
{
    unset_modes(s);
}

void terminal_resume(struct terminal *s)
{
    terminal_rescue_arm();
    set_modes(s);
    int columns, rows;
    terminal_resize(s, &columns, &rows);
    terminal_redraw(s);
    wrefresh(stdscr); /* leaves endwin's state */
    terminal_output_flush(s->outlet);
}

int terminal_fd(const struct terminal *s)
{
    return terminal_output_fd(s->outlet);
}

bool terminal_flush(struct terminal *s)
{
    return terminal_output_flush(s->outlet);
}

bool terminal_behind(const struct terminal *s)
{
    return terminal_output_waits(s->outlet);
}

/* ---- pictures ---- */

void terminal_resize(struct terminal *s, int *columns, int *rows)
{
    struct winsize size;
    if (window_size(&size) && (size.ws_col != COLS || size.ws_row != LINES)) {
        resizeterm(size.ws_row, size.ws_col);
        terminal_redraw(s);
    }
    *columns = COLS > 0 ? COLS : 1;
    *rows = LINES > 0 ? LINES : 1;
}

void terminal_redraw(struct terminal *s)
{
    s->anew = true;
}

/* Replaces a character whose width differs between the C library and the grid, because it would
 * shift the rest of the row. */
static wchar_t shown_as(const struct grid *g, const struct cell *cell, int column)
{
    bool wide = column + 1 < g->columns && cell[1].c == 0;
    int width = wcwidth((wchar_t)cell->c);
    return width == (wide ? 2 : 1) ? (wchar_t)cell->c : L'?';
}

static void put_run(const struct terminal *s, const struct grid *g, int row, int from, int to)
{
    const struct cell *cells = &g->cells[row * g->columns];
    cchar_t out[RUN_MAX];
    int n = 0, at = from;
    for (int i = from; i < to; i++) {
        wchar_t text[2] = {cells[i].c != 0 ? shown_as(g, &cells[i], i) : L' ', L'\0'};
        if (cells[i].c == 0 && i > from && wcwidth((wchar_t)cells[i - 1].c) == 2)
            continue; /* the right half */
        if (n == RUN_MAX) {
            mvwadd_wchnstr(stdscr, row, at, out, n);
            at = i;
            n = 0;
        }
        setcchar(&out[n++], text, s->attributes[cells[i].role], s->pairs[cells[i].role], NULL);
    }
    mvwadd_wchnstr(stdscr, row, at, out, n);
}

static bool same(const struct cell *a, const struct cell *b)
{
    return a->c == b->c && a->role == b->role;
}

static void put_row(struct terminal *s, const struct grid *g, int row)
{
    const struct cell *now = &g->cells[row * g->columns];
    struct cell *before = &s->shown.cells[row * g->columns];
    int from = 0, to = g->columns;
    while (!s->anew && from < to && same(&now[from], &before[from]))
        from++;
    while (!s->anew && to > from && same(&now[to - 1], &before[to - 1]))
        to--;
    if (from == to)
        return;
    /* Does not begin in the middle of a wide character. */
    while (from > 0 && (now[from].c == 0 || before[from].c == 0))
        from--;
    while (to < g->columns && (now[to].c == 0 || before[to].c == 0))
        to++;
    put_run(s, g, row, from, to);
    memcpy(before, now, (size_t)g->columns * sizeof *now);
}

void terminal_show(struct terminal *s, const struct grid *g)
{
    if (s->shown.columns != g->columns || s->shown.rows != g->rows) {
        if (!grid_resize(&s->shown, g->columns, g->rows))
            return;
        s->anew = true;
    }
    if (s->anew) {
        werase(stdscr);
        clearok(curscr, TRUE);
    }
    for (int row = 0; row < g->rows; row++)
        put_row(s, g, row);
    s->anew = false;
    wrefresh(stdscr);
    terminal_output_flush(s->outlet);
}

void terminal_copy(struct terminal *s, struct span text)
{
    struct buf shown = {.limit = COPY_MAX};
    char encoded[BASE64_SIZE(COPY_MAX)], line[sizeof encoded + 16];
    if (text_put(&shown, text)) {
        base64_encode(shown.data, shown.size, encoded, false);
        int n = snprintf(line, sizeof line, "\033]52;c;%s\a", encoded);
        terminal_output_add(s->outlet, line, (size_t)n);
        terminal_output_flush(s->outlet);
    }
    buf_free(&shown);
}

/* ---- keys ---- */

void terminal_mouse(struct terminal *s, bool on)
{
    s->mouse = on;
    mousemask(on ? BUTTON1_PRESSED | BUTTON4_PRESSED | BUTTON5_PRESSED : 0, NULL);
}

bool terminal_key(struct terminal *s, struct terminal_key *out)
{
    return terminal_keys_read(&s->clicks, out);
}
