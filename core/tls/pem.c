#include "core/tls/pem.h"

#include "core/base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_FILE (16 << 20)
#define MAX_OBJECT (1 << 20)
#define MAX_NAME 64
#define STEP 16384

static enum err read_all(int fd, struct buf *out)
{
    for (;;) {
        if (out->size > out->limit - STEP)
            return ERR_TOO_LARGE;
        uint8_t *to = buf_room(out, STEP);
        if (to == NULL)
            return ERR_NO_MEMORY;
        ssize_t got = read(fd, to, STEP);
        if (got == 0)
            return ERR_OK;
        if (got < 0 && errno != EINTR)
            return ERR_IO;
        if (got > 0)
            buf_added(out, (size_t)got);
    }
}

enum err pem_read(const char *path, struct buf *out)
{
    *out = (struct buf){.limit = MAX_FILE};
    /* O_NONBLOCK: a FIFO in a directory of certificates must not hold us up. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return err_from_errno(errno);
    struct stat st;
    enum err why = ERR_IO;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
        why = read_all(fd, out);
    close(fd);
    if (why != ERR_OK)
        buf_wipe(out);
    return why;
}

/* ---- objects ---- */

/* BearSSL's decoder takes 100 ms for a system's certificates (2 MB/s); this one 1. */
struct object {
    char name[MAX_NAME];
    struct buf base64; /* its lines put together */
    bool too_large;
};

static struct span next_line(struct span *text)
{
    struct span line = span_cut(text, '\n');
    while (line.n > 0 && strchr(" \t\r", line.p[line.n - 1]) != NULL)
        line.n--;
    return line;
}

/* "-----BEGIN NAME-----" and "-----END NAME-----" */
static bool is_border(struct span line, const char *begin, struct span *name)
{
    static const char end[] = "-----";
    size_t before = strlen(begin), after = sizeof end - 1;
    if (line.n <= before + after || memcmp(line.p, begin, before) != 0 ||
        memcmp(line.p + line.n - after, end, after) != 0)
        return false;
    *name = (struct span){line.p + before, line.n - before - after};
    return name->n < MAX_NAME;
}

/* True when it was closed by an END of its name. */
static bool read_object(struct object *o, struct span *text)
{
    struct span name;
    while (text->n > 0) {
        struct span line = next_line(text);
        if (is_border(line, "-----END ", &name))
            return span_is(name, o->name);
        o->too_large = o->too_large || !buf_append(&o->base64, line.p, line.n);
    }
    return false;
}

static bool give_object(struct object *o, bool closed, pem_object *each, void *ctx)
{
    struct span base64 = {(const char *)o->base64.data, o->base64.size};
    struct buf der = {.limit = MAX_OBJECT};
    uint8_t *to = buf_room(&der, base64.n / 4 * 3 + 1);
    if (o->too_large || to == NULL)
        return false;
    long n = closed && base64.n > 0 ? base64_decode(base64, to) : 0;
    buf_added(&der, n > 0 ? (size_t)n : 0);
    bool go_on = each(ctx, o->name, der.data, der.size);
    buf_wipe(&der);
    return go_on;
}

bool pem_each(const void *text, size_t n, pem_object *each, void *ctx)
{
    struct span rest = {text, n}, name;
    bool go_on = true;
    while (go_on && rest.n > 0) {
        struct object o = {.base64.limit = MAX_OBJECT};
        if (!is_border(next_line(&rest), "-----BEGIN ", &name))
            continue;
        memcpy(o.name, name.p, name.n);
        bool closed = read_object(&o, &rest);
        go_on = give_object(&o, closed, each, ctx);
        buf_wipe(&o.base64);
    }
    return go_on;
}
