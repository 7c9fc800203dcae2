#include "gateway/destination/accept_command.h"

#include "core/base/process.h"
#include "core/base/str.h"
#include "core/base/text.h"
#include "core/control/control.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define TIMEOUT_S 10
#define ANSWER_MAX 2048

static const struct option_group *const groups[] = {&control_options, &program_options, NULL};

const struct program accept_program = {
    .name = "tunnel-agent accept",
    .summary = "Lets those in who want something of this device, or nobody, until it is told "
               "otherwise or started anew.",
    .groups = groups,
    .usage = "  tunnel-agent accept always|never\n",
    .examples = "  tunnel-agent accept never    # a maintenance window begins\n",
    .max_operands = 1,
    .operands = "always|never",
};

static int fail(const char *where, const char *problem)
{
    text_line(stderr, "tunnel-agent accept: %s: %s", where, problem);
    return 1;
}

/* The connected socket; -1: errno says why. */
static int connect_to(const char *path)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    const struct timeval limit = {.tv_sec = TIMEOUT_S};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    snprintf(to.sun_path, sizeof to.sun_path, "%s", path);
    if (connect(fd, (const struct sockaddr *)&to, sizeof to) == 0)
        return fd;
    int e = errno;
    close(fd);
    errno = e;
    return -1;
}

/* Sends the request and reads until the end. Returns the length, or -1. */
static ssize_t ask(int fd, const char *word, char *answer, size_t size)
{
    char request[200];
    int length = snprintf(request, sizeof request,
                          "POST /v1/accept/%s HTTP/1.1\r\nHost: localhost\r\n"
                          "Content-Length: 0\r\nConnection: close\r\n\r\n",
                          word);
    size_t have = 0;
    if (write(fd, request, (size_t)length) != length)
        return -1;
    for (ssize_t n = 1; n > 0 && have<size; have += n> 0 ? (size_t)n : 0) {
        n = read(fd, answer + have, size - have);
        if (n < 0 && errno != EINTR)
            return -1;
        if (n < 0)
            n = 0;
    }
    return (ssize_t)have;
}

static int tell(const char *where, struct span answer)
{
    struct span rest = answer;
    char text[ANSWER_MAX];
    struct span status = span_cut(&rest, '\r');
    span_cut(&status, ' ');
    if (status.n >= 3 && status.p[0] == '2')
        return 0;
    char *body = memmem(answer.p, answer.n, "\r\n\r\n", 4);
    if (body == NULL)
        return fail(where, "the answer is not understood");
    struct span line = {body + 4, answer.n - (size_t)(body + 4 - answer.p)};
    line = span_cut(&line, '\n');
    return fail(where, text_copy(line, TEXT_UTF8, text, sizeof text));
}

static int switch_it(const char *path, const char *word)
{
    char answer[ANSWER_MAX];
    int fd = connect_to(path);
    if (fd < 0)
        return fail(path, errno == ENOENT || errno == ECONNREFUSED
                              ? "no tunnel-agent is running there (--control names another place)"
                              : strerror(errno));
    ssize_t n = ask(fd, word, answer, sizeof answer);
    int e = errno;
    close(fd);
    if (n < 0)
        return fail(path, e == EAGAIN ? "no answer came in time" : strerror(e));
    return tell(path, (struct span){answer, (size_t)n});
}

static int go(struct options *o)
{
    char *const *words, path[sizeof((struct sockaddr_un){0}).sun_path];
    const char *given = options_get(o, "control");
    if (options_operands(o, &words) != 1 ||
        (strcmp(words[0], "always") != 0 && strcmp(words[0], "never") != 0)) {
        options_fail(o, "say always or never");
        return program_fail(&accept_program, o);
    }
    if (given == NULL && !control_path("tunnel-agent", process_environment, path, sizeof path)) {
        options_fail(o, "where is the agent's control socket? --control PATH");
        return program_fail(&accept_program, o);
    }
    if (given != NULL && strlen(given) >= sizeof path) {
        options_fail(o, "--control: the path is too long for a socket");
        return program_fail(&accept_program, o);
    }
    return switch_it(given != NULL ? given : path, words[0]);
}

int accept_command(int argc, char **argv)
{
    return program_main(&accept_program, argc, argv, go);
}
