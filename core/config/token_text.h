/* Finds the access token in a text as people hand it over: editors, PowerShell, secret stores and
 * shells put byte order marks, UTF-16, quotes, names and line ends around it. */
#ifndef CORE_CONFIG_TOKEN_TEXT_H
#define CORE_CONFIG_TOKEN_TEXT_H

#include "core/base/str.h"

/* Finds the token in a file's content or a variable's value: the first line that is neither empty
 * nor a comment (#), without the blanks, quotes, byte order mark and name around it (NAME_TOKEN=,
 * also after "export", or a line of YAML or JSON); UTF-16 with a mark is read, too. NULL: *token is
 * malloc'd. Else the end of a sentence that begins with the name of the source: "has no token in
 * it", … */
const char *token_text(struct span text, char **token);

#endif
