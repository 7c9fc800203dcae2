/* This is a file of its own because term.h defines macros of words such as "columns". */
#include "tui/terminal_internal.h"

#include <stddef.h>
#include <stdint.h>
#define NCURSES_NOMACROS
#include <curses.h>
#include <term.h>

bool terminal_is_capable(int fd)
{
    int ignored;
    if (setupterm(NULL, fd, &ignored) != OK)
        return false;
    const char *address = tigetstr((char *)(uintptr_t) "cup");
    bool can = address != NULL && address != (char *)-1;
    del_curterm(cur_term);
    return can;
}
