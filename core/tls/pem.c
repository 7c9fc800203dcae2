#include "core/tls/pem.h"

#include <bearssl.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_FILE (16 << 20)
#define MAX_OBJECT (1 << 20)
#define STEP 16384

static enum err why_not(int number)
{
    switch (number) {
    case ENOENT:
    case ENOTDIR:
        return ERR_NOT_FOUND;
    case EACCES:
    case EPERM:
        return ERR_PERMISSION;
    case EMFILE:
    case ENFILE:
        return ERR_NO_DESCRIPTORS;
    default:
        return ERR_IO;
    }
}

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
        return why_not(errno);
    struct stat st;
    enum err why = ERR_IO;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
        why = read_all(fd, out);
    close(fd);
    if (why != ERR_OK)
        buf_wipe(out);
    return why;
}

struct collector {
    struct buf der;
    bool failed; /* memory, or an object above MAX_OBJECT */
};

static void collect(void *ctx, const void *p, size_t n)
{
    struct collector *c = ctx;
    c->failed = c->failed || !buf_append(&c->der, p, n);
}

struct reader {
    br_pem_decoder_context decoder;
    struct collector object;
    char name[128];
    pem_object *each;
    void *ctx;
};

static bool on_event(struct reader *r, int event)
{
    bool go_on = true;
    if (event == BR_PEM_BEGIN_OBJ) {
        memcpy(r->name, br_pem_decoder_name(&r->decoder), sizeof r->name);
        br_pem_decoder_setdest(&r->decoder, collect, &r->object);
        return true;
    }
    if (event == BR_PEM_END_OBJ)
        go_on = !r->object.failed && r->each(r->ctx, r->name, r->object.der.data,
                                             r->object.der.size);
    else if (event == BR_PEM_ERROR)
        go_on = r->each(r->ctx, r->name, NULL, 0);
    buf_wipe(&r->object.der);
    r->object.failed = false;
    return go_on;
}

static bool push(struct reader *r, const uint8_t *p, size_t n)
{
    while (n > 0) {
        size_t taken = br_pem_decoder_push(&r->decoder, p, n);
        p += taken;
        n -= taken;
        int event = br_pem_decoder_event(&r->decoder);
        if (event != 0 && !on_event(r, event))
            return false;
    }
    return true;
}

bool pem_each(const void *text, size_t n, pem_object *each, void *ctx)
{
    struct reader r = {.object.der.limit = MAX_OBJECT, .each = each, .ctx = ctx};
    br_pem_decoder_init(&r.decoder);
    /* The decoder sees a line only at its end, which the last one may lack. */
    bool all = push(&r, text, n) && push(&r, (const uint8_t *)"\n", 1);
    buf_wipe(&r.object.der);
    explicit_bzero(&r, sizeof r);
    return all;
}
