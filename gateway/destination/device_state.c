#include "gateway/destination/device_state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

struct device_state {
    char *directory;
    int lock;
    struct device_identity identity;
};

static enum err wrong(const char *what, const char *path, char *text, size_t size)
{
    int e = errno;
    snprintf(text, size, "--state-dir: cannot %s %s: %s", what, path, strerror(e));
    return err_from_errno(e);
}

/* The parents too, which other programs may share. */
static bool make_directories(char *path)
{
    for (char *at = path + 1; *at != '\0'; at++) {
        if (*at != '/')
            continue;
        *at = '\0';
        int failed = mkdir(path, 0755) != 0 && errno != EEXIST;
        *at = '/';
        if (failed)
            return false;
    }
    return mkdir(path, 0700) == 0 || errno == EEXIST;
}

static enum err take(struct device_state *s, char *text, size_t size)
{
    if (!make_directories(s->directory))
        return wrong("make", s->directory, text, size);
    s->lock = open(s->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (s->lock < 0)
        return wrong("open", s->directory, text, size);
    if (flock(s->lock, LOCK_EX | LOCK_NB) == 0)
        return ERR_OK;
    if (errno != EWOULDBLOCK)
        return wrong("lock", s->directory, text, size);
    snprintf(text, size,
             "--state-dir: another agent is using %s: each device has a directory of its own",
             s->directory);
    return ERR_ADDRESS_IN_USE;
}

static enum err keep(struct device_state *s, char *text, size_t size)
{
    char problem[400];
    enum err why = device_identity_save(s->directory, &s->identity, problem, sizeof problem);
    if (why != ERR_OK)
        snprintf(text, size, "--state-dir: %s", problem);
    return why;
}

static enum err make_identity(struct device_state *s, const char *name, char *text, size_t size)
{
    snprintf(s->identity.name, sizeof s->identity.name, "%s", name);
    device_key_make(&s->identity.key);
    return keep(s, text, size);
}

struct device_state *device_state_open(const char *directory, const char *name,
                                       const struct device_identity *known, enum err *why,
                                       char *text, size_t size)
{
    struct device_state *s = calloc(1, sizeof *s);
    *why = ERR_NO_MEMORY;
    snprintf(text, size, "%s", err_text(ERR_NO_MEMORY));
    if (s == NULL)
        return NULL;
    s->lock = -1;
    s->directory = strdup(directory);
    if (s->directory != NULL)
        *why = take(s, text, size);
    if (*why == ERR_OK && known != NULL)
        s->identity = *known;
    else if (*why == ERR_OK)
        *why = make_identity(s, name, text, size);
    if (*why == ERR_OK)
        return s;
    device_state_close(s);
    return NULL;
}

void device_state_close(struct device_state *s)
{
    if (s == NULL)
        return;
    if (s->lock >= 0)
        close(s->lock);
    device_identity_wipe(&s->identity);
    free(s->directory);
    free(s);
}

const struct device_identity *device_state_identity(const struct device_state *s)
{
    return &s->identity;
}

enum err device_state_enrolled(struct device_state *s, char *text, size_t size)
{
    if (s->identity.enrolled)
        return ERR_OK;
    s->identity.enrolled = true;
    enum err why = keep(s, text, size);
    s->identity.enrolled = why == ERR_OK;
    return why;
}

enum err device_state_remove(struct device_state *s, char *text, size_t size)
{
    return device_identity_remove(s->directory, text, size);
}
