#include "tests/unit/options_help.h"

static const struct option table[] = {
    {"access-token", 't', "TOKEN", "T_TOKEN", NULL, NULL, "A secret.", OPTION_SECRET},
    {"proxy-endpoint", 'e', "HOST", "T_ENDPOINT", "p.endpoint", NULL, "Where to.", 0},
    {"proxy-ours", 0, "X", NULL, NULL, NULL, "Not in the reference program.", OPTION_EXACT},
    {"verbose", 'v', "LEVEL", NULL, "p.verbose", "4", "How much.", 0},
    {"version", 'V', NULL, NULL, NULL, NULL, "Version.", OPTION_CLI_ONLY},
    {"insecure", 'k', NULL, "T_INSECURE", NULL, NULL, "A flag.", 0},
    {"quiet", 'q', NULL, NULL, NULL, NULL, "Another flag.", 0},
    {"listen", 'l', "WHERE", NULL, NULL, "default", "Many.", OPTION_MANY},
    {"region-endpoint", 0, "R=H", NULL, "p.regions.*", NULL, "Hidden.",
     OPTION_MANY | OPTION_HIDDEN},
    {"linger", 0, "TIME", NULL, "p.linger_ms", "30s", "A time.", 0},
};

static const struct option_group group = OPTION_GROUP("Test", table);

struct options *fresh(void)
{
    const struct option_group *groups[] = {&group};
    struct options *o = options_new(groups, 1);
    assert_non_null(o);
    return o;
}

char words[20][128];

enum err argv(struct options *o, size_t max_operands, const char *const *text)
{
    char *pointers[21];
    int n = 0;
    for (; text[n] != NULL; n++) {
        snprintf(words[n], sizeof words[n], "%s", text[n]);
        pointers[n] = words[n];
    }
    pointers[n] = NULL;
    return options_argv(o, n, pointers, max_operands);
}

/* ---- precedence ---- */

const char *nothing(const char *name)
{
    (void)name;
    return NULL;
}

enum err text(struct options *o, const char *content)
{
    return options_text(o, "x.conf", span_of(content), NULL, NULL);
}

/* ---- the hub's options ---- */

int warnings;

void count_warning(void *ctx, enum log_level level, const char *line)
{
    (void)ctx;
    (void)line;
    warnings += level == LOG_WARNING;
}
