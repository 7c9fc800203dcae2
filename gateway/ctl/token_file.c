#include "gateway/ctl/token_file.h"

#include "core/base/file.h"
#include "core/config/hub_config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TOKEN_MIN 20 /* bytes; bytes; tokens of hubs and of Amazon are longer */

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

/* Whether it is "" or a line that may be a token: a single word, longer than ordinary words. */
static bool is_token(const char *p, size_t n)
{
    n -= n > 0 && p[n - 1] == '\n';
    n -= n > 0 && p[n - 1] == '\r';
    for (size_t i = 0; i < n; i++)
        if (p[i] <= ' ' || p[i] > '~')
            return false;
    return n == 0 || (n >= TOKEN_MIN && n <= ACCESS_TOKEN_MAX);
}

/* Checks that an existing file may be replaced. */
static enum err check_old(const char *path, char *text, size_t size)
{
    struct stat st;
    struct span old = {NULL, 0};
    if (stat(path, &st) != 0)
        return ERR_OK;
    if (!S_ISREG(st.st_mode)) {
        snprintf(text, size, S_ISDIR(st.st_mode) ? "%s is a directory" : "%s is no regular file",
                 path);
        return ERR_UNSUPPORTED;
    }
    bool longer = st.st_size > ACCESS_TOKEN_MAX + 2;
    enum err why = longer ? ERR_OK : file_read(path, ACCESS_TOKEN_MAX + 2, &old, text, size);
    if (why == ERR_OK && (longer || !is_token(old.p, old.n))) {
        snprintf(text, size, "%s holds something else than an access token, and is not overwritten",
                 path);
        why = ERR_UNSUPPORTED;
    }
    file_wipe(&old);
    return why;
}

enum err token_file_check(const char *path, char *text, size_t size)
{
    enum err why = check_old(path, text, size);
    if (why != ERR_OK)
        return why;
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
