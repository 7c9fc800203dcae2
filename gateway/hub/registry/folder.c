#include "gateway/hub/registry/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static enum err wrong(const char *what, const char *path, char *text, size_t size)
{
    int e = errno;
    snprintf(text, size, "cannot %s %s: %s", what, path, strerror(e));
    return err_from_errno(e);
}

static enum err lock_file(const char *folder, const char *path, int *lock, char *text, size_t size)
{
    *lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (*lock < 0)
        return wrong("open", path, text, size);
    if (flock(*lock, LOCK_EX | LOCK_NB) == 0)
        return ERR_OK;
    enum err e = ERR_ADDRESS_IN_USE;
    if (errno == EWOULDBLOCK)
        snprintf(text, size, "another hub is using %s: give each one a state directory of its own",
                 folder);
    else
        e = wrong("lock", path, text, size);
    close(*lock);
    *lock = -1;
    return e;
}

enum err folder_take(const char *folder, int *lock, char *text, size_t size)
{
    char *path = NULL;
    *lock = -1;
    if (mkdir(folder, 0700) != 0 && errno != EEXIST)
        return wrong("make", folder, text, size);
    if (asprintf(&path, "%s/lock", folder) < 0) {
        snprintf(text, size, "%s: %s", folder, err_text(ERR_NO_MEMORY));
        return ERR_NO_MEMORY;
    }
    enum err e = lock_file(folder, path, lock, text, size);
    free(path);
    return e;
}
