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

#define CANCEL "\030" /* ends an escape sequence of which the rest is missing */

struct outlet {
    int out, poll;
    FILE *file;
    struct buf waiting;
    bool polled; /* for room */
};

struct outlet *outlet_new(int in, int out)
{
    struct outlet *o = calloc(1, sizeof *o);
    int memory = memfd_create("tunnel-tui", MFD_CLOEXEC);
    struct epoll_event keys = {.events = EPOLLIN}, room = {.events = 0};
    if (o == NULL) {
        if (memory >= 0)
            close(memory);
        return NULL;
    }
    *o = (struct outlet){.out = out, .waiting = {.limit = OUTLET_MAX}};
    o->poll = epoll_create1(EPOLL_CLOEXEC);
    o->file = memory >= 0 ? fdopen(memory, "w") : NULL;
    if (o->file == NULL && memory >= 0)
        close(memory);
    if (o->file == NULL || o->poll < 0 || epoll_ctl(o->poll, EPOLL_CTL_ADD, in, &keys) != 0 ||
        epoll_ctl(o->poll, EPOLL_CTL_ADD, out, &room) != 0) {
        outlet_free(o);
        return NULL;
    }
    return o;
}

void outlet_free(struct outlet *o)
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

int outlet_fd(const struct outlet *o)
{
    return o->poll;
}

FILE *outlet_file(const struct outlet *o)
{
    return o->file;
}

void outlet_add(struct outlet *o, const void *p, size_t n)
{
    buf_append(&o->waiting, p, n); /* beyond the limit nobody has read for long */
}

/* Empties the file into what waits. */
static void collect(struct outlet *o)
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

int outlet_unblock(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    if (flags >= 0)
        fcntl(fd, F_SETFL, flags | O_NONBLOCK);
    return flags;
}

void outlet_block(int fd, int flags)
{
    if (flags >= 0)
        fcntl(fd, F_SETFL, flags);
}

ssize_t outlet_write(int out, const void *p, size_t n)
{
    int flags = outlet_unblock(out);
    ssize_t written = write(out, p, n);
    int why = errno;
    outlet_block(out, flags);
    errno = why;
    return written;
}

static void poll_for_room(struct outlet *o)
{
    struct epoll_event room = {.events = outlet_waits(o) ? EPOLLOUT : 0};
    if (o->polled != outlet_waits(o) && epoll_ctl(o->poll, EPOLL_CTL_MOD, o->out, &room) == 0)
        o->polled = outlet_waits(o);
}

static bool write_some(struct outlet *o)
{
    ssize_t n = outlet_write(o->out, o->waiting.data, o->waiting.size);
    if (n > 0)
        buf_take(&o->waiting, (size_t)n);
    else if (n < 0 && errno != EAGAIN && errno != EINTR)
        buf_free(&o->waiting); /* the terminal is gone; reading tells */
    return n > 0;
}

bool outlet_flush(struct outlet *o)
{
    bool went = false;
    collect(o);
    while (outlet_waits(o) && write_some(o))
        went = true;
    poll_for_room(o);
    return went;
}

bool outlet_waits(const struct outlet *o)
{
    return o->waiting.size > 0;
}

static long milliseconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void outlet_drain(struct outlet *o, int ms, const void *last, size_t n)
{
    long end = milliseconds() + ms, left = ms;
    outlet_flush(o);
    while (outlet_waits(o) && left > 0) {
        struct pollfd room = {.fd = o->out, .events = POLLOUT};
        poll(&room, 1, (int)left);
        outlet_flush(o);
        left = end - milliseconds();
    }
    if (!outlet_waits(o))
        return;
    buf_free(&o->waiting);
    tcflush(o->out, TCOFLUSH);
    outlet_add(o, CANCEL, sizeof CANCEL - 1);
    outlet_add(o, last, n);
    outlet_flush(o);
    buf_free(&o->waiting);
}
