/* The file of a device's key: a text that openssl reads as well (SEC 1, RFC 5915), with lines for
 * the name in front of it, which PEM readers skip. */
#include "core/device/device_identity.h"

#include "core/base/buf.h"
#include "core/base/encoding.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX 4096
#define PEM_LINE 64

static const char note[] =
    "# The identity of a device. Who has this file can pose as the device.\n";
static const char begin[] = "-----BEGIN EC PRIVATE KEY-----";
static const char end[] = "-----END EC PRIVATE KEY-----";

/* The DER of a P-256 key has the same form always: what stands before the secret, between it and
 * the point, and nothing behind. */
static const uint8_t before[] = {0x30, 0x77, 0x02, 0x01, 0x01, 0x04, 0x20};
static const uint8_t between[] = {0xa0, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d,
                                  0x03, 0x01, 0x07, 0xa1, 0x44, 0x03, 0x42, 0x00};
#define DER_SIZE (sizeof before + P256_SECRET_SIZE + sizeof between + P256_POINT_SIZE)
#define SECRET_AT sizeof before
#define BETWEEN_AT (SECRET_AT + P256_SECRET_SIZE)
#define POINT_AT (BETWEEN_AT + sizeof between)

void device_identity_wipe(struct device_identity *i)
{
    explicit_bzero(i, sizeof *i);
}

/* ---- the text ---- */

static bool take_key(struct device_key *k, struct span base64)
{
    uint8_t der[BASE64_SIZE(DER_SIZE)];
    bool good = base64.n == BASE64_SIZE(DER_SIZE) - 1 &&
                base64_decode(base64, der) == (long)DER_SIZE &&
                memcmp(der, before, sizeof before) == 0 &&
                memcmp(der + BETWEEN_AT, between, sizeof between) == 0;
    if (good) {
        memcpy(k->secret, der + SECRET_AT, P256_SECRET_SIZE);
        good = p256_public(k->secret, k->point) &&
               memcmp(k->point, der + POINT_AT, P256_POINT_SIZE) == 0;
    }
    explicit_bzero(der, sizeof der);
    return good;
}

/* Cuts the line off whose form is "NAME: VALUE". */
static bool cut_member(struct span *rest, const char *name, struct span *value)
{
    *value = span_cut(rest, '\n');
    struct span found = span_cut(value, ':');
    *value = span_trim(*value);
    return span_is(found, name);
}

static bool parse(struct span text, struct device_identity *out)
{
    struct span name, enrolled;
    char base64[BASE64_SIZE(DER_SIZE) + PEM_LINE];
    size_t n = 0;
    span_cut(&text, '\n'); /* the note */
    if (!cut_member(&text, "device", &name) || !cut_member(&text, "enrolled", &enrolled) ||
        !device_name_valid(name) || !span_is(span_cut(&text, '\n'), begin))
        return false;
    memcpy(out->name, name.p, name.n);
    out->name[name.n] = '\0';
    out->enrolled = span_is(enrolled, "yes");
    for (;;) {
        struct span line = span_cut(&text, '\n');
        if (span_is(line, end))
            break;
        if (line.n == 0 || line.n > PEM_LINE || n + line.n > sizeof base64)
            return false;
        memcpy(base64 + n, line.p, line.n);
        n += line.n;
    }
    bool good = take_key(&out->key, (struct span){base64, n});
    explicit_bzero(base64, sizeof base64);
    return good;
}

static bool write_text(const struct device_identity *i, struct buf *out)
{
    uint8_t der[DER_SIZE];
    char base64[BASE64_SIZE(DER_SIZE)];
    memcpy(der, before, sizeof before);
    memcpy(der + SECRET_AT, i->key.secret, P256_SECRET_SIZE);
    memcpy(der + BETWEEN_AT, between, sizeof between);
    memcpy(der + POINT_AT, i->key.point, P256_POINT_SIZE);
    size_t n = base64_encode(der, sizeof der, base64, false);
    bool ok = buf_printf(out, "%sdevice: %s\nenrolled: %s\n%s\n", note, i->name,
                         i->enrolled ? "yes" : "no", begin);
    for (size_t at = 0; at < n; at += PEM_LINE)
        ok = ok && buf_printf(out, "%.*s\n", PEM_LINE, base64 + at);
    explicit_bzero(der, sizeof der);
    explicit_bzero(base64, sizeof base64);
    return ok && buf_printf(out, "%s\n", end);
}

/* ---- the file ---- */

static enum err wrong(const char *what, const char *path, char *text, size_t size)
{
    int e = errno;
    snprintf(text, size, "cannot %s %s: %s", what, path, strerror(e));
    return err_from_errno(e);
}

/* Whether only this user can have written or read it. */
static enum err check_owner(int fd, const char *path, char *text, size_t size)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return wrong("look at", path, text, size);
    const char *problem = !S_ISREG(st.st_mode)     ? "is not a file"
                          : st.st_uid != geteuid() ? "belongs to another user"
                          : (st.st_mode & 0077) != 0
                              ? "can be read by others (its mode must be 0600)"
                              : NULL;
    if (problem == NULL)
        return ERR_OK;
    snprintf(text, size, "%s %s", path, problem);
    return ERR_PERMISSION;
}

static enum err open_file(const char *path, int *fd, char *text, size_t size)
{
    /* O_NONBLOCK: a FIFO in its place must not make the program wait. */
    *fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (*fd < 0 && errno == ELOOP) {
        snprintf(text, size, "%s is a symbolic link, not a file", path);
        return ERR_PERMISSION;
    }
    if (*fd < 0)
        return wrong("read", path, text, size);
    enum err why = check_owner(*fd, path, text, size);
    if (why != ERR_OK)
        close(*fd);
    return why;
}

static enum err read_file(const char *path, struct device_identity *out, char *text, size_t size)
{
    char memory[FILE_MAX];
    int fd;
    enum err why = open_file(path, &fd, text, size);
    if (why != ERR_OK)
        return why;
    ssize_t n = read(fd, memory, sizeof memory);
    if (n < 0)
        why = wrong("read", path, text, size);
    else if (!parse((struct span){memory, (size_t)n}, out)) {
        snprintf(text, size,
                 "%s is damaged: remove it, and enrol the device anew (tunnelctl devices reset)",
                 path);
        why = ERR_USAGE;
    }
    close(fd);
    explicit_bzero(memory, sizeof memory);
    return why;
}

/* malloc'd; NULL with the sentence. */
static char *path_of(const char *directory, const char *suffix, char *text, size_t size)
{
    char *path;
    if (asprintf(&path, "%s/" DEVICE_IDENTITY_FILE "%s", directory, suffix) >= 0)
        return path;
    snprintf(text, size, "%s", err_text(ERR_NO_MEMORY));
    return NULL;
}

enum err device_identity_load(const char *directory, struct device_identity *out, char *text,
                              size_t size)
{
    char *path = path_of(directory, "", text, size);
    if (path == NULL)
        return ERR_NO_MEMORY;
    enum err why = read_file(path, out, text, size);
    if (why != ERR_OK)
        device_identity_wipe(out);
    free(path);
    return why;
}

static bool write_all(int fd, const struct buf *b)
{
    for (size_t at = 0; at < b->size;) {
        ssize_t n = write(fd, b->data + at, b->size - at);
        if (n < 0 && errno != EINTR)
            return false;
        at += n > 0 ? (size_t)n : 0;
    }
    return fsync(fd) == 0;
}

/* Makes the new file beside the old one. */
static enum err write_file(const char *path, const struct buf *b, char *text, size_t size)
{
    unlink(path); /* what a program that was killed has left */
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return wrong("write", path, text, size);
    enum err why =
        fchmod(fd, 0600) == 0 && write_all(fd, b) ? ERR_OK : wrong("write", path, text, size);
    close(fd);
    if (why != ERR_OK)
        unlink(path);
    return why;
}

/* The new name is on the disk when its directory is. */
static enum err put_in_place(const char *fresh, const char *path, const char *directory, char *text,
                             size_t size)
{
    if (rename(fresh, path) != 0) {
        enum err why = wrong("replace", path, text, size);
        unlink(fresh);
        return why;
    }
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return wrong("open", directory, text, size);
    /* File systems that cannot sync a directory say EINVAL. */
    enum err why =
        fsync(fd) == 0 || errno == EINVAL ? ERR_OK : wrong("sync", directory, text, size);
    close(fd);
    return why;
}

enum err device_identity_save(const char *directory, const struct device_identity *i, char *text,
                              size_t size)
{
    struct buf b = {.limit = FILE_MAX};
    char *path = path_of(directory, "", text, size),
         *fresh = path_of(directory, ".new", text, size);
    enum err why = ERR_NO_MEMORY;
    if (path != NULL && fresh != NULL && !write_text(i, &b))
        snprintf(text, size, "%s", err_text(ERR_NO_MEMORY));
    else if (path != NULL && fresh != NULL)
        why = write_file(fresh, &b, text, size);
    if (why == ERR_OK)
        why = put_in_place(fresh, path, directory, text, size);
    buf_wipe(&b);
    free(path);
    free(fresh);
    return why;
}

enum err device_identity_remove(const char *directory, char *text, size_t size)
{
    char *path = path_of(directory, "", text, size);
    if (path == NULL)
        return ERR_NO_MEMORY;
    enum err why =
        unlink(path) == 0 || errno == ENOENT ? ERR_OK : wrong("remove", path, text, size);
    free(path);
    return why;
}
