#include "core/config/program.h"

#include "core/base/log.h"
#include "core/base/process.h"
#include "core/base/text.h"
#include "core/config/completion.h"
#include "core/config/manual.h"
#include "core/config/options_internal.h"

#include <stdlib.h>
#include <string.h>

static const struct option table[] = {
    {.name = "config",
     .argument = "FILE",
     .help = "Read options from a file of \"name = value\" lines with these long names.",
     .flags = OPTION_CLI_ONLY},
    {.name = "verbose",
     .letter = 'v',
     .argument = "LEVEL",
     .fallback = "4",
     .help = "What to log: 0 nothing, 1 fatal, 2 errors, 3 warnings, 4 information, 5 debugging, "
             "6 and above everything."},
    {.name = "log-format",
     .argument = "text|json",
     .fallback = "text",
     .help = "Lines for people, or one JSON object a line.",
     .flags = OPTION_EXACT},
    {.name = "help", .letter = 'h', .help = "Show help message.", .flags = OPTION_CLI_ONLY},
    {.name = "version", .letter = 'V', .help = "Show the version.", .flags = OPTION_CLI_ONLY},
    {.name = "manual",
     .help = "Print the manual page, for man -l.",
     .flags = OPTION_CLI_ONLY | OPTION_HIDDEN | OPTION_EXACT},
    {.name = "completion",
     .argument = "bash|zsh|fish",
     .help = "Print completions for that shell.",
     .flags = OPTION_CLI_ONLY | OPTION_HIDDEN | OPTION_EXACT},
};
const struct option_group program_options = OPTION_GROUP("General", table);

static const struct option check_table[] = {
    {.name = "check-config",
     .help = "Read the options and the files that they name, tell what is wrong with them, and "
             "end.",
     .flags = OPTION_CLI_ONLY | OPTION_EXACT},
};
const struct option_group program_check_options = OPTION_GROUP("Checking", check_table);

bool program_checked(const struct program *p, const struct options *o)
{
    if (!options_flag(o, "check-config"))
        return false;
    printf("%s: the configuration is good\n", p->name);
    return true;
}

int program_fail(const struct program *p, const struct options *o)
{
    text_line(stderr, "%s: %s", p->name, options_problem(o));
    text_line(stderr, "Try '%s --help' for a list of options.", p->name);
    return 1;
}

static void print_help(const struct program *p, const struct options *o)
{
    printf("%s\n\nUsage:\n%s\n", p->summary, p->usage);
    options_help(o, stdout);
    if (p->examples != NULL)
        printf("\nExamples:\n%s", p->examples);
}

static enum err print_pages(const struct program *p, struct options *o)
{
    struct program whole = *p;
    whole.groups = o->groups;
    const char *shell = options_get(o, "completion");
    if (strchr(p->name, ' ') != NULL)
        return options_fail(o, "--manual and --completion are about the whole program: no command "
                               "stands before them");
    if (options_flag(o, "manual"))
        manual_write(&whole, stdout);
    if (shell != NULL && !completion_write(&whole, shell, stdout))
        return options_reject(o, "completion", "is none of bash, zsh and fish");
    return ERR_OK;
}

static char *writable_environment(const char *name)
{
    return getenv(name);
}

static enum err setup_log(struct options *o)
{
    uint64_t level = LOG_INFO;
    const char *format = options_get(o, "log-format");
    enum err why = options_number(o, "verbose", 0, 255, &level);
    if (why != ERR_OK)
        return why;
    if (strcmp(format, "text") != 0 && strcmp(format, "json") != 0)
        return options_reject(o, "log-format", "is neither text nor json");
    log_setup(level > LOG_TRACE ? LOG_TRACE : (enum log_level)level, strcmp(format, "json") == 0);
    return ERR_OK;
}

/* A variable that was overwritten counts as unset. */
static const char *environment_again(const char *name)
{
    const char *value = getenv(name);
    return value != NULL && value[strspn(value, "*")] != '\0' ? value : NULL;
}

static enum err read_all(const struct program *p, struct options *o,
                         const char *(*get)(const char *name))
{
    enum err why = ERR_OK;
    if (options_get(o, "config") != NULL)
        why = options_file(o, options_get(o, "config"), p->section, p->owner);
    if (why == ERR_OK)
        why = options_env(o, get);
    if (why == ERR_OK)
        why = setup_log(o);
    return why;
}

enum err program_read_again(const struct program *p, struct options *o)
{
    const char *name;
    size_t i = 0;
    options_forget_file(o);
    enum err why = read_all(p, o, environment_again);
    while (why == ERR_OK && (name = options_waiting(o, &i)) != NULL)
        log_warning("--%s has another value now, which takes effect at the next start of %s", name,
                    p->name);
    return why;
}

struct options *program_options_new(const struct program *p)
{
    size_t n = 0;
    while (p->groups[n] != NULL)
        n++;
    return options_new(p->groups, n);
}

static void say_banner(const struct program *p)
{
    if (p->banner == NULL)
        return;
    puts(p->banner);
    fflush(stdout);
}

bool program_printed(const struct program *p)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return true;
    text_line(stderr, "%s: the output could not be written", p->name);
    return false;
}

static enum program_next printed(const struct program *p)
{
    return program_printed(p) ? PROGRAM_DONE : PROGRAM_FAILED;
}

enum program_next program_read(const struct program *p, struct options *o, int argc, char **argv)
{
    enum err why = options_argv(o, argc, argv, p->max_operands);
    bool pages = why == ERR_OK && (options_flag(o, "manual") || options_get(o, "completion"));
    if (pages)
        why = print_pages(p, o);
    else
        say_banner(p);
    if (pages && why == ERR_OK)
        return printed(p);
    if (why == ERR_OK && options_flag(o, "help")) {
        print_help(p, o);
        return printed(p);
    }
    if (why == ERR_OK && options_flag(o, "version")) {
        printf("%s %s\n", p->name, TUNNEL_VERSION);
        return printed(p);
    }
    if (why == ERR_OK)
        why = read_all(p, o, process_environment);
    options_wipe_env(o, writable_environment);
    if (why == ERR_OK)
        return PROGRAM_GO;
    program_fail(p, o);
    return PROGRAM_FAILED;
}

int program_main(const struct program *p, int argc, char **argv, int (*go)(struct options *o))
{
    struct options *o = program_options_new(p);
    int code = 1;
    if (o == NULL)
        return code;
    enum program_next next = program_read(p, o, argc, argv);
    if (next != PROGRAM_FAILED)
        code = next == PROGRAM_DONE ? 0 : go(o);
    options_free(o);
    return code;
}
