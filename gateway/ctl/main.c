/* tunnelctl: the hub's tunnels from the shell. */
#include "gateway/ctl/ctl.h"

#include <string.h>

static const struct command commands[] = {
    {"new", "make a tunnel and print its two access tokens", command_new},
    {"list", "show the tunnels", command_list},
    {"close", "close a tunnel", command_close},
};
#define N_COMMANDS (sizeof commands / sizeof *commands)

static void usage(FILE *out)
{
    fprintf(out, "The tunnels of a hub.\n\nUsage:\n");
    for (size_t i = 0; i < N_COMMANDS; i++)
        fprintf(out, "  tunnelctl %-6s  %s\n", commands[i].name, commands[i].summary);
    fprintf(out, "\n\"tunnelctl COMMAND --help\" tells more.\n");
}

int main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "";
    for (size_t i = 0; i < N_COMMANDS; i++)
        if (strcmp(name, commands[i].name) == 0)
            return commands[i].run(argc - 1, argv + 1);
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
        usage(stdout);
        return 0;
    }
    if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0) {
        printf("tunnelctl %s\n", TUNNEL_VERSION);
        return 0;
    }
    if (name[0] != '\0')
        fprintf(stderr, "tunnelctl: there is no command \"%s\"\n\n", name);
    usage(stderr);
    return 1;
}
