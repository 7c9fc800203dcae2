#include "gateway/hub/api/audit.h"

#include "core/base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_BYTES ((size_t)256 * 1024)
#define TEXT_MAX 8192 /* bytes of a field; more are cut, with "..." */
#define COMPLAINT_SECONDS 60

struct audit {
    char *path; /* NULL: nothing is written */
    int fd;
    bool torn; /* the last line is there in part, so the next one begins with a line feed */
    uint64_t lost;
    bool complained;
    time_t when;                  /* monotonic */
    time_t minute;                /* monotonic: begin of the minute for audit_stranger */
    uint64_t strangers, left_out; /* lines in that minute: written, and left out */
    const char *node;             /* or NULL */
};

/* Opens without blocking, because the hub must not wait for a pipe that is not read. */
static int open_path(const char *path, enum err *why)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0600);
    *why = fd >= 0 ? ERR_OK : err_from_errno(errno);
    return fd;
}

/* Whether the file's last line has no end, since a hub before this one, or this one under the path
 * that it opens again, found the disk full. Nothing is read of what is no file: a pipe would have a
 * reader then. */
static bool ends_torn(const char *path, int fd)
{
    struct stat file;
    char last = '\n';
    if (fstat(fd, &file) != 0 || !S_ISREG(file.st_mode) || file.st_size == 0)
        return false;
    int in = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    bool torn = in >= 0 && pread(in, &last, 1, file.st_size - 1) == 1 && last != '\n';
    if (in >= 0)
        close(in);
    return torn;
}

struct audit *audit_new(const char *path, enum err *why)
{
    struct audit *a = calloc(1, sizeof *a);
    *why = ERR_NO_MEMORY;
    if (a == NULL)
        return NULL;
    a->fd = -1;
    a->path = path != NULL ? strdup(path) : NULL;
    if (path == NULL) {
        *why = ERR_OK;
        return a;
    }
    if (a->path != NULL && (a->fd = open_path(path, why)) >= 0) {
        a->torn = ends_torn(path, a->fd);
        return a;
    }
    audit_free(a);
    return NULL;
}

void audit_free(struct audit *a)
{
    if (a == NULL)
        return;
    if (a->fd >= 0)
        close(a->fd);
    free(a->path);
    free(a);
}

enum err audit_reopen(struct audit *a, const char *path)
{
    enum err why = ERR_NO_MEMORY;
    char *copy = path != NULL ? strdup(path) : NULL;
    int fd = copy != NULL ? open_path(copy, &why) : -1;
    if (path != NULL && fd < 0) {
        free(copy);
        return why;
    }
    if (a->fd >= 0)
        close(a->fd);
    free(a->path);
    a->path = copy;
    a->fd = fd;
    a->torn = copy != NULL && ends_torn(copy, fd);
    return ERR_OK;
}

/* ---- lines ---- */

static void write_time(struct json_writer *w)
{
    struct timespec now;
    struct tm tm;
    char text[40], stamp[64];
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &tm);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(stamp, sizeof stamp, "%s.%03ldZ", text, now.tv_nsec / 1000000);
    json_text(w, "time", span_of(stamp));
}

static void write_field(struct json_writer *w, const struct log_field *f)
{
    struct span s = span_of(f->text);
    char cut[TEXT_MAX + 4];
    if (f->text == NULL) {
        json_number(w, f->key, f->number);
        return;
    }
    if (s.n > TEXT_MAX) {
        memcpy(cut, s.p, TEXT_MAX);
        memcpy(cut + TEXT_MAX, "...", 4);
        s = span_of(cut);
    }
    json_text(w, f->key, s);
}

static time_t seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec;
}

static void complain(struct audit *a, const char *why)
{
    time_t now = seconds();
    a->lost++;
    if (a->complained && now - a->when < COMPLAINT_SECONDS)
        return;
    a->complained = true;
    a->when = now;
    log_error("%s: %s; lines of the audit log that were lost so far: %" PRIu64, a->path, why,
              a->lost);
}

static void put(struct audit *a, const struct buf *line)
{
    ssize_t n;
    do
        n = write(a->fd, line->data, line->size);
    while (n < 0 && errno == EINTR);
    if (n == (ssize_t)line->size) {
        a->torn = false;
        return;
    }
    a->torn = a->torn || n > 0;
    complain(a, n < 0 ? strerror(errno) : "the disk is full");
}

static void write_object(struct json_writer *w, const char *event, const struct log_field *fields,
                         size_t n, const char *node)
{
    json_open(w, NULL, '{');
    write_time(w);
    if (event != NULL)
        json_text(w, "event", span_of(event));
    for (size_t i = 0; i < n; i++)
        write_field(w, &fields[i]);
    if (node != NULL)
        json_text(w, "node", span_of(node));
    json_close(w, '}');
}

void audit_object(struct json_writer *w, const char *event, const struct log_field *fields,
                  size_t n)
{
    write_object(w, event, fields, n, NULL);
}

void audit_node(struct audit *a, const char *name)
{
    a->node = name;
}

void audit_event(struct audit *a, const char *event, const struct log_field *fields, size_t n)
{
    struct json_writer w = {.bytes.limit = LINE_MAX_BYTES};
    if (a->path == NULL)
        return;
    bool fine = !a->torn || buf_append(&w.bytes, "\n", 1);
    write_object(&w, event, fields, n, a->node);
    fine = fine && !w.failed && buf_append(&w.bytes, "\n", 1);
    if (fine)
        put(a, &w.bytes);
    else
        complain(a, err_text(ERR_NO_MEMORY));
    buf_free(&w.bytes);
}

void audit_stranger(struct audit *a, const char *event, const struct log_field *fields, size_t n)
{
    time_t now = seconds();
    if (now - a->minute >= 60) {
        struct log_field lines = {"lines", NULL, (int64_t)a->left_out};
        if (a->left_out > 0)
            audit_event(a, "suppressed", &lines, 1);
        a->minute = now;
        a->strangers = a->left_out = 0;
    }
    if (a->strangers < AUDIT_STRANGERS_MAX) {
        a->strangers++;
        audit_event(a, event, fields, n);
    } else {
        a->left_out++;
    }
}

uint64_t audit_lost(const struct audit *a)
{
    return a->lost;
}
