#include "tui/state/key.h"
#include "tui/terminal_internal.h"
#include "tui/terminal_output.h"

#include <time.h>
#include <unistd.h>
#include <wchar.h>
#define NCURSES_NOMACROS
#define NCURSES_WIDECHAR 1
#include <curses.h>

static const struct {
    const char *text;
    int code; /* above all codes of ncurses itself */
    unsigned key;
} pastes[] = {{"\033[200~", 0x7000, UIKEY_PASTE}, {"\033[201~", 0x7001, UIKEY_PASTE_END}};
enum { N_PASTES = sizeof pastes / sizeof *pastes };

void terminal_keys_define(void)
{
    for (int i = 0; i < N_PASTES; i++)
        define_key(pastes[i].text, pastes[i].code);
}

static const struct {
    wint_t curses;
    unsigned key;
} keys[] = {
    {KEY_UP, UIKEY_UP},       {KEY_DOWN, UIKEY_DOWN},     {KEY_LEFT, UIKEY_LEFT},
    {KEY_RIGHT, UIKEY_RIGHT}, {KEY_PPAGE, UIKEY_PAGE_UP}, {KEY_NPAGE, UIKEY_PAGE_DOWN},
    {KEY_HOME, UIKEY_HOME},   {KEY_FIND, UIKEY_HOME},     {KEY_A1, UIKEY_HOME},
    {KEY_A3, UIKEY_PAGE_UP},  {KEY_END, UIKEY_END},       {KEY_SELECT, UIKEY_END},
    {KEY_C1, UIKEY_END},      {KEY_C3, UIKEY_PAGE_DOWN},  {KEY_BTAB, UIKEY_BACK_TAB},
    {KEY_ENTER, UIKEY_ENTER}, {KEY_DC, UIKEY_DELETE},     {KEY_BACKSPACE, UIKEY_BACKSPACE},
};

static unsigned special_key(wint_t c)
{
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (keys[i].curses == c)
            return keys[i].key;
    if (c > KEY_F0 && c <= KEY_F(12))
        return UIKEY_F + (c - KEY_F0);
    for (int i = 0; i < N_PASTES; i++)
        if ((wint_t)pastes[i].code == c)
            return pastes[i].key;
    return UIKEY_NONE;
}

static unsigned plain_key(wint_t c)
{
    switch (c) {
    case '\t':
        return UIKEY_TAB;
    case '\r':
    case '\n':
        return UIKEY_ENTER;
    case 27:
        return UIKEY_ESCAPE;
    case 8:
    case 127:
        return UIKEY_BACKSPACE;
    default:
        return c;
    }
}

static int64_t milliseconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* A second press at the same place within 400 ms is a double click. */
static void read_click(struct terminal_clicks *last, struct terminal_key *out)
{
    MEVENT event;
    out->key = UIKEY_NONE;
    if (getmouse(&event) != OK)
        return;
    int64_t now = milliseconds();
    bool again = now - last->ms < 400 && event.y == last->row && event.x == last->column;
    *out = (struct terminal_key){.key = UIKEY_CLICK, .row = event.y, .column = event.x};
    out->button = (event.bstate & BUTTON4_PRESSED) != 0   ? 4
                  : (event.bstate & BUTTON5_PRESSED) != 0 ? 5
                  : again                                 ? 2
                                                          : 1;
    last->row = event.y;
    last->column = event.x;
    last->ms = out->button == 1 ? now : 0;
}

bool terminal_keys_read(struct terminal_clicks *last, struct terminal_key *out)
{
    wint_t c;
    *out = (struct terminal_key){.key = UIKEY_NONE};
    /* Otherwise ncurses would wait for the rest of some sequences. */
    int flags = terminal_unblock(STDIN_FILENO);
    int what = wget_wch(stdscr, &c);
    terminal_block(STDIN_FILENO, flags);
    switch (what) {
    case OK:
        out->key = plain_key(c);
        return true;
    case KEY_CODE_YES:
        if (c == KEY_MOUSE)
            read_click(last, out);
        else
            out->key = special_key(c);
        return true;
    default:
        return false;
    }
}
