/* Small files read whole (configuration, tokens), and what a path names. */
#ifndef CORE_BASE_FILE_H
#define CORE_BASE_FILE_H

#include "core/base/err.h"
#include "core/base/str.h"

#define FILE_CONFIG_MAX 1048576 /* bytes of one configuration file */

/* Reads a whole file of at most `max` bytes, or the standard input for "-"; text->p is malloc'd and
 * terminated. A pipe with a path is read to its end; one that is at its end from the beginning, as
 * that of a shell's <(COMMAND) is the second time, is ERR_EOF, and no empty file. Other errors are
 * ERR_NOT_FOUND, ERR_PERMISSION, ERR_TOO_LARGE, ERR_NO_MEMORY, ERR_UNSUPPORTED (a directory) and
 * ERR_IO. With a sentence. */
enum err file_read(const char *path, size_t max, struct span *text, char *problem, size_t size);

/* Whether a file that holds secrets may be used: it is one, it belongs to this user or root, and
 * nobody else can read or change it (root's may be read by a group); ERR_PERMISSION or ERR_IO and
 * the like, with a sentence. */
enum err file_check_secret(const char *path, char *text, size_t size);

bool file_is_directory(const char *path);

/* Zeroes and frees what file_read returned; for every file that may hold a secret. */
void file_wipe(struct span *text);

#endif
