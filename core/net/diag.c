#include "core/net/diag_internal.h"

#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

static bool diag_end_of(const struct sockaddr_storage *from, struct peer_end *out)
{
    *out = (struct peer_end){.family = from->ss_family};
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

bool diag_ends(int fd, struct peer_end *ours, struct peer_end *theirs)
{
    struct sockaddr_storage here = {0}, there = {0};
    socklen_t n = sizeof here, m = sizeof there;
    return getsockname(fd, (struct sockaddr *)&here, &n) == 0 &&
           getpeername(fd, (struct sockaddr *)&there, &m) == 0 && diag_end_of(&here, ours) &&
           diag_end_of(&there, theirs);
}

bool diag_is_loopback(const struct peer_end *e)
{
    static const uint8_t v6[16] = {[15] = 1};
    return e->family == AF_INET ? e->ip[0] == 127 : memcmp(e->ip, v6, sizeof v6) == 0;
}

bool diag_is_here(const struct peer_end *ours, const struct peer_end *theirs)
{
    return diag_is_loopback(theirs) || memcmp(ours->ip, theirs->ip, sizeof ours->ip) == 0;
}

int diag_open(void)
{
    return socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
}

static bool ask(int diag, const struct peer_end *local, const struct peer_end *remote)
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
    return send(diag, &request, sizeof request, 0) == (ssize_t)sizeof request;
}

enum diag_holder diag_find(int diag, const struct peer_end *local, const struct peer_end *remote,
                           struct diag_socket *out)
{
    union {
        struct nlmsghdr head;
        char bytes[1024];
    } answer;
    if (!ask(diag, local, remote))
        return DIAG_UNKNOWN;
    ssize_t n = recv(diag, &answer, sizeof answer, MSG_DONTWAIT);
    if (n < (ssize_t)sizeof answer.head)
        return DIAG_UNKNOWN;
    if (answer.head.nlmsg_type == NLMSG_ERROR)
        return DIAG_NOBODY; /* there is no such socket */
    if (n < (ssize_t)NLMSG_LENGTH(sizeof(struct inet_diag_msg)))
        return DIAG_UNKNOWN;
    const struct inet_diag_msg *m = NLMSG_DATA(&answer.head);
    if (m->idiag_inode == 0)
        return DIAG_NOBODY;
    if (out != NULL)
        *out = (struct diag_socket){m->idiag_inode, m->idiag_uid};
    return DIAG_HELD;
}
