#include "gateway/hub/tunnel_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static enum err from_errno(const char *what, const char *path, char *text, size_t size)
{
    int e = errno;
    snprintf(text, size, "cannot %s %s: %s", what, path, strerror(e));
    return err_from_errno(e);
}

static enum err read_all(int fd, const char *path, struct buf *out, char *text, size_t size)
{
    for (;;) {
        if (out->size == TUNNEL_FILE_MAX) {
            snprintf(text, size, "%s is larger than %u MB", path, TUNNEL_FILE_MAX >> 20);
            return ERR_TOO_LARGE;
        }
        size_t want = TUNNEL_FILE_MAX - out->size < 65536 ? TUNNEL_FILE_MAX - out->size : 65536;
        uint8_t *p = buf_room(out, want);
        if (p == NULL) {
            snprintf(text, size, "%s: %s", path, err_text(ERR_NO_MEMORY));
            return ERR_NO_MEMORY;
        }
        ssize_t n = read(fd, p, want);
        if (n == 0)
            return ERR_OK;
        if (n > 0)
            buf_added(out, (size_t)n);
        else if (errno != EINTR)
            return from_errno("read", path, text, size);
    }
}

enum err tunnel_file_read(const char *path, struct tunnel_file *out, char *text, size_t size)
{
    struct buf all = {.limit = TUNNEL_FILE_MAX};
    char problem[256];
    *out = (struct tunnel_file){0};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return from_errno("open", path, text, size);
    enum err e = read_all(fd, path, &all, text, size);
    close(fd);
    if (e == ERR_OK) {
        const char *json = all.size > 0 ? (const char *)all.data : "";
        e = tunnel_file_parse(json, all.size, out, problem, sizeof problem);
        if (e != ERR_OK)
            snprintf(text, size, "%s: %s", path, problem);
    }
    buf_free(&all);
    return e;
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
    return fsync(fd) == 0 ? ERR_OK : from_errno("sync", path, text, size);
}

/* So that the rename survives a crash, too. */
static void sync_folder(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash != NULL ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
    int fd = folder != NULL ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (fd >= 0) {
        fsync(fd);
        close(fd);
    }
    free(folder);
}

enum err private_file_replace(const char *path, const char *content, char *text, size_t size)
{
    char *temporary = NULL;
    if (asprintf(&temporary, "%s.XXXXXX", path) < 0)
        return ERR_NO_MEMORY;
    int fd = mkostemp(temporary, O_CLOEXEC); /* mode 0600 */
    enum err e = ERR_OK;
    if (fd < 0) {
        e = from_errno("write beside", path, text, size);
    } else {
        e = write_all(fd, content, strlen(content), temporary, text, size);
        close(fd);
        if (e == ERR_OK && rename(temporary, path) != 0)
            e = from_errno("replace", path, text, size);
        if (e == ERR_OK)
            sync_folder(path);
        else
            unlink(temporary);
    }
    free(temporary);
    return e;
}

/* The lock has a file of its own: the one that it guards changes its inode at every write. */
static enum err lock(const char *path, int *fd, char *text, size_t size)
{
    char *name = NULL;
    if (asprintf(&name, "%s.lock", path) < 0)
        return ERR_NO_MEMORY;
    enum err e = ERR_OK;
    *fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (*fd < 0) {
        e = from_errno("open", name, text, size);
    } else {
        int r;
        do
            r = flock(*fd, LOCK_EX);
        while (r != 0 && errno == EINTR);
        if (r != 0) {
            e = from_errno("lock", name, text, size);
            close(*fd);
        }
    }
    free(name);
    return e;
}

enum err tunnel_file_update(const char *path,
                            enum err (*edit)(void *ctx, struct tunnel_file *f, char *text,
                                             size_t size),
                            void *ctx, char *text, size_t size)
{
    struct tunnel_file f = {0};
    int fd;
    snprintf(text, size, "%s", err_text(ERR_NO_MEMORY));
    enum err e = lock(path, &fd, text, size);
    if (e != ERR_OK)
        return e;
    e = tunnel_file_read(path, &f, text, size);
    if (e == ERR_NOT_FOUND)
        e = ERR_OK;
    if (e == ERR_OK)
        e = edit(ctx, &f, text, size);
    if (e == ERR_OK) {
        char *json = tunnel_file_print(&f);
        e = json != NULL ? private_file_replace(path, json, text, size) : ERR_NO_MEMORY;
        free(json);
    }
    tunnel_file_free(&f);
    close(fd);
    return e;
}
