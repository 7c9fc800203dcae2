/* tunnelctl's commands: one file each, one table (main.c). */
#ifndef GATEWAY_CTL_CTL_H
#define GATEWAY_CTL_CTL_H

#include "core/config/program.h"
#include "gateway/hub/tunnel_file.h"

struct command {
    const char *name;
    const char *summary;
    /* argv[0] is the command's name; returns the exit code. */
    int (*run)(int argc, char **argv);
};

int command_new(int argc, char **argv);
int command_list(int argc, char **argv);
int command_close(int argc, char **argv);

/* --tunnels and --json, which every command has. */
extern const struct option_group ctl_options;

/* Options in; the command goes on only with PROGRAM_GO, and --tunnels is given then. *o is to be
 * freed in any case. `own` may be NULL. */
enum program_next ctl_read(const struct program *p, const struct option_group *own,
                           struct options **o, int argc, char **argv);

/* "tunnelctl: sentence" on stderr; returns 1. */
int ctl_fail(const char *sentence);

/* "2026-11-21 11:40 UTC", "-" for 0. */
char *ctl_time(int64_t epoch, char out[32]);
/* "HTTP1, SSH1" or "-"; cut when it does not fit. */
char *ctl_services(const struct tunnel_record *r, char *out, size_t size);

/* The tunnel as an object, without any token or hash; NULL: memory. */
struct cJSON *ctl_json(const struct tunnel_record *r);

#endif
