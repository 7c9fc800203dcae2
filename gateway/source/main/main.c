/* tunnel-gateway: the program on the laptop. Without a sub-command it runs the gateway. */
#include "core/base/nearest.h"
#include "core/base/process.h"
#include "core/base/text.h"
#include "core/net/loop.h"
#include "gateway/source/main/command.h"

#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
} commands[] = {
    {"run", command_run},           {"connect", command_connect}, {"print", command_print},
    {"services", command_services}, {"devices", command_devices},
};

#define COMMANDS (sizeof commands / sizeof *commands)

/* A word where a command would stand. */
static int no_command(const char *word)
{
    char safe[80], advice[80];
    struct nearest near = nearest_to(span_of(word));
    for (size_t i = 0; i < COMMANDS; i++)
        nearest_try(&near, commands[i].name);
    text_line(stderr, "tunnel-gateway: there is no command \"%s\"%s",
              str_escape(span_of(word), safe, sizeof safe),
              nearest_advice(&near, "", advice, sizeof advice));
    text_line(stderr, "Try 'tunnel-gateway --help' for a list of options and commands.");
    return 1;
}

int main(int argc, char **argv)
{
    process_begin();
    signal(SIGPIPE, SIG_IGN);
    for (size_t i = 0; argc > 1 && i < COMMANDS; i++)
        if (strcmp(argv[1], commands[i].name) == 0)
            loop_exit(commands[i].run(argc - 1, argv + 1));
    if (argc > 1 && argv[1][0] != '-')
        loop_exit(no_command(argv[1]));
    loop_exit(command_run(argc, argv));
}
