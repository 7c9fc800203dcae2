/* tunnelctl: tunnels from the shell, through the control API of a hub or of AWS. Each command is a
 * table entry in a file of its own; this header has what all of them share. */
#ifndef GATEWAY_CTL_CTL_H
#define GATEWAY_CTL_CTL_H

#include "core/aws/credentials.h"
#include "core/config/program.h"
#include "gateway/ctl/tunneling.h"

struct command;

/* One run of one command. */
struct ctl {
    /* Calls go over the network, unless a test has set api.post, api.carrier and api.clock. */
    struct tunneling api;
    const struct command *command;
    struct options *options;
    char *const *rest; /* arguments after "--", for commands that take them */
    size_t n_rest;
    struct loop *loop;
    /* private */
    struct aws_profile profile;
    struct trust *trust;
    struct upstream proxy;
    struct caller *caller;
};

struct command {
    const char *word, *summary;
    struct program program;
    bool takes_rest;
    /* For --check-config: an exit code that tells whether the command's own options are valid; an
     * error has been printed. NULL: they are always valid. */
    int (*check)(struct ctl *c);
    int (*run)(struct ctl *c); /* returns the exit code, an enum outcome in most cases */
};

extern const struct command command_open, command_close, command_describe, command_list,
    command_rotate, command_tag, command_untag, command_cut, command_devices;

/* The options of all commands, to which a command adds its own. */
extern const struct option_group ctl_options;

/* Runs the command that argv names. Returns the exit code. */
int ctl_main(struct ctl *c, int argc, char **argv);

/* ---- for commands ---- */

/* "tunnelctl: sentence" on stderr, by text_line; returns CTL_FAILED. */
int ctl_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
int ctl_no_memory(void);
/* Prints what options_fail or the like has left, with a hint at --help. */
int ctl_usage(struct ctl *c);
/* Prints api.problem when the outcome is a failure. Returns the outcome. */
int ctl_outcome(struct ctl *c, enum outcome outcome);
/* tunneling_call that prints its failure. */
int ctl_call(struct ctl *c, const char *operation, cJSON *input, cJSON **output);

bool ctl_wants_json(const struct ctl *c);
/* Prints j on stdout. CTL_FAILED: it could not be printed, and an error has been. */
int ctl_print_json(const cJSON *j);
/* Flushes stdout. CTL_FAILED: that failed, and an error has been printed. */
int ctl_flush(void);

/* The PEM file or directory with the hub's authority, or NULL; and whether certificates are left
 * unverified. */
const char *ctl_ca(const struct ctl *c);
bool ctl_insecure(const struct ctl *c);

#endif
