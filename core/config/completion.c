#include "core/config/completion_internal.h"

#include <string.h>

static const struct {
    const char *name;
    void (*write)(const struct program *p, FILE *out);
} shells[] = {{"bash", completion_bash}, {"zsh", completion_zsh}, {"fish", completion_fish}};

bool completion_write(const struct program *p, const char *shell, FILE *out)
{
    for (size_t i = 0; i < sizeof shells / sizeof *shells; i++) {
        if (strcmp(shells[i].name, shell) != 0)
            continue;
        fprintf(out, "%s%s\n# What \"%s --completion %s\" prints.\n",
                shells[i].write == completion_zsh ? "#compdef " : "# Completion of ", p->name,
                p->name, shell);
        shells[i].write(p, out);
        return true;
    }
    return false;
}
