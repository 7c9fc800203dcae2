/* The first steps of every program: reads options, answers --help and --version, sets the log
 * up. */
#ifndef CORE_CONFIG_PROGRAM_H
#define CORE_CONFIG_PROGRAM_H

#include "core/config/options.h"

#include <string.h>

/* -h --help, -V --version, --config, -v --verbose, --log-format; and the hidden --manual and
 * --completion, which print the pages that the build installs. */
extern const struct option_group program_options;

/* --check-config, for programs that run until they are told to end. */
extern const struct option_group program_check_options;

/* A program, or one command of a program. */
struct program {
    const char *name;     /* "tunnel-agent"; of a command: "tunnelctl open" */
    const char *summary;  /* one line: the program's purpose */
    const char *usage;    /* the lines after "usage: ", without the name's repetition */
    const char *examples; /* shown at the end of the help, or NULL */
    const char *banner;   /* a line on stdout before all other output, or NULL */
    size_t max_operands;
    const char *operands; /* the words that operands can be, as "pac|unit"; NULL: they are free */
    options_section *section; /* for [sections] in the --config file; NULL: a section is an error */
    void *owner;
    /* The members below are for --manual and --completion. */
    const struct program *const *commands; /* a NULL at the end; NULL: there are no commands */
    bool needs_command; /* without a command there are only --help and --version */
    /* A command's groups, with a NULL at the end. For the program itself program_read takes those
     * of o. */
    const struct option_group *const *groups;
};

enum program_next {
    PROGRAM_GO,    /* options are read: the program goes on */
    PROGRAM_DONE,  /* --help or its like was answered: the program exits with 0 */
    PROGRAM_FAILED /* the sentence is on stderr: the program exits with 1 */
};

/* The options of p's groups; NULL: no memory. */
struct options *program_options_new(const struct program *p);

/* Reads argv, the --config file and the environment into o (which must have program_options among
 * its groups), and sets the log up. Secrets in the environment are overwritten once they are
 * read. */
enum program_next program_read(const struct program *p, struct options *o, int argc, char **argv);
/* Reads the --config file once more, for options that may change while the program runs; the
 * command line still takes precedence. A secret that was only in the environment is gone unless the
 * file has it, since it was overwritten. An error leaves its sentence in options_problem. An
 * OPTION_START with another value keeps its value, and the log says so. */
enum err program_read_again(const struct program *p, struct options *o);
/* To be called when all options, and the files that they name, have been read and are valid: with
 * --check-config it says so, and returns true, since there is nothing else to do. */
bool program_checked(const struct program *p, const struct options *o);
/* Prints options_problem and where to find help; returns 1, for `return program_fail(...)`. */
int program_fail(const struct program *p, const struct options *o);

/* Whether all that was printed on stdout has got there, as on a full disk it does not; a line on
 * stderr says so then. */
bool program_printed(const struct program *p);

/* The main part of a program or command whose groups are in p: reads the options, and calls `go`,
 * which returns the exit code. --help and its like give 0, wrong options and no memory 1. */
int program_main(const struct program *p, int argc, char **argv, int (*go)(struct options *o));

/* The last word of a command's name: "open" of "tunnelctl open". */
static inline const char *program_word(const struct program *command)
{
    const char *space = strrchr(command->name, ' ');
    return space != NULL ? space + 1 : command->name;
}

#endif
