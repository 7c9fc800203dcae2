#include "gateway/ctl/token_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static enum err from_errno(const char *what, const char *path, char *text, size_t size)
{
    int number = errno;
    snprintf(text, size, "cannot %s %s: %s", what, path, strerror(number));
    return err_from_errno(number);
}

static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
}

enum err token_file_check(const char *path, char *text, size_t size)
{
    struct stat st;
    enum err why = ERR_OK;
    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
        snprintf(text, size, "%s is a directory", path);
        return ERR_UNSUPPORTED;
    }
    char *folder = folder_of(path);
    if (folder == NULL) {
        snprintf(text, size, "%s", err_text(ERR_NO_MEMORY));
        return ERR_NO_MEMORY;
    }
    if (faccessat(AT_FDCWD, folder, W_OK | X_OK, AT_EACCESS) != 0)
        why = from_errno("write to", folder, text, size);
    free(folder);
    return why;
}

static enum err write_all(int fd, const char *p, size_t n, const char *path, char *text,
                          size_t size)
{
    while (n > 0) {
        ssize_t done = write(fd, p, n);
        if (done < 0 && errno != EINTR)
            return from_errno("write", path, text, size);
        if (done > 0)
            p += done, n -= (size_t)done;
    }
    return ERR_OK;
}

static enum err fill(int fd, const char *token, const char *path, char *text, size_t size)
{
    enum err why = write_all(fd, token, strlen(token), path, text, size);
    if (why == ERR_OK)
        why = write_all(fd, "\n", 1, path, text, size);
    if (why == ERR_OK && fsync(fd) != 0)
        why = from_errno("write", path, text, size);
    if (close(fd) != 0 && why == ERR_OK)
        why = from_errno("write", path, text, size);
    return why;
}

enum err token_file_write(const char *path, const char *token, char *text, size_t size)
{
    char *beside = NULL;
    enum err why;
    if (asprintf(&beside, "%s.XXXXXX", path) < 0) {
        snprintf(text, size, "%s", err_text(ERR_NO_MEMORY));
        return ERR_NO_MEMORY;
    }
    int fd = mkostemp(beside, O_CLOEXEC); /* mode 0600 */
    if (fd < 0) {
        why = from_errno("write", path, text, size);
    } else {
        why = fill(fd, token, path, text, size);
        if (why == ERR_OK && rename(beside, path) != 0)
            why = from_errno("write", path, text, size);
        if (why != ERR_OK)
            unlink(beside);
    }
    free(beside);
    return why;
}
