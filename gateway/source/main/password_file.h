/* A file whose first line is a password: the gateway's own, and what its commands give it. */
#ifndef GATEWAY_SOURCE_MAIN_PASSWORD_FILE_H
#define GATEWAY_SOURCE_MAIN_PASSWORD_FILE_H

#include "core/base/err.h"

#include <stddef.h>

/* *out is malloc'd, and the caller's to wipe. An error leaves a sentence in problem. */
enum err password_file_read(const char *file, char **out, char *problem, size_t size);

#endif
