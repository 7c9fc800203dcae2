/* tunnel-gateway: the program on the laptop. Without a sub-command it runs the gateway. */
#include "core/base/process.h"
#include "core/net/loop.h"
#include "gateway/source/main/command.h"

#include <signal.h>
#include <stddef.h>
#include <string.h>

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
} commands[] = {
    {"run", command_run},
    {"connect", command_connect},
    {"print", command_print},
    {"services", command_services},
};

int main(int argc, char **argv)
{
    process_begin();
    signal(SIGPIPE, SIG_IGN);
    for (size_t i = 0; argc > 1 && i < sizeof commands / sizeof *commands; i++)
        if (strcmp(argv[1], commands[i].name) == 0)
            loop_exit(commands[i].run(argc - 1, argv + 1));
    loop_exit(command_run(argc, argv));
}
