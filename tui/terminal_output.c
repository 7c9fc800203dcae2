#include "tui/terminal_output.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define CANCEL "\030" /* ends an incomplete escape sequence */

struct terminal_output {
    int out, poll;
    FILE *file;
    struct buf waiting;
    bool polled; /* `out` is being polled for space */
};

struct terminal_output *terminal_output_new(int in, int out)
{
    struct terminal_output *o = calloc(1, sizeof *o);
    int memory = memfd_create("tunnel-tui", MFD_CLOEXEC);
    struct epoll_event keys = {.events = EPOLLIN}, room = {.events = 0};
    if (o == NULL) {
        if (memory >= 0)
            close(memory);
        return NULL;
    }
    *o = (struct terminal_output){.out = out, .waiting = {.limit = TERMINAL_OUTPUT_MAX}};
    o->poll = epoll_create1(EPOLL_CLOEXEC);
    o->file = memory >= 0 ? fdopen(memory, "w") : NULL;
    if (o->file == NULL && memory >= 0)
        close(memory);
    if (o->file == NULL || o->poll < 0 || epoll_ctl(o->poll, EPOLL_CTL_ADD, in, &keys) != 0 ||
        epoll_ctl(o->poll, EPOLL_CTL_ADD, out, &room) != 0) {
        terminal_output_free(o);
        return NULL;
    }
    return o;
}

void terminal_output_free(struct terminal_output *o)
{
    if (o == NULL)
        return;
    if (o->file != NULL)
        fclose(o->file);
    if (o->poll >= 0)
        close(o->poll);
    buf_free(&o->waiting);
    free(o);
}

int terminal_output_fd(const struct terminal_output *o)
{
    return o->poll;
}

FILE *terminal_output_file(const struct terminal_output *o)
{
    return o->file;
}

void terminal_output_add(struct terminal_output *o, const void *p, size_t n)
{
    /* Fails beyond the limit, when the terminal was not read for long. */
    buf_append(&o->waiting, p, n);
}

/* Moves the file's contents to the waiting bytes. */
static void collect(struct terminal_output *o)
{
    int file = fileno(o->file);
    off_t n = lseek(file, 0, SEEK_CUR);
    uint8_t *room = n > 0 ? buf_room(&o->waiting, (size_t)n) : NULL;
    ssize_t got = room != NULL ? pread(file, room, (size_t)n, 0) : 0;
    if (got > 0)
        buf_added(&o->waiting, (size_t)got);
    if (n > 0 && ftruncate(file, 0) == 0)
        lseek(file, 0, SEEK_SET);
}

int terminal_unblock(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    if (flags >= 0)
        fcntl(fd, F_SETFL, flags | O_NONBLOCK);
    return flags;
}

void terminal_block(int fd, int flags)
{
    if (flags >= 0)
        fcntl(fd, F_SETFL, flags);
}

ssize_t terminal_output_write(int out, const void *p, size_t n)
{
    int flags = terminal_unblock(out);
    ssize_t written = write(out, p, n);
    int why = errno;
    terminal_block(out, flags);
    errno = why;
    return written;
}

static void poll_for_room(struct terminal_output *o)
{
    struct epoll_event room = {.events = terminal_output_waits(o) ? EPOLLOUT : 0};
    if (o->polled != terminal_output_waits(o) &&
        epoll_ctl(o->poll, EPOLL_CTL_MOD, o->out, &room) == 0)
        o->polled = terminal_output_waits(o);
}

static bool write_some(struct terminal_output *o)
{
    ssize_t n = terminal_output_write(o->out, o->waiting.data, o->waiting.size);
    if (n > 0)
        buf_take(&o->waiting, (size_t)n);
    else if (n < 0 && errno != EAGAIN && errno != EINTR)
        buf_free(&o->waiting); /* the terminal is gone, which the next read reports */
    return n > 0;
}

bool terminal_output_flush(struct terminal_output *o)
{
    bool went = false;
    collect(o);
    while (terminal_output_waits(o) && write_some(o))
        went = true;
    poll_for_room(o);
    return went;
}

bool terminal_output_waits(const struct terminal_output *o)
{
    return o->waiting.size > 0;
}

static int64_t milliseconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void terminal_output_drain(struct terminal_output *o, int ms, const void *last, size_t n)
{
    int64_t end = milliseconds() + ms, left = ms;
    terminal_output_flush(o);
    while (terminal_output_waits(o) && left > 0) {
        struct pollfd room = {.fd = o->out, .events = POLLOUT};
        poll(&room, 1, (int)left);
        terminal_output_flush(o);
        left = end - milliseconds();
    }
    if (!terminal_output_waits(o))
        return;
    buf_free(&o->waiting);
    tcflush(o->out, TCOFLUSH);
    terminal_output_add(o, CANCEL, sizeof CANCEL - 1);
    terminal_output_add(o, last, n);
    terminal_output_flush(o);
    buf_free(&o->waiting);
}
