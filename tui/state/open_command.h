/* What key `o` runs: the command that fits a service, as arguments and never as a shell's line.
 * Names come from outside (a hub, a device, whoever configured the gateway), so only those with
 * plain letters become an argument, and none becomes an option, a format of tmux or a part of
 * another command. Pure. */
#ifndef TUI_STATE_OPEN_COMMAND_H
#define TUI_STATE_OPEN_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

enum open_how {
    OPEN_NOTHING,  /* there is no command; `text` says why */
    OPEN_TMUX,     /* tmux opens a new window; the command ends at once */
    OPEN_TERMINAL, /* it takes this terminal until it ends */
    OPEN_DESKTOP,  /* a program with a window of its own */
    OPEN_PRINT     /* to be typed elsewhere: it is only shown */
};

#define OPEN_WORDS 12
#define OPEN_TEXT 900
struct open_command {
    enum open_how how;
    int n;
    const char *words[OPEN_WORDS + 1]; /* views into `bytes`, ended by NULL */
    char bytes[OPEN_TEXT];
    char text[OPEN_TEXT]; /* the same for people, quoted as a shell wants it */
};

/* What is to be opened. */
struct open_target {
    const char *service; /* its id, which tells what it speaks: ssh, http, https, or another */
    const char *host;    /* the name that the gateway knows it by */
    const char *listen;  /* where the gateway listens; "": at its usual place */
    bool here;           /* the gateway is on this machine; else the command is only shown */
    bool in_tmux, on_desktop;
};
void open_command_make(const struct open_target *t, struct open_command *out);

/* Writes the host name of a device's service, "ssh1.pump-07.tunnel". False: there is none. */
bool open_device_host(const char *service, const char *device, char *out, size_t size);

#endif
