/* Files that hold an access token. */
#ifndef GATEWAY_CTL_TOKEN_FILE_H
#define GATEWAY_CTL_TOKEN_FILE_H

#include "core/base/err.h"

#include <stddef.h>

/* Checks, before a token is asked for, that it can be kept: the folder exists and can be written
 * to, and path does not exist, is an empty file, or has a token as its only line. So a typing error
 * never overwrites a private key, or root's /dev/null. An error comes with a sentence. */
enum err token_file_check(const char *path, char *text, size_t size);

/* Atomically replaces path by a file with the token as its only line, mode 0600 and synced. An
 * error comes with a sentence. */
enum err token_file_write(const char *path, const char *token, char *text, size_t size);

#endif
