/* tunnel-agent accept always|never: switches an agent that runs on this machine. */
#ifndef GATEWAY_DESTINATION_ACCEPT_COMMAND_H
#define GATEWAY_DESTINATION_ACCEPT_COMMAND_H

#include "core/config/program.h"

extern const struct program accept_program;

/* argv[0] is the command's name. Returns the exit code. */
int accept_command(int argc, char **argv);

#endif
