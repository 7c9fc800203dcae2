#include "tests/bench/target.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static bool parse_port(const char *text, const char *end, uint16_t *port)
{
    char *stop = NULL;
    long n = strtol(text, &stop, 10);
    *port = (uint16_t)n;
    return stop == end && stop != text && n > 0 && n < 65536;
}

bool target_parse(const char *text, struct target *out)
{
    const char *slash = strchr(text, '/'), *end = text + strlen(text);
    memset(out, 0, sizeof *out);
    if (slash == NULL)
        return parse_port(text, end, &out->port);
    const char *colon = strrchr(slash, ':');
    if (colon == NULL || colon - slash < 2 || (size_t)(colon - slash) > sizeof out->name)
        return false;
    memcpy(out->name, slash + 1, (size_t)(colon - slash - 1));
    return parse_port(text, slash, &out->port) && parse_port(colon + 1, end, &out->name_port);
}

bool read_all(int fd, void *p, size_t n)
{
    uint8_t *at = p;
    while (n > 0) {
        ssize_t got = read(fd, at, n);
        if (got <= 0)
            return false;
        at += got;
        n -= (size_t)got;
    }
    return true;
}

bool write_all(int fd, const void *p, size_t n)
{
    const uint8_t *at = p;
    while (n > 0) {
        ssize_t put = send(fd, at, n, MSG_NOSIGNAL);
        if (put <= 0)
            return false;
        at += put;
        n -= (size_t)put;
    }
    return true;
}

/* RFC 1928, without authentication, by name. */
static bool socks5(int fd, const struct target *t)
{
    uint8_t request[7 + 255] = {5, 1, 0, 3};
    uint8_t answer[10];
    size_t n = strlen(t->name);
    request[4] = (uint8_t)n;
    memcpy(request + 5, t->name, n);
    request[5 + n] = (uint8_t)(t->name_port >> 8);
    request[6 + n] = (uint8_t)t->name_port;
    return write_all(fd, "\5\1", 3) && read_all(fd, answer, 2) && answer[1] == 0 &&
           write_all(fd, request, 7 + n) && read_all(fd, answer, 10) && answer[1] == 0;
}

/* The port is chosen when it is connected, among those that are free towards that server. */
static bool from(int fd, uint8_t source)
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    int on = 1;
    at.sin_addr.s_addr = htonl((INADDR_LOOPBACK & ~0xffu) | source);
    return setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on) == 0 &&
           bind(fd, (struct sockaddr *)&at, sizeof at) == 0;
}

int target_connect(const struct target *t)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(t->port)};
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || (t->source != 0 && !from(fd, t->source)) ||
        connect(fd, (struct sockaddr *)&to, sizeof to) != 0) {
        perror("load: connect");
        exit(1);
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (t->name[0] != '\0' && !socks5(fd, t)) {
        fprintf(stderr, "load: the proxy refused %s\n", t->name);
        exit(1);
    }
    return fd;
}
