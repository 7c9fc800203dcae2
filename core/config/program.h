/* What every program does first: options in, --help and --version answered, log set up. */
#ifndef CORE_CONFIG_PROGRAM_H
#define CORE_CONFIG_PROGRAM_H

#include "core/config/options.h"

#include <string.h>

/* -h --help, -V --version, --config, -v --verbose, --log-format; and, not in the help, --manual and
 * --completion, which print the pages that the build installs. */
extern const struct option_group program_options;

/* --check-config, of programs that run until they are told to end. */
extern const struct option_group program_check_options;

/* A program, or one command of a program. */
struct program {
    const char *name;     /* "tunnel-agent"; of a command: "tunnelctl open" */
    const char *summary;  /* one line: what it is for */
    const char *usage;    /* the lines after "usage: ", without the name's repetition */
    const char *examples; /* shown at the end of the help; NULL: none */
    const char *banner;   /* a line on stdout before all else; NULL: none */
    size_t max_operands;
    const char *operands;     /* when they are certain words: "pac|unit"; else NULL */
    options_section *section; /* for [sections] in the --config file; NULL: an error there */
    void *owner;
    /* The rest is for --manual and --completion. */
    const struct program *const *commands; /* NULL ends them; NULL: there are none */
    bool needs_command; /* without one there is nothing but --help and --version */
    /* Of a command; NULL ends them. For the program itself program_read takes those of o. */
    const struct option_group *const *groups;
};

enum program_next {
    PROGRAM_GO,    /* options are read: go on */
    PROGRAM_DONE,  /* --help or its like was answered: exit 0 */
    PROGRAM_FAILED /* the sentence is on stderr: exit 1 */
};

/* Options of p's groups; NULL: memory. */
struct options *program_options_new(const struct program *p);

/* Reads argv, the --config file and the environment into o (which must have program_options among
 * its groups), sets the log up. Secrets in the environment are overwritten once they are read. */
enum program_next program_read(const struct program *p, struct options *o, int argc, char **argv);
/* Reads the --config file once more, for what may change while the program runs; what the command
 * line said still counts over it. A secret that only the environment had, and the file has not any
 * more, is gone: it was overwritten. An error leaves its sentence in options_problem. An
 * OPTION_START that is another now keeps its value, and the log says so. */
enum err program_read_again(const struct program *p, struct options *o);
/* After all options, and the files that they name, have been read and found good: with
 * --check-config says so, and there is nothing else to do. */
bool program_checked(const struct program *p, const struct options *o);
/* Prints options_problem and where to find help; returns 1, for `return program_fail(...)`. */
int program_fail(const struct program *p, const struct options *o);

/* The main part of a program or command whose groups are in p: reads the options, and calls `go`,
 * which returns the exit code. --help and its like give 0, wrong options and no memory 1. */
int program_main(const struct program *p, int argc, char **argv, int (*go)(struct options *o));

/* What stands last in a command's name: "open" of "tunnelctl open". */
static inline const char *program_word(const struct program *command)
{
    const char *space = strrchr(command->name, ' ');
    return space != NULL ? space + 1 : command->name;
}

#endif
