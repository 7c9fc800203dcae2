/* The sub-commands of tunnel-gateway; argv[0] is the command's own name. Each returns the exit
 * code. */
#ifndef GATEWAY_SOURCE_MAIN_COMMAND_H
#define GATEWAY_SOURCE_MAIN_COMMAND_H

#include "core/config/program.h"

extern const struct program program_connect, program_print, program_services;

int command_run(int argc, char **argv);
int command_connect(int argc, char **argv);
int command_print(int argc, char **argv);
int command_services(int argc, char **argv);

#endif
