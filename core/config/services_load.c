/* Service maps from the ini files below a directory. */
#include "core/base/file.h"
#include "core/base/ini.h"
#include "core/config/services_internal.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { DEPTH_MAX = 16, FILES_MAX = 4096 };

struct loading {
    struct services *into;
    enum services_use use;
    char *problem;
    size_t size;
    int files;
};

static enum err fail(struct loading *l, const char *path, enum err why, const char *what)
{
    snprintf(l->problem, l->size, "%s: %s", path, what);
    return why;
}

static enum err entry(void *owner, const struct ini_entry *e)
{
    struct loading *l = owner;
    char what[300];
    if (e->key.p == NULL)
        return ERR_OK;
    enum err why = services_add(l->into, e->key, e->value, l->use, what, sizeof what);
    if (why != ERR_OK)
        snprintf(l->problem, l->size, "%s:%d: %s", e->file, e->line, what);
    return why;
}

static enum err load_file(struct loading *l, const char *path)
{
    struct span text;
    if (++l->files > FILES_MAX)
        return fail(l, path, ERR_TOO_LARGE, "more files than a service map can have");
    enum err why = file_read(path, FILE_CONFIG_MAX, &text, l->problem, l->size);
    if (why != ERR_OK)
        return why;
    why = ini_parse(path, text, entry, l, l->problem, l->size);
    file_wipe(&text);
    return why;
}

static int wanted(const struct dirent *d)
{
    size_t n = strlen(d->d_name);
    return d->d_name[0] != '.' && d->d_name[n - 1] != '~';
}

/* This is not alphasort, since the order must not depend on the locale. */
static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static enum err load_directory(struct loading *l, const char *path, int depth);

static enum err load_entry(struct loading *l, const char *directory, const char *name, int depth)
{
    char path[PATH_MAX];
    struct stat st;
    if (snprintf(path, sizeof path, "%s/%s", directory, name) >= (int)sizeof path)
        return fail(l, directory, ERR_TOO_LARGE, "has files with too long names");
    if (stat(path, &st) != 0)
        return fail(l, path, ERR_NOT_FOUND, strerror(errno));
    if (S_ISDIR(st.st_mode))
        return load_directory(l, path, depth + 1);
    return S_ISREG(st.st_mode) ? load_file(l, path) : ERR_OK;
}

static enum err load_directory(struct loading *l, const char *path, int depth)
{
    struct dirent **names;
    if (depth > DEPTH_MAX)
        return fail(l, path, ERR_TOO_LARGE, "too many directories in one another");
    int n = scandir(path, &names, wanted, by_name);
    if (n < 0 && errno == ENOTDIR)
        return fail(l, path, ERR_NOT_FOUND, "is a file, not a directory");
    if (n < 0)
        return fail(l, path, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, strerror(errno));
    enum err why = ERR_OK;
    for (int i = 0; i < n; i++) {
        if (why == ERR_OK)
            why = load_entry(l, path, names[i]->d_name, depth);
        free(names[i]);
    }
    free(names);
    return why;
}

enum err services_load(struct services *s, const char *directory, enum services_use use,
                       char *problem, size_t size)
{
    struct loading l = {s, use, problem, size, 0};
    return load_directory(&l, directory, 0);
}
