#include "core/base/file.h"
#include "core/base/str.h"
#include "gateway/hub/cluster/nodes_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum err nodes_id_read(const char *path, char id[NODE_ID_SIZE], char *text, size_t size)
{
    struct span file = {0};
    id[0] = 0;
    enum err why = file_read(path, 1024, &file, text, size);
    if (why == ERR_NOT_FOUND)
        return ERR_OK;
    if (why != ERR_OK)
        return why;
    struct span rest = file;
    struct span line = span_cut(&rest, '\n');
    bool fine = line.n == NODE_ID_SIZE - 1 && strspn(line.p, "0123456789abcdef") == line.n;
    if (fine)
        memcpy(id, line.p, NODE_ID_SIZE - 1);
    id[fine ? NODE_ID_SIZE - 1 : 0] = 0;
    file_wipe(&file);
    if (!fine)
        snprintf(text, size, "%s does not hold the id of a cluster", path);
    return fine ? ERR_OK : ERR_PROTOCOL;
}

/* All of it, or none. */
static bool write_file(const char *path, const char *fresh, const char *id)
{
    char line[NODE_ID_SIZE + 1];
    size_t n = (size_t)snprintf(line, sizeof line, "%s\n", id);
    int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return false;
    bool whole = write(fd, line, n) == (ssize_t)n && fsync(fd) == 0;
    return close(fd) == 0 && whole && rename(fresh, path) == 0;
}

enum err nodes_id_write(const char *path, const char *id, char *text, size_t size)
{
    char fresh[4096];
    snprintf(fresh, sizeof fresh, "%s.new", path);
    if (write_file(path, fresh, id))
        return ERR_OK;
    enum err why = err_from_errno(errno);
    snprintf(text, size, "the id of the cluster cannot be written to %s: %s", path, err_text(why));
    unlink(fresh);
    return why;
}
