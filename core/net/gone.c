/* Whether a client on this machine has gone for good, or only finished sending. Both look the same
 * on a socket (a FIN), but the kernel knows: a socket that no process holds any more has no inode
 * (sock_diag(7)), and a unix socket whose other end is closed reports POLLHUP. */
#include "core/net/diag_internal.h"
#include "core/net/socket_internal.h"

#include <poll.h>
#include <string.h>
#include <unistd.h>

/* Our own end must be found first: without that, "no such socket" may mean "no such kernel option",
 * or that the other end lives on another machine or in another network namespace. */
static bool tcp_gone(int fd)
{
    struct peer_end us, them;
    if (!diag_ends(fd, &us, &them) || memcmp(us.ip, them.ip, sizeof us.ip) != 0)
        return false;
    int diag = diag_open();
    if (diag < 0)
        return false;
    bool gone = diag_find(diag, &us, &them, NULL) == DIAG_HELD &&
                diag_find(diag, &them, &us, NULL) == DIAG_NOBODY;
    close(diag);
    return gone;
}

bool stream_peer_gone(struct stream *s)
{
    return stream_presence(s) != STREAM_THERE;
}

/* poll(2) tells of an error without taking it away. */
enum stream_presence stream_presence(struct stream *s)
{
    const struct socket_stream *t = socket_of(s);
    if (t == NULL)
        return STREAM_THERE;
    struct pollfd p = {.fd = socket_descriptor(t)};
    bool told = poll(&p, 1, 0) == 1;
    if (told && (p.revents & POLLERR) != 0)
        return STREAM_BROKEN;
    if (t->unix_socket)
        return told && (p.revents & POLLHUP) != 0 ? STREAM_GONE : STREAM_THERE;
    return tcp_gone(p.fd) ? STREAM_GONE : STREAM_THERE;
}
