#include "core/base/file.h"

#include "core/base/process.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static enum err fail(enum err why, const char *path, char *problem, size_t size)
{
    snprintf(problem, size, "%s: %s", path,
             why == ERR_UNSUPPORTED ? "is a directory, not a file"
             : why == ERR_EOF       ? "is a pipe into which nobody writes"
                                    : err_text(why));
    return why;
}

static bool is_pipe(int fd)
{
    struct stat st;
    return fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode);
}

/* Reads until the end or until `room` is full; -1 on error. */
static ssize_t read_all(int fd, char *to, size_t room)
{
    size_t have = 0;
    while (have < room) {
        ssize_t got = read(fd, to + have, room - have);
        if (got < 0 && process_try_again(fd, false))
            continue;
        if (got < 0)
            return -1;
        if (got == 0)
            break;
        have += (size_t)got;
    }
    return (ssize_t)have;
}

enum err file_read(const char *path, size_t max, struct span *text, char *problem, size_t size)
{
    bool standard_input = strcmp(path, "-") == 0;
    /* O_NONBLOCK: without a writer the open of a pipe would take for ever, also in a program that
     * serves people and only reads its files again. */
    int fd = standard_input ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return fail(err_from_errno(errno), path, problem, size);
    char *memory = malloc(max + 2);
    ssize_t got = memory != NULL ? read_all(fd, memory, max + 1) : 0;
    enum err why = memory == NULL                               ? ERR_NO_MEMORY
                   : got < 0                                    ? err_from_errno(errno)
                   : (size_t)got > max                          ? ERR_TOO_LARGE
                   : got == 0 && !standard_input && is_pipe(fd) ? ERR_EOF
                                                                : ERR_OK;
    if (!standard_input)
        close(fd);
    if (why != ERR_OK) {
        if (memory != NULL)
            explicit_bzero(memory, max + 2);
        free(memory);
        return fail(why, path, problem, size);
    }
    memory[got] = '\0';
    *text = (struct span){memory, (size_t)got};
    return ERR_OK;
}

void file_wipe(struct span *text)
{
    char *memory = (char *)(uintptr_t)text->p;
    if (memory != NULL)
        explicit_bzero(memory, text->n);
    free(memory);
    *text = (struct span){NULL, 0};
}

bool file_is_directory(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* There is no race with the reading: a user who can replace the file in between could have written
 * it in the first place. Root may let a group of its choice read its own file, as systemd does with
 * credentials. */
enum err file_check_secret(const char *path, char *text, size_t size)
{
    struct stat st;
    enum err why = ERR_PERMISSION;
    const char *problem;
    if (stat(path, &st) != 0) {
        why = err_from_errno(errno);
        problem = err_text(why);
    } else if (!S_ISREG(st.st_mode)) {
        why = ERR_IO;
        problem = "is not a file";
    } else if (st.st_uid != geteuid() && st.st_uid != 0) {
        problem = "belongs to another user";
    } else if ((st.st_mode & (st.st_uid != geteuid() ? 0137 : 0177)) != 0) {
        problem = "holds secrets, and others can read or change it: chmod 600";
    } else {
        return ERR_OK;
    }
    snprintf(text, size, "%s: %s", path, problem);
    return why;
}
