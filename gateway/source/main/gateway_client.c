#include "gateway/source/main/gateway_client.h"

#include "core/base/secret.h"
#include "core/base/text.h"
#include "core/http/login.h"
#include "core/net/address.h"
#include "core/net/addresses.h"
#include "core/net/lookup.h"
#include "gateway/source/main/command.h"
#include "gateway/source/main/password_file.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define ANSWER_SECONDS 30

static const struct option table[] = {
    {.name = "gateway",
     .argument = "WHERE",
     .env = "TUNNEL_GATEWAY",
     .fallback = GATEWAY_DEFAULT_LISTEN,
     .help = "The running gateway: ADDRESS:PORT or the path of its unix socket.",
     .flags = OPTION_EXACT},
    {.name = "user",
     .argument = "NAME",
     .help = "When the gateway asks for a password.",
     .flags = OPTION_EXACT},
    {.name = "password-file",
     .argument = "FILE",
     .help = "The first line of this file is the password.",
     .flags = OPTION_EXACT},
};
const struct option_group gateway_client_options = OPTION_GROUP("Gateway", table);

void gateway_client_complain(const char *format, ...)
{
    char text[600];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    text_line(stderr, "tunnel-gateway: %s", text);
}

/* ---- connecting ---- */

static int connect_unix(const char *path)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof a.sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(a.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof a) != 0) {
        int why = errno;
        close(fd);
        errno = why;
        fd = -1;
    }
    return fd;
}

static int connect_first(struct addresses *all, int port)
{
    for (size_t i = 0; i < all->n; i++) {
        union address *a = &all->at[i];
        int fd = socket(a->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
            continue;
        address_set_port(a, port);
        if (connect(fd, &a->any, a->any.sa_family == AF_INET ? sizeof a->v4 : sizeof a->v6) == 0)
            return fd;
        int why = errno;
        close(fd);
        errno = why;
    }
    return -1;
}

/* problem: is set when errno cannot say it. */
static int connect_tcp(const char *where, const char **problem)
{
    char *host = NULL;
    struct addresses all;
    int port = 0, fd = -1;
    if (!address_split(where, &host, &port) || port == 0)
        *problem = "that is neither ADDRESS:PORT nor a path with a '/' in it";
    else if (lookup_now(host != NULL ? host : "127.0.0.1", &all) != ERR_OK)
        *problem = "that name does not resolve";
    else
        fd = connect_first(&all, port);
    free(host);
    return fd;
}

static bool read_options(struct gateway_client *d, struct options *o)
{
    const char *user = options_get(o, "user"), *file = options_get(o, "password-file");
    char problem[400];
    d->where = span_dup(span_of(options_get(o, "gateway")));
    if (d->where == NULL)
        return false;
    if ((user != NULL) != (file != NULL)) {
        gateway_client_complain("--user and --password-file belong together");
        return false;
    }
    if (user == NULL)
        return true;
    d->user = span_dup(span_of(user));
    if (password_file_read(file, &d->password, problem, sizeof problem) != ERR_OK) {
        gateway_client_complain("%s", problem);
        return false;
    }
    return d->user != NULL;
}

bool gateway_client_open(struct gateway_client *d, struct options *o)
{
    const struct timeval patience = {.tv_sec = ANSWER_SECONDS};
    *d = (struct gateway_client){.fd = -1};
    if (!read_options(d, o))
        return false;
    const char *problem = NULL;
    d->fd =
        strchr(d->where, '/') != NULL ? connect_unix(d->where) : connect_tcp(d->where, &problem);
    if (d->fd < 0 && problem != NULL) {
        gateway_client_complain("--gateway \"%s\": %s", d->where, problem);
        return false;
    }
    if (d->fd < 0) {
        gateway_client_complain(
            "no gateway at %s: %s (is it running? --gateway and $TUNNEL_GATEWAY say where)",
            d->where, strerror(errno));
        return false;
    }
    return setsockopt(d->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) == 0;
}

void gateway_client_close(struct gateway_client *d)
{
    if (d->fd >= 0)
        close(d->fd);
    secret_free(d->password);
    free(d->user);
    free(d->where);
    *d = (struct gateway_client){.fd = -1};
}

/* ---- talking ---- */

bool gateway_client_send(const struct gateway_client *d, const void *p, size_t n)
{
    const char *at = p;
    while (n > 0) {
        ssize_t sent = send(d->fd, at, n, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent <= 0)
            return false;
        at += sent;
        n -= (size_t)sent;
    }
    return true;
}

bool gateway_client_receive(const struct gateway_client *d, void *p, size_t n)
{
    char *at = p;
    while (n > 0) {
        ssize_t got = recv(d->fd, at, n, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        at += got;
        n -= (size_t)got;
    }
    return true;
}

bool gateway_client_ask(const struct gateway_client *d, const struct http_request *r,
                        const char *login)
{
    const struct login_as as = {.user = d->user, .password = d->password};
    struct buf value = {.limit = 1024}, bytes = {.limit = 4096};
    struct http_request request = *r;
    bool good = d->user == NULL || (login_basic(&as, &value) && buf_append(&value, "", 1));
    const struct http_field fields[] = {{login, (const char *)value.data}, {NULL, NULL}};
    request.fields = fields;
    good = good && http_request_write(&request, &bytes) &&
           gateway_client_send(d, bytes.data, bytes.size);
    buf_wipe(&value);
    buf_wipe(&bytes);
    return good;
}

const struct http_head *gateway_client_head(const struct gateway_client *d, struct http_reader *r)
{
    uint8_t bytes[1024];
    const struct http_head *head = NULL;
    while (r != NULL && head == NULL) {
        ssize_t got = recv(d->fd, bytes, sizeof bytes, MSG_PEEK);
        if (got < 0 && errno == EINTR)
            continue;
        long used = got > 0 ? http_reader_feed(r, bytes, (size_t)got) : -1;
        if (used < 0 || !gateway_client_receive(d, bytes, (size_t)used))
            return NULL;
        head = http_reader_head(r);
    }
    return head;
}
