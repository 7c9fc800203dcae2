/* The reference program's settings JSON (--settings-json, --export-default-settings): nested
 * objects under tunneling.proxy, values as strings, numbers or booleans. */
#ifndef CORE_SETTINGS_SETTINGS_H
#define CORE_SETTINGS_SETTINGS_H

#include "core/base/str.h"
#include "core/config/options.h"

/* --settings-json and --export-default-settings. */
extern const struct option_group settings_options;

/* Reads a file into the options that have a settings key (OPTION_SETTINGS). Keys of the reference
 * program that have no meaning here are skipped, and unknown keys get a warning in the log. On
 * failure options_problem says what is wrong and in which line. */
enum err settings_load(struct options *o, const char *path);
/* Reads the same from `text`, without touching a file; path is for messages. */
enum err settings_text(struct options *o, const char *path, struct span text);

/* Writes a file with every setting that the reference program exports, at its default. */
enum err settings_export(struct options *o, const char *path);

#endif
