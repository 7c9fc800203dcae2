/* A program's options: one table says what there is; command line, --config file, environment and
 * settings JSON fill it; one rule says which of them counts:
 *     command line > --config file > environment > settings JSON > default.
 * The order in which they are read does not matter. The same table prints the help.
 *
 *     struct options *o = options_new(groups, 3);
 *     if (options_argv(o, argc, argv, 0) != ERR_OK || options_env(o, getenv_const) != ERR_OK)
 *         fprintf(stderr, "%s\n", options_problem(o));
 *     const char *region = options_get(o, "region");
 *
 * Asking for a name that is in no table is a bug of the caller and aborts. */
#ifndef CORE_CONFIG_OPTIONS_H
#define CORE_CONFIG_OPTIONS_H

#include "core/base/err.h"
#include "core/base/ini.h"
#include "core/base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum option_flag {
    OPTION_MANY = 1,     /* may be repeated; the values add up within one source */
    OPTION_SECRET = 2,   /* overwritten in argv, never quoted in an error, wiped when freed */
    OPTION_CLI_ONLY = 4, /* a file may not have it */
    OPTION_HIDDEN = 8,   /* not in the help */
    /* A shortened --name means this option only when no other fits (names that the reference
     * program does not have must not shadow its abbreviations). */
    OPTION_EXACT = 16,
    /* Read at the start only: the option keeps its value when a file is read again, and
     * options_waiting tells that the file has another one. */
    OPTION_START = 32
};

struct option {
    const char *name;     /* --name, and the key in a file */
    char letter;          /* -x, or 0 */
    const char *argument; /* the help's name for its value: "HOST[:PORT]"; NULL: a flag */
    const char *env;      /* environment variable, or NULL; an empty variable counts as unset */
    /* Key in the settings JSON, or NULL. "a.b.*" takes every key below a.b: the value becomes
     * "rest=value". */
    const char *setting;
    const char *fallback; /* default, or NULL */
    const char *help;     /* wrapped by options_help; '\n' breaks a line */
    unsigned flags;
};

/* Options that stand together under one title in the help. Groups are static and combined
 * freely. */
struct option_group {
    const char *title;
    const struct option *options;
    size_t n;
};
#define OPTION_GROUP(title, table)                                                                 \
    {                                                                                              \
        (title), (table), sizeof(table) / sizeof *(table)                                          \
    }

/* Where a value came from; the larger one counts. */
enum option_source {
    OPTION_DEFAULT,
    OPTION_SETTINGS,
    OPTION_ENVIRONMENT,
    OPTION_FILE,
    OPTION_ARGV
};

struct options;

struct options *options_new(const struct option_group *const *groups, size_t n); /* NULL: memory */
void options_free(struct options *o); /* wipes secrets; NULL is fine */

/* ---- filling; every failure is ERR_USAGE, ERR_NO_MEMORY, or an error of reading a file, and
 * leaves one sentence in options_problem ---- */

/* Reads argv[1..]: --name=value, --name value, -xvalue, -x value, bundled flags, "--", names
 * shortened as long as they are unambiguous. Other arguments are operands, at most max_operands of
 * them (they stay in argv's memory). Values of secrets are overwritten with '*' in argv. */
enum err options_argv(struct options *o, int argc, char **argv, size_t max_operands);
size_t options_operands(const struct options *o, char *const **operands);

/* A key in a [section] of a file, or the section's start (key.p == NULL). On an error it returns
 * the result of options_fail, whose sentence gets file and line in front. */
typedef enum err options_section(void *owner, struct options *o, const struct ini_entry *entry);
/* Reads `key = value` lines with long names; quotes around a value are taken off. Sections go to
 * `section`; NULL: they are an error. */
enum err options_file(struct options *o, const char *path, options_section *section, void *owner);
/* Reads the same from memory; `path` is for the messages. */
enum err options_text(struct options *o, const char *path, struct span text,
                      options_section *section, void *owner);

/* Restores the state before the file was read, except for OPTION_START. Values from lower sources
 * that the file had replaced do not come back, so the caller reads those sources again, too. */
void options_forget_file(struct options *o);
/* After options_forget_file and another reading: the next OPTION_START that the file would have
 * changed; NULL: no more. *i is 0 at first. */
const char *options_waiting(const struct options *o, size_t *i);

/* Reads the environment; `get` is getenv, or a test's. Values that came from there before stay. */
enum err options_env(struct options *o, const char *(*get)(const char *name));

/* Overwrites the values of secrets where `get` (getenv) finds them, since /proc/PID/environ and
 * core dumps would show them. */
void options_wipe_env(const struct options *o, char *(*get)(const char *name));

/* Sets one key of the settings JSON. ERR_NOT_FOUND: no option has that key (nothing is set, no
 * sentence). */
enum err options_setting(struct options *o, const char *key, const char *value);

/* Sets one value of the option `name`; where: "gateway.conf:12", kept for messages (may be NULL).
 * Callers that fill options from a [section] use it, too. */
enum err options_set(struct options *o, struct span name, struct span value,
                     enum option_source source, const char *where);

/* Keeps a sentence for options_problem and returns ERR_USAGE. */
enum err options_fail(struct options *o, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* As options_fail, about an option's value: `--verbose "abc" (in x.conf:3) ` and then the
 * format. */
enum err options_reject(struct options *o, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
const char *options_problem(const struct options *o); /* "" without a problem */

/* ---- asking ---- */

/* The value (the last one of several), the default, or NULL. Lives as long as o. */
const char *options_get(const struct options *o, const char *name);
bool options_flag(const struct options *o, const char *name);
/* All values of an OPTION_MANY: options_each(o, name, i) for i = 0, 1, … until NULL. */
const char *options_each(const struct options *o, const char *name, size_t i);
enum option_source options_source(const struct options *o, const char *name);
/* Where the value came from: "on the command line", "in agent.conf:3", "in the environment
 * (AWSIOT_TUNNEL_REGION)". */
const char *options_where(const struct options *o, const char *name, char *text, size_t size);

/* Copies text, which may be NULL, to *to. ERR_NO_MEMORY with a sentence. */
enum err options_copy(struct options *o, char **to, const char *text);

/* Parses a decimal number between min and max; ERR_USAGE with a sentence otherwise. *out is
 * unchanged when the option is unset and has no default. */
enum err options_number(struct options *o, const char *name, uint64_t min, uint64_t max,
                        uint64_t *out);
/* Parses a time as "500ms", "20s", "5m", "12h", "7d" or "0", in milliseconds. A bare number is
 * milliseconds in the settings JSON and refused elsewhere, since its unit would be a guess. */
enum err options_duration(struct options *o, const char *name, uint64_t *ms);
/* The same for an option whose bare numbers have always had a unit, of `bare` milliseconds. */
enum err options_duration_in(struct options *o, const char *name, uint64_t bare, uint64_t *ms);

/* Parses a size as "64K", "64M", "2G" (powers of 1024), between min and max bytes. */
enum err options_size(struct options *o, const char *name, uint64_t min, uint64_t max,
                      uint64_t *out);

/* Prints every group that has visible options, aligned, in 80 columns. */
void options_help(const struct options *o, FILE *out);

#endif
