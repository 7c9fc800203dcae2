#include "core/base/file.h"
#include "core/config/options_internal.h"

#include <string.h>

struct reading {
    struct options *o;
    options_section *section;
    void *owner;
};

static enum err entry(void *owner, const struct ini_entry *e)
{
    struct reading *r = owner;
    char where[300], name[80];
    snprintf(where, sizeof where, "%s:%d", e->file, e->line);
    if (e->section.p == NULL)
        return options_set(r->o, e->key, e->value, OPTION_FILE, where);
    if (r->section == NULL)
        return options_fail(r->o, "%s: there are no sections in this file, but here is [%s]", where,
                            str_escape(e->section, name, sizeof name));
    enum err why = r->section(r->owner, r->o, e);
    if (why != ERR_OK && strncmp(r->o->problem, where, strlen(where)) != 0) {
        char sentence[sizeof r->o->problem];
        memcpy(sentence, r->o->problem, sizeof sentence);
        options_fail(r->o, "%s: %.*s", where, (int)(sizeof sentence - strlen(where) - 3), sentence);
    }
    return why;
}

enum err options_text(struct options *o, const char *path, struct span text,
                      options_section *section, void *owner)
{
    struct reading r = {o, section, owner};
    return ini_parse(path, text, entry, &r, o->problem, sizeof o->problem);
}

enum err options_file(struct options *o, const char *path, options_section *section, void *owner)
{
    struct span text;
    enum err why = file_read(path, FILE_CONFIG_MAX, &text, o->problem, sizeof o->problem);
    if (why != ERR_OK)
        return why;
    why = options_text(o, path, text, section, owner);
    file_wipe(&text);
    return why;
}
