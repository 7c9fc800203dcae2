/* What every program does first: options in, --help and --version answered, log set up. */
#ifndef CORE_CONFIG_PROGRAM_H
#define CORE_CONFIG_PROGRAM_H

#include "core/config/options.h"

/* -h --help, -V --version, --config, -v --verbose, --log-format. */
extern const struct option_group program_options;

struct program {
    const char *name;     /* "tunnel-agent" */
    const char *summary;  /* one line: what it is for */
    const char *usage;    /* the lines after "usage: ", without the name's repetition */
    const char *examples; /* shown at the end of the help; NULL: none */
    size_t max_operands;
    options_section *section; /* for [sections] in the --config file; NULL: an error there */
    void *owner;
};

enum program_next {
    PROGRAM_GO,    /* options are read: go on */
    PROGRAM_DONE,  /* --help or --version was answered: exit 0 */
    PROGRAM_FAILED /* the sentence is on stderr: exit 1 */
};

/* Reads argv, the --config file and the environment into o (which must have program_options among
 * its groups), sets the log up. Secrets in the environment are overwritten once they are read. */
enum program_next program_read(const struct program *p, struct options *o, int argc, char **argv);
/* Prints options_problem and where to find help; returns 1, for `return program_fail(...)`. */
int program_fail(const struct program *p, const struct options *o);

#endif
