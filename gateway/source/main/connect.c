/* tunnel-gateway connect HOST PORT: stdin and stdout to a service, for ssh's ProxyCommand. */
#include "core/base/process.h"
#include "core/config/program.h"
#include "gateway/source/main/command.h"
#include "gateway/source/main/gateway_client.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define COPY_SIZE 65536
#define HOST_LONGEST 255

static const struct option table[] = {
    {.name = "socks5", .help = "Speak SOCKS5 instead of HTTP CONNECT.", .flags = OPTION_EXACT},
    {.name = "fdpass",
     .help = "Hand the connected socket over on stdout and leave, for ssh's ProxyUseFdpass=yes.",
     .flags = OPTION_EXACT},
};
static const struct option_group group = OPTION_GROUP("Connection", table);

static const struct option_group *const groups[] = {&group, &gateway_client_options,
                                                    &program_options, NULL};

const struct program program_connect = {
    .name = "tunnel-gateway connect",
    .summary = "Connects stdin and stdout to a service through a running gateway.",
    .usage = "  tunnel-gateway connect [options] HOST PORT\n",
    .examples = "  ssh -o ProxyCommand='tunnel-gateway connect %h %p' user@ssh1.tunnel\n",
    .max_operands = 2,
    .groups = groups,
};

/* ---- HTTP ---- */

static bool connect_http(const struct gateway_client *d, const char *host, int port)
{
    char target[HOST_LONGEST + 10];
    bool v6 = strchr(host, ':') != NULL;
    snprintf(target, sizeof target, "%s%s%s:%d", v6 ? "[" : "", host, v6 ? "]" : "", port);
    const struct http_request request = {.method = "CONNECT", .target = target, .host = target};
    struct http_reader *reader = http_reader_new(HTTP_ANSWER, GATEWAY_CLIENT_HEAD_MAX);
    const struct http_head *head = gateway_client_ask(d, &request, "Proxy-Authorization")
                                       ? gateway_client_head(d, reader)
                                       : NULL;
    bool good = head != NULL && head->status / 100 == 2;
    if (head == NULL)
        gateway_client_complain("%s does not answer like a gateway", d->where);
    else if (!good)
        gateway_client_complain("%s: %d %.*s", host, head->status, (int)head->reason.n,
                                head->reason.p);
    http_reader_free(reader);
    return good;
}

/* ---- SOCKS5 ---- */

static const char *const replies[] = {
    "",
    "the gateway failed or is full",
    ("not allowed: only names that end in the gateway's suffix; or the device refused, or the "
     "gateway's access key may not (without --socks5 the gateway says which)"),
    "the hub or the device is not connected",
    "no such service or device, an ambiguous name, or the device is not connected",
    "refused: no agent is connected, or the service does not listen (the agent's log tells)",
    "the device did not answer in time",
    "command not supported",
    "address type not supported",
};

static bool socks_login(const struct gateway_client *d)
{
    uint8_t text[3 + 255 + 255], answer[2];
    size_t user = strlen(d->user), password = strlen(d->password);
    if (user > 255 || password > 255)
        return false;
    text[0] = 1;
    text[1] = (uint8_t)user;
    memcpy(text + 2, d->user, user);
    text[2 + user] = (uint8_t)password;
    memcpy(text + 3 + user, d->password, password);
    bool good = gateway_client_send(d, text, 3 + user + password) &&
                gateway_client_receive(d, answer, sizeof answer) && answer[1] == 0;
    explicit_bzero(text, sizeof text);
    return good;
}

static bool socks_greet(const struct gateway_client *d)
{
    const uint8_t greeting[3] = {5, 1, d->user != NULL ? 2 : 0};
    uint8_t answer[2];
    if (!gateway_client_send(d, greeting, sizeof greeting) ||
        !gateway_client_receive(d, answer, sizeof answer) || answer[0] != 5) {
        gateway_client_complain("%s does not answer like a gateway", d->where);
        return false;
    }
    if (answer[1] != greeting[2] || (d->user != NULL && !socks_login(d))) {
        gateway_client_complain("%s asks for another user name or password", d->where);
        return false;
    }
    return true;
}

static bool connect_socks(const struct gateway_client *d, const char *host, int port)
{
    uint8_t text[7 + HOST_LONGEST] = {5, 1, 0, 3}, answer[10];
    size_t n = strlen(host);
    if (!socks_greet(d))
        return false;
    text[4] = (uint8_t)n;
    memcpy(text + 5, host, n);
    text[5 + n] = (uint8_t)(port >> 8);
    text[6 + n] = (uint8_t)port;
    if (!gateway_client_send(d, text, 7 + n) || !gateway_client_receive(d, answer, sizeof answer)) {
        gateway_client_complain("%s hung up", d->where);
        return false;
    }
    bool known = answer[1] < sizeof replies / sizeof *replies;
    if (answer[1] != 0)
        gateway_client_complain("%s: %s", host, known ? replies[answer[1]] : "refused");
    return answer[1] == 0;
}

/* ---- copying ---- */

static bool write_all(int fd, const char *p, size_t n)
{
    while (n > 0) {
        ssize_t put = write(fd, p, n);
        if (put < 0 && process_try_again(fd, true))
            continue;
        if (put <= 0)
            return false;
        p += put;
        n -= (size_t)put;
    }
    return true;
}

enum copied {
    COPIED_ALL, /* `from` has come to its end */
    COPIED_PART /* `from` broke off; errno says how */,
    COPIED_REFUSED /* `to` takes no more */
};

static enum copied copy(int from, int to)
{
    char bytes[COPY_SIZE];
    for (;;) {
        ssize_t got = read(from, bytes, sizeof bytes);
        if (got < 0 && process_try_again(from, false))
            continue;
        if (got <= 0)
            return got == 0 ? COPIED_ALL : COPIED_PART;
        if (!write_all(to, bytes, (size_t)got))
            return COPIED_REFUSED;
    }
}

/* Whether the socket is reset when the process goes, however it goes, kill -9 included. */
static bool reset_at_exit(int fd, bool on)
{
    const struct linger at_once = {.l_onoff = on, .l_linger = 0};
    return setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once) == 0;
}

/* What the signals' handler and the thread at stdin tell each other. */
static int gateway_fd = -1;
static atomic_int ending;      /* the signal that ends the process once stdin has been passed on */
static atomic_bool stdin_over; /* it has been, and the FIN */

static void leave_in_order(int number)
{
    reset_at_exit(gateway_fd, false);
    _exit(128 + number);
}

/* ssh closes its end of our stdin and sends SIGHUP at once: what is still there to read goes up,
 * and then the FIN. A signal before stdin has ended resets the connection, and so does a second
 * one. */
static void on_signal(int number)
{
    struct pollfd in = {.fd = STDIN_FILENO};
    int errno_before = errno;
    bool ended = poll(&in, 1, 0) == 1 && (in.revents & POLLHUP) != 0;
    if (atomic_load(&stdin_over))
        leave_in_order(number);
    if (!ended || atomic_exchange(&ending, number) != 0)
        _exit(128 + number);
    errno = errno_before;
}

static bool catch_signals(int fd)
{
    static const int numbers[] = {SIGHUP, SIGINT, SIGTERM};
    struct sigaction how = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    gateway_fd = fd;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        struct sigaction before;
        if (sigaction(numbers[i], NULL, &before) != 0)
            return false;
        if (before.sa_handler != SIG_IGN && sigaction(numbers[i], &how, NULL) != 0)
            return false;
    }
    return reset_at_exit(fd, true);
}

/* An input that breaks off is no end: the service must not take a part for the whole. */
static void *copy_up(void *arg)
{
    const struct gateway_client *d = arg;
    enum copied how = copy(STDIN_FILENO, d->fd);
    if (how == COPIED_PART) {
        gateway_client_complain("cannot read stdin: %s", strerror(errno));
        _exit(1);
    }
    if (how == COPIED_REFUSED)
        return NULL;
    shutdown(d->fd, SHUT_WR);
    atomic_store(&stdin_over, true);
    if (atomic_load(&ending) != 0)
        leave_in_order(atomic_load(&ending));
    return NULL;
}

/* Each direction has a thread that blocks in it: nothing can wait for the wrong thing. The program
 * ends with the service's last byte, whether or not stdin has ended. */
static bool relay(struct gateway_client *d)
{
    pthread_t up;
    if (!catch_signals(d->fd) || pthread_create(&up, NULL, copy_up, d) != 0) {
        gateway_client_complain("out of memory");
        return false;
    }
    pthread_detach(up);
    enum copied how = copy(d->fd, STDOUT_FILENO);
    if (how == COPIED_PART)
        gateway_client_complain("the connection broke off (%s); the gateway's log tells why",
                                strerror(errno));
    return how == COPIED_ALL && reset_at_exit(d->fd, false);
}

static bool pass_descriptor(int fd)
{
    char byte = 0;
    struct iovec io = {.iov_base = &byte, .iov_len = 1};
    union {
        struct cmsghdr align;
        char room[CMSG_SPACE(sizeof(int))];
    } control = {.room = {0}};
    struct msghdr message = {.msg_iov = &io,
                             .msg_iovlen = 1,
                             .msg_control = control.room,
                             .msg_controllen = sizeof control.room};
    struct cmsghdr *c = CMSG_FIRSTHDR(&message);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(c), &fd, sizeof fd);
    if (sendmsg(STDOUT_FILENO, &message, 0) == 1)
        return true;
    gateway_client_complain("stdout is not ssh's socket: --fdpass goes with ProxyUseFdpass=yes");
    return false;
}

/* ---- the command ---- */

static bool read_operands(struct options *o, const char **host, int *port)
{
    char *const *operands;
    uint64_t number = 0;
    size_t n = options_operands(o, &operands);
    bool is_port = n == 2 && str_number(span_of(operands[1]), 65535, &number);
    if (n == 2 && !is_port) {
        gateway_client_complain("\"%s\" is no port: tunnel-gateway connect HOST PORT", operands[1]);
        return false;
    }
    if (n != 2) {
        gateway_client_complain("say where to: tunnel-gateway connect HOST PORT");
        return false;
    }
    *host = operands[0];
    *port = (int)number;
    for (const char *p = *host; *p != '\0'; p++)
        if (*p <= ' ' || *p == 127 || *p == '[' || *p == ']') {
            gateway_client_complain("that is no host name");
            return false;
        }
    if ((*host)[0] != '\0' && strlen(*host) <= HOST_LONGEST)
        return true;
    gateway_client_complain("a host name has 1 to %d characters", HOST_LONGEST);
    return false;
}

static bool connect_and_relay(struct options *o, struct gateway_client *d)
{
    const char *host;
    int port;
    const struct timeval forever = {0};
    *d = (struct gateway_client){.fd = -1};
    if (!read_operands(o, &host, &port) || !gateway_client_open(d, o))
        return false;
    if (!(options_flag(o, "socks5") ? connect_socks : connect_http)(d, host, port))
        return false;
    if (setsockopt(d->fd, SOL_SOCKET, SO_RCVTIMEO, &forever, sizeof forever) != 0)
        return false;
    return options_flag(o, "fdpass") ? pass_descriptor(d->fd) : relay(d);
}

static int go(struct options *o)
{
    struct gateway_client d;
    bool good = connect_and_relay(o, &d);
    /* The thread at stdin may still be in `d`: leaving the process ends both. */
    fflush(stdout);
    _exit(good ? 0 : 1);
}

int command_connect(int argc, char **argv)
{
    return program_main(&program_connect, argc, argv, go);
}
