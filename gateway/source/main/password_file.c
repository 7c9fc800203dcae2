#include "gateway/source/main/password_file.h"

#include "core/base/file.h"

#include <stdio.h>

#define PASSWORD_FILE_MAX 4096

enum err password_file_read(const char *file, char **out, char *problem, size_t size)
{
    struct span text = {NULL, 0}, rest;
    enum err why = file_read(file, PASSWORD_FILE_MAX, &text, problem, size);
    if (why != ERR_OK)
        return why;
    rest = text;
    struct span line = span_line(&rest);
    *out = span_dup(line);
    file_wipe(&text);
    if (*out == NULL || line.n > 255 || line.n == 0) {
        snprintf(problem, size, "%s: the first line must be a password of 1 to 255 characters",
                 file);
        return ERR_USAGE;
    }
    return ERR_OK;
}
