/* Private to options*.c: the table's values. */
#ifndef CORE_CONFIG_OPTIONS_INTERNAL_H
#define CORE_CONFIG_OPTIONS_INTERNAL_H

#include "core/base/nearest.h"
#include "core/config/options.h"

struct option_state {
    const struct option *option;
    enum option_source source; /* source of all its values */
    char **values;
    size_t n;
    char *where; /* place of the last value; NULL: the source says it all */
};

struct options {
    const struct option_group *const *groups;
    size_t n_groups;
    struct option_state *states;
    size_t n;
    bool read_again;
    /* n states, too: the values that the OPTION_STARTs would have by now. */
    struct option_state *again;
    char **operands;
    size_t n_operands;
    char problem[512];
};

/* The option with exactly this name; or NULL. */
struct option_state *options_find(const struct options *o, struct span name);
/* Returns "; did you mean --listen?", or "". */
const char *options_meant(const struct options *o, struct span name, const char *prefix, char *text,
                          size_t size);
enum err option_store(struct options *o, struct option_state *s, struct span value,
                      enum option_source source, const char *where);

#endif
