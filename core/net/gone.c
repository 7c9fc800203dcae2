/* Whether a client on this machine has gone for good, or only finished sending. Both look the same
 * on a socket (a FIN), but the kernel knows: a socket that no process holds any more has no inode
 * (sock_diag(7)), and a unix socket whose other end is closed reports POLLHUP. */
#include "core/net/socket.h"

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum holder { UNKNOWN, HELD, NOBODY };

struct address {
    int family;
    in_port_t port;
    uint8_t ip[16];
};

static bool address_of(const struct sockaddr_storage *from, struct address *out)
{
    *out = (struct address){.family = from->ss_family};
    if (from->ss_family == AF_INET) {
        const struct sockaddr_in *in = (const void *)from;
        out->port = in->sin_port;
        memcpy(out->ip, &in->sin_addr, sizeof in->sin_addr);
        return true;
    }
    if (from->ss_family != AF_INET6)
        return false;
    const struct sockaddr_in6 *in6 = (const void *)from;
    out->port = in6->sin6_port;
    memcpy(out->ip, &in6->sin6_addr, sizeof in6->sin6_addr);
    return true;
}

/* Asks for the socket on this machine that goes from `local` to `remote`. */
static bool ask(int netlink, const struct address *local, const struct address *remote)
{
    struct {
        struct nlmsghdr head;
        struct inet_diag_req_v2 body;
    } request = {
        .head = {.nlmsg_len = sizeof request,
                 .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                 .nlmsg_flags = NLM_F_REQUEST},
        .body = {.sdiag_family = (uint8_t)local->family,
                 .sdiag_protocol = IPPROTO_TCP,
                 .idiag_states = ~0u},
    };
    struct inet_diag_sockid *id = &request.body.id;
    id->idiag_sport = local->port;
    id->idiag_dport = remote->port;
    memcpy(id->idiag_src, local->ip, sizeof local->ip);
    memcpy(id->idiag_dst, remote->ip, sizeof remote->ip);
    id->idiag_cookie[0] = id->idiag_cookie[1] = INET_DIAG_NOCOOKIE;
    return send(netlink, &request, sizeof request, 0) == (ssize_t)sizeof request;
}

static enum holder holder_of(int netlink, const struct address *local, const struct address *remote)
{
    union {
        struct nlmsghdr head;
        char bytes[1024];
    } answer;
    if (!ask(netlink, local, remote))
        return UNKNOWN;
    ssize_t n = recv(netlink, &answer, sizeof answer, 0);
    if (n < (ssize_t)sizeof answer.head)
        return UNKNOWN;
    if (answer.head.nlmsg_type == NLMSG_ERROR)
        return NOBODY; /* there is no such socket */
    if (n < (ssize_t)NLMSG_LENGTH(sizeof(struct inet_diag_msg)))
        return UNKNOWN;
    const struct inet_diag_msg *m = NLMSG_DATA(&answer.head);
    return m->idiag_inode != 0 ? HELD : NOBODY;
}

/* Our own end must be found first: without that, "no such socket" may mean "no such kernel option",
 * or that the other end lives on another machine or in another network namespace. */
static bool tcp_gone(int fd)
{
    struct sockaddr_storage ours = {0}, theirs = {0};
    socklen_t n = sizeof ours, m = sizeof theirs;
    struct address us, them;
    if (getsockname(fd, (struct sockaddr *)&ours, &n) != 0 ||
        getpeername(fd, (struct sockaddr *)&theirs, &m) != 0 || !address_of(&ours, &us) ||
        !address_of(&theirs, &them) || memcmp(us.ip, them.ip, sizeof us.ip) != 0)
        return false;
    int netlink = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    if (netlink < 0)
        return false;
    bool gone = holder_of(netlink, &us, &them) == HELD && holder_of(netlink, &them, &us) == NOBODY;
    close(netlink);
    return gone;
}

bool stream_peer_gone(struct stream *s)
{
    const struct socket_stream *t = socket_of(s);
    if (t == NULL)
        return false;
    struct pollfd p = {.fd = socket_descriptor(t)};
    if (!t->unix_socket)
        return tcp_gone(p.fd);
    return poll(&p, 1, 0) == 1 && (p.revents & (POLLHUP | POLLERR)) != 0;
}
