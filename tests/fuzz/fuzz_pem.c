/* PEM and certificates: the input as a file of trusted certificates, and as one that holds both a
 * server's chain and its key. */
#include "core/tls/tls.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* Not on disk, but with a name that can be opened. */
static int file_of(const uint8_t *data, size_t size, char *name, size_t room)
{
    int fd = memfd_create("pem", MFD_CLOEXEC);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size)
        abort();
    snprintf(name, room, "/proc/self/fd/%d", fd);
    return fd;
}

static void load_identity(const char *path)
{
    enum err why = ERR_OK;
    char text[256] = "";
    struct identity *i = identity_new(path, path, &why, text, sizeof text);
    if (i == NULL && (why == ERR_OK || text[0] == '\0'))
        abort();
    if (i != NULL)
        identity_free(i);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char name[64], text[256] = "";
    int fd = file_of(data, size, name, sizeof name);
    enum err why = ERR_OK;
    struct trust *t = trust_new(&(struct trust_sources){.file = name}, &why, text, sizeof text);
    if (t == NULL && (why == ERR_OK || text[0] == '\0'))
        abort();
    if (t != NULL)
        trust_free(t);
    load_identity(name);
    close(fd);
    return 0;
}
