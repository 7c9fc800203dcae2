/* Private to options*.c: what the table has been filled with. */
#ifndef CORE_CONFIG_OPTIONS_INTERNAL_H
#define CORE_CONFIG_OPTIONS_INTERNAL_H

#include "core/base/nearest.h"
#include "core/config/options.h"

struct option_state {
    const struct option *option;
    enum option_source source; /* of all its values */
    char **values;
    size_t n;
    char *where; /* of the last one; NULL: source says it all */
};

struct options {
    const struct option_group *const *groups;
    size_t n_groups;
    struct option_state *states;
    size_t n;
    bool read_again;
    struct option_state *again; /* as many: what the OPTION_STARTs would be by now */
    char **operands;
    size_t n_operands;
    char problem[512];
};

struct option_state *options_find(const struct options *o, struct span name); /* exact; or NULL */
/* "; did you mean --listen?", or "". */
const char *options_meant(const struct options *o, struct span name, const char *prefix, char *text,
                          size_t size);
enum err option_store(struct options *o, struct option_state *s, struct span value,
                      enum option_source source, const char *where);

#endif
