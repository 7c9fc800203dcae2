/* The sub-commands of tunnel-gateway; argv[0] is the command's own name. Each returns the exit
 * code. */
#ifndef GATEWAY_SOURCE_MAIN_COMMAND_H
#define GATEWAY_SOURCE_MAIN_COMMAND_H

#include "core/config/program.h"

/* Where a gateway listens, and where its commands find it, unless an option says otherwise. */
#define GATEWAY_DEFAULT_LISTEN "127.0.0.1:1080"

extern const struct program program_connect, program_print, program_services, program_devices;

int command_run(int argc, char **argv);
int command_connect(int argc, char **argv);
int command_print(int argc, char **argv);
int command_services(int argc, char **argv);
int command_devices(int argc, char **argv);

#endif
