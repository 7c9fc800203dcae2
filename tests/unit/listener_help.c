#include "tests/unit/listener_help.h"

/* ---- listeners ---- */

static void on_accepted(void *owner, struct listener *l, struct stream *s)
{
    struct house *h = owner;
    assert_ptr_equal(l, h->listener);
    assert_true(h->n < 64);
    struct probe *guest = &h->guests[h->n++];
    *guest = (struct probe){.on_readable = drain};
    probe_own(guest, s);
    stream_read_on(s, true);
    if (h->n == h->hold)
        listener_hold(l, true);
    if (h->leave) {
        listener_free(l);
        h->listener = NULL;
    }
}

const struct listener_events house_events = {.accepted = on_accepted};

enum err open_house(struct house *h, const char *where)
{
    enum err why = ERR_INTERNAL;
    *h = (struct house){.n = 0};
    h->listener = listener_new(loop, where, &house_events, h, &why);
    assert_int_equal(h->listener != NULL, why == ERR_OK);
    return why;
}

void close_house(struct house *h)
{
    for (int i = 0; i < h->n; i++)
        probe_close(&h->guests[i]);
    listener_free(h->listener);
}

void assert_welcome(struct house *h, int fd)
{
    char bytes[4] = "";
    int before = h->n;
    assert_true(fd >= 0);
    UNTIL(h->n == before + 1);
    struct probe *guest = &h->guests[before];
    say(fd, "ask", 3);
    UNTIL(guest->size == 3);
    assert_true(stream_write(guest->stream, (const uint8_t *)"yes", 3));
    assert_int_equal(recv(fd, bytes, 3, MSG_WAITALL), 3);
    assert_string_equal(bytes, "yes");
    assert_int_equal(guest->opened, 0);
    close(fd);
}

/* ---- out of descriptors ---- */

bool no_open;

int open(const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    mode_t mode = (flags & O_CREAT) != 0 ? va_arg(args, mode_t) : 0;
    va_end(args);
    if (no_open) {
        errno = EMFILE;
        return -1;
    }
    return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}
