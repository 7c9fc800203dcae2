#include "core/tls/pem.h"

#include "core/base/encoding.h"
#include "core/base/str.h"
#include "core/tls/der.h"

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

/* Turns UTF-16 with its mark, as PowerShell writes it, into bytes. Characters beyond ASCII are not
 * part of PEM and become a byte that is not part of it either. */
static void narrow(struct buf *b)
{
    size_t to = 0;
    bool little = b->size >= 2 && b->data[0] == 0xFF && b->data[1] == 0xFE;
    bool big = b->size >= 2 && b->data[0] == 0xFE && b->data[1] == 0xFF;
    if (!little && !big)
        return;
    for (size_t i = 2; i + 1 < b->size; i += 2)
        b->data[to++] = b->data[i + little] != 0 ? '?' : b->data[i + big];
    explicit_bzero(b->data + to, b->size - to);
    b->size = to;
}

enum err pem_read(const char *path, struct buf *out)
{
    *out = (struct buf){.limit = MAX_FILE};
    /* O_NONBLOCK: a FIFO in a directory of certificates must not block the program. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return err_from_errno(errno);
    struct stat st;
    enum err why = ERR_UNSUPPORTED;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
        why = read_all(fd, out);
    close(fd);
    if (why == ERR_OK)
        narrow(out);
    else
        buf_wipe(out);
    return why;
}

const char *pem_read_text(enum err why)
{
    return why == ERR_UNSUPPORTED ? "it is no file, but a directory, a pipe or the like"
                                  : err_text(why);
}

/* ---- objects ---- */

/* BearSSL's decoder takes 100 ms for a system's certificates (2 MB/s); this one takes 1 ms. */
struct object {
    char name[MAX_NAME];
    struct buf base64; /* the object's lines joined */
    bool too_large;
};

/* A line may also end with a backslash and an n, which secret stores and JSON make of a line
 * feed. */
static struct span next_line(struct span *text)
{
    const char *feed = text->n > 0 ? memchr(text->p, '\n', text->n) : NULL;
    size_t n = feed != NULL ? (size_t)(feed - text->p) : text->n;
    const char *spelled = n > 0 ? memmem(text->p, n, "\\n", 2) : NULL;
    struct span line = {text->p, spelled != NULL ? (size_t)(spelled - text->p) : n};
    size_t used = spelled != NULL ? line.n + 2 : feed != NULL ? n + 1 : n;
    *text = (struct span){text->p + used, text->n - used};
    /* A byte order mark before the first line. */
    if (line.n >= 3 && memcmp(line.p, "\xef\xbb\xbf", 3) == 0)
        line = (struct span){line.p + 3, line.n - 3};
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

/* True when an END of the same name closes the object. */
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

bool pem_certificate(const char *name, const uint8_t *der, size_t n, struct der *certificate,
                     struct der *settings)
{
    struct der rest = {der, n}, content;
    *certificate = rest;
    *settings = (struct der){0};
    if (strcmp(name, "CERTIFICATE") == 0 || strcmp(name, "X509 CERTIFICATE") == 0)
        return n > 0;
    if (strcmp(name, "TRUSTED CERTIFICATE") != 0 || !der_expect(&rest, DER_SEQUENCE, &content))
        return false;
    certificate->n = n - rest.n;
    *settings = rest;
    return true;
}

/* Whether the text is one certificate or key in DER, which people rename to .pem; the caller finds
 * out which of the two it is. */
static bool is_der(const void *text, size_t n)
{
    struct der in = {text, n}, content;
    return der_expect(&in, DER_SEQUENCE, &content) && in.n == 0;
}

bool pem_each(const void *text, size_t n, pem_object *each, void *ctx)
{
    struct span rest = {text, n}, name;
    bool go_on = true;
    if (is_der(text, n))
        return each(ctx, "CERTIFICATE", text, n);
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
