/* tunnelctl: tunnels from the shell, through the control API of a hub or of AWS. Each command is a
 * table entry in a file of its own; what they all share is here. */
#ifndef GATEWAY_CTL_CTL_H
#define GATEWAY_CTL_CTL_H

#include "core/aws/credentials.h"
#include "core/config/program.h"
#include "gateway/ctl/tunneling.h"

struct command;

/* One run of one command. */
struct ctl {
    /* A test sets api.post, api.carrier and api.clock beforehand; else calls go over the network.
     */
    struct tunneling api;
    const struct command *command;
    struct options *options;
    char *const *rest; /* what stood behind "--", for commands that take it */
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
    /* Of --check-config: whether its own options are right, as an exit code; what is wrong has been
     * told. NULL: nothing can be wrong with them. */
    int (*check)(struct ctl *c);
    int (*run)(struct ctl *c); /* returns the exit code, an enum outcome in most cases */
};

extern const struct command command_open, command_close, command_describe, command_list,
    command_rotate, command_tag, command_untag;

/* For the end of a command's groups. */
extern const struct option_group ctl_options;

/* Runs the command that argv[1] names. Returns the exit code. */
int ctl_main(struct ctl *c, int argc, char **argv);

/* ---- for commands ---- */

/* "tunnelctl: sentence" on stderr, by text_line; returns CTL_FAILED. */
int ctl_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
int ctl_no_memory(void);
/* The same with a hint at --help, after options_fail and its like. */
int ctl_usage(struct ctl *c);
/* Tells api.problem when the outcome is a failure. Returns the outcome. */
int ctl_outcome(struct ctl *c, enum outcome outcome);
/* tunneling_call whose failure has been told. */
int ctl_call(struct ctl *c, const char *operation, cJSON *input, cJSON **output);

bool ctl_wants_json(const struct ctl *c);
/* On stdout; CTL_FAILED, told: it could not be printed. */
int ctl_print_json(const cJSON *j);
/* What was written to stdout has arrived; CTL_FAILED, told: it has not. */
int ctl_flush(void);

/* The PEM file or directory with the hub's authority, or NULL; whether nothing is verified. */
const char *ctl_ca(const struct ctl *c);
bool ctl_insecure(const struct ctl *c);

#endif
