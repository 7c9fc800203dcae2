/* Ini files: whatever the bytes are, entries lie inside them, in order, or there is a sentence.
 * The same bytes then go through the option table as a --config file. */
#include "core/base/ini.h"
#include "core/config/options.h"

#include <stdlib.h>
#include <string.h>

struct seen {
    struct span text;
    int line;
};

static void check(bool holds)
{
    if (!holds)
        abort();
}

static void check_inside(struct span part, struct span all)
{
    if (part.p != NULL && part.n > 0)
        check(part.p >= all.p && part.p + part.n <= all.p + all.n);
}

static enum err each(void *owner, const struct ini_entry *entry)
{
    struct seen *seen = owner;
    check(entry->line >= seen->line);
    seen->line = entry->line;
    check_inside(entry->section, seen->text);
    check_inside(entry->key, seen->text);
    check_inside(entry->value, seen->text);
    return ERR_OK;
}

static enum err section(void *owner, struct options *o, const struct ini_entry *entry)
{
    (void)owner;
    if (entry->key.p == NULL)
        return ERR_OK;
    return options_set(o, entry->key, entry->value, OPTION_FILE, "file");
}

static const struct option table[] = {
    {.name = "name", .argument = "NAME", .help = "text"},
    {.name = "number", .argument = "N", .fallback = "7", .help = "a number"},
    {.name = "secret", .argument = "S", .help = "a secret", .flags = OPTION_SECRET},
    {.name = "many", .argument = "M", .help = "several", .flags = OPTION_MANY},
    {.name = "flag", .help = "yes or no"},
    {.name = "wait", .argument = "TIME", .help = "a time"},
};
static const struct option_group group = OPTION_GROUP("Options", table);

static void as_options(struct span text)
{
    const struct option_group *groups[] = {&group};
    struct options *o = options_new(groups, 1);
    check(o != NULL);
    enum err why = options_text(o, "file", text, section, NULL);
    check((why == ERR_OK) == (options_problem(o)[0] == '\0'));
    uint64_t number = 0;
    (void)options_number(o, "number", 1, 100, &number);
    (void)options_duration(o, "wait", &number);
    options_free(o);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct seen seen = {.text = {(const char *)data, size}};
    char problem[256] = "";
    enum err why = ini_parse("file", seen.text, each, &seen, problem, sizeof problem);
    check((why == ERR_OK) == (problem[0] == '\0'));
    as_options(seen.text);
    return 0;
}
