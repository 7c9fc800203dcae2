/* Files with an access token in them. */
#ifndef GATEWAY_CTL_TOKEN_FILE_H
#define GATEWAY_CTL_TOKEN_FILE_H

#include "core/base/err.h"

#include <stddef.h>

/* Whether a file could be put there: its folder exists and can be written to, and what is there now
 * is nothing, an empty file or one with a token as its only line; a slip must not cost anybody a
 * key, or root /dev/null. A token that cannot be kept is better not asked for. An error comes with
 * a sentence. */
enum err token_file_check(const char *path, char *text, size_t size);

/* Puts a file with the token as its only line, mode 0600 and synced, in the place of path, in one
 * step. An error comes with a sentence. */
enum err token_file_write(const char *path, const char *token, char *text, size_t size);

#endif
