#include "tui/terminal_rescue.h"

#include "tui/terminal_output.h"

#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>
#define NCURSES_NOMACROS
#include <curses.h>

static struct {
    volatile sig_atomic_t armed;
    struct termios terminal;
    int flags; /* file status flags of stdin */
    char text[256];
    size_t n;
    struct sigaction before[NSIG];
} rescue;

static const int crashes[] = {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGQUIT};

static void on_crash(int number)
{
    if (rescue.armed) {
        rescue.armed = 0;
        ssize_t written = terminal_output_write(STDOUT_FILENO, rescue.text, rescue.n);
        (void)written;
        terminal_block(STDIN_FILENO, rescue.flags);
        tcsetattr(STDIN_FILENO, TCSANOW, &rescue.terminal);
    }
    sigaction(number, &rescue.before[number], NULL);
    /* The signal is blocked until this returns, and then goes to the previous handler (a
     * sanitizer's) or the default one. */
    raise(number);
}

bool terminal_rescue_remember(void)
{
    rescue.flags = fcntl(STDIN_FILENO, F_GETFL);
    return tcgetattr(STDIN_FILENO, &rescue.terminal) == 0;
}

/* Adds a capability without the delays "$<5>" that hardware terminals needed. */
static void add(const char *text)
{
    while (text != NULL && text != (char *)-1 && *text != '\0' &&
           rescue.n < sizeof rescue.text - 1) {
        const char *end = strncmp(text, "$<", 2) == 0 ? strchr(text, '>') : NULL;
        if (end != NULL)
            text = end + 1;
        else
            rescue.text[rescue.n++] = *text++;
    }
}

void terminal_rescue_prepare(const char *modes_off)
{
    static const char *const capabilities[] = {"sgr0", "op", "cnorm", "rmkx", "rmcup"};
    rescue.n = 0;
    add(modes_off);
    for (size_t i = 0; i < sizeof capabilities / sizeof *capabilities; i++)
        add(tigetstr((char *)(uintptr_t)capabilities[i]));
}

void terminal_rescue_arm(void)
{
    struct sigaction action = {.sa_handler = on_crash};
    if (rescue.armed)
        return;
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof crashes / sizeof *crashes; i++)
        sigaction(crashes[i], &action, &rescue.before[crashes[i]]);
    rescue.armed = 1;
}

void terminal_rescue_disarm(void)
{
    if (!rescue.armed)
        return;
    rescue.armed = 0;
    for (size_t i = 0; i < sizeof crashes / sizeof *crashes; i++)
        sigaction(crashes[i], &rescue.before[crashes[i]], NULL);
}

const struct termios *terminal_rescue_settings(void)
{
    return &rescue.terminal;
}

const char *terminal_rescue_text(size_t *n)
{
    *n = rescue.n;
    return rescue.text;
}
