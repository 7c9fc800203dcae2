/* The paths of control sockets, and the folders that hold them. */
#include "core/control/control_path_internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool control_path(const char *program, const char *(*get)(const char *name), char *out, size_t size)
{
    const char *runtime = get("XDG_RUNTIME_DIR");
    bool own = runtime != NULL && runtime[0] == '/';
    int n = snprintf(out, size, "%s/%s/admin.sock", own ? runtime : "/run", program);
    return n > 0 && (size_t)n < size;
}

/* Other users must not be able to replace our socket by theirs. */
static enum err check_folder(const char *folder, char *text, size_t size)
{
    struct stat st;
    if (stat(folder, &st) != 0 || !S_ISDIR(st.st_mode)) {
        snprintf(text, size, "%s is not a folder", folder);
        return ERR_IO;
    }
    if (st.st_uid != geteuid() || (st.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
        snprintf(text, size, "%s belongs to another user, or others may write there", folder);
        return ERR_PERMISSION;
    }
    return ERR_OK;
}

enum err control_folder(const char *path, char *text, size_t size)
{
    char folder[256];
    const char *slash = strrchr(path, '/');
    size_t n = slash != NULL ? (size_t)(slash - path) : 0;
    if (n == 0 || n >= sizeof folder) {
        snprintf(text, size, "%s is no path of a socket", path);
        return ERR_USAGE;
    }
    memcpy(folder, path, n);
    folder[n] = '\0';
    if (mkdir(folder, 0700) == 0 || errno == EEXIST)
        return check_folder(folder, text, size);
    enum err why = err_from_errno(errno);
    snprintf(text, size, "cannot make the folder %s: %s", folder, err_text(why));
    return why;
}
